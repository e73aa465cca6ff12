# Other rules for a private network whose container runs.

bats_require_minimum_version 1.5.0
load common

@test "other rules while it runs: what narrows ends connections at once, what stays is not touched" {
	in_world bash "$BATS_TEST_DIRNAME/rules" ends
	in_world bash "$BATS_TEST_DIRNAME/rules" budgets
}

@test "other rules while it runs: addresses of names that are still named stay open" {
	in_world bash "$BATS_TEST_DIRNAME/rules" names
}

@test "other rules while it runs: what they refuse is told and counted" {
	in_world bash "$BATS_TEST_DIRNAME/rules" told
}

@test "other rules while it runs: of two changes at once each is made whole" {
	in_world bash "$BATS_TEST_DIRNAME/rules" both
}

@test "other rules while it runs: a fault or a death at any step leaves the old ones or the new ones" {
	faults=${FAULTS:-$(dirname "$built")/../../tests/cli/zviz-faults}
	export faults
	in_world bash "$BATS_TEST_DIRNAME/rules" killed
}
