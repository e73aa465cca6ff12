#!/usr/bin/env bats
# Calls whose arguments, links, folders and descriptors change while the broker decides: what a rule forbids is never
# obtained. tests/race/race.h says how. ZVIZ is the binary under test.
#
# ZVIZ_RACE_S (0.15) seconds for each call, or ZVIZ_RACE_ATTEMPTS (0: as many as that takes) if they come first. For 30
# seconds or a million attempts: ZVIZ_RACE_S=30 ZVIZ_RACE_ATTEMPTS=1000000 bats tests/escape/race.bats

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "$ZVIZ")
	programs=$(realpath "${RACE:-$(dirname "$zviz")/../../../check/tests/race}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$programs"/{race,naive,permitted,forbidden} "$place"
	cd "$place/work"
	id=race-$BATS_TEST_NUMBER-$$
	how_long=("${ZVIZ_RACE_S:-0.15}" "${ZVIZ_RACE_ATTEMPTS:-0}")
	mapfile -t calls < <("$place/race" list)
	[ ${#calls[@]} = 25 ]
	server= asked=
}

teardown() {
	cd /
	[ -z "$server" ] || kill "$server"
	[ -z "$asked" ] || kill "$asked" 2>/dev/null || true # it ends with its container
	rm -rf "$place"
}

serve() { # somebody has the sockets below the current folder
	"$place/race" serve >"$place/serves" 3>&- &
	server=$!
	until grep -q ready "$place/serves"; do
		kill -0 "$server"
		sleep 0.02
	done
}

no_more() {
	kill "$server"
	wait "$server" || true # it was killed
	server=
}

answer() { # [BECOME…]: of the two addresses that are asked about, one is answered with yes and one with no
	"$@" python3 -B "$BATS_TEST_DIRNAME/../cli/ask.py" "$place/home/socket" "$place/home/heard" \
		'connect:udp 127.77.*=allow,run' 'connect:udp 127.88.*=deny,run' 'execute:=deny,rule' 3>&- &
	asked=$!
	until [ -S "$place/home/socket" ]; do
		kill -0 "$asked"
		sleep 0.02
	done
}

all_kept() { # CALL…: each has been tried, and nothing was obtained
	local call
	for call; do
		[[ $'\n'$output == *$'\n'"$call: kept, "* ]]
	done
	[[ $output != *OBTAINED* && $output != *'NOT TRIED'* ]]
}

under_patterns() { # [BECOME…]: every call, where patterns forbid
	cat >"$place/own.yaml" <<-'END'
	zviz: 1
	name: own
	extends: ci-runner
	filesystem: {deny: {read: ["**/.env"], write: ["**/hooks/**"]}}
	ask: {connect: [{cidr: 127.77.0.0/16}, {cidr: 127.88.0.0/16}], execute: ["**/hooks/**"]}
	END
	"$place/race" make
	cp "$place/race" .
	serve
	answer "$@"
	run "$@" "$zviz" --root "$place/home/state" --profile "$place/own.yaml" run --ask-socket "$place/home/socket" "$id" -- \
		./race all "${how_long[@]}" "${calls[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
	all_kept "${calls[@]}"
}

@test "patterns: as started by root" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	under_patterns
}

@test "patterns: as started by a stranger" {
	local become=()
	if [ "$(id -u)" = 0 ]; then
		become=(setpriv --reuid 61500 --regid 61500 --clear-groups env "HOME=$place/home")
		chown -R 61500:61500 "$place"
	fi
	under_patterns ${become[@]+"${become[@]}"}
}

# Nothing but filesystem.write forbids, and names are the workload's own to change: links and folders are exchanged by
# the kernel itself, beside the broker. process_vm_writev is permitted, too.
@test "folders: names change beside the broker" {
	[ "$(id -u)" = 0 ] || skip 'the files of this bundle are shown with other ids'
	opens=(open creat openat openat2)
	mkdir -p rootfs/proc rootfs/dev
	(cd rootfs && "$place/race" make && cp "$place/race" .)
	cat >config.json <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
	 "process": {"cwd": "/", "args": ["/race", "writes", "${how_long[0]}", "${how_long[1]}", "open", "creat", "openat", "openat2"]},
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]}}
	END
	cat >"$place/own.yaml" <<-'END'
	zviz: 1
	name: own
	extends: ci-runner
	filesystem: {root: writable, write: [/other, /flip]}
	syscalls: {allow: [process_vm_writev]}
	audit: decisions
	END
	run "$zviz" --root "$place/home/state" --profile "$place/own.yaml" run "$id" .
	echo "$output"
	[ "$status" -eq 0 ]
	all_kept "${opens[@]}"
	[[ $output != *'(written from outside: 0)'* ]]
}

# The suite itself: against a broker that checks a path and then lets the kernel read it again, it wins every call.
@test "a broker that continues what it has read is found out" {
	for call in "${calls[@]}"; do
		mkdir "$call"
		cd "$call"
		"$place/race" make
		serve
		run -1 "$place/naive" "$place/race" memory 20 0 "$call"
		no_more
		echo "$output"
		[[ $output == "$call: OBTAINED, "* ]]
		cd ..
	done
}
