# Private networks, among hosts of the test's own (common.bash).

bats_require_minimum_version 1.5.0
load common

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

@test "the host is at none of its addresses, also at those that it gets later" {
	in_world bash "$BATS_TEST_DIRNAME/own"
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
