# zviz as a job of a shell, at a terminal and in a pipeline. terminal.py is the hand at the keyboard.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir "$place/work"
	cd "$place/work"
	id=terminal-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	rm -rf "$place"
}

zviz() {
	"$zviz" --root "$place/state" "$@"
}

# Nothing of the container is left: neither state nor a process, which all have its name on their command line.
nothing_left() {
	for _ in $(seq 200); do
		[ -n "$(pgrep -f " $id ")" ] || break
		sleep 0.01
	done
	[ -z "$(pgrep -fa " $id ")" ]
	[ -z "$(ls -A "$place/state")" ]
}

at_terminal() { # SCENARIO
	run -0 timeout 120 python3 -B "$BATS_TEST_DIRNAME/terminal.py" "$1" "$zviz" --root "$place/state" run "$id"
	nothing_left
}

wait_for() { # COMMAND…: until it succeeds
	for _ in $(seq 500); do
		! "$@" 2>/dev/null || return 0
		sleep 0.02
	done
	echo "in vain: $*"
	return 1
}

state_of() { # PID: its letter in /proc
	sed 's/.*) //' "/proc/$1/stat" | cut -c1
}

is_stopped() {
	[ "$(state_of "$1")" = T ]
}

@test "its window has the caller's size, and follows it" { at_terminal size; }
@test "exit codes come through" { at_terminal exit_codes; }
@test "Ctrl-C ends a command, with 130" { at_terminal interrupt; }
@test "Ctrl-C during the launch" { at_terminal interrupt_at_once; }
@test "Ctrl-\\ ends a command, with 131" { at_terminal quit_key; }
@test "Ctrl-C in a shell inside returns to its prompt" { at_terminal interrupt_in_shell; }
@test "Ctrl-Z in a shell inside is its own" { at_terminal jobs_in_shell; }
@test "Ctrl-Z stops zviz, fg goes on" { at_terminal stop_and_go; }
@test "in the background it leaves the keys to the shell, until fg" { at_terminal background; }
@test "in the background it runs to its end" { at_terminal background_ends; }
@test "Ctrl-D is the end of input" { at_terminal end_of_input; }
@test "the terminal is afterwards as it was before" { at_terminal modes_restored; }
@test "ten megabytes of output through the terminal" { at_terminal large_output; }
@test "a long paste" { at_terminal large_input; }
@test "--no-tty: no terminal of its own, and no control over the caller's" { at_terminal no_tty; }
@test "the window is closed" { at_terminal hang_up; }
@test "signals to zviz are the workload's" { at_terminal signals; }

@test "pipes: ten megabytes in and out, unchanged" {
	head -c 10000000 /dev/urandom >random
	zviz run "$id" cat <random >piped
	cmp random piped
	zviz run "$id" cat <random | cat >piped
	cmp random piped
	cat random | zviz run "$id" cat | cmp random -
}

@test "--tty without a terminal: output is whole, the end of input is an end of file" {
	run -0 bash -c "printf 'one\ntwo' | '$zviz' --root '$place/state' run --tty $id cat"
	[[ $output == *two*two* ]]
	zviz run --tty "$id" seq 1 400000 </dev/null | tr -d '\r' | cmp - <(seq 1 400000)
	run -3 zviz run -t "$id" sh -c 'tty && exit 3' </dev/null
	[[ $output == *"/dev/pts/0"* ]]
	run -1 zviz run "$id" tty </dev/null
	[[ $output == *"not a tty"* ]]
}

@test "a reader that goes away ends the writer" {
	run -0 timeout 20 bash -c "'$zviz' --root '$place/state' run $id yes | head -n 2"
	[ "$output" = $'y\ny' ]
	run -0 timeout 20 bash -c "'$zviz' --root '$place/state' run --tty $id yes </dev/null | head -n 1 | tr -d '\r'"
	[ "$output" = y ]
	nothing_left
}

@test "standard streams that are closed or nobody's" {
	run -0 zviz run "$id" cat </dev/null
	[ "$output" = "" ]
	zviz run "$id" sh -c 'echo out; exit 4' >/dev/null 2>&1 && status=0 || status=$?
	[ "$status" = 4 ]
	run -0 bash -c "'$zviz' --root '$place/state' run $id sh -c 'echo out; ls /proc/self/fd | wc -l' <&-"
	[[ $output == "out"* ]]
	run -5 bash -c "'$zviz' --root '$place/state' run $id sh -c 'exit 5' <&- >&- 2>&-"
	nothing_left
}

@test "of the caller's open files the workload gets the first three" {
	echo secret >secret
	run -0 zviz run "$id" sh -c 'ls /proc/self/fd | tr "\n" " "' 9<secret
	[ "$output" = "0 1 2 3 " ] # ls itself has the folder open
	run ! zviz run "$id" sh -c 'cat <&9' 9<secret
	[[ $output != *secret* ]]
}

@test "without a terminal, SIGTSTP stops the workload and zviz, SIGCONT wakes both" {
	set -m # a job of its own
	"$zviz" --root "$place/state" run --timeout 30s "$id" sh -c 'echo >began; until [ -e go-on ]; do sleep 0.02; done; echo more >more; exit 6' </dev/null >/dev/null 2>&1 3>&- &
	local pid=$!
	set +m
	wait_for [ -e began ]
	kill -TSTP "$pid"
	wait_for is_stopped "$pid"
	touch go-on
	sleep 0.3
	[ ! -e more ]
	kill -CONT "$pid"
	local status=0
	wait "$pid" || status=$?
	[ "$status" = 6 ]
	[ -e more ]
}

@test "in the background of a script" {
	"$zviz" --root "$place/state" run "$id" sh -c 'sleep 0.2; exit 3' 3>&- &
	local status=0
	wait $! || status=$?
	[ "$status" = 3 ]
	# Such a job ignores SIGINT and SIGQUIT, but what it runs inside is started as any program.
	run -0 bash -c "trap '' INT QUIT; '$zviz' --root '$place/state' run $id sh -c 'trap' "
	[ "$output" = "" ]
	nothing_left
}

@test "--timeout: 124 in time, whatever the workload does about it" {
	local command begin
	for command in 'sleep 60' 'trap "" TERM INT HUP; sleep 60 & wait; sleep 60' 'setsid sleep 60 & sleep 60' \
		'while :; do :; done' 'kill -STOP $$'; do
		begin=$SECONDS
		run -124 zviz run --timeout 200ms "$id" sh -c "$command"
		[ $((SECONDS - begin)) -le 6 ]
		nothing_left
	done
	run -7 zviz run --timeout 60s "$id" sh -c 'exit 7'
}
