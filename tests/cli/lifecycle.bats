# Commands about a container that is there: kill, ps, pause, resume.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$bin" "$place/zviz"
	cd "$place/work"
	id=life-$BATS_TEST_NUMBER-$$
	become=()
}

teardown() {
	cd /
	zviz delete --force "$id" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" "$@"
}

status() {
	zviz state "$id" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'
}

until_is() { # STATUS
	for _ in {1..100}; do
		[ "$(status)" != "$1" ] || return 0
		sleep 0.05
	done
	return 1
}

# A workload that says which signals it gets, and lives until KILL.
listens='for s in HUP INT QUIT USR1 USR2 TERM WINCH; do trap "echo $s >>got" $s; done
touch ready; while :; do sleep 0.05; done'

start() { # COMMAND…
	zviz run --detach "$id" -- "$@" 3>&-
	until_is running
}

start_listening() {
	start /bin/sh -c "$listens"
	for _ in {1..100}; do [ ! -e ready ] || return 0; sleep 0.05; done
	return 1
}

got() { # WORD: the workload has got that signal
	for _ in {1..100}; do
		! grep -qx "$1" got 2>/dev/null || return 0
		sleep 0.05
	done
	return 1
}

@test "kill: names and numbers, any case, TERM unless another is named" {
	start_listening
	zviz kill "$id"
	got TERM
	zviz kill "$id" HUP
	got HUP
	zviz kill "$id" sigint
	got INT
	zviz kill "$id" 10
	got USR1
	zviz kill "$id" SIGUSR2
	got USR2
	zviz kill --all "$id" 28
	got WINCH
	zviz kill "$id" 0
	[ "$(status)" = running ]
	zviz kill "$id" KILL
	until_is stopped
}

@test "kill: what is no signal, no container, no running one" {
	start /bin/sleep 60
	for bad in '' x SIG SIGNONE 65 -1 -9 9x 99999999999999999999 SIGRTMIN+31 SIGRTMAX-31 RTMIN+; do
		run -1 zviz kill "$id" "$bad"
		[[ "$output" == *"signal"* ]] || [[ "$output" == *'unknown option'* ]]
	done
	[ "$(status)" = running ]
	run -1 zviz kill nobody TERM
	[[ "$output" == *'container does not exist'* ]]
	run -1 zviz kill ../x TERM
	[[ "$output" == *'invalid container id'* ]]
	run -1 zviz kill
	run -1 zviz kill "$id" TERM more
	zviz kill "$id" SIGRTMIN+3
	zviz kill "$id" 9
	until_is stopped
	run -1 zviz kill "$id" 9
	[[ "$output" == *'container not running'* ]]
	run -0 zviz kill --all "$id" 9
	zviz delete "$id"
}

@test "kill --all: every process of the container, and no other" {
	# shellcheck disable=SC2016 # expanded inside
	start /bin/sh -c 'for i in 1 2 3; do /bin/sh -c "trap \"echo $i >>all; exit\" USR1; touch up$i; while :; do sleep 0.05; done" & done
		trap "" USR1; wait; sleep 60'
	for _ in {1..100}; do [ -e up1 ] && [ -e up2 ] && [ -e up3 ] && break; sleep 0.05; done
	sleep 60 &
	other=$!
	zviz kill --all "$id" USR1
	for _ in {1..600}; do [ "$(sort all 2>/dev/null | tr -d '\n')" != 123 ] || break; sleep 0.05; done
	[ "$(sort all | tr -d '\n')" = 123 ]
	kill -0 "$other"
	kill "$other"
}

@test "ps: the container's processes, as numbers and as a table" {
	zviz run --detach "$id" -- /bin/sh -c 'sleep 61 & sleep 62 & wait' 3>&-
	until_is running
	for _ in {1..100}; do [ "$(zviz ps --format json "$id" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" != 4 ] || break; sleep 0.05; done
	pids=$(zviz ps --format=json "$id" | python3 -c 'import json, sys; print(*json.load(sys.stdin))')
	[ "$(wc -w <<<"$pids")" = 4 ] # with the first process, which reaps
	[[ " $pids " == *" $(zviz state "$id" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])') "* ]]
	for pid in $pids; do [ -d "/proc/$pid" ]; done
	run -0 zviz ps "$id"
	[ "${#lines[@]}" = 5 ]
	[[ "${lines[0]}" == *PID*CMD* ]]
	[[ "$output" == *'sleep 61'* && "$output" == *'sleep 62'* ]]
	run -0 zviz ps -f table "$id" -e -o pid,comm
	[ "${#lines[@]}" = 5 ]
	[[ "$output" != *'sleep 61'* ]]
	run -1 zviz ps --format yaml "$id"
	zviz kill "$id" KILL
	until_is stopped
	run -1 zviz ps "$id"
	[[ "$output" == *'container not running'* ]]
}

@test "the same for an ordinary user, whose containers have no group here" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	chown -R 61500:61500 "$place"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
	start_listening
	[ "$(zviz ps --format json "$id" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)) in (2, 3))')" = True ]
	zviz kill "$id" USR1
	got USR1
	zviz kill --all "$id" KILL
	until_is stopped
}

@test "a number that another process has by now is not signalled" {
	start /bin/sleep 60
	zviz kill "$id" KILL
	until_is stopped
	sleep 60 &
	other=$!
	# What a number that was taken over looks like: the record says another start.
	sed -i "s/\"pid\":[0-9]*/\"pid\":$other/" "$place/home/state/$id/state.json"
	run -1 zviz kill "$id" KILL
	[[ "$output" == *'container not running'* ]]
	kill -0 "$other"
	kill "$other"
}

@test "pause and resume: where there is a freezer; elsewhere it is said" {
	start /bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i >count; sleep 0.02; done'
	if ! zviz pause "$id" 2>said; then
		cat said
		grep -q 'cgroup' said
		grep -q hint said
		[ "$(status)" = running ]
		return
	fi
	[ "$(status)" = paused ]
	before=$(cat count)
	sleep 0.5
	[ "$(cat count)" = "$before" ]
	run -1 zviz pause "$id"
	[[ "$output" == *'paused'* ]]
	zviz resume "$id"
	[ "$(status)" = running ]
	sleep 0.5
	[ "$(cat count)" != "$before" ]
	run -1 zviz resume "$id"
	[[ "$output" == *'not paused'* ]]
	# Ended while it is paused, and deleted.
	zviz pause "$id"
	run -1 zviz delete "$id"
	zviz delete --force "$id"
	run -1 zviz state "$id"
	[[ "$output" == *'container does not exist'* ]]
}

@test "the folder of states: made with those above it that are missing, each for its owner to write" {
	umask 0
	"$place/zviz" --root new/of/ours run "$id" /bin/true
	umask 022
	[ "$(stat -c %a new new/of new/of/ours)" = "$(printf '711\n711\n711')" ]
	touch file
	run -1 "$place/zviz" --root file/of/ours run "$id" /bin/true
	[[ $output == *'state folder file/of/ours: Not a directory'* ]]
	run -1 "$place/zviz" --root file run "$id" /bin/true
	[[ $output == *'state folder file: Not a directory'* ]]
}
