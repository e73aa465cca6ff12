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
	[ ! -s said ] && [ ! -e log ]
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
	run ! grep usual said
}

@test "what is said to be held instead is held" {
	bundle "$privileged"'; without("network"); without("uts"); without("ipc"); without("mount")' \
		'grep ^CapBnd /proc/self/status; ls /dev; echo pid $$; hostname; ls /sys/class/net; (: >/sys/kernel/uevent_seqnum) 2>&1;
		 cat /proc/kcore 2>/dev/null; echo $?'
	zviz run --bundle bundle "$id" >said
	cat said
	grep -qxE 'CapBnd:[[:space:]]0+' said
	run ! grep -qx fuse said
	grep -qx 'pid 1' said
	grep -qx "$id" said
	grep -q 'uevent_seqnum: Read-only file system' said
	run ! grep -qE '^(eth|en|wl)' said
	[ "$(tail -n 1 said)" = 1 ]
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
