# Real programs do their work inside as they do outside: tests/programs/table, one row a test.

bats_require_minimum_version 1.5.0

rows() {
	grep -v -e '^#' -e '^$' "$BATS_TEST_DIRNAME/table"
}

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir "$place/work"
	cd "$place/work"
}

teardown() {
	cd /
	rm -rf "$place"
}

# The command may have bars in it: the first three fields and the last are cut off.
row() { # NAME
	local line
	line=$(rows | grep "^$1 *|")
	needs=$(cut -d'|' -f2 <<<"$line" | xargs)
	profile=$(cut -d'|' -f3 <<<"$line" | xargs)
	expected=$(sed 's/.*| *//' <<<"$line")
	command=$(sed -E 's/^([^|]*\|){3} *//; s/ *\|[^|]*$//' <<<"$line")
	# The sandbox shows the machine's /usr, and no program elsewhere.
	[ "$needs" = - ] || PATH=/usr/bin:/bin command -v "$needs" >/dev/null || skip "no $needs in /usr/bin"
}

check_under() { # NAME PROFILE SHELL
	run --separate-stderr "$zviz" --root "$place/state" run --profile "$2" --events "$place/events" \
		"program-$1-$$" "$3" -c "$command"
	if [ "$status" != 0 ] || [[ $output != *"$expected"* ]]; then
		echo "$2: status $status"
		echo "$output"
		echo "$stderr"
		grep '"verdict":"deny"' "$place/events" || true # none is as good: the status is what failed
		return 1
	fi
	# Python tries to keep compiled files beside its modules, which is no part of the work.
	if grep '"verdict":"deny"' "$place/events" | grep -v __pycache__; then false; fi
}

# As the profile is, and with a rule that sends every open to the broker: no program may see a difference.
check() { # NAME
	local shell=bash

	row "$1"
	[ "$profile" != hostile-tenant ] || shell=sh # bash asks whether its input is a socket, which it may not there
	check_under "$1" "$profile" "$shell"
	cat >"$place/brokered.yaml" <<-END
	zviz: 1
	extends: $profile
	syscalls: {broker: [openat]}
	filesystem: {deny: {read: ["**/nobody-has-this"]}}
	END
	mkdir "$place/again"
	cd "$place/again"
	check_under "$1" "$place/brokered.yaml" "$shell"
}

@test "the table has rows for every test and tests for every row" {
	diff <(rows | cut -d'|' -f1 | xargs -n1 | sort) \
		<(grep -o '{ check [a-z][a-z0-9-]*' "$BATS_TEST_FILENAME" | cut -d' ' -f3 | sort -u)
}

@test "gcc" { check gcc; }
@test "make" { check make; }
@test "cmake" { check cmake; }
@test "python3" { check python3; }
@test "python-pool" { check python-pool; }
@test "python-sqlite" { check python-sqlite; }
@test "python-unittest" { check python-unittest; }
@test "node" { check node; }
@test "npm" { check npm; }
@test "git" { check git; }
@test "tar" { check tar; }
@test "xz" { check xz; }
@test "perl" { check perl; }
@test "pipeline" { check pipeline; }
@test "find" { check find; }
@test "bash" { check bash; }
@test "openssl" { check openssl; }
@test "java" { check java; }
@test "cargo" { check cargo; }
@test "http" { check http; }
@test "bats" { check bats; }
@test "strace" { check strace; }
@test "gdb" { check gdb; }
@test "batch" { check batch; }
@test "tenant" { check tenant; }
@test "server" { check server; }
@test "fifo" { check fifo; }
@test "proc-self" { check proc-self; }
@test "tmpfile" { check tmpfile; }
@test "links" { check links; }
@test "redis" { check redis; }
