# What is left in the folder of states by a crash, a reboot or a full disk: never a wrong answer, never a name that stays taken.

bats_require_minimum_version 1.5.0
load small

setup() {
	[ "$(id -u)" = 0 ] || skip 'to mount a folder of states takes root'
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir "$place/state"
	sleeper "$place/bundle"
	cp "$zviz" "$place/zviz"
	chmod -R a+rX "$place"
	id=crash-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	[ -n "${place:-}" ] || return 0
	zviz delete --force "$id" 2>/dev/null || true # most tests leave none
	for _ in {1..50}; do # a test mounts two, one upon the other
		mountpoint -q "$place/state" || break
		umount "$place/state" || sleep 0.1
	done
	if mountpoint -q "$place/state"; then echo "still mounted: $place/state" && return 1; fi
	rm -rf "$place"
}

zviz() { "$place/zviz" --root "$place/state" "$@"; }
create() { zviz create --bundle "$place/bundle" "$id" </dev/null >"$place/said" 2>&1 3>&-; }
status() { zviz state "$id" | jq -r .status; }

nothing_runs() {
	for _ in {1..100}; do
		[ -n "$(pgrep -f "$place/zviz")" ] || break
		sleep 0.05
	done
	[ -z "$(pgrep -f "$place/zviz")" ]
	[ -z "$(find /sys/fs/cgroup -name "*$id*" 2>/dev/null)" ]
}

@test "no room for the state: nothing starts, nothing is left, and what was there goes on" {
	local made=0 refused=0
	for blocks in 4k 8k 12k 16k 24k 32k 64k 1m; do
		mount -t tmpfs -o "mode=755,size=$blocks" none "$place/state"
		if create; then
			made=$((made + 1))
			[ "$(status)" = created ]
			zviz delete --force "$id"
		else
			refused=$((refused + 1))
			grep -q 'No space left on device' "$place/said"
		fi
		[ -z "$(ls -A "$place/state")" ] || { echo "$blocks: $(ls -R "$place/state") $(cat "$place/said")"; return 1; }
		nothing_runs
		umount "$place/state"
	done
	echo "$made made, $refused refused"
	[ "$made" -gt 0 ]
	[ "$refused" -gt 0 ]
	# Full after it was made: each command tells the truth, and it can be taken away.
	mount -t tmpfs -o mode=755,size=1m none "$place/state"
	create
	dd if=/dev/zero of="$place/state/filler" bs=4k 2>/dev/null || true # until it is full
	[ "$(status)" = created ]
	zviz start "$id"
	[ "$(status)" = running ]
	[ "$(zviz exec "$id" sh -c 'echo in')" = in ]
	run -1 zviz create --bundle "$place/bundle" "other-$id"
	zviz kill "$id" KILL
	for _ in {1..200}; do [ "$(status)" != stopped ] || break; sleep 0.05; done
	[ "$(status)" = stopped ]
	zviz delete "$id"
	[ "$(ls "$place/state")" = filler ]
	nothing_runs
}

@test "a folder of states that cannot be written: said, with its name; what is there can still be asked about" {
	mount -t tmpfs -o mode=755 none "$place/state"
	create
	mount --bind "$place/state" "$place/state"
	mount -o remount,bind,ro "$place/state"
	run -1 zviz create --bundle "$place/bundle" "other-$id"
	[[ $output == *"$place/state"*'Read-only file system'* ]]
	[ "$(status)" = created ]
	zviz list | grep -q "$id"
	run -1 zviz delete --force "$id"
	[[ $output == *'Read-only file system'* ]]
	umount "$place/state"
	zviz delete --force "$id"
	[ -z "$(ls -A "$place/state")" ]
	nothing_runs
}

@test "after a reboot: what ran is stopped, no process of today's is touched, the name can be had again" {
	create
	zviz start "$id"
	cp -a "$place/state" "$place/before"
	zviz delete --force "$id"
	# The numbers are those of others now.
	sleep 300 3>&- &
	other=$!
	rm -rf "$place/state"
	cp -a "$place/before" "$place/state"
	python3 - "$place/state/$id/state.json" "$other" <<-'END'
	import json, sys
	path, other = sys.argv[1:]
	text = open(path).read()
	def change(o):
	    if isinstance(o, dict):
	        return {k: int(other) if k == "pid" else change(v) for k, v in o.items()}
	    return [change(v) for v in o] if isinstance(o, list) else o
	open(path, "w").write(json.dumps(change(json.loads(text))))
	END
	[ "$(status)" = stopped ]
	[ "$(zviz state "$id" | jq .pid)" = 0 ]
	run -255 zviz exec "$id" true
	run -1 zviz kill "$id" KILL
	[ -d "/proc/$other" ]
	run ! create
	grep -q 'container with given ID already exists' "$place/said"
	zviz delete --force "$id"
	[ -d "/proc/$other" ]
	kill "$other"
	create
	zviz delete --force "$id"
}

@test "after a reboot a process of the same number that started at the same tick is another one" {
	create
	zviz start "$id"
	cp -a "$place/state" "$place/before"
	zviz delete --force "$id"
	sleep 300 3>&- &
	other=$!
	begun=$(sed 's/.*) //' "/proc/$other/stat" | cut -d' ' -f20)
	again() { # JQ
		rm -rf "$place/state"
		cp -a "$place/before" "$place/state"
		jq -c --argjson pid "$other" --argjson start "$begun" ".pid = \$pid | .start = \$start | .broker_pid = \$pid | .broker_start = \$start | $1" \
			"$place/before/$id/state.json" >"$place/state/$id/state.json"
	}
	# Of this boot, and as older versions wrote it, who has both numbers is the one.
	again .
	[ "$(status)" = running ]
	again 'del(.boot)'
	[ "$(status)" = running ]
	again '.boot = "11111111-2222-3333-4444-555555555555"'
	[ "$(status)" = stopped ]
	run -255 zviz exec "$id" true
	run -1 zviz kill "$id" KILL
	zviz delete --force "$id"
	again '.boot = "11111111-2222-3333-4444-555555555555"'
	zviz delete "$id"
	[ -d "/proc/$other" ]
	# Nor is a group of the same name the container's.
	group=$(jq -r .cgroups "$place/before/$id/state.json" | head -1)
	mkdir -p "$group"
	echo "$other" >"$group/cgroup.procs"
	again '.boot = "11111111-2222-3333-4444-555555555555"'
	zviz delete --force "$id"
	[ -d "/proc/$other" ]
	[ -d "$group" ]
	kill "$other"
	wait "$other" || [ $? = 143 ]
	rmdir "$group"
}

@test "a state that is cut short, empty, garbage, or no file: no name stays taken" {
	create
	zviz start "$id"
	cp -a "$place/state" "$place/before"
	zviz delete --force "$id"
	echo untouched >"$place/canary"
	whole=$(stat -c %s "$place/before/$id/state.json")
	for damage in "truncate -s 0" "truncate -s 1" "truncate -s $((whole / 2))" "truncate -s $((whole - 2))" \
		"cp /bin/true" "rm" "ln -sf $place/canary" "rm-mkdir"; do
		rm -rf "$place/state"
		cp -a "$place/before" "$place/state"
		file=$place/state/$id/state.json
		if [ "$damage" = rm-mkdir ]; then rm "$file" && mkdir "$file"; else $damage "$file"; fi
		run zviz state "$id"
		[ "$status" = 0 ] && [ "$(jq -r .status <<<"$output")" = stopped ] || { echo "$damage: $status: $output"; return 1; }
		run -0 zviz list
		run -0 zviz delete --force "$id"
		[ -z "$(ls -A "$place/state")" ] || { echo "$damage: $(ls -R "$place/state")"; return 1; }
	done
	[ "$(cat "$place/canary")" = untouched ]
	# What others have put there is theirs to remove; it is said.
	rm -rf "$place/state"
	cp -a "$place/before" "$place/state"
	touch "$place/state/$id/mine"
	run -1 zviz delete --force "$id"
	[[ $output == *'holds what zviz has not put there'* ]]
	[ "$(ls "$place/state/$id")" = mine ]
	rm "$place/state/$id/mine"
	zviz delete --force "$id"
	create
	[ "$(status)" = created ]
	zviz delete --force "$id"
}
