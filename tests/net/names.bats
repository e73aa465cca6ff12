# Private networks with rows that name domains.

bats_require_minimum_version 1.5.0
load common

@test "names: what a rule names is found and reached, nothing else, over exact names, wildcards, aliases and IPv6" {
	in_world bash "$BATS_TEST_DIRNAME/names" exact
}

@test "names: none leads to a private or metadata address; no address is open before its name was asked for" {
	in_world bash "$BATS_TEST_DIRNAME/names" rebinding
}

@test "names: a row may let its names lead to private addresses, and to no other that none may lead to" {
	in_world bash "$BATS_TEST_DIRNAME/names" private
}

@test "names: what is not resolved is told, with what to change" {
	in_world bash "$BATS_TEST_DIRNAME/names" told
}

@test "names: curl, urllib, git, perl, node, npm, java and a static program with a resolver of its own obey without being told" {
	in_world bash "$BATS_TEST_DIRNAME/names" programs
}

@test "names: a bundle asks zviz-net, whatever its root names, or a list that it mounts" {
	in_world bash "$BATS_TEST_DIRNAME/names" bundle
}

@test "names: zviz-net keeps two capabilities, over the container alone; its end is the container's" {
	in_world bash "$BATS_TEST_DIRNAME/names" holder
}

@test "names: the workload can change neither resolver nor sets" {
	in_world bash "$BATS_TEST_DIRNAME/names" inside
}

@test "names: without a name server of the host nothing runs; a silent one is a temporary failure" {
	in_world bash "$BATS_TEST_DIRNAME/names" servers
}

@test "names: explain says which row permits a name, and what is unknown of an address" {
	printf 'zviz: 1\nextends: ci-runner\nnetwork:\n  mode: private\n  egress:\n    allow:\n    - {domain: "*.a.b", ports: [80]}\n' >own.yaml
	run -0 "$zviz" explain own.yaml connect x.a.b:80
	[[ "$output" == *"allowed: a rule of network.egress names it [own.yaml:7]"* ]]
	for what in x.a.b:81 a.b:80 xa.b:80; do
		run -0 "$zviz" explain own.yaml connect "$what"
		[[ "$output" == *"no rule of network.egress names it ["* ]]
	done
	run -0 "$zviz" explain own.yaml connect 1.2.3.4:80
	[[ "$output" == *"unless a name that one"* ]]
	run -0 "$zviz" compile --explain own.yaml
	[[ "$output" == *"network.egress *.a.b"*"addresses by zviz-net"* ]]
}
