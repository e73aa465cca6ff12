# What engines read: state, list, features, spec, versions and logs, in the shapes that they decode.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir -p "$place/home" "$place/work/bundle/rootfs/bin" "$place/work/bundle/rootfs/proc"
	cp "$bin" "$place/zviz"
	cd "$place/work"
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	for name in sh sleep true; do ln -s busybox "bundle/rootfs/bin/$name"; done
	id=json-$BATS_TEST_NUMBER-$$
	cat >bundle/config.json <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sleep", "1000"], "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]},
	 "mounts": [{"destination": "/proc", "type": "proc"}],
	 "annotations": {"org.example/a": "one \"two\"", "zviz.io/profile": "ci-runner"},
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]}}
	END
}

teardown() {
	cd /
	zviz delete --force "$id" "$id" 2>/dev/null || true # most tests leave none
	zviz delete --force "$id" 2>/dev/null || true       # likewise
	rm -rf "$place"
}

zviz() {
	"$place/zviz" --root "$place/home/state" "$@"
}

create() {
	zviz create --bundle bundle "$@" "$id" </dev/null >said 2>&1 3>&-
}

json() { # EXPRESSION of the document d on stdin
	python3 -c "import json, re, sys; d = json.load(sys.stdin); assert ($1), d"
}

@test "state: what the spec and its readers name, at each status" {
	create
	state="set(d) >= {'ociVersion', 'id', 'pid', 'status', 'bundle', 'rootfs', 'created', 'annotations'}
		and not set(d) & {'exitCode', 'error'} and d['id'] == '$id'
		and d['bundle'] == '$place/work/bundle' and d['rootfs'] == '$place/work/bundle/rootfs'
		and d['annotations'] == {'org.example/a': 'one \"two\"', 'zviz.io/profile': 'ci-runner'}
		and re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z', d['created'])"
	zviz state "$id" | json "$(tr -d '\n' <<<"$state") and d['status'] == 'created' and d['pid'] > 0"
	zviz start "$id"
	zviz state "$id" | json "$(tr -d '\n' <<<"$state") and d['status'] == 'running' and d['pid'] > 0"
	zviz kill "$id" KILL
	for _ in {1..100}; do ! zviz state "$id" | grep -q '"stopped"' || break; sleep 0.05; done
	zviz state "$id" | json "$(tr -d '\n' <<<"$state") and d['status'] == 'stopped' and d['pid'] == 0"
	zviz delete "$id"
	run -1 zviz state "$id"
	[[ $output == *"container does not exist: $id"* ]]
}

@test "list: an array of states with their owner, a table, ids" {
	[ "$(zviz list --format json)" = '[]' ]
	run -0 zviz list --quiet
	[ -z "$output" ]
	create
	zviz list --format=json | json "len(d) == 1 and d[0]['id'] == '$id' and d[0]['status'] == 'created'
 and d[0]['owner'] == '$(id -un)' and d[0]['bundle'] == '$place/work/bundle' and 'rootfs' in d[0] and 'created' in d[0]"
	[ "$(zviz list -q)" = "$id" ]
	[ "$(zviz list -format json -q)" = "$id" ]
	run -0 zviz list -f table
	[[ ${lines[0]} == ID*STATUS*PID* ]]
	[[ ${lines[1]} == "$id "*created* ]]
	# The columns are below their names, whatever engines call a container.
	before=${lines[0]%%STATUS*}
	id=$(printf '%064d' 7)
	create
	run -0 zviz list
	[ "$(grep "^$id" <<<"$output" | cut -c66-72)" = created ]
	[ "$(head -1 <<<"$output" | cut -c66-71)" = STATUS ]
	[ "${#before}" = 25 ]
	zviz delete --force "$id"
	id=json-$BATS_TEST_NUMBER-$$
	run -1 zviz list --format yaml
	run -1 zviz list more
}

@test "delete: what is not there is an error that engines know; with force it is none" {
	run -1 zviz delete "$id"
	[[ $output == *'container does not exist'* ]]
	run -0 zviz delete --force "$id"
	[ -z "$output" ]
	run -1 zviz delete --force a/b
}

@test "the log holds one object for a command that failed, and none for one that did not" {
	run -1 zviz --log log --log-format json state "$id"
	[ "$(wc -l <log)" = 1 ]
	json "d['level'] == 'error' and 'container does not exist' in d['msg']
 and re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', d['time']) and set(d) == {'level', 'msg', 'time'}" <log
	rm log
	run -1 zviz --log=log --log-format=json --debug --systemd-cgroup=false create --bundle none "$id"
	[ "$(wc -l <log)" = 1 ]
	json "'none' in d['msg']" <log
	rm log
	run -1 zviz -log log -log-format json create --criu yes --bundle bundle "$id"
	json "'unknown option' in d['msg']" <log
	rm log
	run -1 zviz --log log --log-format json checkpoint --help
	json "'unknown command' in d['msg']" <log
	rm log
	zviz --log log --log-format json list >list
	[ ! -s log ]
	run -1 zviz --log log --log-format json exec "$id" true || [ "$status" = 255 ]
	[ "$(wc -l <log)" = 1 ]
	run -1 zviz --log log --log-format text state "$id"
	tail -1 log | grep -q '^time=".*" level=error msg="container does not exist'
}

@test "version: the first line is what Docker, Podman and CRI-O take apart; nothing on stderr" {
	zviz --version 2>said >version
	[ ! -s said ]
	grep -qxE 'zviz version [0-9]+\.[0-9]+\.[0-9]+' <(head -1 version)
	grep -q '^commit: ' version
	grep -q '^spec: 1\.' version
}

@test "features: every key, on stdout alone" {
	"$place/zviz" features 2>said >features
	[ ! -s said ]
	json "set(d) == {'ociVersionMin', 'ociVersionMax', 'hooks', 'mountOptions', 'linux', 'annotations', 'potentiallyUnsafeConfigAnnotations'}
 and d['potentiallyUnsafeConfigAnnotations'] == ['zviz.io/profile']
 and set(d['linux']) == {'namespaces', 'capabilities', 'cgroup', 'seccomp', 'apparmor', 'selinux', 'intelRdt', 'mountExtensions'}
 and set(d['linux']['cgroup']) == {'v1', 'v2', 'systemd', 'systemdUser', 'rdma'}
 and set(d['linux']['seccomp']) == {'enabled', 'actions', 'operators', 'archs', 'knownFlags', 'supportedFlags'}
 and 'rro' in d['mountOptions'] and 'bind' in d['mountOptions'] and 'user' in d['linux']['namespaces']
 and 'CAP_SYS_ADMIN' in d['linux']['capabilities'] and d['linux']['mountExtensions']['idmap']['enabled'] in (True, False)
 and 'SCMP_ACT_ERRNO' in d['linux']['seccomp']['actions'] and 'SCMP_ARCH_X86_64' in d['linux']['seccomp']['archs']" <features
	run -1 "$place/zviz" features more
}

# What is listed has to be taken, what is not listed has to be refused: a bundle for each.
@test "features: each word for a mount, each action and each operator is one that a bundle may use" {
	"$place/zviz" features >features
	python3 - "$place/zviz" <<-'END'
	import json, subprocess, sys
	zviz = sys.argv[1]
	f = json.load(open("features"))
	base = json.load(open("bundle/config.json"))

	def explain(change):
	    spec = json.loads(json.dumps(base))
	    change(spec)
	    json.dump(spec, open("bundle/config.json", "w"))
	    return subprocess.run([zviz, "explain", "--bundle", "bundle", "x"], capture_output=True, text=True)

	for option in f["mountOptions"]:
	    kind = {"type": "bind", "source": "/tmp"} if "bind" in option or "idmap" in option else {"type": "tmpfs"}
	    got = explain(lambda s: s["mounts"].append(dict(kind, destination="/mnt", options=[option])))
	    assert got.returncode == 0, (option, got.stderr)
	for action in f["linux"]["seccomp"]["actions"]:
	    got = explain(lambda s: s["linux"].update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["ptrace"], "action": action}]}))
	    assert got.returncode == 0, (action, got.stderr)
	for action in ("SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY"):
	    got = explain(lambda s: s["linux"].update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["ptrace"], "action": action}]}))
	    assert got.returncode != 0, action
	for op in f["linux"]["seccomp"]["operators"]:
	    got = explain(lambda s: s["linux"].update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	        {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": op}]}]}))
	    assert got.returncode == 0, (op, got.stderr)
	for flag in f["linux"]["seccomp"]["supportedFlags"]:
	    got = explain(lambda s: s["linux"].update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag]}))
	    assert got.returncode == 0, (flag, got.stderr)
	for name in f["linux"]["namespaces"]:
	    got = explain(lambda s: s["linux"]["namespaces"].append({"type": name}) if name not in ("pid", "mount", "network") else None)
	    assert got.returncode == 0, (name, got.stderr)
	END
}

@test "spec: a bundle that runs, for root and for an ordinary user; an old one is never lost" {
	rm bundle/config.json
	zviz spec --bundle bundle
	json "d['process']['args'] == ['sh'] and d['root']['path'] == 'rootfs' and d['process']['terminal']" <bundle/config.json
	cp bundle/config.json before
	run -1 zviz spec --bundle bundle
	[[ $output == *'there is one already'* ]]
	cmp before bundle/config.json
	sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"true"/' bundle/config.json
	zviz run --bundle bundle "$id" </dev/null
	rm bundle/config.json
	(cd bundle && zviz spec --rootless)
	json "d['linux']['uidMappings'] == [{'containerID': 0, 'hostID': $(id -u), 'size': 1}]
 and {'type': 'user'} in d['linux']['namespaces'] and not any('gid=5' in m['options'] for m in d['mounts'])" <bundle/config.json
	run -1 zviz spec --bundle nowhere
	[ "$(id -u)" = 0 ] || return 0
	chown -R 61500:61500 "$place"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
	rm bundle/config.json
	"${become[@]}" "$place/zviz" spec --rootless --bundle bundle
	sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"true"/' bundle/config.json
	"${become[@]}" "$place/zviz" --root "$place/home/user" run --bundle bundle "$id" </dev/null
}

@test "global options: as engines write them" {
	run -1 "$place/zviz" --root / list
	[[ $output == *'--root'* ]]
	zviz --rootless=auto --debug list -q >said
	run -1 zviz --criu x list
	[[ $output == *'unknown option'* ]]
	run -1 zviz restore --bundle bundle -no-subreaper "$id"
	[[ $output == *'unknown command'* || $output == *'not supported'* ]]
	run -1 zviz checkpoint --help
	[ "$(id -u)" != 0 ] || ! zviz --rootless=true create --bundle bundle "$id" 2>said
}
