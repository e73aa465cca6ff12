#!/usr/bin/env bats
# A workload that does its worst (tests/hostile/hostile.h), and what is seen of the broker meanwhile from outside. ZVIZ is
# the binary under test.
#
# ZVIZ_HOSTILE_S (10) seconds for each test, ZVIZ_HOSTILE_SEED (the time) chooses the calls.

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "$ZVIZ")
	program=$(realpath "${HOSTILE:-$(dirname "$zviz")/../../../check/tests/hostile/hostile}")
	seconds=${ZVIZ_HOSTILE_S:-10}
	seed=${ZVIZ_HOSTILE_SEED:-$(date +%s)}
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home" "$place/outside"
	echo zviz-canary >"$place/outside/file"
	cp "$program" "$place/work/hostile"
	cd "$place/work"
	./hostile make
	id=hostile-$BATS_TEST_NUMBER-$$
	become=()
	launcher=
}

teardown() {
	cd /
	[ -z "$launcher" ] || kill -KILL "$launcher" 2>/dev/null || true # it may have ended
	rm -rf "$place"
}

write_profile() { # EXTRA LINES
	cat >"$place/own.yaml" <<-'END'
	zviz: 1
	name: own
	extends: ci-runner
	filesystem: {deny: {read: ["**/.env"], write: ["**/hooks/**", "**/.env"]}}
	END
	cat >>"$place/own.yaml"
}

# What must not be read or written, as it is: names, modes, times and content. The folder of .env may be moved, since the
# pattern goes along.
# A folder may be moved with what is protected in it, to where that is protected as well: so it is looked for everywhere.
canaries() {
	find "$place/work" -name .env -printf '%f %M %n %s %T@ %U\n' -exec cat {} +
	find "$place/work" -path '*/hooks/*' -printf '%p %M %n %s %T@ %U\n' | sed 's|^.*/hooks/||' | sort
	for name in one two; do find "$place/work" -path '*/hooks/*' -name "$name" -type f -exec cat {} +; done
	(cd "$place" && find outside -printf '%p %M %n %s %T@ %U\n' | sort && cat outside/file)
}

wait_for() { # LINE: until the workload has said it
	until grep -qx "$1" out; do
		kill -0 "$launcher" || { cat out err; return 1; }
		sleep 0.1
	done
}

find_broker() { # the launcher's child that serves the listener
	local pid
	for pid in $(cat "/proc/$launcher/task/$launcher/children"); do
		if ls -l "/proc/$pid/fd" | grep -q 'seccomp notify'; then
			broker=$pid
		fi
	done
	[ -n "$broker" ]
}

weigh() { # what the broker has: descriptors, threads, kB of its own memory
	echo "$(ls "/proc/$broker/fd" | wc -l) $(awk '/^Threads:/ { print $2 }' "/proc/$broker/status")" \
		"$(awk '/^RssAnon:/ { print $2 }' "/proc/$broker/status")"
}

# In a phase before the first weighing everything is touched for the first time; in a second one nothing may be added.
do_its_worst() { # [OPTION…]
	local before first second code=0
	before=$(canaries)
	echo "seed $seed"
	${become[@]+"${become[@]}"} "$zviz" --root "$place/home/state" --profile "$place/own.yaml" run --timings "$@" "$id" -- \
		./hostile "$seed" $((seconds / 2)) 2 >out 2>err </dev/null &
	launcher=$!
	wait_for 'quiet 0'
	find_broker
	echo "at first: $(weigh)"
	touch go-0
	wait_for 'quiet 1'
	sleep 1
	first=$(weigh)
	touch go-1
	wait_for 'quiet 2'
	sleep 1
	second=$(weigh)
	echo "descriptors, threads, kB: $first, then $second"
	touch go-2
	wait "$launcher" || code=$?
	launcher=
	grep -av '^quiet' out
	tail -n 4 err
	[ "$code" = 0 ]
	[ "${first%% *}" = "${second%% *}" ]
	[ "$(cut -d' ' -f2 <<<"$second")" -le 4 ] # who serves, who watches, the first one, and who shows limits
	# A sanitizer keeps what was freed.
	grep -q __asan_init "$zviz" || [ $((${second##* } - ${first##* })) -le 128 ]
	diff <(echo "$before") <(canaries)
	all_answered
	[ -z "$(ls -A "$place/home/state")" ]
	if grep -q "/$id\b" /proc/self/cgroup /proc/mounts; then false; fi
	if find /sys/fs/cgroup -name "*$id*" | grep -q .; then false; fi
}

made_by_i386() {
	local made passed
	read -r made passed < <(sed -n 's/^by i386: \([0-9]*\) made, \([0-9]*\) passed$/\1 \2/p' out)
	[ "$made" -gt 1000 ]
	[ "$passed" -gt 50 ]
}

# Each call that it was asked about was answered once, in one way.
all_answered() {
	local asked performed allowed failed denied
	read -r asked performed allowed failed denied < <(sed -n \
		's/^zviz: broker: \([0-9]*\) asked: \([0-9]*\) performed, \([0-9]*\) allowed, \([0-9]*\) failed, \([0-9]*\) denied.*/\1 \2 \3 \4 \5/p' err)
	[ "$asked" -gt 1000 ]
	[ "$asked" = $((performed + allowed + failed + denied)) ]
}

@test "a hostile workload: as started by root" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	write_profile </dev/null
	do_its_worst
}

@test "a hostile workload: everything is asked and told, as started by a stranger" {
	if [ "$(id -u)" = 0 ]; then
		become=(setpriv --reuid 61500 --regid 61500 --clear-groups env "HOME=$place/home")
		chown -R 61500:61500 "$place"
	fi
	printf 'audit: all\nsyscalls: {broker: [execve, execveat], architectures: [native, i386]}\n' | write_profile
	do_its_worst --events "$place/events"
	# The same calls by i386's numbers, where the machine has them.
	if ./hostile i386; then
		grep -q ', i386 too$' out
		made_by_i386
	fi
}
