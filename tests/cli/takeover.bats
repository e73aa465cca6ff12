# A broker that was taken over: tests/takeover is the attacker's code, tests/takeover/table what it gets. zviz-faults is
# zviz built with -DZVIZ_FAULTS, whose broker attacks when the workload opens /takeover/ATTEMPT/ARGUMENT.

bats_require_minimum_version 1.5.0
load small

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	faults=${FAULTS:-$(dirname "$zviz")/../../tests/cli/zviz-faults}
	[ -e "$faults" ] || faults=$top/build/check/tests/cli/zviz-faults
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$faults" "$place/faults"
	cp "$zviz" "$place/zviz"
	cp "$top/bench/all-opens.yaml" "$place/opens.yaml"
	{ cat "$top/bench/all-opens.yaml" && echo 'resources: {view: false}'; } >"$place/machine.yaml"
	echo 'of the host' >"$place/home/host"
	chmod 666 "$place/home/host"
	cd "$place/work"
	id=taken-$BATS_TEST_NUMBER-$$
	secret=thecallersownword # of letters that argument() can shift
	become=()
	other=
}

teardown() {
	cd /
	for name in "$id" "$other"; do # most tests have none left
		[ -z "$name" ] || "$place/zviz" --root "$place/home/state" delete --force "$name" 2>/dev/null || true # see above
	done
	rm -rf "$place"
}

become_stranger() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	chown -R 61500:61500 "$place"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
}

# Prints what the attacker reported, or how the broker ended. zviz's own output is in $place/home/said.
attack() { # ATTEMPT ARGUMENT [RUN-OPTIONS…]
	local path=/takeover/$1/$2 status=0
	shift 2
	rm -f report
	# shellcheck disable=SC2016 # expanded inside
	CALLER_SECRET=$secret timeout 60 ${become[@]+"${become[@]}"} "$place/faults" --root "$place/home/state" \
		--profile "$place/${profile:-opens}.yaml" run "$@" "$id" sh -c 'cat "$1" 2>/dev/null; exit 7' sh "$path" \
		>"$place/home/said" 2>&1 || status=$?
	if [ -s report ] && [ "$status" = 7 ]; then
		cat report
	elif [ ! -s report ] && [ "$status" = 1 ] && grep -q 'the broker was killed by signal 31 ' "$place/home/said"; then
		echo SIGSYS
	else
		echo "status $status: $(cat report "$place/home/said" 2>&1)"
	fi
}

argument() { # KIND
	case $1 in
	HOST) echo "${place#/}/home/host" ;;
	STATE) echo "${place#/}/home/state/$other/state.json" ;;
	PID) echo $$ ;;
	SECRET) tr a-y b-z <<<"$secret" ;;
	-) ;;
	*) return 1 ;;
	esac
}

each_attempt() { # COLUMN: 3 for root, 4 for an ordinary user
	local attempt kind root user wanted got bad=0 n=0
	local before
	before=$(sha256sum "$place/faults" "$place/zviz" "$place/opens.yaml" "$place/home/host")
	other=other-$$
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" run --detach "$other" sleep 600 >/dev/null 2>&1
	while read -r attempt kind root user; do
		case $attempt in '#'* | '') continue ;; esac
		wanted=$root
		[ "$1" = 3 ] || wanted=${user:-$root}
		got=$(attack "$attempt" "$(argument "$kind")")
		n=$((n + 1))
		[ "$got" = "$wanted" ] || { echo "$attempt $kind: $got, not $wanted" && bad=$((bad + 1)); }
	done <"$top/tests/takeover/table"
	echo "$n attempts"
	[ $bad = 0 ]
	[ "$n" -gt 100 ]
	# The other container never heard of it, and the next one is as strict as ever.
	run -0 "$place/zviz" --root "$place/home/state" state "$other"
	[[ $output == *'"running"'* ]]
	[ "$before" = "$(sha256sum "$place/faults" "$place/zviz" "$place/opens.yaml" "$place/home/host")" ]
	[ "$(ls -A "$place/home/state")" = "$other" ]
	echo secret >.env
	run -1 ${become[@]+"${become[@]}"} "$place/faults" --root "$place/home/state" --profile "$place/opens.yaml" run "$id" cat .env
	run -0 "$place/zviz" verify "$place/opens.yaml"
}

@test "nothing of the host, of another container or of the next one: root's container" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	each_attempt 3
}

@test "the same for an ordinary user's container" {
	become_stranger
	each_attempt 4
}

# Where a pid namespace is shared that was made here, the broker stands among the host's processes.
@test "in the host's pid namespace: nothing of any process there" {
	[ "$(id -u)" = 0 ] || skip 'to join what others have made takes root'
	hold_processes
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/work"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/busybox"
	for name in sh cat sleep; do ln -s busybox "$place/bundle/rootfs/bin/$name"; done
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/work", "args": ["sh"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
	 "mounts": [{"destination": "/proc", "type": "proc"},
	            {"destination": "/work", "type": "bind", "source": "$place/work", "options": ["rbind"]}],
	 "linux": {"namespaces": [{"type": "pid", "path": "/proc/$held/ns/pid"}]}}
	END
	local bad=0 attempt kind wanted got
	while read -r attempt kind wanted; do
		got=$(attack "$attempt" "$(argument "$kind")" --bundle "$place/bundle")
		[ "$got" = "$wanted" ] || { echo "$attempt $kind: $got, not $wanted" && bad=$((bad + 1)); }
	done <<-END
	open-process PID ok
	read-process PID EPERM
	signal-process PID SIGSYS
	see-process PID ENOENT
	read-roots HOST ENOENT
	read-cwds HOST ENOENT
	read-fds HOST ENOENT
	secret-others SECRET ENOENT
	kill-all - SIGSYS
	pidfd_send_signal - SIGSYS
	END
	kill -KILL "$holder"
	[ $bad = 0 ]
}

each_need() {
	local attempt opens patterns programs limits column wanted got bad=0 n=0
	printf '%s\n' 'zviz: 1' 'name: limits' 'extends: ci-runner' 'audit: decisions' >"$place/limits.yaml"
	{ cat "$place/limits.yaml" && echo 'resources: {view: false}'; } >"$place/decisions.yaml"
	{ cat "$place/machine.yaml" && printf '%s\n' 'ask:' '  execute: ["/none/**"]'; } >"$place/programs.yaml"
	while read -r attempt opens patterns programs limits; do
		case $attempt in '#'* | '') continue ;; esac
		for column in "decisions $opens" "machine $patterns" "programs $programs" "limits $limits"; do
			# Without a group of its own there are no limits to be shown.
			[ "$column" != "limits $limits" ] || [ ${#become[@]} = 0 ] || continue
			wanted=${column#* }
			got=$(profile=${column% *} attack "$attempt" '')
			n=$((n + 1))
			[ "$got" = "$wanted" ] || { echo "$attempt ${column% *}: $got, not $wanted" && bad=$((bad + 1)); }
		done
	done <"$top/tests/takeover/table.needs"
	echo "$n attempts"
	[ $bad = 0 ]
	[ "$n" -gt 60 ]
}

@test "calls that a plan has no need for end its broker: root's container" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	each_need
}

@test "the same in an ordinary user's container" {
	become_stranger
	each_need
}

@test "the attacker is not blind: where it is let, it finds" {
	# What shows that the rows above can fail: the same code on what the container has.
	echo mine >own
	[ "$(attack read-absolute work/own)" = ok ]
	[ "$(attack read-dots work/own)" = ok ]
	[ "$(attack read-roots work/own)" = ok ]
	[ "$(attack read-cwds work/own)" = ok ]
	[ "$(attack write-absolute work/new)" = ok ]
	[ -e new ]
	[ "$(attack see-process 3)" = ok ]
	[ "$(attack open-process 3)" = ok ]
	# What the container was given stands in both copies.
	secret=broughtalongby
	[ "$(attack secret-own "$(argument SECRET)" --env "WORD=$secret")" = ok ]
	[ "$(attack secret-others "$(argument SECRET)" --env "WORD=$secret")" = ok ]
	[ "$(attack no-such-attempt "")" = 'no such attempt' ]
}

@test "every descriptor that the broker holds" {
	# 0, 1 and 2 are nothing at all. By the others it serves: the listener, its own processes, one word to the launcher, and
	# the door for those who join.
	wanted=$(sort <<-'END'
	anon_inode:[eventfd]
	anon_inode:[eventfd]
	anon_inode:[eventfd]
	anon_inode:seccomp notify
	procfs
	own folder in it
	socket
	socket
	END
	)
	run -0 sort <(profile=machine attack descriptors "")
	echo "$output"
	[ "$output" = "$wanted" ]
	run -0 sort <(profile=machine attack descriptors "" --events "$place/home/events")
	[ "$output" = "$(sort <<<"$wanted"$'\n''file')" ]
	# With limits that are shown inside: files that show them, and those of its own cgroup that say what is in use.
	[ "$(id -u)" = 0 ] || return 0
	run -0 sort <(attack descriptors "" --cpus 1000)
	echo "$output"
	[ "$(grep -vx file <<<"$output")" = "$wanted" ]
	[ "$(grep -cx file <<<"$output")" -ge 4 ]
	[ "$(grep -cx file <<<"$output")" -le 8 ]
}

@test "what it writes into all that it shares: numbers, and no more" {
	[ "$(attack scribble "")" = ok ]
	cat "$place/home/said"
	[ -z "$(ls -A "$place/home/state")" ]
}

@test "its word to the launcher is shown as text" {
	attack forge-note ""
	cat -v "$place/home/said"
	grep -q forged "$place/home/said"
	run -1 grep -q $'\033' "$place/home/said"
	if grep -q '^zviz: all is well' "$place/home/said"; then false; fi
}

taken_over_detached() {
	${become[@]+"${become[@]}"} "$place/faults" --root "$place/home/state" --profile "$place/machine.yaml" run --detach \
		"$id" sh -c 'cat /takeover/descriptors; mv report list; cat "/takeover/descriptors-again/{\"pid\":1}"
		mv report again; sleep 600' >/dev/null 2>&1
	for _ in $(seq 250); do
		[ ! -e again ] || break
		sleep 0.02
	done
	[ "$(cat again)" = ok ]
	[ "$(grep -c file list)" = 1 ] # the lock, in which nothing is written
	run -0 "$place/zviz" --root "$place/home/state" state "$id"
	[[ $output == *'"running"'* ]]
	[ "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["id"])' "$place/home/state/$id/state.json")" = "$id" ]
	run -0 "$place/zviz" --root "$place/home/state" delete --force "$id"
	[ -z "$(ls -A "$place/home/state")" ]
}

@test "what is written down of a detached container is out of its reach" {
	taken_over_detached
}

@test "also where the broker has the user's own ids" {
	become_stranger
	taken_over_detached
}

@test "the release has no such door" {
	run -1 grep -aqE '/takeover/|ZVIZ_FAULT' "$place/zviz"
	grep -aq '/takeover/' "$place/faults"
	grep -aq 'ZVIZ_FAULT' "$place/faults"
}
