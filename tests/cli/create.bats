# A container in two steps, as engines drive it: create, start, and what can go wrong between them.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir -p "$place/home" "$place/work/bundle/rootfs/bin" "$place/work/bundle/rootfs/proc"
	cp "$bin" "$place/zviz"
	cd "$place/work"
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	for name in sh sleep echo ls true cat; do ln -s busybox "bundle/rootfs/bin/$name"; done
	export ID=create-$BATS_TEST_NUMBER-$$
	become=()
	config '["/bin/sh", "-c", "echo began >>/out/ran; sleep 100"]'
}

teardown() {
	cd /
	zviz delete --force "$ID" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
}

config() { # ARGS [KEYS-OF-PROCESS]
	mkdir -p out
	chmod 777 out
	cat >bundle/config.json <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": $1, "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]${2:+, $2}},
	 "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/dev", "type": "tmpfs"},
	            {"destination": "/dev/pts", "type": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
	            {"destination": "/out", "type": "bind", "source": "$place/work/out", "options": ["bind"]}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]}}
	END
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" "$@"
}

create() { # OPTION…
	zviz create --bundle bundle "$@" "$ID" </dev/null >said 2>&1 3>&-
}

status() {
	zviz state "$ID" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'
}

pid() {
	zviz state "$ID" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'
}

until_is() { # STATUS
	for _ in {1..100}; do
		[ "$(status)" != "$1" ] || return 0
		sleep 0.05
	done
	return 1
}

engine() { # SCENARIO
	python3 "$BATS_TEST_DIRNAME/engine.py" "$1" ${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" 3>&-
}

nothing_left() {
	[ -z "$(ls -A "$place/home/state" 2>/dev/null)" ]
	for _ in {1..100}; do
		[ -n "$(pgrep -f "$place/zviz")" ] || break
		sleep 0.02
	done
	[ -z "$(pgrep -f "$place/zviz")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-$ID" 2>/dev/null)" ]
}

@test "created, started, ended, deleted: the status at each point, and the workload only after start" {
	create --pid-file pid
	[ ! -s said ]
	[ "$(status)" = created ]
	[ "$(cat pid)" = "$(pid)" ]
	[ "$(wc -c <pid)" = "$(tr -d '\n' <pid | wc -c)" ]
	sleep 0.3
	[ ! -e out/ran ]
	zviz start "$ID"
	[ "$(status)" = running ]
	[ "$(cat pid)" = "$(pid)" ]
	for _ in {1..100}; do [ ! -e out/ran ] || break; sleep 0.05; done
	[ "$(cat out/ran)" = began ]
	run -1 zviz start "$ID"
	[[ $output == *'already running'* ]]
	run -1 zviz delete "$ID"
	[[ $output == *'is running'* ]]
	zviz kill "$ID" KILL
	until_is stopped
	run -1 zviz start "$ID"
	[[ $output == *'stopped'* ]]
	[ "$(cat out/ran)" = began ]
	zviz delete "$ID"
	nothing_left
	run -1 zviz start "$ID"
	[[ $output == *'container does not exist'* ]]
}

@test "pipes without a name are opened anew in their own direction alone; a file, a FIFO and a device stay as they were" {
	# What others write to the same pipe is not the workload's to read, and what others read not its to write.
	for uid in 0 1000; do
		config '["/bin/sh", "-c", "echo anew >>/proc/self/fd/1; true </proc/self/fd/1 && echo opened; echo no >/proc/self/fd/0; cat /proc/self/fd/0; echo err >/proc/self/fd/2"]'
		sed -i "s/\"uid\": 0, \"gid\": 0/\"uid\": $uid, \"gid\": $uid/" bundle/config.json
		run -0 bash -c 'echo in | "$@" 2>&1 | cat' - ${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" run --bundle bundle "$ID" 3>&-
		echo "$output"
		[ "$(grep -c 'Permission denied' <<<"$output")" = 2 ]
		[ "$(grep -v 'Permission denied' <<<"$output" | xargs)" = 'anew in err' ]
	done
	config '["/bin/true"]'
	mkfifo named
	exec 8<>named
	: >file
	before=$(stat -c '%a %u %g' file named /dev/null)
	zviz run --bundle bundle "$ID" </dev/null >file 2>&8
	[ "$(stat -c '%a %u %g' file named /dev/null)" = "$before" ]
	# A pipe keeps its owner, and its owner's rights.
	zviz run --bundle bundle "$ID" 2>&1 | { cat; stat -L -c '%a %u' /dev/stdin; } >said
	[ "$(cat said)" = "602 $(id -u)" ]
	nothing_left
}

@test "a pipe from one container to another: the one that writes cannot read, whoever came first and whoever has it locked" {
	engine pipeline
	nothing_left
}

# Buildah asks every 100 ms, and takes any word but running and stopped for a mistake.
@test "an end that its broker has not seen yet is an end: stopped, never creating" {
	create
	zviz start "$ID"
	broker=$(jq .broker_pid "$place/home/state/$ID/state.json")
	kill -STOP "$broker"
	zviz kill "$ID" KILL
	for _ in {1..100}; do
		[ "$(status)" = running ] || break
		sleep 0.05
	done
	[ "$(status)" = stopped ]
	kill -0 "$broker"
	kill -CONT "$broker"
	zviz delete "$ID"
	nothing_left
}

@test "as a containerd shim does it: a subreaper whose pipes end with the workload" {
	engine shim
	nothing_left
}

@test "as conmon has a process join: it outlives the runtime, and its code is its own" {
	engine joined
	nothing_left
}

@test "as containerd's shim has a process join: it is sent a descriptor of it" {
	engine joined_pidfd
	nothing_left
}

@test "a console socket gets the terminal, a pidfd socket the first process" {
	engine console
	engine pidfd
	nothing_left
}

@test "a terminal and a console socket go together, or nothing is made" {
	run -1 create --console-socket nowhere
	grep -q 'console-socket: the process has no terminal' said
	config '["/bin/true"]' '"terminal": true'
	run -1 create
	grep -q 'process.terminal: nobody would hold' said
	run -1 create --console-socket nowhere
	grep -q 'console-socket nowhere: No such file' said
	config '["/bin/true"]'
	run -1 create --pidfd-socket nowhere --pid-file pid
	grep -q 'pidfd-socket nowhere: No such file' said
	run -1 create --pid-file nowhere/pid
	grep -q 'pid-file nowhere/pid: No such file' said
	[ ! -e pid ]
	nothing_left
}

@test "descriptors that are to be kept, and sockets that are passed on" {
	engine preserve
	nothing_left
	run -1 create --preserve-fds 20
	grep -q 'preserve-fds: descriptor [0-9]* is not open' said
	nothing_left
}

@test "several at once: one starts it, one creates it, all may delete it" {
	engine race
	config '["/bin/sleep", "100"]'
	for _ in 1 2 3; do engine race_create; done
	nothing_left
}

@test "the name is taken until it is deleted" {
	create
	run -1 create
	grep -q 'container with given ID already exists' said
	[ "$(status)" = created ]
	run -1 zviz run --bundle bundle "$ID"
	[[ $output == *'container with given ID already exists'* ]]
	zviz start "$ID"
	run -1 create
	grep -q 'container with given ID already exists' said
	zviz kill "$ID" KILL
	until_is stopped
	run -1 create
	grep -q 'container with given ID already exists' said
	[ "$(status)" = stopped ]
	zviz delete "$ID"
	create
	zviz delete "$ID"
	nothing_left
}

@test "one that waits: deleted with or without force, killed by any signal that kills; nobody joins it" {
	create
	zviz delete "$ID"
	nothing_left
	create
	zviz delete --force "$ID"
	nothing_left
	for signal in TERM INT USR1 RTMIN+2 KILL; do
		create
		zviz kill "$ID" WINCH
		[ "$(status)" = created ]
		zviz kill "$ID" "$signal"
		until_is stopped
		run -1 zviz start "$ID"
		[[ $output == *'cannot start a container that has stopped'* ]]
		run -0 zviz state "$ID"
		[[ $output != *reason* ]]
		zviz delete "$ID"
	done
	create
	run -255 zviz exec "$ID" /bin/true
	[[ $output == *'container not running'* ]]
	run -1 zviz update --profile hostile-tenant "$ID"
	[ "$(status)" = created ]
	zviz delete "$ID"
	[ ! -e out/ran ]
	nothing_left
}

@test "without a process it can be created and not started" {
	sed -i '/"process"/d' bundle/config.json
	create
	[ "$(status)" = created ]
	run -1 zviz start "$ID"
	[[ $output == *'no process to start'* ]]
	[ "$(status)" = created ]
	run -1 zviz start "$ID"
	[[ $output == *'no process to start'* ]]
	zviz delete "$ID"
	run -1 zviz run --bundle bundle "$ID"
	[[ $output == *'process.args'* ]]
	nothing_left
}

@test "a program that is not there, or cannot be run" {
	config '["nothing-of-that-name"]'
	run -1 create --pid-file pid
	grep -q 'exec: "nothing-of-that-name": executable file not found in $PATH' said
	config '["/bin/none"]'
	run -1 create --pid-file pid
	grep -q 'no such file or directory' said
	config '["/bin"]'
	run -1 create --pid-file pid
	grep -q 'permission denied' said
	[ ! -e pid ]
	nothing_left
	# What only exec finds out is told by start, and the container has stopped.
	printf 'no program' >bundle/rootfs/bin/data
	chmod 755 bundle/rootfs/bin/data
	config '["/bin/data"]'
	create
	run -1 zviz start "$ID"
	[[ $output == *'exec: "/bin/data"'* ]]
	until_is stopped
	zviz delete "$ID"
	nothing_left
}

@test "the bundle: by a relative path, the current folder, with no-pivot and a keyring, unknown options" {
	create --no-new-keyring --detach
	zviz delete "$ID"
	(cd bundle && zviz create "$ID" </dev/null >../said 2>&1 3>&-)
	[ "$(status)" = created ]
	zviz start "$ID"
	zviz exec "$ID" /bin/true
	zviz delete --force "$ID"
	run -1 create --no-pivot
	grep -q 'no-pivot' said
	run -1 create --criu x
	grep -q 'unknown option' said
	run -1 zviz create --bundle "$place/none" "$ID"
	[[ $output == *'No such file'* ]]
	run -1 zviz create --bundle "$place" "$ID"
	[[ $output == *'config.json'* ]]
	run -1 zviz create --bundle bundle a/b
	[[ $output == *"cannot be a container's ID"* ]]
	run -1 zviz create --bundle bundle
	run -1 zviz start
	nothing_left
}

@test "what it is under once it runs is what a container that was run at once is under" {
	config '["/bin/sh", "-c", "cat /proc/self/status >/out/status; cat /proc/self/limits >/out/limits; ls -l /proc/self/fd >/out/fd; touch /out/done; sleep 100"]'
	ln -s busybox bundle/rootfs/bin/touch
	create
	zviz start "$ID"
	for _ in {1..100}; do [ ! -e out/done ] || break; sleep 0.05; done
	cp out/status two-steps
	cp out/limits limits
	grep -c -- '->' out/fd >fds
	zviz exec "$ID" /bin/true
	zviz delete --force "$ID"
	rm out/done
	zviz run --detach --bundle bundle "$ID" </dev/null >said 2>&1 3>&-
	for _ in {1..100}; do [ ! -e out/done ] || break; sleep 0.05; done
	fields='^(Uid|Gid|Groups|NSpid|Sig(Blk|Ign|Cgt)|Cap|NoNewPrivs|Seccomp|Umask)'
	diff <(grep -E "$fields" two-steps) <(grep -E "$fields" out/status)
	grep -q '^Seccomp:.*2' two-steps
	diff limits out/limits
	[ "$(grep -c -- '->' out/fd)" = "$(cat fds)" ]
	zviz delete --force "$ID"
	nothing_left
}

@test "the same for an ordinary user" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	chown -R 61500:61500 "$place"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
	chmod 777 "$place/work"
	create --pid-file pid
	[ "$(status)" = created ]
	[ "$(cat pid)" = "$(pid)" ]
	zviz start "$ID"
	[ "$(status)" = running ]
	zviz kill "$ID" KILL
	until_is stopped
	zviz delete "$ID"
	create
	zviz kill "$ID" TERM
	until_is stopped
	zviz delete "$ID"
	nothing_left
}
