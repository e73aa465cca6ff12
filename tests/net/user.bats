# Private networks of ordinary users: the same as root's, by pasta and by slirp4netns; by one alone what does not depend on the program.

bats_require_minimum_version 1.5.0
load common

@test "user: each row of the table is allowed or refused as its rules say, with pasta" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/rows" "$BATS_TEST_DIRNAME/table" 60
}

@test "user: each row of the table is allowed or refused as its rules say, with slirp4netns" {
	way=slirp4netns
	in_world bash "$BATS_TEST_DIRNAME/rows" "$BATS_TEST_DIRNAME/table" 60
}

@test "user: what means the host by itself, and groups, are refused" {
	each_program bash "$BATS_TEST_DIRNAME/rows" "$BATS_TEST_DIRNAME/table.user" 8
}

@test "user: the host is at none of its addresses, also at those that it gets later" {
	each_program bash "$BATS_TEST_DIRNAME/own"
}

@test "user: nothing is left behind: not by an end, nor by a kill of anybody, the program and its keeper among them" {
	each_program bash "$BATS_TEST_DIRNAME/endings"
}

@test "user: a fault or a death at any of its steps leaves nothing" {
	faults=${FAULTS:-$(dirname "$built")/../../tests/cli/zviz-faults}
	export faults
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/faults"
}

@test "user: twenty at once each have a way out" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/crowd" 20
}

@test "user: with zviz-net the container ends; without the keeper or the program the rules stay, and the way out is gone" {
	for who in holder twin keeper program; do
		each_program bash "$BATS_TEST_DIRNAME/cut" $who
	done
}

@test "user: the workload cannot change its rules, devices or routes" {
	each_program bash "$BATS_TEST_DIRNAME/inside"
}

@test "user: nothing that only looks like an answer, an error or the kernel's own leaves" {
	each_program bash "$BATS_TEST_DIRNAME/forged" any
	each_program bash "$BATS_TEST_DIRNAME/forged" raw
}

@test "user: published ports lead in, from outside and from the host; a taken one is an error" {
	each_program bash "$BATS_TEST_DIRNAME/published"
}

@test "user: zviz-net, its keeper and the program have given up what they were started with" {
	each_program bash "$BATS_TEST_DIRNAME/holder"
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/holder" told
}

@test "user: other rules while it runs: what narrows ends connections at once, what stays is not touched" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/rules" ends
	way=slirp4netns
	in_world bash "$BATS_TEST_DIRNAME/rules" budgets
}

@test "user: other rules while it runs: addresses of names that are still named stay open" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/rules" names
}

@test "user: what is refused is told, also what is to the host itself, and counted" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/told"
}

@test "user: budgets: bytes both ways and connections at once, and what is past them is refused and told" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/budgets"
}

@test "user: what is missing is named, with what to install; nothing runs" {
	in_world bash "$BATS_TEST_DIRNAME/missing"
}
