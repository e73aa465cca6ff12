#!/usr/bin/env bats
# Runs inside the guest of tests/vm/run: Debian's 6.12 kernel, cgroup v2 alone, root.

bats_require_minimum_version 1.5.0
load common

# More than the limits below, with the interpreter itself less than the limit and its swap space together.
fill_48M='
room = bytearray(48 << 20)
for i in range(0, len(room), 4096):
	room[i] = 1
print("it fits")'

@test "the guest is what it should be: cgroup v2 alone, with controllers" {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
	grep -qw memory /sys/fs/cgroup/cgroup.controllers
	grep -qw pids /sys/fs/cgroup/cgroup.subtree_control
	[ "$(grep -c cgroup /proc/mounts)" -eq 1 ]
}

@test "the guest has no network but loopback" {
	[ "$(ls /sys/class/net)" = lo ]
}

@test "untrusted-build: every attempt is refused on this kernel too" {
	run "$BATS_TEST_DIRNAME/../../examples/untrusted-build/run"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *" refused, 0 succeeded"* ]]
}

@test "limits are set in cgroup v2, and the group is gone afterwards" {
	group=/sys/fs/cgroup/zviz-$id
	zviz run --memory 64M --swap 16M --pids-limit 20 --cpus 0.5 "$id" -- \
		/bin/sh -c 'until [ -e go ]; do sleep 0.1; done' 3>&- &
	sandbox=$!
	for _ in {1..100}; do
		[ -z "$(cat "$group/cgroup.procs" 2>/dev/null)" ] || break
		sleep 0.1
	done
	found=$(cd "$group" && cat memory.max memory.swap.max pids.max cpu.max)
	touch go
	wait "$sandbox"
	echo "$found"
	[ "$found" = "$(printf '67108864\n16777216\n20\n50000 100000')" ]
	[ ! -e "$group" ]
}

@test "memory: the process that goes beyond the limit is killed, and the line says so" {
	run -137 zviz run --memory 32M "$id" -- /usr/bin/python3 -c "$fill_48M"
	[[ "$output" != *'it fits'* ]]
	[[ "$output" == *'memory: the workload was killed as a whole at the limit (limit 33554432, --memory), peak '* ]]
}

labelled() { # LABEL COMMAND…: a bundle with that AppArmor profile
	local label=$1
	shift
	mkdir -p bundle/rootfs/bin bundle/rootfs/proc
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	ln -sf busybox bundle/rootfs/bin/sh
	ln -sf busybox bundle/rootfs/bin/cat
	jq -n --arg wanted "$label" '{ociVersion: "1.2.0", root: {path: "rootfs"},
		process: {cwd: "/", args: $ARGS.positional, env: ["PATH=/bin"], user: {uid: 0, gid: 0}, apparmorProfile: $wanted},
		mounts: [{destination: "/proc", type: "proc"}],
		linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "network"}]}}' --args -- "$@" >bundle/config.json
}

@test "AppArmor: the profile that a bundle names, for the first process, with and without --init, and for one that joins" {
	echo 'profile zviz-test flags=(attach_disconnected) { file, signal, deny /hidden r, }' | apparmor_parser -r
	[ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ]
	for option in --init --no-init; do
		labelled zviz-test sh -c 'cat /proc/self/attr/current; echo text >/tmp/x; cat /hidden'
		echo secret >bundle/rootfs/hidden
		run -1 zviz run "$option" --profile web-server --bundle bundle "$id"
		[[ "$output" == *'zviz-test (enforce)'*"can't open '/hidden': Permission denied"* ]]
	done
	run -0 zviz explain --bundle bundle "$id"
	[[ "$output" == *'AppArmor profile: zviz-test'* ]]
	labelled zviz-test sh -c 'while :; do read -t 1 x; done'
	zviz create --bundle bundle "$id" </dev/null >/dev/null 2>&1 3>&-
	zviz start "$id"
	run -0 zviz exec "$id" cat /proc/self/attr/current
	[ "$output" = 'zviz-test (enforce)' ]
	# Who joins gets no other one, and that is said.
	jq '.process | .args = ["cat", "/proc/self/attr/current"] | .apparmorProfile = "unconfined"' bundle/config.json >process.json
	run -0 zviz exec --process process.json "$id"
	[[ "$output" == *'zviz-test (enforce)'* ]]
	zviz delete --force "$id"
	# A hook is the host's program, and not under what its container is under.
	mkdir -m 777 out
	printf '#!/bin/sh\ncat /proc/self/attr/current >%s/out/hooked\n' "$PWD" >hook
	chmod 755 "$place" . hook
	jq --arg path "$PWD/hook" '.hooks.createContainer = [{path: $path}]' bundle/config.json >config && mv config bundle/config.json
	zviz create --bundle bundle "$id" </dev/null >said 2>&1 3>&- || { cat said; return 1; }
	[ "$(cat out/hooked)" = unconfined ]
	zviz start "$id"
	[ "$(zviz exec "$id" cat /proc/self/attr/current)" = 'zviz-test (enforce)' ]
	zviz delete --force "$id"
	# Unconfined is what it was; one that is not loaded is an error, and nothing runs.
	labelled unconfined cat /proc/self/attr/current
	run -0 zviz run --bundle bundle "$id"
	[ "$output" = unconfined ]
	labelled not-loaded sh -c 'echo RAN'
	run -1 zviz run --bundle bundle "$id"
	[[ "$output" == *"label.set: process.apparmorProfile: no profile 'not-loaded' is loaded"* ]]
	if grep -q RAN <<<"$output"; then false; fi
	[ -z "$(ls -A "$place/home/state")" ]
}

@test "swap: none unless it is permitted" {
	modprobe zram
	echo 128M >/sys/block/zram0/disksize
	mkswap /dev/zram0
	swapon /dev/zram0
	run -137 zviz run --memory 32M "$id" -- /usr/bin/python3 -c "$fill_48M"
	run -0 zviz run --memory 32M --swap 64M "$id" -- /usr/bin/python3 -c "$fill_48M"
	[[ "$output" == *'it fits'* ]]
	swapoff /dev/zram0
}

@test "pids: the limit holds, and the line says so" {
	run zviz run --pids-limit 8 "$id" -- /bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait'
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" == *'Cannot fork'* ]]
	[[ "$output" == *'refused at the limit (limit 8, --pids-limit)'* ]]
}

@test "hostile-tenant: its requirements are met here, and it has no sockets" {
	run -0 zviz run --profile hostile-tenant "$id" -- /bin/sh -c 'echo ran'
	[ "$output" = ran ]
	run -1 zviz run --profile hostile-tenant "$id" -- /usr/bin/python3 -c 'import socket; socket.socket()'
	[[ "$output" == *'Function not implemented'* ]] # ENOSYS: the call is not there
}

@test "--verbose: the broker opens what is permitted and explains what is not" {
	echo mine >file
	run -1 zviz run --verbose "$id" -- /bin/sh -c 'cat file && echo new >made && cat /root/.ssh/id'
	echo "$output"
	[[ "$output" == *mine* ]]
	[ "$(cat made)" = new ]
	[[ "$output" == *'openat('*'"/root/.ssh/id"'*'refused with ENOENT by mount, rule ci-runner:'* ]]
	[[ "$output" == *'zviz: 1 operation was refused'* ]]
}

@test "files of the work folder keep their owner (idmapped tmpfs)" {
	chown 4321:4321 .
	run -0 zviz run "$id" -- /bin/sh -c 'echo x >made; stat -c %u made; id -u'
	[ "${lines[0]}" = "${lines[1]}" ]
	[ "$(stat -c %u:%g made)" = 4321:4321 ]
}

@test "an ordinary user: confined, without its limits, which is said" {
	become_stranger
	run -0 zviz run --verbose "$id" -- /bin/sh -c 'echo x >made; cat /proc/self/uid_map'
	echo "$output"
	[ "$(stat -c %u made)" = "$stranger" ]
	[[ "$output" == *" $stranger          1"* ]]
	[[ "$output" == *'missing: cgroup: the memory controller is not available to this caller'* ]]
	run -1 zviz run --profile hostile-tenant "$id" -- /bin/sh -c 'echo ran >made-too'
	[[ "$output" == *cgroup* ]]
	[ ! -e made-too ]
}

# A group that is the stranger's own, with this test in it.
delegate() {
	group=/sys/fs/cgroup/$id
	mkdir "$group"
	echo '+memory +pids +cpu' >"$group/cgroup.subtree_control"
	mkdir "$group/shell"
	chown $stranger "$group" "$group"/{cgroup.procs,cgroup.subtree_control} "$group"/shell{,/cgroup.procs}
	echo $BASHPID >"$group/shell/cgroup.procs"
}

@test "an ordinary user with a delegated group: limits hold" {
	become_stranger
	delegate
	run -137 zviz run --memory 32M "$id" -- /usr/bin/python3 -c "$fill_48M"
	echo "$output"
	[[ "$output" != *missing* ]]
	[[ "$output" == *'memory: the workload was killed as a whole at the limit'* ]]
	run -0 zviz run --profile hostile-tenant "$id" -- /bin/true
	[ "$(find "$group" -mindepth 1 -type d)" = "$group/shell" ]
}

# What the container uses is counted here, so that load and time are shown as well.
shown='
import os, time
def stat():
	line = open("/proc/stat").readline().split()
	return int(line[1]) + int(line[3]), int(line[4])
a, start = stat(), time.time()
while time.time() < start + 6: pass
time.sleep(0.2)
b = stat()
assert 200 <= b[0] - a[0] <= 400, (a, b)   # half a processor, in 1/100 s
assert os.cpu_count() == len(os.sched_getaffinity(0)) == 1
assert 0.02 < float(open("/proc/loadavg").read().split()[0]) < 0.3, open("/proc/loadavg").read()
assert 2 <= int(open("/proc/loadavg").read().split()[3].split("/")[1]) + 1 <= 9
room = bytearray(30 << 20)
for i in range(0, len(room), 4096): room[i] = 1
time.sleep(0.2)
info = {l.split(":")[0]: int(l.split()[1]) // 1024 for l in open("/proc/meminfo")}
assert info["MemTotal"] == 96 and 30 < info["AnonPages"] < 60 and info["MemFree"] < 66, info
print("right")'

@test "limits are shown inside, and what is in use: root" {
	run -0 zviz run --memory 96M --cpus 0.5 "$id" -- /usr/bin/python3 -c "$shown"
	[ "$output" = right ]
}

@test "limits are shown inside, and what is in use: an ordinary user with a delegated group" {
	become_stranger
	delegate
	run zviz run --memory 96M --cpus 0.5 "$id" -- /usr/bin/python3 -c "$shown"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = right ]
}

@test "kill, ps, pause and resume, with groups that can be frozen" {
	run bats --formatter tap "$BATS_TEST_DIRNAME/../cli/lifecycle.bats"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" != *'# skip'* ]]
	# Really: here a container can be paused.
	zviz run --detach "$id" -- /bin/sleep 60 3>&-
	run zviz pause "$id"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$(zviz state "$id")" == *'"paused"'* ]]
	run -0 zviz delete --force "$id"
}

@test "a root that is an overlay" {
	run bats --formatter tap -f '^(read-only|writable)' "$BATS_TEST_DIRNAME/../cli/overlay.bats"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' <<<"$output")" = 2 ]
	[[ "$output" != *'# skip'* ]]
}
