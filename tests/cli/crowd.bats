# Many at once: four workers take 200 containers through their lives, as engines do, and nothing of any is left.

bats_require_minimum_version 1.5.0
load small

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	sleeper "$place/bundle"
	cp "$zviz" "$place/zviz"
	chmod -R a+rX "$place"
}

teardown() {
	cd /
	# Of a test that failed in its middle: the workers first, who would make more.
	kill $(jobs -p) 2>/dev/null || true # mostly all have ended
	wait
	for id in $(ls -A "$place/state" 2>/dev/null || true); do # most tests have ended all
		zviz delete --force "$id" || true # what is left of it is said below
	done
	local left
	left=$(ls -A "$place/state" 2>/dev/null || true) # a test may have made none
	rm -rf "$place"
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

zviz() { "$place/zviz" --root "$place/state" "$@"; }

one() { # ID: its life; the first command that fails says so
	local id=$1
	{
		zviz create --bundle "$place/bundle" --pid-file "$place/$id.pid" "$id" </dev/null >"$place/$id.out" 2>&1 &&
			[ "$(zviz state "$id" | jq -r .status)" = created ] &&
			zviz start "$id" &&
			[ "$(zviz exec "$id" sh -c 'cat /proc/1/comm')" = sleep ] &&
			[ "$(zviz state "$id" | jq -r .status)" = running ] &&
			zviz kill "$id" KILL &&
			until_stopped "$id" &&
			zviz delete "$id"
	} || { echo "$id: $(cat "$place/$id.out")" && false; }
}

until_stopped() {
	for _ in {1..600}; do
		[ "$(zviz state "$1" | jq -r .status)" != stopped ] || return 0
		sleep 0.05
	done
	echo "$1: still $(zviz state "$1" | jq -r .status)" && false
}

worker() { # NUMBER: its 50
	for i in {1..50}; do one "crowd-$1-$i-$$" || return 1; done
}

@test "200 containers are created, started, exec'd into, killed and deleted by four workers" {
	local pids=() failed=0
	for w in 1 2 3 4; do
		worker "$w" >"$place/worker-$w" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
	cat "$place"/worker-*
	[ "$failed" = 0 ]
	[ -z "$(ls -A "$place/state")" ]
	[ "$(zviz list --format json)" = '[]' ]
	for _ in {1..100}; do
		[ -n "$(pgrep -f "$place/zviz")" ] || break
		sleep 0.05
	done
	[ -z "$(pgrep -f "$place/zviz")" ]
	[ -z "$(find /sys/fs/cgroup -name "*crowd-*-$$" 2>/dev/null)" ]
	if grep -q "$place" /proc/self/mountinfo; then false; fi
}

@test "one name, four who want it: one gets it, and the others are told" {
	local pids=() got=0
	for w in 1 2 3 4; do
		zviz create --bundle "$place/bundle" "crowd-$$" </dev/null >"$place/said-$w" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do ! wait "$pid" || got=$((got + 1)); done
	cat "$place"/said-*
	[ "$got" = 1 ]
	[ "$(grep -l 'container with given ID already exists' "$place"/said-* | wc -l)" = 3 ]
	[ "$(zviz state "crowd-$$" | jq -r .status)" = created ]
	# Four who want it gone: it is gone, and nobody hangs.
	pids=()
	for w in 1 2 3 4; do
		zviz delete --force "crowd-$$" >"$place/said-$w" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ -z "$(ls -A "$place/state")" ]
}
