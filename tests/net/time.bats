# How long the address of a name is open. These tests wait, most of their time.

bats_require_minimum_version 1.5.0
load common

@test "names: an address is open for its time, and as long as another name of the row has it" {
	in_world bash "$BATS_TEST_DIRNAME/names" time
}

@test "user: names: an address is open for its time, and as long as another name of the row has it" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/names" time
}
