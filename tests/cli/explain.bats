# `zviz explain PROFILE QUERY`: one operation, as somebody would ask who has read nothing else.

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	cd "$place"
}

teardown() {
	cd /
	# Most tests leave no container to delete.
	[ -z "${id:-}" ] || "$zviz" --root "$place/state" delete --force "$id" 2>/dev/null || true # there may be none left
	rm -rf "$place"
}

# The lines of the answer, each run of spaces as one.
explain() {
	"$zviz" explain "$@" | tr -s ' '
}

line() { # PATTERN: a line of the last output
	grep -qE -- "$1" <<<"$output" || { echo "no line '$1' in:"; echo "$output"; return 1; }
}

@test "an open that is allowed: every layer that agrees, and that it costs nothing" {
	run -0 explain ci-runner openat /work/a
	line '^openat\(AT_FDCWD, "/work/a", \.\.\.\): allowed natively$'
	line '^ seccomp allowed natively \[ci-runner:[0-9]+\]$'
	line "^ mounts /work shows $place of the host\$"
	line '^ landlock allowed: read below /work \[ci-runner:[0-9]+\]$'
	line '^ cost none: the kernel remembers that it is always allowed'
	[[ $output != *"to permit"* ]]
}

@test "an address: how far it comes, and that the network ends there" {
	run -0 explain ci-runner connect 10.1.2.3:443
	line '^connect to 10\.1\.2\.3:443: refused with ENETUNREACH$'
	line '^ seccomp allowed natively: connect '
	line '^ network refused with ENETUNREACH: its own network has a loopback and no way out$'
	line '^ to permit network: \{mode: private\} and a row in network.egress.allow, or run with --network'
}

@test "a new namespace: who refuses it, the line, the cost, and that no change permits it" {
	run -0 explain ci-runner clone CLONE_NEWUSER
	line '^clone\(CLONE_NEWUSER, \.\.\.\): refused with EPERM$'
	line '^ seccomp asked of the broker \[ci-runner:[0-9]+\]$'
	line '^ broker refused with EPERM \[ci-runner:[0-9]+\]$'
	line '^ cost [0-9]+ instructions of BPF, and a switch to the broker and back$'
	line '^ to permit none: no profile permits new namespaces inside$'
}

@test "a path alone: three questions, each with its own change" {
	run -0 explain hostile-tenant /tmp/x
	line '^/tmp/x: visible$'
	line '^ read allowed: read below /tmp \(landlock\)'
	line '^ execute refused with EACCES: no rule lets it execute there \(landlock\)'
	line '^ to permit execute: add /tmp to filesystem.execute$'
	run -0 explain ci-runner read /etc/shadow
	line '^read /etc/shadow: not visible$'
	line '/etc/shadow is to stay hidden \[ci-runner:[0-9]+\]'
}

@test "arguments that were left out: for which of them it differs" {
	run -0 explain ci-runner socket inet stream
	line '^socket\(inet, stream, \.\.\.\): depends on the arguments$'
	line '^ protocol 0, 6: allowed$'
	line '^ otherwise: refused with EACCES$'
}

@test "the change that is offered works" {
	run -0 explain ci-runner ioctl 0 TIOCSTI
	line '^ to permit add TIOCSTI to ioctl.allow$'
	printf 'zviz: 1\nname: own\nextends: ci-runner\nioctl: {allow: [TIOCSTI]}\n' >own.yaml
	run -0 explain own.yaml ioctl 0 TIOCSTI
	line '^ioctl\(0, TIOCSTI, \.\.\.\): allowed for these arguments$'
	line '\[own.yaml:4\]$'
}

@test "--profile with the question alone, run's options, and --json on both sides" {
	run -0 explain --profile ci-runner clone CLONE_NEWUSER
	line 'refused with EPERM$'
	run -0 explain --network host ci-runner connect 10.1.2.3:443
	line '^ network allowed: the host.s own network'
	mkdir shown
	run -0 explain --read "$place/shown" ci-runner read "$place/shown/x"
	line 'allowed natively$'
	command -v python3 || skip "no python3"
	for words in "--json ci-runner mount" "ci-runner mount --json"; do
		"$zviz" explain $words | python3 -c '
import json, sys
a = json.load(sys.stdin)
assert a["verdict"] == "refused" and a["errno"] == "EPERM" and a["layer"] == "seccomp", a
assert a["rule"].startswith("ci-runner:") and a["fix"].startswith("none: "), a
assert a["cost"]["broker"] and a["cost"]["instructions"] > 0, a'
	done
}

@test "the older forms are what they were: a profile, a run of a command, words behind --" {
	run -0 explain ci-runner
	line '^profile: ci-runner$'
	run -0 explain --work . ci-runner make test
	line '^ runs: make test$'
	run -0 explain --work . ci-runner find .
	line '^ runs: find \.$'
	run -0 explain --work . ci-runner -- mount
	line '^ runs: mount$'
	run -0 explain --work . my-build openat /work/a
	line '^ runs: openat /work/a$'
}

@test "wrong words: what is wrong, and the nearest that is right" {
	while IFS='|' read -r words text hint; do
		run --separate-stderr -1 "$zviz" explain $words
		[ -z "$output" ]
		[[ $stderr == *"$text"* && $stderr == *"$hint"* ]] || { echo "$words: $stderr"; false; }
	done <<-'END'
	ci-runner opnat /work/a|'opnat' is no system call|'openat'
	ci-runner ioctl 0 TIOCSTY|'TIOCSTY' is no ioctl|'TIOCSTI'
	ci-runner clone CLONE_NEWUSR|'CLONE_NEWUSR' is no flag of clone|'CLONE_NEWUSER'
	ci-runner openat a|a path of the container starts with /|
	ci-runner connect 10.1.2.3.4:1|is no address|10.1.2.3:443
	ci-runner /a /b|one word too many|--
	./none.yaml mount|none.yaml|
	--json ci-runner|--json answers a question|
	END
}

# ---- a container that is there ----

start() { # run options… -- COMMAND…
	id=asked-$BATS_TEST_NUMBER-$$
	"$zviz" --root "$place/state" "${globals[@]}" run --detach "$@" 3>&-
}

stop() {
	"$zviz" --root "$place/state" delete --force "$id"
}

@test "a container: it is asked as a profile is, and answers for what it was started with" {
	globals=(--profile hostile-tenant)
	id=asked-$BATS_TEST_NUMBER-$$
	start --memory 64M --hide /usr/games "$id" -- /bin/sleep 60
	cd /
	run -0 "$zviz" --root "$place/state" explain "$id" ptrace PTRACE_ATTACH 1
	line '^ptrace\(.*\): refused with EPERM$'
	line 'hostile-tenant:[0-9]+'
	run -0 "$zviz" --root "$place/state" explain "$id" read /usr/games/x
	line 'is masked: .* \[--hide\]'
	run -0 "$zviz" --root "$place/state" explain "$id" clone CLONE_NEWUSER --json
	[[ $output == *'"verdict"'* ]]
	run -0 "$zviz" --root "$place/state" explain "$id"
	line '^profile: hostile-tenant$'
	line 'memory.*= 67108864'
	line 'runs: /bin/sleep 60'
	stop
}

@test "a container: it is asked as it was started, whatever became of its profile's file" {
	printf 'zviz: 1\nname: own\nextends: ci-runner\n' >own.yaml
	globals=(--profile own.yaml)
	id=asked-$BATS_TEST_NUMBER-$$
	start "$id" -- /bin/sleep 60
	run -0 "$zviz" --root "$place/state" explain "$id" ptrace
	line 'refused with EPERM'
	echo 'syscalls: {allow: [ptrace]}' >>own.yaml
	run -0 "$zviz" --root "$place/state" explain "$id" ptrace
	line 'refused with EPERM'
	rm own.yaml
	run -0 "$zviz" --root "$place/state" explain "$id" ptrace
	line 'refused with EPERM'
	stop
	run -1 "$zviz" --root "$place/state" explain "$id" # nobody now
	line "no profile is called '$id'"
}

@test "a container: words with spaces, quotes and newlines start the same plan again" {
	globals=()
	id=asked-$BATS_TEST_NUMBER-$$
	mkdir 'a "b" c'
	start --read "$place/a \"b\" c" --env $'X=\n\t"' "$id" -- /bin/sh -c $'sleep 60\n'
	run -0 "$zviz" --root "$place/state" explain "$id" read "$place/a \"b\" c/d"
	line 'visible|allowed'
	stop
}

@test "a container: what it counts is found by a relative --root, too" {
	[ "$(id -u)" = 0 ] || skip 'a network of its own takes root'
	globals=()
	id=asked-$BATS_TEST_NUMBER-$$
	start --network private --allow 10.0.0.0/8:443 "$id" -- /bin/sleep 60
	mkdir -p further/other
	cd further/other
	run -0 "$zviz" --root ../../state explain "$id"
	line '10.0.0.0/8'
	stop
}

# glibc asks by the second since 2.42: isatty() of a newer image.
@test "a terminal is known by either way to ask, under every profile" {
	profiles=$("$zviz" profiles | awk '{ print $1 }')
	[ "$(wc -w <<<"$profiles")" -ge 5 ]
	for profile in $profiles; do
		for way in TCGETS TCGETS2; do
			run -0 "$zviz" explain "$profile" ioctl "$way"
			[[ ${lines[0]} == *': allowed for these arguments' ]] || { echo "$profile $way: $output"; return 1; }
		done
		[ "$("$zviz" explain "$profile" ioctl TCSETSW | sed 's/TCSETSW//' | head -n 1)" = "$("$zviz" explain "$profile" ioctl TCSETSW2 | sed 's/TCSETSW2//' | head -n 1)" ]
	done
}
