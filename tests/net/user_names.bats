# Private networks of ordinary users with rows that name domains.

bats_require_minimum_version 1.5.0
load common

@test "user: names: what a rule names is found and reached, nothing else" {
	each_program bash "$BATS_TEST_DIRNAME/names" exact
}

@test "user: names: none leads to a private or metadata address; no address is open before its name was asked for" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/names" rebinding
}

@test "user: names: curl, urllib, git and perl obey without being told" {
	each_program bash "$BATS_TEST_DIRNAME/names" programs
}

@test "user: names: the workload can change neither resolver nor sets" {
	each_program bash "$BATS_TEST_DIRNAME/names" inside
}

@test "user: names: a bundle asks zviz-net, whatever its root names, or a list that it mounts" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/names" bundle
}

@test "user: names: without a name server of the host nothing runs" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/names" servers
}
