# What becomes of a container whose broker is stopped, killed or short of memory, and what is said about it. Every open
# of these workloads is the broker's: bench/all-opens.yaml.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$zviz" "$place/zviz"
	cp "$top/bench/all-opens.yaml" "$place/opens.yaml"
	cd "$place/work"
	id=broker-$BATS_TEST_NUMBER-$$
	become=()
	launcher=
	# What the workload does meanwhile: nothing, one open after the other, an open that waits.
	idle="echo ready; sleep 60; : $id-mark"
	busy="echo ready; while :; do : <f; done; : $id-mark"
	stuck="mkfifo p; (: <p) & echo ready; while :; do : <f; done; : $id-mark"
}

teardown() {
	cd /
	# Most tests have ended it, and most have no container left.
	[ -z "$launcher" ] || kill -KILL "$launcher" 2>/dev/null || true # it has mostly ended by itself
	"$place/zviz" --root "$place/home/state" delete --force "$id" 2>/dev/null || true # there may be none left
	"$place/zviz" --root "$place/home/state" delete --force "$id-2" 2>/dev/null || true # one test has it
	rm -rf "$place"
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" --profile "$place/opens.yaml" "$@"
}

become_stranger() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	chown -R 61500:61500 "$place/work" "$place/home"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
}

wait_for() { # COMMAND…: until it succeeds
	for _ in $(seq 2000); do
		! "$@" 2>/dev/null || return 0
		sleep 0.02
	done
	echo "in vain: $*"
	return 1
}

# The launcher in the background. What it says goes to $place/out and $place/err, what it reads comes from descriptor 9.
start() { # RUN-ARGUMENTS…
	mkfifo "$place/in"
	exec 9<>"$place/in"
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" --profile "$place/opens.yaml" run "$@" \
		<"$place/in" >"$place/out" 2>"$place/err" 9>&- 3>&- &
	launcher=$!
	wait_for grep -q ready "$place/out"
	broker=$(broker_of "$id")
}

# The one process of a container that is the first of a pid namespace directly below ours.
broker_of() { # ID
	local pid
	for pid in $(pgrep -f "^$place/zviz .* $1( |\$)"); do
		[[ $(grep '^NSpid:' "/proc/$pid/status") =~ ^NSpid:[[:space:]]+[0-9]+[[:space:]]+1$ ]] && echo "$pid"
	done
	true # a process that ended meanwhile is no failure; that there is one is checked by whoever uses it
}

ended() { # CODE: waits for the launcher
	local status=0
	wait "$launcher" || status=$?
	launcher=
	echo "exit code $status, said: $(cat "$place/err")"
	[ "$status" = "$1" ]
}

nothing_left() { # also in the way of a run with the same name
	wait_for no_process
	[ -z "$(ls -A "$place/home/state")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-$id" 2>/dev/null)" ]
	if grep -q "$place" /proc/self/mountinfo; then false; fi
}

no_process() {
	[ -z "$(pgrep -f "$place/|$id-mark")" ]
}

state_of() { # PID: its letter in /proc
	sed 's/.*) //' "/proc/$1/stat" | cut -c1
}

is_in_state() { # PID LETTER
	[ "$(state_of "$1")" = "$2" ]
}

# Whether a process of the workload waits for the broker's answer.
asks() {
	local pid
	for pid in $(pgrep -f "$id-mark"); do
		! grep -q seccomp "/proc/$pid/wchan" || return 0
	done
	return 1
}

stop_broker() {
	kill -STOP "$broker"
	wait_for is_in_state "$broker" T
}

# ---- killed ----

kill_broker() { # WORKLOAD [RUN-OPTIONS…]
	local script=$1
	shift
	echo text >f
	start "$@" "$id" sh -c "$script"
	[ -n "$broker" ]
	kill -KILL "$broker"
	ended 1
	grep -q 'zviz: the broker was killed by signal 9 (Killed), and the container with it' "$place/err"
	grep -q '  hint: .*the kernel.s log' "$place/err"
	nothing_left
	rm -f "$place/in" p
}

@test "the broker is killed: all of the container dies, nothing is left, and zviz says why" {
	kill_broker "$idle"
	kill_broker "$busy"
	kill_broker "$stuck"
}

@test "the broker is killed: an ordinary user's container" {
	become_stranger
	kill_broker "$busy"
}

@test "the broker is killed: a first process that is the workload itself" {
	mkdir -p "$place/bundle/rootfs/bin"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/busybox"
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/busybox", "sh", "-c", "echo ready; while :; do : </bin/busybox; done; : $id-mark"],
	             "user": {"uid": 0, "gid": 0}},
	 "mounts": [{"destination": "/proc", "type": "proc"}], "linux": {"namespaces": []}}
	END
	start --bundle "$place/bundle" "$id"
	[ -n "$broker" ]
	kill -KILL "$broker"
	ended 1
	grep -q 'the broker was killed by signal 9' "$place/err"
	nothing_left
}

@test "a workload that is killed is not taken for a broker that is" {
	run -137 zviz run "$id" sh -c 'kill -KILL $$'
	[[ $output != *broker* ]]
	start "$id" sh -c "$idle"
	kill -KILL "$(pgrep -P "$launcher" | grep -vx "$broker")" # the container's first process
	ended 137
	if grep -q broker "$place/err"; then false; fi
	nothing_left
}

@test "the broker of a detached container is killed: state says so, and the name is free" {
	echo text >f
	zviz run --detach --pid-file "$place/pid" "$id" sh -c "$busy" >/dev/null 2>&1
	broker=$(broker_of "$id")
	[ -n "$broker" ]
	run -0 zviz state "$id"
	[[ $output == *'"running"'* && $output != *reason* ]]
	kill -KILL "$broker"
	wait_for no_process
	run -0 zviz state "$id"
	echo "$output"
	[[ $output == *'"status": "stopped"'*'"reason": "its broker was killed, and the container with it"'* ]]
	run -0 zviz run "$id" echo again
	[ "$output" = again ]
	nothing_left
}

@test "a detached container that ends by itself has no broker to blame" {
	zviz run --detach "$id" sh -c ": $id-mark" >/dev/null 2>&1
	wait_for no_process
	run -0 zviz state "$id"
	[[ $output == *'"stopped"'* && $output != *reason* ]]
	run -0 zviz delete "$id"
	nothing_left
}

# ---- stopped ----

@test "while the broker is stopped calls wait, and go on with it" {
	echo text >f
	start "$id" sh -c "echo ready; read x; read y <f; echo \$y; echo opened; : $id-mark"
	stop_broker
	echo go >&9
	wait_for asks
	[ "$(cat "$place/out")" = ready ]
	kill -CONT "$broker"
	ended 0
	[ "$(cat "$place/out")" = $'ready\ntext\nopened' ]
	nothing_left
}

stopped_and() { # RUN-OPTIONS…: a container that waits for a stopped broker
	echo text >f
	start "$@" "$id" sh -c "echo ready; read x; read y <f; echo \$y; echo opened; : $id-mark"
	stop_broker
	echo go >&9
	wait_for asks
}

@test "a stopped broker does not keep a timeout from ending the container" {
	echo text >f
	start --timeout 6s "$id" sh -c "trap '' TERM; echo ready; read x; read y <f; echo \$y; echo opened; : $id-mark"
	stop_broker
	echo go >&9
	ended 124
	if grep -q opened "$place/out"; then false; fi
	nothing_left
}

@test "nor Ctrl-C and TERM" {
	set -m # a background job of a script ignores SIGINT otherwise
	stopped_and
	kill -INT "$launcher"
	ended 130
	nothing_left
	rm "$place/in"
	stopped_and
	kill -TERM "$launcher"
	ended 143
	nothing_left
}

@test "nor delete --force" {
	stopped_and
	run -0 zviz delete --force "$id"
	ended 137
	nothing_left
}

@test "nor delete --force of a detached container" {
	echo text >f
	zviz run --detach "$id" sh -c "$busy" >/dev/null 2>&1
	broker=$(broker_of "$id")
	stop_broker
	wait_for asks
	run -0 zviz delete --force "$id"
	nothing_left
}

@test "nor the launcher's own death" {
	stopped_and
	kill -KILL "$launcher"
	wait_for no_process
	launcher=
}

# ---- memory ----

@test "the memory limit is met while calls are with the broker" {
	[ "$(id -u)" = 0 ] || skip 'needs a group of its own'
	echo text >f
	cat >eat.py <<-'END'
	import os, threading
	def opens():
	    while True:
	        os.close(os.open("f", os.O_RDWR))
	for _ in range(8):
	    threading.Thread(target=opens, daemon=True).start()
	os.close(os.open("started", os.O_CREAT | os.O_WRONLY))
	hold = []
	while True:
	    hold.append(bytearray(1 << 20))
	END
	run -137 zviz run --memory 48M "$id" python3 eat.py
	echo "$output"
	[ -e started ]
	[[ $output == *'memory: '*' killed at the limit'* && $output != *broker* ]]
	nothing_left
	run -0 zviz run "$id" cat f
}

@test "the broker's own limits, and what it takes of memory" {
	echo text >f
	start "$id" python3 -c "
import os, sys
for i in range(20000):
    os.close(os.open('f', os.O_RDWR))
print('ready', flush=True)
sys.stdin.readline() # $id-mark"
	limits=$(sed 's/  */ /g' "/proc/$broker/limits")
	echo "$limits"
	grep -q '^Max core file size 0 0 ' <<<"$limits"
	grep -q '^Max open files 1024 1024 ' <<<"$limits"
	grep -q '^Max address space 100663296 100663296 ' <<<"$limits"
	grep -E '^Vm(Peak|HWM|Data)' "/proc/$broker/status"
	[ "$(awk '/^VmHWM:/ {print $2}' "/proc/$broker/status")" -lt 8192 ]
	[ "$(awk '/^VmPeak:/ {print $2}' "/proc/$broker/status")" -lt 32768 ]
	[ "$(ls "/proc/$broker/fd" | wc -l)" -lt 18 ] # a door, and files that show limits, among them
	echo go >&9
	ended 0
}

@test "a broker that only answers cannot take up a capability, nor look at anybody" {
	start "$id" sh -c "$idle"
	grep -q '^CapPrm:[[:space:]]*0000000000080000$' "/proc/$broker/status"
	kill "$launcher"
	ended 143
	rm "$place/in"
	printf '%s\n' 'zviz: 1' 'name: plain' 'extends: ci-runner' 'resources: {view: false}' >"$place/opens.yaml"
	start "$id" sh -c "$idle"
	grep -q '^CapPrm:[[:space:]]*0000000000000000$' "/proc/$broker/status"
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/$broker/status"
	[ -z "$(find "/proc/$broker/fd" -lname '/' -o -lname '*proc*')" ]
	kill "$launcher"
	ended 143
	# What it is asked by registers it answers, refuses and counts.
	run -0 "$place/zviz" --root "$place/home/state" --profile "$place/opens.yaml" run --timings "$id" python3 -c "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(30, 0, 0, 0, 0) > 0 # PR_GET_TIMERSLACK, which it lets go on
assert libc.prctl(28, 0, 0, 0, 0) == -1 and ctypes.get_errno() == 1 # PR_SET_SECUREBITS, which no list has"
	[[ $output == *'2 asked: 0 performed, 1 allowed, 0 failed, 1 denied'* ]]
}

# What a broker or a reaping first process gives back for good must be nothing that it may yet come to: a table that a function names
# which serves is found here, whether a test has it called or not.
@test "nothing that serves leads to data that is forgotten" {
	build=${zviz%/src/cli/zviz}
	[ -e "$build/build.ninja" ] || skip 'not in the folder that it was built in'
	run -0 readelf -SW "$zviz"
	[[ $output == *' .data.rel.ro.set_up '* && $(uname -m) = x86_64 ]] || skip 'not linked by src/serving.ld'
	run -0 ninja -C "$build" src/cli/zviz-reach
	run -0 "$top/tools/serving-reach" "$build/src/cli/zviz-reach"
}

# Each answer that a broker gives, in one whose launcher has gone: with it went what the launch had read and planned.
@test "a broker that has forgotten how it was set up does all that one does" {
	local first

	zviz run --detach --memory 64M --events "$place/events" "$id" sh -c 'sleep 1000 & wait' >out 2>&1
	broker=$(broker_of "$id")
	first=$(zviz state "$id" | jq .pid)
	sleep 0.2
	cat >tries.py <<-'END'
		import ctypes, fcntl, os, socket
		libc = ctypes.CDLL(None, use_errno=True)
		def said(what, result):
		    print(what, result, ctypes.get_errno() if result == -1 else 0, flush=True)
		said('open', libc.open(b'/etc/shadow', os.O_RDONLY))
		said('create', libc.open(b'new', os.O_CREAT | os.O_WRONLY, 0o600))
		said('rename', libc.rename(b'new', b'newer'))
		said('link', libc.link(b'newer', b'/etc/other'))
		said('ioctl', libc.ioctl(0, 0x5412, b'x')) # TIOCSTI
		said('prctl', libc.prctl(28, 0, 0, 0, 0)) # PR_SET_SECUREBITS
		said('socket', libc.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
		said('unshare', libc.unshare(0x10000000)) # CLONE_NEWUSER
		said('bpf', libc.syscall(321, 0, 0, 0))
	END
	run -0 zviz exec "$id" python3 tries.py
	[[ $output == *'rename 0 0'* && $output == *'ioctl -1 '* && $output == *'unshare -1 '* && $output == *'bpf -1 '* ]]
	run -0 cat "$place/events"
	echo "$output"
	for word in openat TIOCSTI PR_SET_SECUREBITS unshare bpf EPERM; do
		[[ $output == *"$word"* ]]
	done
	# Other rules while it works, and what they answer.
	sed 's|"\*\*/.env"|&, "**/*.hidden"|' "$place/opens.yaml" >"$place/changed.yaml"
	run -0 zviz update --profile "$place/changed.yaml" "$id"
	run -1 zviz exec "$id" sh -c 'echo secret >a.hidden; cat a.hidden'
	if zviz pause "$id" 2>said; then # only with a group of version 2
		run -0 zviz resume "$id"
	fi
	# Each signal that a first process passes on, several at once; it passes them to a shell that ignores none of these.
	for _ in $(seq 20); do
		kill -WINCH "$first"
		kill -CONT "$first"
	done
	run -0 zviz exec "$id" sh -c 'echo a >f && mv f g && cat g'
	# Out of memory, told by whoever is left.
	run zviz exec "$id" python3 -c 'x = b"x" * (200 << 20)'
	[ "$status" != 0 ]
	[ "$(broker_of "$id")" = "$broker" ]
	run -0 zviz kill "$id" KILL
	wait_for test ! -e "/proc/$broker"
	run -0 zviz state "$id"
	[ "$(jq -r .status <<<"$output")" = stopped ]
	[[ $output != *'its broker was killed'* ]]
	run -0 zviz delete "$id"
}

# Bytes of the program's own mappings that can be written to, of a process.
writable_of() {
	local sum=0 range rights rest
	while read -r range rights _ _ _ rest; do
		[[ $rights == *w* && $rest == "$place/zviz" ]] || continue
		sum=$((sum + 0x${range#*-} - 0x${range%-*}))
	done <"/proc/$1/maps"
	echo "$sum"
}

@test "data with addresses in it cannot be written, in no process of zviz" {
	run -0 readelf -SW "$place/zviz"
	[[ $output == *' .relr.dyn '* && $output != *' __libc_'* ]] || skip 'not the static build against musl'
	zviz run --detach "$id" sleep 60 >out 2>&1
	zviz run "$id-2" sleep 60 >out-2 2>&1 3>&- &
	second_runs() { [ "$(zviz state "$id-2" | jq -r .status)" = running ]; }
	wait_for second_runs
	launcher=$(awk '/^PPid:/ { print $2 }' "/proc/$(broker_of "$id-2")/status")
	for pid in "$(broker_of "$id")" "$(zviz state "$id" | jq .pid)" "$launcher" "$(broker_of "$id-2")" "$(zviz state "$id-2" | jq .pid)"; do
		echo "$pid: $(writable_of "$pid")"
		# What is written to, and begins with something, is a few bytes.
		[ "$(writable_of "$pid")" = 4096 ]
	done
	zviz delete --force "$id-2"
	zviz delete --force "$id"
}

@test "an idle broker has what it serves with in memory, a first process what it reaps with, and little else" {
	run -0 readelf -SW "$place/zviz"
	[[ $output == *' .text.serving '* && $output != *' __libc_'* ]] || skip 'not the static build against musl'
	zviz run --detach "$id" sleep 60 >out 2>&1 # not a pipe of bats, which the workload would hold
	broker=$(broker_of "$id")
	first=$(zviz state "$id" | jq .pid)
	sleep 0.2
	cat "/proc/$broker/smaps_rollup" "/proc/$first/smaps_rollup"
	# Which pages the kernel maps around those in use is chance: bench/crowd has the median of many.
	[ "$(awk '/^Rss:/ { print $2 }' "/proc/$broker/smaps_rollup")" -le 900 ]
	for pid in "$broker" "$first"; do
		[ "$(awk '/^Anonymous:/ { print $2 }' "/proc/$pid/smaps_rollup")" -le 200 ]
	done
	# What it decides by is all there.
	run -0 zviz exec "$id" sh -c 'echo a >f && mv f g && cat g && ! cat /etc/shadow'
	[[ $output == *a* ]]
	run -0 zviz delete --force "$id"
}

# The first thread of a detached container's broker is the copy of a launcher: what a C library knows of it is out of date.
@test "whoever is killed in a file system that does not answer is forgotten there, too, and the others go on" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	[ -e /dev/fuse ] || skip 'no /dev/fuse'
	mkdir "$place/stalled"
	run -0 unshare --mount bash -c '
		python3 "$1/tests/cli/stalled.py" "$2/stalled" "$2/log" & server=$!
		for _ in {1..100}; do
			grep -qsx 26 "$2/log" && break
			sleep 0.1
		done
		cd "$2/work"
		"$2/zviz" --root "$2/home/state" --profile "$2/opens.yaml" run --detach --read "$2/stalled" "$3" \
			-- /bin/sh -c "(echo stuck >stuck; : <$2/stalled/f) & sleep 1; kill -9 \$!; while :; do echo x >>on; sleep 0.1; done" \
			>/dev/null 2>&1 || { echo "zviz: $?"; exit 1; }
		for _ in {1..100}; do
			grep -qx 36 "$2/log" && break
			sleep 0.1
		done
		forgotten=$(grep -cx 36 "$2/log")
		"$2/zviz" --root "$2/home/state" delete --force "$3"
		umount -l "$2/stalled"
		wait $server
		[ "$forgotten" -gt 0 ] && [ -s on ]' . "$top" "$place" "$id" 3>&-
}
