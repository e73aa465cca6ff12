# The rules of a private network in one that somebody else has made: by path, or by a hook.

bats_require_minimum_version 1.5.0
load common

@test "a network by path: the rules hold in it, mode none leaves the loopback alone" {
	in_world bash "$BATS_TEST_DIRNAME/given" rules
}

@test "a network by path: nobody outside is let in by what looks like a question to him" {
	in_world bash "$BATS_TEST_DIRNAME/given" friend
}

@test "a network by path: a neighbour's loopback is not reached" {
	in_world bash "$BATS_TEST_DIRNAME/given" loopback
}

@test "a network by path: what a helper of the kernel's expects takes a row" {
	in_world bash "$BATS_TEST_DIRNAME/given" helper
}

@test "a network by path: of several containers each is under its own rows, and takes them away" {
	in_world bash "$BATS_TEST_DIRNAME/given" several
}

@test "a network by path: a socket, a flow, a budget is of the container that made it" {
	in_world bash "$BATS_TEST_DIRNAME/given" apart
}

@test "a network by path: in one of another user namespace's all are judged" {
	in_world bash "$BATS_TEST_DIRNAME/given" foreign
}

@test "by path: other rules of one end nothing of another's" {
	in_world bash "$BATS_TEST_DIRNAME/given" neighbour
}

@test "by path: names in a Pod, each container's own" {
	in_world bash "$BATS_TEST_DIRNAME/given" pod
}

@test "by path: with the same ids one alone has rows about names, of several at once, too" {
	in_world bash "$BATS_TEST_DIRNAME/given" same_ids
}

@test "a network by path: who shares the processes of another has no part of its rows" {
	in_world bash "$BATS_TEST_DIRNAME/given" processes
}

@test "a network by path: ports of rows lead in" {
	in_world bash "$BATS_TEST_DIRNAME/given" ingress
}

@test "by path: other rules while it runs go into the table that it owns" {
	in_world bash "$BATS_TEST_DIRNAME/given" changed
}

@test "a network by path: whoever is killed, no rule goes before the workload, and none stays" {
	in_world bash "$BATS_TEST_DIRNAME/given" endings
}

@test "by path: names, opened by a process that reads nothing of others" {
	in_world bash "$BATS_TEST_DIRNAME/given" names
}

@test "a network by path: what is refused is told and counted" {
	in_world bash "$BATS_TEST_DIRNAME/given" told
}

@test "a network by path: the workload has no power over it" {
	in_world bash "$BATS_TEST_DIRNAME/given" inside
}

@test "a network that a hook connects: the rules hold in it, mode none leaves the loopback alone" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" rules
}

@test "a network that a hook connects: rules and loopback come first, and no way out but the hook's" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" order
}

@test "a network that a hook connects: ports of rows lead in" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" ingress
}

@test "a network that a hook connects: whoever is killed, no rule goes before the workload, and nothing stays" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" endings
}

@test "a network that a hook connects: what is refused is counted" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" told
}

@test "user: a network that a hook connects: the rules hold in it" {
	way=user in_world bash "$BATS_TEST_DIRNAME/hooked" user
}

@test "a network that a hook connects: rows about names" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" names
}

@test "hooks: whichever name server a bundle names, the container's resolver answers" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" servers
}

@test "a network that an engine connects after create, for ids of its own choice: the rules are there first" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" engine
}

@test "a network that Docker 28 connects after create, without a word of it: the rules are there first" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" docker
}

@test "a network that somebody else connects after create, without a word of it: nothing starts" {
	in_world bash "$BATS_TEST_DIRNAME/hooked" silent
}
