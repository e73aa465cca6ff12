# zviz exec: a process that joins a container is under what the container's own processes are under, and neither the
# workload nor the host's files gain by it.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$zviz" "$place/zviz"
	cat >"$place/own.yaml" <<-'END'
	zviz: 1
	name: own
	extends: ci-runner
	filesystem: {deny: {read: ["**/.env"], write: ["**/.git/hooks/**"]}}
	END
	cd "$place/work"
	id=exec-$BATS_TEST_NUMBER-$$
	become=()
	launcher=
}

teardown() {
	cd /
	if [ -n "$launcher" ]; then
		# It has ended with the container where the test ended that.
		kill -KILL "$launcher" 2>/dev/null || true # see above
		wait "$launcher" 2>/dev/null || true # it was killed
	fi
	# Most tests leave one that runs.
	"$place/zviz" --root "$place/home/state" delete --force "$id" 2>/dev/null || true # see above
	rm -rf "$place"
}

become_stranger() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	chown -R 61500:61500 "$place/work" "$place/home"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" "$@"
}

start() { # RUN-OPTIONS…: a container that waits
	zviz run --detach "$@" "$id" -- sleep 600 >/dev/null 2>&1
}

start_attached() { # RUN-OPTIONS…
	zviz run "$@" "$id" -- sleep 600 >/dev/null 2>&1 3>&- &
	launcher=$!
	wait_for runs
}

runs() {
	[[ $(zviz state "$id") == *'"running"'* ]]
}

wait_for() { # COMMAND…: until it succeeds
	for _ in $(seq 250); do
		! "$@" 2>/dev/null || return 0
		sleep 0.02
	done
	echo "in vain: $*"
	return 1
}

of_first() { # FIELDS: of the status of the container's first process
	grep -E "^($1):" "/proc/$(zviz state "$id" | sed -n 's/^ *"pid": \([0-9]*\).*/\1/p')/status"
}

# ---- as a user sees it ----

uses() {
	run -0 zviz exec "$id" sh -c 'echo "$0 $1" "$HOME" "$PWD"' a b
	[ "$output" = 'a b /home/user /work' ]
	run -0 zviz exec "$id" cat <<<'words on stdin'
	[ "$output" = 'words on stdin' ]
	run -7 zviz exec "$id" sh -c 'exit 7'
	run -137 zviz exec "$id" sh -c 'kill -KILL $$'
	run -0 zviz exec --env A=b -e HOME=/tmp --cwd /tmp "$id" sh -c 'echo "$A $HOME $PWD"'
	[ "$output" = 'b /tmp /tmp' ]
	run -0 zviz exec "$id" sh -c 'echo made >made; ps -e -o comm='
	[[ $output == *sleep* ]]
	[ "$(cat made)" = made ]
}

@test "a command, its words, input, output, environment, folder and exit code" {
	start
	uses
}

@test "the same where every open is the broker's, and where the container is attached" {
	start_attached --profile "$place/own.yaml"
	uses
}

@test "the same for an ordinary user" {
	become_stranger
	start --profile "$place/own.yaml"
	uses
}

@test "the same for an ordinary user's command that is the first process itself" {
	become_stranger
	start_attached --no-init --profile "$place/own.yaml"
	uses
}

@test "the same for a container without a broker" {
	printf 'zviz: 1\nname: none\nextends: ci-runner\naudit: none\n' >"$place/none.yaml"
	start --profile "$place/none.yaml"
	uses
}

@test "oomScoreAdj of a process that joins, by an ordinary user as well; lower than the caller's is refused with the reason" {
	for who in root user; do
		[ $who = root ] || become_stranger
		start
		jq -n --arg uid "$(zviz exec "$id" id -u)" --arg gid "$(zviz exec "$id" id -g)" '{cwd: "/", args: ["cat", "/proc/self/oom_score_adj"],
			env: ["PATH=/usr/bin:/bin"], user: {uid: ($uid | tonumber), gid: ($gid | tonumber)}, oomScoreAdj: 300}' >"$place/process.json"
		[ "$(zviz exec --process "$place/process.json" "$id")" = 300 ]
		zviz exec "$id" true
		[ "$(cat /proc/self/oom_score_adj)" -lt 300 ]
		zviz delete --force "$id"
	done
	start
	jq '.oomScoreAdj = -900' "$place/process.json" >"$place/lower.json"
	run -255 zviz exec --process "$place/lower.json" "$id"
	[[ $output == *'process.oomScoreAdj'*'lowering it needs CAP_SYS_RESOURCE'* ]]
}

@test "mistakes are told: 255 for what cannot be run, 1 for the command line" {
	run -255 zviz exec "$id" true
	[[ $output == *'container does not exist'* ]]
	start
	run -255 zviz exec "$id" no-such-program
	[[ $output == *'executable file not found in $PATH'* ]]
	run -255 zviz exec "$id" /no/such
	[[ $output == *'no such file or directory'* ]]
	run -255 zviz exec "$id" /etc/passwd
	[[ $output == *'permission denied'* ]]
	run -255 zviz exec --cwd /nowhere "$id" true
	[[ $output == *'working folder /nowhere'* ]]
	run -255 zviz exec --user 4294967290 "$id" true
	[[ $output == *"not among the container's ids"* ]]
	run -255 zviz exec --cap CAP_NET_RAW "$id" true
	[[ $output == *'CAP_NET_RAW: the container does not have it'* ]]
	run -1 zviz exec --cwd tmp "$id" true
	run -1 zviz exec --user root "$id" true
	run -1 zviz exec --privileged "$id" true
	run -1 zviz exec --preserve-fds 9 "$id" true
	run -1 zviz exec --profile ci-runner "$id" true
	run -1 zviz exec --verbose "$id" true
	# Before the command's name engines say what holds for all that they call.
	run -0 zviz --profile hostile-tenant --verbose exec "$id" true
	run -1 zviz exec "$id"
	zviz delete --force "$id"
	start
	zviz exec -d "$id" sh -c 'kill -KILL 2' # the workload, and with it the container
	wait_for stopped
	run -255 zviz exec "$id" true
	[[ $output == *"container not running: $id"* ]]
}

stopped() {
	[[ $(zviz state "$id") == *'"stopped"'* ]]
}

@test "a paused container: refused, or joined when it goes on" {
	[ "$(id -u)" = 0 ] || skip 'a control group is what pauses it'
	grep -q cgroup2 /proc/self/mountinfo && ! grep -q ' - cgroup ' /proc/self/mountinfo || skip 'cgroup v2 is what pauses it'
	start --profile "$place/own.yaml"
	zviz pause "$id"
	run -255 zviz exec "$id" true
	[[ $output == *"container $id is paused"* ]]
	zviz exec --ignore-paused "$id" sh -c 'echo it goes on' >"$place/out" 3>&- &
	local pid=$!
	sleep 0.3
	[ ! -s "$place/out" ]
	zviz resume "$id"
	wait $pid
	[ "$(cat "$place/out")" = 'it goes on' ]
}

@test "another user of the container, where the broker opens nothing; elsewhere that is refused" {
	[ "$(id -u)" = 0 ] || skip 'a single id otherwise'
	start
	run -0 zviz exec --user 7:8 "$id" id
	[ "$output" = 'uid=7 gid=8 groups=8' ]
	run -0 zviz exec --user 7 -g 9 "$id" id -G
	[[ " $output " == *' 9 '* ]]
	zviz delete --force "$id"
	start --profile "$place/own.yaml"
	run -255 zviz exec --user 7:8 "$id" id
	[[ $output == *'user 7:8: the broker of this container performs calls as 0:0'*'zviz run --user'*'without **/.env ('*'own.yaml:4)'* ]]
	run -255 zviz exec -g 8 "$id" id
	run -0 zviz exec --user 0:0 "$id" id -u
}

@test "another user is asked about programs as the container's own is" {
	[ "$(id -u)" = 0 ] || skip 'a single id otherwise'
	asking deny
	run -255 zviz exec --user 7:8 "$id" id
	run -126 zviz exec --user 7:8 "$id" sh -c 'id'
	run -0 zviz exec --user 7:8 "$id" sh -c 'sh -c "echo \$1; true" a b'
	[ "$(grep -c '"kind":"execute","object":"/usr/bin/id"' "$place/home/heard")" = 2 ]
	# Where only that user can search, nobody else finds the program beforehand: it is looked at when it starts.
	run -137 zviz exec --user 7:8 "$id" sh -c 'mkdir -m 700 /tmp/own; ln -s /usr/bin/id /tmp/own/id; exec /tmp/own/id'
	[ "$(grep -c '"kind":"execute","object":"/usr/bin/id"' "$place/home/heard")" = 3 ]
}

@test "a terminal of its own" {
	start
	run -0 script -qec "stty rows 33 cols 99; $place/zviz --root $place/home/state exec -t $id sh -c 'tty; stty size; test -t 0 && echo yes'" /dev/null
	[[ $output == *'/dev/pts/'*'33 99'*'yes'* ]]
	run -0 zviz exec "$id" sh -c 'test -t 0 || echo none' </dev/null
	[ "$output" = none ]
}

@test "Ctrl-C reaches the command, and a signal to zviz does" {
	start
	zviz exec "$id" sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$place/out" 3>&- &
	local pid=$!
	wait_for grep -q ready "$place/out"
	kill -TERM $(pgrep -P $pid . || echo $pid)
	kill -TERM $pid 2>/dev/null || true # a function's own process has no trap
	wait $pid || true # it was ended by a signal
	wait_for grep -q got "$place/out"
}

# ---- as an engine sees it ----

process_file() { # ARGS-JSON MORE
	printf '{"user": {"uid": %d, "gid": %d}, "args": %s, "env": ["PATH=/usr/bin:/bin", "X=y"], "cwd": "/tmp"%s}' \
		"$(zviz exec "$id" id -u)" "$(zviz exec "$id" id -g)" "$1" "${2:-}" >"$place/home/process.json"
}

@test "--process: command, environment, folder, limits; capabilities are cut to the profile's" {
	start
	process_file '["sh", "-c", "echo $X $PWD; ulimit -n; grep CapEff /proc/self/status; umask"]' \
		', "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}], "capabilities": {"effective": ["CAP_SYS_ADMIN"], "permitted": ["CAP_SYS_ADMIN"]}'
	run -0 zviz exec --process "$place/home/process.json" "$id"
	[ "$output" = $'y /tmp\n64\nCapEff:\t0000000000000000\n0022' ]
	run -1 zviz exec --process "$place/home/process.json" "$id" true
	echo '{"args": [], "cwd": "/"}' >"$place/home/process.json"
	run -255 zviz exec --process "$place/home/process.json" "$id"
	[[ $output == *process.json:*args* ]]
	run -255 zviz exec --process "$place/home/none.json" "$id"
}

@test "--detach and --pid-file: the number, without a newline, and only of a command that runs" {
	start
	process_file '["sleep", "300"]'
	cd "$place/home"
	zviz exec --process process.json --detach --pid-file pid "$id" >/dev/null 2>&1 </dev/null
	local pid
	pid=$(cat pid)
	[ "$(wc -c <pid)" = ${#pid} ]
	[ "$(cat "/proc/$pid/comm")" = sleep ]
	[ "$(cat "/proc/$pid/cgroup")" = "$(cat "/proc/$(zviz state "$id" | sed -n 's/^ *"pid": \([0-9]*\).*/\1/p')/cgroup")" ]
	rm pid
	process_file '["no-such-program"]'
	run -255 zviz exec --process process.json --detach --pid-file pid "$id"
	[ ! -e pid ]
	run -255 zviz exec --process process.json --pid-file pid "$id"
	[ ! -e pid ]
	# The end of the container is its end.
	zviz delete --force "$id"
	[ ! -e "/proc/$(cat pid 2>/dev/null || echo "$pid")/comm" ]
}

@test "--console-socket: the terminal's other end, by name" {
	start
	python3 - "$place/home/console" >"$place/out" 3>&- <<-'END' &
	import array, os, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.bind(sys.argv[1] + ".new")
	s.listen()
	os.rename(sys.argv[1] + ".new", sys.argv[1]) # there when somebody listens
	c, _ = s.accept()
	name, fds, _, _ = socket.recv_fds(c, 100, 4)
	os.write(fds[0], b"exit 5\n")
	got = b""
	try:
	    while b"\n" not in got:
	        got += os.read(fds[0], 100)
	except OSError:
	    pass
	print(len(fds), os.isatty(fds[0]), len(name) > 0, flush=True)
	END
	wait_for test -S "$place/home/console"
	zviz exec -t -d --console-socket "$place/home/console" --pid-file "$place/home/pid" "$id" sh >/dev/null 2>&1 </dev/null
	wait_for grep -q '1 True True' "$place/out"
	run -255 zviz exec -d --console-socket "$place/home/console" "$id" true
	[[ $output == *'has no terminal'* ]]
	run -255 zviz exec -t -d "$id" true
}

@test "--preserve-fds: those, and no other" {
	start
	echo three >"$place/three"
	run -0 zviz exec --preserve-fds 1 "$id" sh -c 'cat <&3; ls /proc/self/fd | wc -l' 3<"$place/three" 4</etc/passwd
	[ "$output" = $'three\n5' ]
	run -0 zviz exec "$id" sh -c 'ls /proc/self/fd | wc -l' 5</etc/passwd
	[ "$output" = 4 ]
}

# ---- as an attacker sees it ----

layers() {
	local wanted='CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters|Groups'
	run -0 zviz exec "$id" grep -E "^($wanted):" /proc/self/status
	[ "$output" = "$(of_first "$wanted" | sed '/^Groups/s/.*/Groups:\t'"$(zviz exec "$id" sh -c 'sed -n "s/^Groups:.//p" /proc/1/status')"'/')" ]
	[[ $output == *$'CapBnd:\t0000000000000000'* ]]
	[[ $output == *$'NoNewPrivs:\t1'* ]]
	run -0 zviz exec "$id" sh -c 'for n in /proc/1/ns/* /proc/self/ns/*; do readlink $n; done; cat /proc/self/cgroup | sort -u' 2>&1
	[[ $output != *'zviz-'* ]] # a namespace of groups of its own
	# Landlock and mounts.
	run ! zviz exec "$id" sh -c 'echo x >/etc/own'
	run ! zviz exec "$id" sh -c 'echo x >/proc/sys/kernel/hostname'
	run ! zviz exec "$id" unshare -U true
	run ! zviz exec "$id" unshare -m true
	run ! zviz exec "$id" mount -t tmpfs t /tmp
	[ ! -e "$place/home/host" ]
	run ! zviz exec "$id" ls "$place/home"
	# And they see each other, and no process of the host.
	run -0 zviz exec "$id" sh -c 'ls -d /proc/[0-9]* | wc -l'
	[ "$output" -lt 12 ]
}

@test "every layer of the first process: filter, capabilities, no_new_privs, Landlock, namespaces" {
	start
	layers
}

@test "every layer also for an ordinary user" {
	become_stranger
	start
	layers
}

@test "the control groups are the container's: a limit of processes counts both" {
	start --pids-limit 20
	run -2 zviz exec "$id" sh -c 'for i in $(seq 40); do sleep 5 & done 2>&1; wait'
	[[ $output == *'fork'* ]]
}

patterns() {
	echo secret >.env
	mkdir -p .git/hooks
	chmod -R a+rwX .
	run ! zviz exec "$id" cat .env
	run ! zviz exec "$id" sh -c 'mv .env e && cat e'
	run ! zviz exec "$id" sh -c 'ln .env e; ln -s .env s; cat e s'
	run ! zviz exec "$id" sh -c 'echo x >.git/hooks/pre-commit'
	run ! zviz exec "$id" python3 -c 'import os; os.rename(".git", "g")'
	[ ! -e .git/hooks/pre-commit ]
	# From many at once, and from threads.
	run -0 zviz exec "$id" sh -c 'for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5 6 7 8 9; do cat .env; done) & done 2>/dev/null; wait; echo done'
	[ "$output" = 'done' ]
	run -0 zviz exec "$id" cat /etc/hostname
}

@test "patterns of filesystem.deny hold: the same broker answers" {
	start --profile "$place/own.yaml" --events "$place/home/events"
	patterns
	grep -q '"syscall":"openat".*\.env' "$place/home/events"
	# One process beside the first: the broker.
	zviz exec -d "$id" sleep 60 >/dev/null 2>&1
	[ "$(grep -c . <(pgrep -f "$place/zviz.*$id"))" = 2 ]
}

@test "patterns hold in an attached container, and in an ordinary user's" {
	start_attached --profile "$place/own.yaml"
	patterns
	kill -KILL "$launcher"
	wait "$launcher" || true # it was killed
	launcher=
	zviz delete --force "$id"
	rm -rf .env .git
	become_stranger
	start --profile "$place/own.yaml"
	patterns
}

@test "what an update has changed holds for a process that joins" {
	start --profile "$place/own.yaml"
	echo word >f
	run -0 zviz exec "$id" cat f
	printf 'zviz: 1\nname: shut\nextends: own.yaml\nfilesystem: {deny: {read: [/work/f]}}\n' >"$place/shut.yaml"
	zviz exec "$id" sh -c 'echo here >here; while [ ! -e go ]; do sleep 0.02; done; cat f' >"$place/out" 2>&1 3>&- &
	local before=$!
	wait_for test -e here
	zviz update --profile "$place/shut.yaml" "$id"
	run ! zviz exec "$id" cat f
	# Also one that joined before.
	touch go
	! wait $before || return 1
	grep -q 'Permission denied' "$place/out"
	run -0 zviz exec "$id" cat here
}

@test "what the profile asks about is asked, of whoever answers for the container: reading and programs" {
	cat >"$place/ask.yaml" <<-'END'
	zviz: 1
	name: careful
	extends: ci-runner
	ask: {read: ["**/.env"], execute: [/usr/bin/id], timeout: 20s}
	END
	echo secret >.env
	chmod a+r .env
	python3 -B "$top/tests/cli/ask.py" "$place/socket" "$place/heard" read:=allow execute:/usr/bin/id=deny 3>&- &
	launcher=$!
	wait_for test -S "$place/socket"
	start --profile "$place/ask.yaml" --ask-socket "$place/socket"
	run -0 zviz exec "$id" cat .env
	[ "$output" = secret ]
	run ! zviz exec "$id" sh -c 'id; true && exec id'
	[[ $output != *uid=* ]]
	# The command itself as well, and whatever it is a name for.
	run -255 zviz exec "$id" id -u
	[[ $output == *'exec: "id": permission denied'* ]]
	ln -s /usr/bin/id tool
	printf '#!/work/tool\n' >script
	chmod a+rx script
	run -255 zviz exec "$id" ./tool -u
	run -137 zviz exec "$id" ./script
	[[ $output != *uid=* ]]
	run -255 zviz exec --detach --pid-file "$place/home/pid" "$id" id
	[ ! -e "$place/home/pid" ]
	run -0 zviz exec "$id" sh -c 'cat .env; true; true'
	[ "$(grep -c '"kind":"execute","object":"/usr/bin/id"' "$place/heard")" = 6 ]
	[ "$(grep -c '"kind":"read","object":"/work/.env"' "$place/heard")" = 2 ]
	# Several at once, each of which has to wait for its answer.
	local n pids=()
	for n in 1 2 3 4 5 6; do
		zviz exec "$id" cat .env >"$place/out.$n" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	for n in 1 2 3 4 5 6; do
		[ "$(cat "$place/out.$n")" = secret ]
	done
}

asking() { # a container that waits, whose questions about programs get one answer: ANSWER [RUN-OPTIONS…]
	local answer=$1
	shift
	cat >"$place/ask.yaml" <<-'END'
	zviz: 1
	name: careful
	extends: ci-runner
	ask: {execute: [/usr/bin/id], timeout: 20s}
	END
	${become[@]+"${become[@]}"} python3 -B "$top/tests/cli/ask.py" "$place/home/socket" "$place/home/heard" \
		"execute:=$answer" 3>&- &
	launcher=$!
	wait_for test -S "$place/home/socket"
	start --profile "$place/ask.yaml" --ask-socket "$place/home/socket" "$@"
}

@test "a command that is asked about is the one that was shown, whatever becomes of its name" {
	asking deny,rule
	zviz exec -d "$id" python3 -c '
import os, time
end = time.monotonic() + 60
open("/work/began", "w").close()
while time.monotonic() < end and not os.path.exists("/work/enough"):
    for to in ("/usr/bin/true", "/usr/bin/id"):
        os.symlink(to, "/work/next")
        os.rename("/work/next", "/work/tool")' >/dev/null 2>&1
	wait_for test -e began
	local n status passed=0 refused=0 killed=0
	for n in $(seq 60); do
		status=0
		zviz exec "$id" ./tool >"$place/out" 2>&1 || status=$?
		if grep -q uid= "$place/out"; then false; fi
		case $status in 0) passed=$((passed + 1)) ;; 137) killed=$((killed + 1)) ;; 255) refused=$((refused + 1)) ;; *) cat "$place/out"; return 1 ;; esac
	done
	touch enough
	echo "$passed passed, $refused refused, $killed killed"
	[ "$passed" -gt 2 ]
	[ "$refused" -gt 2 ]
}

waiting() { # until the command of an exec waits for its answer: its process, as the host numbers it
	started=
	for _ in $(seq 250); do
		started=$(pgrep -f '^zviz: starting' | head -n 1)
		[ -z "$started" ] || ! grep -q '"kind":"execute"' "$place/home/heard" || return 0
		sleep 0.02
	done
	return 1
}

# What starts the command is a copy of zviz that knows nothing, under every layer.
started() {
	asking silence
	${become[@]+"${become[@]}"} env HOST_SECRET=word "$place/zviz" --root "$place/home/state" exec "$id" id \
		>"$place/out" 2>&1 3>&- 9<"$place/own.yaml" &
	local joined=$! wanted='CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters|Uid|Gid'
	waiting
	[ "$(grep -E "^($wanted):" "/proc/$started/status")" = "$(of_first "$wanted")" ]
	if grep -qz HOST_SECRET "/proc/$started/environ"; then false; fi
	[[ $(readlink "/proc/$started/exe") == '/memfd:zviz'* ]]
	# It has its input and output, and the way to the launcher; not the broker's, nor a copy of anything.
	[ "$(ls "/proc/$started/fd" | wc -l)" = 4 ]
	# Nobody inside can change what it is.
	run ! zviz exec "$id" sh -c 'for p in /proc/[0-9]*; do
		[ "$(tr "\0" " " <$p/cmdline | cut -c 1-14)" != "zviz: starting" ] || { echo x >$p/exe; } ; done 2>/dev/null; false'
	kill -KILL "$joined"
	wait "$joined" || [ $? = 137 ]
	gone() { [ -z "$(pgrep -f '^zviz: starting')" ]; }
	wait_for gone
	run -0 zviz exec "$id" true
}

@test "while the command is asked about, its process has nothing of the host" {
	started
}

@test "while the command of an ordinary user is asked about, its process has nothing of the host" {
	become_stranger
	started
}

@test "a folder that the workload has exchanged gets no rule, and zviz says so" {
	mkdir -p out tools
	cp "$(type -P true)" tools/tool
	cat >"$place/folders.yaml" <<-'END'
	zviz: 1
	name: folders
	extends: web-server
	filesystem: {execute: [/work/tools]}
	remove: {filesystem: {execute: [/work]}}
	END
	chmod -R a+rwX .
	start --profile "$place/folders.yaml"
	run -0 zviz exec "$id" ./tools/tool
	[ -z "$output" ]
	# Made by the workload, and not to be run by anybody.
	run -126 zviz exec "$id" sh -c 'cp tools/tool own; chmod +x own; ./own'
	# The folder is another one now, and what lies in it the workload's.
	zviz exec "$id" sh -c 'mv tools gone; mkdir tools; cp own tools/tool; chmod +x tools/tool'
	run -0 zviz exec "$id" sh -c './tools/tool; echo $?'
	[[ $output == *'/work/tools is not what it was when the container started'* ]]
	[[ $output == *126 ]]
	run -255 zviz exec "$id" ./tools/tool
	# A link to where more is permitted.
	zviz exec "$id" sh -c 'rm -r tools; ln -s /work/gone tools' 2>/dev/null
	run -0 zviz exec "$id" ./gone/tool # the very folder that the rule was about
	zviz exec "$id" sh -c 'rm tools; ln -s /work tools' 2>/dev/null
	run zviz exec "$id" ./own
	[ "$status" = 255 ]
	# Put back, it is what it was.
	zviz exec "$id" sh -c 'rm tools; mv gone tools' 2>/dev/null
	run -0 zviz exec "$id" ./tools/tool
	[ -z "$output" ]
}

@test "names that lead to the host: the program, descriptors, folders" {
	start
	run -255 zviz exec "$id" /proc/self/exe --version
	run -255 zviz exec --cwd /proc/self/fd/0 "$id" ls <"$place/home"
	for n in 3 4 5 6 7 8 9 10 11 12; do
		run -255 zviz exec --cwd "/proc/self/fd/$n" "$id" ls
		run -255 zviz exec --cwd "/proc/self/fd/$n/../.." "$id" ls
		run -255 zviz exec --cwd "/proc/1/cwd" "$id" ls
	done
	ln -s /proc/self/exe exe
	run -255 zviz exec "$id" ./exe --version
	printf '#!/proc/self/exe\n' >script
	chmod +x script
	run zviz exec "$id" ./script
	[ "$status" != 0 ]
	[[ $output != *"usage"* ]]
}

# A workload that looks at whatever appears, and takes what it can.
spy='
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
found, seen = open("/work/found", "w"), set()
open("/work/ready", "w").close()
while True:
    for p in os.listdir("/proc"):
        if not p.isdigit() or int(p) <= 3 or int(p) == os.getpid():
            continue
        def joining():
            try:
                return open("/proc/%s/comm" % p).read() == "zviz\n"
            except OSError:
                return False
        if not joining():
            continue
        seen.add(p)
        got = []
        try:
            line = open("/proc/%s/cmdline" % p, "rb").read().strip(b"\0")
            got += [line.decode()] if line else []
        except OSError:
            pass
        for what in ("exe", "cwd", "root", "fd/0", "fd/3", "fd/4", "fd/5", "fd/6", "ns/mnt", "ns/pid"):
            try:
                got.append("%s %s" % (what, os.readlink("/proc/%s/%s" % (p, what))))
            except OSError:
                pass
        for what in ("mem", "environ", "maps", "auxv"):
            try:
                open("/proc/%s/%s" % (p, what), "rb").read(1)
                got.append(what)
            except OSError:
                pass
        if libc.ptrace(16, int(p), 0, 0) == 0:
            got.append("ptrace")
        # What was met of the program that it has become since is no secret.
        if got and joining():
            found.write("\n".join(got) + "\n")
        found.flush()
    if os.path.exists("/work/enough"):
        open("/work/seen", "w").write(str(len(seen)))
        break
'

spied() {
	rm -f found ready enough seen
	zviz run --detach --profile "$1" "$id" -- python3 -c "$spy" >/dev/null 2>&1
	wait_for test -e ready
	local n
	for n in $(seq 60); do
		HOST_SECRET=word zviz exec "$id" true || return 1
	done
	touch enough
	wait_for test -s seen
	cat seen found
	[ "$(cat seen)" -gt 3 ] # it was quick enough to see some
	[ ! -s found ]
}

@test "a workload that waits for processes that join gets nothing of them" {
	spied development
}

@test "the same where the joining process has the user's own ids" {
	become_stranger
	spied development
}

# ---- nothing is left ----

nothing_left() { # beyond the container: processes, descriptors and threads of the broker
	[ "$(pgrep -fc "$place/zviz.*$id" || true)" = "$1" ] # grep finds none: 0 is a number to compare
}

broker_of() {
	pgrep -f "$place/zviz.*$id" | head -n 1
}

@test "SIGKILL to the launcher at any moment: its command dies, the broker forgets it, the container goes on" {
	start --profile "$place/own.yaml"
	local n broker before
	broker=$(broker_of)
	zviz exec "$id" cat /etc/hostname >/dev/null
	sleep 0.2
	before=$(ls "/proc/$broker/fd" | wc -l)
	for n in $(seq 60); do
		"$place/zviz" --root "$place/home/state" exec "$id" sleep "77.$$" >/dev/null 2>&1 3>&- &
		sleep "0.0$(printf %05d $((RANDOM % 20000)))"
		kill -KILL $!
		wait $! 2>/dev/null || [ $? = 137 ]
	done
	nobody() { [ -z "$(pgrep -f "^sleep 77.$$")" ]; }
	wait_for nobody
	wait_for nothing_left 2
	quiet() { [ "$(ls "/proc/$broker/fd" | wc -l)" = "$before" ] && [ "$(ls "/proc/$broker/task" | wc -l)" -le 3 ]; }
	wait_for quiet
	run -0 zviz exec "$id" cat /etc/hostname
}

@test "200 in a row, then 20 at once" {
	start --profile "$place/own.yaml"
	local n pids=() broker
	broker=$(broker_of)
	for n in $(seq 200); do
		[ "$(zviz exec "$id" sh -c 'echo $$ >/tmp/x; cat /etc/hostname')" != '' ] || return 1
	done
	for n in $(seq 20); do
		zviz exec "$id" sh -c "for i in 1 2 3 4 5; do cat /etc/hostname >/dev/null || exit 1; done; exit $n" 2>"$place/said.$n" 3>&- &
		pids+=($!)
	done
	for n in $(seq 20); do
		status=0
		wait "${pids[n - 1]}" || status=$?
		[ "$status" = "$n" ] || { echo "$n: $status, $(cat "$place/said.$n")"; return 1; }
	done
	quiet() { [ "$(ls "/proc/$broker/task" | wc -l)" -le 3 ]; }
	wait_for quiet
}

@test "more than the broker takes: the next is told, and works when one has ended" {
	start --profile "$place/own.yaml"
	local n
	for n in $(seq 64); do
		zviz exec -d --pid-file "$place/last" "$id" sleep 300 >/dev/null 2>&1 || { echo "the $n."; return 1; }
	done
	run -255 zviz exec "$id" true
	[[ $output == *'as many processes as it can'* ]]
	# The first one goes on, with opens of its own.
	[ -e "/proc/$(broker_of)" ]
	kill "$(cat "$place/last")"
	wait_for zviz exec "$id" true
}

@test "a broker that is stopped: told after a while; one that is killed: the container is gone" {
	start --profile "$place/own.yaml"
	local broker
	broker=$(broker_of)
	kill -STOP "$broker"
	run -255 zviz exec "$id" true
	[[ $output == *'its broker does not answer'* ]]
	kill -CONT "$broker"
	run -0 zviz exec "$id" true
	kill -KILL "$broker"
	wait_for stopped
	run -255 zviz exec "$id" true
	[[ $output == *'container not running'*'its broker was killed'* ]]
}

@test "only the owner of the state reaches the door" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	start --profile "$place/own.yaml"
	run ! setpriv --reuid 61500 --regid 61500 --clear-groups "$place/zviz" --root "$place/home/state" exec "$id" true
	run ! setpriv --reuid 61500 --regid 61500 --clear-groups ls "$place/home/state/$id"
	[[ $(stat -c %a "$place/home/state/$id") == 700 ]]
	run ! zviz exec "$id" ls "$place/home/state/$id/door"
}

# ---- a failure at each step ----

steps=(join.find join.meet cpus.first stdio.open join.spawn cgroup.join clocks.join files.close ids.own session.begin exec.resolve limits.set cpus.set
	schedule.set caps.bound ids.become memory.shut caps.set privs.lock landlock.enter seccomp.load exec)

@test "nobody joins a container that is not there yet: its root is still the host's" {
	local faults=${FAULTS:-$(dirname "$zviz")/../../tests/cli/zviz-faults} step
	[ -e "$faults" ] || faults=$top/build/check/tests/cli/zviz-faults
	cp "$faults" "$place/faults"
	for step in cgroup.enter rootfs.build rootfs.pivot privs.lock landlock.enter state.ready; do
		ZVIZ_FAULT=$step:wait "$place/faults" --root "$place/home/state" run "$id" true >"$place/said" 2>&1 3>&- &
		launcher=$!
		wait_for runs
		run -255 zviz exec "$id" sh -c 'ls /; touch /work/ran /tmp/ran'
		echo "$step: $output"
		[[ $output == *'not ready'* ]]
		[ ! -e /tmp/ran ]
		[ ! -e ran ]
		kill -KILL "$launcher"
		wait "$launcher" || true # that is how it ended
		zviz delete --force "$id"
	done
	launcher=
}

@test "a failure at each step, and the death of whoever runs it: the command never runs, the container goes on" {
	local faults=${FAULTS:-$(dirname "$zviz")/../../tests/cli/zviz-faults} step status broker
	[ -e "$faults" ] || faults=$top/build/check/tests/cli/zviz-faults
	cp "$faults" "$place/faults"
	sed 's/^extends:.*/&\nnamespaces: [time]/' "$place/own.yaml" >"$place/clocks.yaml"
	start --profile "$place/clocks.yaml"
	broker=$(broker_of)
	cat >"$place/process.json" <<-END
	{"cwd": "/", "args": ["sh", "-c", "touch /work/ran"], "env": ["PATH=/usr/bin:/bin"], "user": {"uid": $(zviz exec "$id" id -u), "gid": $(zviz exec "$id" id -g)},
	 "scheduler": {"policy": "SCHED_BATCH", "nice": 1}, "execCPUAffinity": {"initial": "0-7999", "final": "0-7999"}}
	END
	for step in "${steps[@]}"; do
		status=0
		ZVIZ_FAULT=$step timeout 20 "$place/faults" --root "$place/home/state" exec --process "$place/process.json" "$id" >"$place/said" 2>&1 || status=$?
		if [ "$status" != 255 ] || [ -e ran ] || ! grep -q "^zviz: $step: injected fault" "$place/said"; then
			echo "$step: status $status, said: $(cat "$place/said")"
			return 1
		fi
		status=0
		ZVIZ_FAULT=$step:kill timeout 20 "$place/faults" --root "$place/home/state" exec --process "$place/process.json" "$id" >"$place/said" 2>&1 || status=$?
		[ "$status" != 0 ] && [ ! -e ran ] || { echo "$step: killed, status $status"; return 1; }
		run -0 zviz exec "$id" cat /etc/hostname
	done
	none() { [ -z "$(pgrep -f "$place/faults")" ]; }
	wait_for none
	quiet() { [ "$(ls "/proc/$broker/task" | wc -l)" -le 3 ]; }
	wait_for quiet
	# The list is the table.
	[ "$(sed -n '/join_steps\[\]/,/^};/s/.*{ [A-Z]*, "\([a-z.]*\)".*/\1/p' "$top/src/box/sequence.c" | grep -vE 'seccomp.spec|listener.help|starter.make|home.find|label.set' | sort)" = \
		"$(printf '%s\n' "${steps[@]}" | sort)" ]
}
