# Private networks, among hosts of the test's own: each test stands in a network namespace that nothing else is in, and has a
# second one behind it that plays the rest of the world (tests/net/world). No packet leaves the machine.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'making hosts of its own takes root'
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	built=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir "$place/work" "$place/bin"
	# Where an ordinary user may execute them.
	cp "$built" "$(dirname "$built")/../net/zviz-net" "$place/bin"
	zviz=$place/bin/zviz
	cp "$BATS_TEST_DIRNAME/reach.py" "$place/work"
	cd "$place/work" || return 1
	export zviz place top way=root
}

teardown() {
	cd /
	rm -rf "$place"
}

# in_world COMMAND…: between a host of its own and the world behind it
in_world() {
	timeout 300 unshare --net --mount "$BATS_TEST_DIRNAME/world" "$@"
}

@test "each row of the table is allowed or refused as its rules say" {
	in_world bash "$BATS_TEST_DIRNAME/rows" "$BATS_TEST_DIRNAME/table" 60
}

@test "nothing is left behind: not by an end, nor by a kill of the launcher, the broker, init or zviz-net" {
	in_world bash "$BATS_TEST_DIRNAME/endings"
}

@test "a connection that nobody answers any more leaves no device behind" {
	in_world bash "$BATS_TEST_DIRNAME/orphans"
}

@test "a fault or a death at any of its steps leaves nothing" {
	faults=${FAULTS:-$(dirname "$built")/../../tests/cli/zviz-faults}
	export faults
	in_world bash "$BATS_TEST_DIRNAME/faults"
}

@test "fifty at once each get a name and an address of their own" {
	in_world bash "$BATS_TEST_DIRNAME/crowd" 50
}

@test "both ends of a link know each other from the start, when forty are made at once" {
	in_world bash "$BATS_TEST_DIRNAME/neighbours" 40
}

@test "with zviz-net the container ends, and its rules are in force until then" {
	in_world bash "$BATS_TEST_DIRNAME/cut" holder
	in_world bash "$BATS_TEST_DIRNAME/cut" twin
}

@test "the workload cannot change its rules, devices or routes" {
	in_world bash "$BATS_TEST_DIRNAME/inside"
}

@test "nothing that only looks like an answer, an error or the kernel's own leaves" {
	in_world bash "$BATS_TEST_DIRNAME/forged" any
}

@test "of what is meant for a link alone the host forwards nothing" {
	in_world bash "$BATS_TEST_DIRNAME/forged" link
}

@test "with CAP_NET_RAW kept, packets that are made by hand are under the rules" {
	in_world bash "$BATS_TEST_DIRNAME/forged" raw
}

@test "published ports lead in, from outside and from the host; a taken one is an error" {
	in_world bash "$BATS_TEST_DIRNAME/published"
}

@test "what is refused is told, with address, port, protocol, rule and what to change, and counted" {
	in_world bash "$BATS_TEST_DIRNAME/told"
}

@test "budgets: bytes both ways and connections at once, and what is past them is refused and told" {
	in_world bash "$BATS_TEST_DIRNAME/budgets"
}

@test "events --stats has the numbers of its devices, and none of the host's" {
	in_world bash "$BATS_TEST_DIRNAME/counted"
}

@test "zviz-net has given up what it was started with" {
	in_world bash "$BATS_TEST_DIRNAME/holder"
	in_world bash "$BATS_TEST_DIRNAME/holder" told
}

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

@test "names: an address is open for its time, and as long as another name of the row has it" {
	in_world bash "$BATS_TEST_DIRNAME/names" time
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

@test "the host is at none of its addresses, also at those that it gets later" {
	in_world bash "$BATS_TEST_DIRNAME/own"
}

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

# ---- ordinary users: the same, by pasta and by slirp4netns; by one alone what does not depend on the program ----

each_program() { # COMMAND…
	for way in pasta slirp4netns; do
		rm -rf "$place"/{state,listener,www,package,one} "$place/work"/{killed,asked,changed,ran}
		in_world "$@" || { echo "with $way"; return 1; }
	done
}

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

@test "user: names: what a rule names is found and reached, nothing else" {
	each_program bash "$BATS_TEST_DIRNAME/names" exact
}

@test "user: names: none leads to a private or metadata address; no address is open before its name was asked for" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/names" rebinding
}

@test "user: names: an address is open for its time, and as long as another name of the row has it" {
	way=pasta
	in_world bash "$BATS_TEST_DIRNAME/names" time
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

@test "user: what is missing is named, with what to install; nothing runs" {
	in_world bash "$BATS_TEST_DIRNAME/missing"
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

@test "a network by path: what several containers permit holds at once, and each takes its own away" {
	in_world bash "$BATS_TEST_DIRNAME/given" several
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

@test "without zviz-net a private network is refused, and nothing runs" {
	cp "$zviz" "$place/zviz"
	run -1 "$place/zviz" --root "$place/state" run --network private one touch /work/ran
	[[ "$output" == *"zviz-net: not there"* ]]
	[ ! -e "$place/work/ran" ]
	[ -z "$(ls -A "$place/state")" ]
}

@test "without a private network, zviz-net is not looked for, and nobody has a library of networks in memory" {
	cp "$zviz" "$place/zviz"
	run -0 "$place/zviz" --root "$place/state" run one true
	"$place/zviz" --root "$place/state" run --events "$place/events" one -- sh -c 'touch /work/ran; sleep 60' 3>&- &
	until [ -e "$place/work/ran" ]; do sleep 0.05; done
	libraries='libnftables|libnftnl|libmnl|libsystemd'
	ldd "${zviz%/*}/zviz-net" | grep -Eq "$libraries" # they are called so
	n=0
	for pid in $(pgrep -f "$place/[z]viz"); do
		run -1 grep -E "$libraries" "/proc/$pid/maps"
		n=$((n + 1))
	done
	[ "$n" -ge 2 ] # the launcher and its broker
	"$place/zviz" --root "$place/state" delete --force one
}

@test "what the rules of a network do not see is an error beside them, and nothing else is" {
	while IFS='|' read -r lines says; do
		printf 'zviz: 1\nname: own\nextends: ci-runner\nnetwork: {mode: private}\n%b\n' "$lines" >own.yaml
		echo "$lines"
		asked() { "$zviz" --root "$place/state" explain --profile own.yaml one true; }
		if [ "$says" = - ]; then
			run -0 asked
		else
			run -1 asked
			echo "$output"
			grep -q "own.yaml:5: $says" <<<"$output"
		fi
		# Without rules, nobody minds.
		sed -i '/^network:/s/private/host/' own.yaml
		run -0 "$zviz" --root "$place/state" explain --profile own.yaml one true
	done <<-'END'
	sockets: {allow: [{family: vsock}]}|vsock sockets are not under the rules
	sockets: {allow: [{family: pppox}]}|pppox sockets are not under the rules
	sockets: {allow: [{family: qipcrtr}]}|qipcrtr sockets are not under the rules
	sockets: {allow: [{family: can}]}|can sockets are not under the rules
	sockets: {allow: [{family: smc}]}|smc sockets are not under the rules
	sockets: {allow: [{family: packet}]}|-
	sockets: {allow: [{family: inet}]}|-
	sockets: {allow: [{family: netlink}, {family: alg}, {family: kcm}]}|-
	capabilities: {keep: [CAP_NET_RAW]}|-
	capabilities: {keep: [CAP_NET_RAW]}\nsockets: {allow: [{family: xdp}]}|with CAP_NET_RAW and the sockets of
	capabilities: {keep: [CAP_NET_RAW]}\nsockets: {allow: [{family: inet, types: [raw]}]}|-
	syscalls: {where: [{syscall: socket, arg: 0, in: [40], then: allow}]}|this row of syscalls.where lets socket go on
	syscalls: {where: [{syscall: socket, arg: 0, in: [2], then: deny}]}|-
	syscalls: {allow: [io_uring_setup]}|io_uring_setup is allowed
	END
}

@test "--allow and --publish say what is wrong with them" {
	run -1 "$zviz" --root "$place/state" run --network private --allow 10.0.0.0/33 one true
	[[ "$output" == *"--allow 10.0.0.0/33: no address range"* ]]
	run -1 "$zviz" --root "$place/state" run --network private --allow 10.0.0.0/8:0 one true
	[[ "$output" == *"is no port: 1 to 65535"* ]]
	run -1 "$zviz" --root "$place/state" run --network private --publish 80:x one true
	[[ "$output" == *"not [ADDRESS:]HOST:CONTAINER"* ]]
	run -1 "$zviz" --root "$place/state" run --allow 10.0.0.0/8 one true
	[[ "$output" == *"--allow needs a network with a way out"* ]]
	for term in limit=0 limit=x connections=0 connections=1048577 private other; do
		run -1 "$zviz" --root "$place/state" run --network private --allow 10.0.0.0/8,$term one true
		[[ "$output" == *"--allow 10.0.0.0/8,$term: '$term' means nothing here"* ]]
	done
	run -0 "$zviz" --root "$place/state" explain --network private --allow 10.0.0.0/8:443,limit=10M,connections=3 --allow a.b,private one true
	[[ "$output" == *"out to 10.0.0.0/8 port 443 (at most 10M, 3 connections at once) [--allow]"* ]]
	[[ "$output" == *"out to a.b (private addresses too) [--allow]"* ]]
	mapfile -t many < <(yes -- --allow=a.b | head -n 1025)
	run -1 "$zviz" --root "$place/state" run --network private "${many[@]}" one true
	[[ "$output" == *"1024 rows that name domains are the most"* ]]
	run -1 "$zviz" --root "$place/state" run --network private --allow exa..mple.org one true
	[[ "$output" == *"no address range, and no name"* ]]
}
