# `zviz run` as engines call it: in the foreground, kept until it is deleted, with descriptors, sockets and a console of the caller's.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir -p "$place/work/bundle/rootfs/bin" "$place/work/bundle/rootfs/proc"
	cp "$bin" "$place/zviz"
	cd "$place/work"
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	for name in sh sleep echo ls true cat; do ln -s busybox "bundle/rootfs/bin/$name"; done
	export ID=engine-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	zviz delete --force "$ID" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
}

config() { # ARGS [KEYS-OF-PROCESS]
	cat >bundle/config.json <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": $1, "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]${2:+, $2}},
	 "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/dev", "type": "tmpfs"},
	            {"destination": "/dev/pts", "type": "devpts", "options": ["newinstance", "ptmxmode=0666"]}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}]}}
	END
}

zviz() { "$place/zviz" --root "$place/state" "$@"; }
status() { zviz state "$ID" | jq -r .status; }

nothing_left() {
	[ -z "$(ls -A "$place/state" 2>/dev/null)" ]
	for _ in {1..100}; do
		[ -n "$(pgrep -f "^$place/zviz")" ] || break
		sleep 0.02
	done
	[ -z "$(pgrep -f "^$place/zviz")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-$ID" 2>/dev/null)" ]
}

@test "as BuildKit does it: in the foreground and kept, its state polled, joined, killed, deleted" {
	config '["/bin/sh", "-c", "echo out; read line; echo $line; exec sleep 1000"]'
	mkfifo in
	"$place/zviz" --root "$place/state" --log log --log-format json run --bundle bundle --keep "$ID" <in >out 2>err 3>&- &
	caller=$!
	exec 9>in
	for _ in {1..100}; do [ "$(status 2>/dev/null)" != running ] || break; sleep 0.05; done
	[ "$(zviz state "$ID" | jq -r '.status, .bundle, .rootfs')" = "$(printf '%s\n' running "$place/work/bundle" "$place/work/bundle/rootfs")" ]
	echo word >&9
	for _ in {1..100}; do [ "$(cat out)" != $'out\nword' ] || break; sleep 0.05; done
	[ "$(cat out)" = $'out\nword' ]
	jq '.process | .args = ["/bin/sh", "-c", "exit 7"]' bundle/config.json >process.json
	run -7 zviz exec --process process.json "$ID"
	zviz kill "$ID" 9
	code=0
	wait "$caller" || code=$?
	exec 9>&-
	[ "$code" = 137 ]
	[ "$(status)" = stopped ]
	[ "$(zviz state "$ID" | jq .pid)" = 0 ]
	run -1 zviz run --bundle bundle "$ID"
	[[ $output == *'container with given ID already exists'* ]]
	run -255 zviz exec "$ID" /bin/true
	[[ $output == *'container not running'* ]]
	zviz delete "$ID"
	run -1 zviz delete "$ID"
	[[ $output == *'container does not exist'* ]]
	[ "$(jq -s 'length' log)" = 0 ]
	nothing_left
}

@test "kept: its code, and its groups with what it used; without it nothing stays" {
	config '["/bin/sh", "-c", "exit 5"]'
	run -5 zviz run --bundle bundle --keep "$ID"
	[ "$(status)" = stopped ]
	[ -n "$(find /sys/fs/cgroup -name "zviz-$ID" 2>/dev/null)" ] || [ "$(id -u)" != 0 ]
	[ "$(zviz list --format json | jq -r '.[0].status')" = stopped ]
	zviz delete "$ID"
	run -5 zviz run --bundle bundle "$ID"
	nothing_left
	# One that never began leaves nothing in any case.
	config '["/bin/none"]'
	run -1 zviz run --bundle bundle --keep "$ID"
	run -1 zviz state "$ID"
	nothing_left
	run -1 zviz run --bundle bundle --keep --rm "$ID"
	[[ $output == *'--keep and --rm'* ]]
	# In the form without a bundle, and by force.
	zviz run --keep "$ID" -- /bin/true
	[ "$(status)" = stopped ]
	zviz delete --force "$ID"
	nothing_left
}

@test "its launcher is killed: the container ends, and what is left of it is deleted" {
	config '["/bin/sleep", "1000"]'
	"$place/zviz" --root "$place/state" run --bundle bundle --keep --pid-file pid "$ID" </dev/null >out 2>&1 3>&- &
	for _ in {1..100}; do [ ! -e pid ] || break; sleep 0.05; done
	pid=$(cat pid)
	kill -KILL $!
	wait $! || [ $? = 137 ]
	for _ in {1..100}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
	[ "$(status)" = stopped ]
	zviz delete "$ID"
	nothing_left
}

@test "descriptors of the caller's, and sockets that are passed on" {
	config '["/bin/sh", "-c", "echo three >&3; echo $LISTEN_FDS $LISTEN_PID >&4; ls /proc/self/fd"]'
	zviz run --bundle bundle --preserve-fds 2 "$ID" 3>three 4>four >out
	[ "$(cat three)" = three ]
	[ "$(cat four)" = '' ]
	[ "$(xargs <out)" = '0 1 2 3 4 5' ] # 5 is the folder that ls reads
	bash -c "exec 3>three 4>four; LISTEN_FDS=1 LISTEN_PID=\$\$ exec '$place/zviz' --root '$place/state' run --bundle bundle --preserve-fds 1 '$ID'" >out
	[ "$(cat four)" = '1 1' ]
	run -1 zviz run --bundle bundle --preserve-fds 20 "$ID"
	[[ $output == *'preserve-fds: descriptor '*' is not open'* ]]
	nothing_left
}

@test "a console socket for one that is left running, and only for that" {
	config '["/bin/sh", "-c", "read line; echo [$line]; exit 3"]' '"terminal": true'
	python3 "$BATS_TEST_DIRNAME/engine.py" console_run "$place/zviz" --root "$place/state" 3>&-
	run -1 zviz run --detach --bundle bundle --console-socket nowhere "$ID"
	[[ $output == *'console-socket nowhere: No such file'* ]]
	run -1 zviz run --bundle bundle --console-socket nowhere "$ID"
	[[ $output == *'--console-socket: without --detach'* ]]
	config '["/bin/true"]'
	run -1 zviz run --detach --bundle bundle --console-socket nowhere "$ID"
	[[ $output == *'console-socket: the process has no terminal'* ]]
	run -1 zviz run --detach --bundle bundle --pidfd-socket nowhere --pid-file number "$ID"
	[[ $output == *'pidfd-socket nowhere: No such file'* ]]
	[ ! -e number ]
	run -1 zviz run --bundle bundle --no-pivot "$ID"
	[[ $output == *'no-pivot'* ]]
	zviz run --bundle bundle --no-new-keyring "$ID"
	nothing_left
}
