#!/usr/bin/env bats
# The examples do what their README says. ZVIZ is the binary under test.

setup() {
	cd "$BATS_TEST_DIRNAME/../../examples"
}

@test "untrusted-build: the build passes and every attempt is refused" {
	run ./untrusted-build/run
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"5 tests, 0 failed"* ]]
	[[ "$output" != *SUCCEEDED* ]]
	[ "$(grep -c '^attempt: .* refused (E' <<<"$output")" -eq 22 ]
	[[ "$output" == *"22 attempts: 22 refused, 0 succeeded"* ]]
}

@test "untrusted-build: leaves nothing in the source tree" {
	before=$(find untrusted-build -printf '%p %T@ %s %m\n' | sort)
	./untrusted-build/run >/dev/null 2>&1
	diff <(echo "$before") <(find untrusted-build -printf '%p %T@ %s %m\n' | sort)
}

@test "untrusted-build: tries nothing outside a sandbox" {
	cp -R untrusted-build "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/untrusted-build"
	run sh ./build.sh
	[ "$status" -ne 0 ]
	[[ "$output" == *"nothing was tried"* ]]
	[[ "$output" != *attempt:* ]]
}

@test "node-app: npm install && npm test" {
	command -v npm >/dev/null || skip "npm is not installed"
	cp -R node-app "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/node-app"
	run "$ZVIZ" run --profile ci-runner node-app /bin/sh -c "npm install && npm test"
	echo "$output"
	[ "$status" -eq 0 ]
	grep -Eq '^(#|ℹ) pass 3$' <<<"$output"
	[ -e node_modules/greeting ]
}
