# Commands that only tell something.

bats_require_minimum_version 1.5.0

setup() {
	zviz=${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}
}

@test "--version: name, commit and spec, and nothing on stderr" {
	for form in --version -v version; do
		run --separate-stderr -0 "$zviz" $form
		[ -z "$stderr" ]
		[[ ${lines[0]} =~ ^zviz\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
		[[ ${lines[1]} =~ ^commit:\ [0-9a-z]+$ ]]
		[ "${lines[2]}" = "spec: 1.2.0" ]
	done
}

@test "profiles: lists the five, and the default" {
	run -0 "$zviz" profiles
	[ "${#lines[@]}" -eq 5 ]
	for name in batch-job ci-runner development hostile-tenant web-server; do
		[[ $output == *"$name "* ]]
	done
	[ "$(grep -c '(default)$' <<<"$output")" -eq 1 ]
}

@test "profiles show prints each as it was written" {
	for name in batch-job ci-runner development hostile-tenant web-server; do
		diff <("$zviz" profiles show "$name") "$BATS_TEST_DIRNAME/../../profiles/$name.yaml"
	done
}

@test "profiles show --expand: no group is left unexpanded" {
	run -0 "$zviz" profiles show --expand ci-runner
	[[ ${lines[0]} == "allow:" ]]
	[[ $output == *" read "* ]]
	[ "$(grep -cE '^      .*@' <<<"$output")" -eq 0 ]
	[ "$(awk 'length > 100' <<<"$output" | wc -l)" -eq 0 ]
}

@test "profiles stats: profiles/README.md has these very lines" {
	run -0 "$zviz" profiles stats
	[ "${#lines[@]}" -eq 9 ]
	for line in "${lines[@]}"; do
		grep -qxF -- "$line" "$BATS_TEST_DIRNAME/../../profiles/README.md" || { echo "$line"; false; }
	done
}

@test "check: a table whose states are words" {
	run -0 "$zviz" check
	[[ $output == *Landlock* && $output == *seccomp* ]]
	[ "$(grep -cE '  (ok|limited|missing)  ' <<<"$output")" -ge 8 ]
	[[ $output != *$'\033'* ]]
}

@test "check --json: an array with the same rows" {
	command -v python3 || skip "no python3"
	"$zviz" check --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert len(rows) >= 8
for row in rows:
    assert set(row) == {"layer", "feature", "state", "means", "todo"}, row
    assert row["state"] in ("ok", "limited", "missing"), row
'
}

@test "NO_COLOR and pipes: no escape sequences" {
	for command in help check profiles; do
		run -0 env TERM=xterm NO_COLOR= "$zviz" $command
		[[ $output != *$'\033'* ]]
	done
}
