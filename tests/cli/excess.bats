# What a bundle asks for beyond the profile: cut and told, or refused; and what engines ask of every container is neither.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	bin=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	id=excess-$BATS_TEST_NUMBER-$$
	cd "$place"
	mkdir -p bundle/rootfs/bin bundle/rootfs/proc bundle/rootfs/sys
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	for name in sh true cat ls grep hostname sleep; do ln -s busybox "bundle/rootfs/bin/$name"; done
	: >config.yaml
}

teardown() {
	zviz delete --force "$id" 2>/dev/null || true # most tests leave none
	cd /
	rm -rf "$place"
}

zviz() {
	"$bin" --root "$place/state" --config "$place/config.yaml" "$@"
}

# What an engine writes for a container of which nobody said anything; then what is changed of it, in python.
bundle() { # [CHANGE [COMMAND]]
	python3 - "${1:-pass}" "${2:-sleep 100}" >bundle/config.json <<-'END'
	import json, sys
	usual = ["CAP_" + c for c in """CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
	         NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE""".split()]
	privileged = usual + ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_MODULE"]
	sets = lambda caps: {s: caps for s in ("bounding", "effective", "permitted")}
	d = {"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	     "process": {"cwd": "/", "args": ["/bin/sh", "-c", sys.argv[2]], "env": ["PATH=/bin"], "capabilities": sets(usual),
	                 "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1048576, "hard": 1048576}]},
	     "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/sys", "type": "sysfs", "options": ["ro"]}],
	     "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "network", "ipc", "uts")],
	               "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"],
	               "resources": {"devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "access": "m"}]}}}
	process, linux, mounts = d["process"], d["linux"], d["mounts"]
	def without(t):
	    linux["namespaces"] = [n for n in linux["namespaces"] if n["type"] != t]
	exec(sys.argv[1])
	json.dump(d, sys.stdout)
	END
}

# as podman --privileged --pid host writes it
privileged='process["capabilities"] = sets(privileged); without("pid"); del linux["maskedPaths"], linux["readonlyPaths"]
mounts[1]["options"] = ["rw"]
linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}, {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]'

cuts() { # of the state, a line each
	zviz state "$id" | python3 -c 'import json, sys; print("\n".join(json.load(sys.stdin)["cut"]))'
}

@test "what every container of an engine asks for is in state, and nothing is said or refused for it" {
	bundle
	echo 'on_excess: refuse' >config.yaml
	"$bin" --root state --config config.yaml --log log --verbose create --bundle bundle "$id" 2>said 3>&-
	[ ! -s said ]
	[ ! -e log ]
	cuts >told
	grep -qx 'process.capabilities: CAP_CHOWN, .* more; held: none' told
	grep -qx 'linux.namespaces: no user namespace; held: one of its own: .*' told
	grep -qx 'process.noNewPrivileges: .*; held: no_new_privs' told
	grep -qx 'process.rlimits\[0\]: RLIMIT_NOFILE 1048576; held: [0-9]*' told
	[ "$(zviz explain "$id" | sed -n '/^cut$/,/^$/p' | grep -c '\[usual\]$')" = "$(wc -l <told)" ]
}

@test "a privileged container and the host's processes are cut to the profile, and told: state, log, --verbose, explain" {
	bundle "$privileged"
	"$bin" --root state --log log --log-format json --verbose create --bundle bundle "$id" 2>said 3>&-
	cuts >told
	while IFS= read -r line; do
		grep -qF -- "$line" told
		grep -qF "zviz: cut: $line" said
		python3 -c 'import json, sys
lines = [json.loads(l) for l in open("log")]
assert all(l["level"] == "warning" for l in lines), lines
assert any(sys.argv[1] in l["msg"] for l in lines), lines' "container $id: cut: $line"
		zviz explain "$id" | grep -qF -- "  $line"
	done <<-'END'
	process.capabilities: CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_SYS_ADMIN; held: none
	linux.namespaces: the host's processes; held: a pid namespace of its own
	linux.devices: /dev/fuse; held: the nodes that every /dev has
	linux.maskedPaths: nothing of /proc and /sys masked; held: masked as ever
	mounts[1].options: a writable sysfs; held: read-only
	END
	run -1 grep usual said
}

@test "what is said to be held instead is held" {
	bundle "$privileged"'; without("network"); without("uts"); without("ipc"); without("mount")' \
		'grep ^CapBnd /proc/self/status; ls /dev; echo pid $$; hostname; ls /sys/class/net; (: >/sys/kernel/uevent_seqnum) 2>&1;
		 cat /proc/kcore 2>/dev/null; echo $?'
	zviz run --bundle bundle "$id" >said
	cat said
	grep -qxE 'CapBnd:[[:space:]]0+' said
	run -1 grep -qx fuse said
	grep -qx 'pid 1' said
	grep -qx "$id" said
	grep -q 'uevent_seqnum: Read-only file system' said
	run -1 grep -qE '^(eth|en|wl)' said
	[ "$(tail -n 1 said)" = 1 ]
}

@test "the machine's procfs by a bind mount, as BuildKit without its sandbox has it: the container gets its own" {
	for options in '["rbind"]' '["bind", "ro"]'; do
		for kind in '"type": "bind", ' ''; do
			bundle 'without("pid"); mounts[0] = {'"$kind"'"destination": "/proc", "source": "/proc", "options": '"$options"'}' 'ls -d /proc/[0-9]*; echo pid $$'
			run -0 zviz run --bundle bundle "$id"
			echo "$output"
			[[ $output != *"/proc/$$"* ]]
			[ "$(grep -c ^/proc/ <<<"$output")" -le 4 ]
			run -0 zviz explain --bundle bundle "$id"
			grep -qx "  mounts\[0\].source: the host's processes; held: a procfs of its own" <<<"$output"
		done
	done
	bundle 'mounts[0] = {"destination": "/proc", "source": "/proc", "options": ["rbind", "tmpcopyup"]}'
	run -1 zviz run --bundle bundle "$id"
	[[ $output == *"'tmpcopyup' is for a tmpfs alone"* ]]
}

@test "on_excess: refuse names the place, and leaves nothing" {
	echo 'on_excess: refuse' >config.yaml
	while IFS='|' read -r change says; do
		bundle "$change"
		for command in "run" "create"; do
			rm -f log
			run -1 zviz --log log --log-format json "$command" --bundle bundle "$id"
			echo "$change: $output"
			[[ $output == *"config.json: $says"*"not by profile ci-runner [$place/config.yaml:1: on_excess]"* ]]
			[[ $output == *"hint: leave it out of the bundle"* ]]
			python3 -c 'import json; assert json.load(open("log"))["level"] == "error"'
			[ -z "$(ls -A state 2>/dev/null)" ]
		done
	done <<-'END'
	process["capabilities"]["bounding"] = usual + ["CAP_SYS_PTRACE"]|process.capabilities: CAP_SYS_PTRACE
	process["capabilities"]["ambient"] = ["CAP_NET_ADMIN"]|process.capabilities: CAP_NET_ADMIN
	process["capabilities"]["inheritable"] = ["CAP_OF_TOMORROW"]|process.capabilities: some that are not known here
	without("pid")|linux.namespaces: the host's processes
	without("network")|linux.namespaces: the host's network
	without("ipc")|linux.namespaces: the host's IPC objects
	without("uts")|linux.namespaces: the host's names
	without("mount")|linux.namespaces: the host's mounts
	linux["devices"] = [{"path": "/dev/kvm", "type": "c", "major": 10, "minor": 232}]|linux.devices: /dev/kvm
	linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 1}]|linux.devices: /dev/null
	mounts[1]["options"] = []|mounts[1].options: a writable sysfs
	linux["rootfsPropagation"] = "rshared"|linux.rootfsPropagation: rshared: mounts that the host sees
	END
}

@test "what the profile permits is not cut" {
	printf 'zviz: 1\nname: keeper\nextends: ci-runner\ncapabilities: {keep: [CAP_SYS_PTRACE]}\nnetwork: {mode: host}\n' >keeper.yaml
	echo 'on_excess: refuse' >config.yaml
	bundle 'process["capabilities"] = sets(["CAP_SYS_PTRACE"]); without("network"); mounts.pop()' 'grep ^CapBnd /proc/self/status'
	run -0 zviz run --profile ./keeper.yaml --bundle bundle "$id"
	[[ $output == *80000 ]]
	run -1 zviz run --bundle bundle "$id"
}

@test "of a start that fails the log has the failure alone" {
	bundle "$privileged"'; process["args"] = ["/nonexistent"]'
	run -1 zviz --log log --log-format json run --bundle bundle "$id"
	python3 -c 'import json; assert json.load(open("log"))["level"] == "error"'
}

@test "the failure is the one object of a log, though a start before it warned; of others nothing is taken" {
	bundle "$privileged"
	zviz --log log --log-format json create --bundle bundle "$id" 3>&-
	[ "$(jq -r .level log | sort -u)" = warning ]
	zviz delete --force "$id"
	bundle "$privileged"'; process["args"] = ["/nonexistent"]'
	run -1 zviz --log log --log-format json create --bundle bundle "$id"
	# As Podman reads it: the whole file is one object, or nothing is known.
	python3 -c 'import json; assert json.load(open("log"))["level"] == "error"'
	# A failure of before, another container, a text, half a line: all stay.
	for line in '{"level":"error","msg":"container '"$id"': x","time":"t"}' '{"level":"warning","msg":"container '"$id"'2: x","time":"t"}' \
		'words' '{"level":"warning","msg":"container '"$id"': x","time":"t"}|half'; do
		printf '%s' "${line/|/$'\n'}" >log
		case $line in *half) ;; *) echo >>log ;; esac
		cp log before
		run -1 zviz --log log --log-format json create --bundle bundle "$id"
		[ "$(head -c "$(stat -c %s before)" log)" = "$(cat before)" ] || { echo "$line: $(cat log)"; return 1; }
		[ "$(stat -c %s log)" -gt "$(stat -c %s before)" ]
	done
}

# What the kernel answers when it has no such call: to LANDLOCK_CREATE_RULESET, or to seccomp about SECCOMP_RET_USER_NOTIF.
without() { # landlock|seccomp_notify COMMAND…
	python3 - "$@" <<-'END'
	import ctypes, os, platform, struct, sys
	x86 = platform.machine() == "x86_64"
	op = lambda code, jt, jf, k: struct.pack("<HBBI", code, jt, jf, k)
	LOAD, EQUAL, ANSWER = 0x20, 0x15, 0x06
	if sys.argv[1] == "landlock":
	    rows = [op(LOAD, 0, 0, 0), op(EQUAL, 0, 1, 444)]
	else:  # SECCOMP_GET_ACTION_AVAIL; the action is in memory, so all that are asked about are missing
	    rows = [op(LOAD, 0, 0, 0), op(EQUAL, 0, 3, 317 if x86 else 277), op(LOAD, 0, 0, 16), op(EQUAL, 0, 1, 2)]
	rows += [op(ANSWER, 0, 0, 0x00050000 | 38), op(ANSWER, 0, 0, 0x7fff0000)]
	code = ctypes.create_string_buffer(b"".join(rows))
	program = struct.pack("<HxxxxxxQ", len(rows), ctypes.addressof(code))
	libc = ctypes.CDLL(None, use_errno=True)
	assert libc.prctl(22, 2, program) == 0, os.strerror(ctypes.get_errno())
	os.execvp(sys.argv[2], sys.argv[2:])
	END
}

@test "what is preferred or asked for, and missing, is in state, explain and the log: each layer" {
	cat >prefers.yaml <<-'END'
	zviz: 1
	name: prefers
	extends: ci-runner
	network: {mode: host, egress: {allow: [{cidr: 10.0.0.0/8, ports: [443]}]}}
	filesystem: {deny: {write: ["**/.env"]}}
	syscalls: {tripwire: [listen]}
	requirements: {landlock: preferred, seccomp_notify: preferred, network_policy: preferred}
	END
	while IFS='|' read -r lacks options change layers; do
		bundle "$change"
		rm -f log
		# shellcheck disable=SC2086 # words
		$lacks "$bin" --root state --config config.yaml --log log --log-format json $options create --bundle bundle --profile ./prefers.yaml "$id" 3>&- </dev/null
		zviz state "$id" | jq -r '.missing[]' >told
		# shellcheck disable=SC2086 # words
		$lacks "$bin" --root state --config config.yaml $options explain --bundle bundle --profile ./prefers.yaml "$id" >explained
		for layer in $layers; do
			grep -q "^$layer: " told || { echo "$layer is not told: $(cat told)"; return 1; }
		done
		while IFS= read -r line; do
			sed -n '/^missing$/,/^$/p' explained | grep -qF -- "  $line; " || { echo "$line: $(cat explained)"; return 1; }
			jq -r 'select(.level == "warning").msg' log | grep -qxF -- "container $id: missing: $line" || { echo "$line: $(cat log)"; return 1; }
		done <told
		[ "$(jq -r .msg log | grep -c ': missing: ')" = "$(wc -l <told)" ]
		zviz delete --force "$id"
	done <<-'END'
	without landlock||pass|landlock network
	without seccomp_notify||pass|broker network
	|--cgroup-manager disabled|linux["cgroupsPath"] = "/a"|cgroup linux.cgroupsPath
	||process["selinuxLabel"] = "a:b:c"|process.selinuxLabel
	||linux.update(intelRdt={"closID": "a"}, memoryPolicy={"mode": "MPOL_BIND", "nodes": "0"}, netDevices={"eth9": {}})|linux.intelRdt linux.memoryPolicy linux.netDevices
	||linux["resources"].update(memory={"kernel": 99999999, "disableOOMKiller": True}, network={"classID": 1})|linux.resources.memory.kernel linux.resources.memory.disableOOMKiller linux.resources.network
	||linux["resources"].update(blockIO={"leafWeight": 10})|linux.resources.blockIO.leafWeight
	||mounts.append({"destination": "/mnt", "type": "bind", "source": "/mnt", "options": ["rbind", "rslave"]})|mounts\[2\].options
	END
}

@test "a process that joins is told the same of what it asks for" {
	bundle
	zviz create --bundle bundle "$id" 3>&-
	zviz start "$id" 3>&-
	printf '{"cwd": "/", "args": ["/bin/true"], "capabilities": {"effective": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}}' >process.json
	zviz --log log --log-format json exec --process process.json "$id"
	python3 -c 'import json, sys
[line] = [json.loads(l) for l in open("log")]
assert line["level"] == "warning" and line["msg"] == sys.argv[1], line' \
		"container $id: cut: capabilities: CAP_SYS_ADMIN; held: none"
	echo 'on_excess: refuse' >config.yaml
	run -255 zviz exec --process process.json "$id"
	[[ $output == *"process.json: capabilities: CAP_SYS_ADMIN: not by profile ci-runner [$place/config.yaml:1: on_excess]"* ]]
	zviz exec "$id" /bin/true
}
