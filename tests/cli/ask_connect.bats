# ask.connect: addresses of the internet, on this machine's loopback, as who is asked sees it and as who wants to get around
# it does.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	command -v python3 >/dev/null || skip 'needs python3'
	place=$(mktemp -d)
	mkdir "$place/work"
	cd "$place/work"
	cp "$BATS_TEST_DIRNAME/connect.py" .
	id=connect-$BATS_TEST_NUMBER-$$
	asked= server=
	cat >../ask.yaml <<-END
	zviz: 1
	name: careful
	extends: ci-runner
	network: {mode: host}
	ask:
	  connect:
	    - {cidr: 127.0.0.88/30}
	    - {cidr: "::1"}
	    - {cidr: 192.0.2.0/24, ports: [443]}
	  timeout: 20s
	END
}

teardown() {
	cd /
	[ -z "$asked" ] || kill "$asked" 2>/dev/null || true  # it ends with its container
	[ -z "$server" ] || kill "$server" 2>/dev/null || true # it may have failed to start
	left=$(ls -A "$place/state" 2>/dev/null || true) # a test of the command line makes none
	rm -rf "$place"
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

serve() { # takes what comes, by TCP and by both versions of IP; $port is where
	python3 -c '
import socket, sys
s = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
u.bind(("::", s.getsockname()[1]))
print(s.getsockname()[1], flush=True)
while True:
    s.accept()[0].close()' >"$place/port" 3>&- &
	server=$!
	for _ in $(seq 500); do
		[ ! -s "$place/port" ] || break
		sleep 0.02
	done
	port=$(cat "$place/port")
}

answers() { # RULE…
	rm -f "$place/socket"
	python3 -B "$BATS_TEST_DIRNAME/ask.py" "$place/socket" "$place/heard" "$@" 3>&- &
	asked=$!
	for _ in $(seq 500); do
		[ ! -S "$place/socket" ] || return 0
		sleep 0.02
	done
	return 1
}

try_() { # WAY ADDRESS [OPTION…]: what came of it
	local way=$1 address=$2
	shift 2
	timeout 60 "$zviz" --root "$place/state" run --profile "$place/ask.yaml" --ask-socket "$place/socket" "$@" "$id" -- \
		python3 -B connect.py "$way" "$address" "$port"
}

heard() { # OBJECT: how often it was asked about
	grep -cF "\"kind\":\"connect\",\"object\":\"$1\"" "$place/heard" || true # none is an answer, too
}

@test "each way to connect and to send waits for the answer, and is what was asked about" {
	serve
	while read -r way address object; do
		for answer in allow deny; do
			answers connect:=$answer
			echo "$way $address: $answer"
			run -0 try_ "$way" "$address"
			[ "$output" = "$([ $answer = allow ] && echo passed || echo EACCES)" ]
			[ "$(heard "$object:$port")" -ge 1 ]
			[ "$(grep -c '"kind"' "$place/heard")" = "$(heard "$object:$port")" ]
			wait "$asked"
		done
	done <<-END
	tcp 127.0.0.89 tcp 127.0.0.89
	tcp ::1 tcp [::1]
	tcp_nonblocking 127.0.0.89 tcp 127.0.0.89
	udp_connect 127.0.0.89 udp 127.0.0.89
	udp_sendto 127.0.0.89 udp 127.0.0.89
	udp_sendto ::1 udp [::1]
	udp_sendmsg 127.0.0.89 udp 127.0.0.89
	udp_sendmmsg 127.0.0.89 udp 127.0.0.89
	udp_unspec 127.0.0.89 udp 127.0.0.89
	mapped 127.0.0.89 tcp 127.0.0.89
	mapped_udp 127.0.0.89 udp 127.0.0.89
	v4_on_v6 127.0.0.89 udp 127.0.0.89
	fastopen 127.0.0.89 tcp 127.0.0.89
	disconnect 127.0.0.89 udp 127.0.0.89
	tcp 0.0.0.0 tcp 0.0.0.0
	tcp :: tcp [::]
	udp_sendto 0.0.0.0 udp 0.0.0.0
	END
}

@test "addresses that no row covers are not asked about" {
	serve
	answers connect:=deny
	for address in 127.0.0.87 127.0.0.92 127.0.0.1; do
		run -0 timeout 60 "$zviz" --root "$place/state" run --profile ../ask.yaml "$id" -- \
			python3 -B connect.py tcp "$address" "$port"
		[ "${lines[-1]}" = passed ]
	done
	run -0 try_ udp_sendto 192.0.2.1 # not by this port; there may be no way to it
	[[ $output == passed || $output == ENETUNREACH ]]
	run -1 grep -q kind "$place/heard"
}

@test "once, for the run, for the rule; and the line of always answers from then on" {
	serve
	answers connect:=allow
	run -0 try_ twice 127.0.0.89
	[ "$(heard "tcp 127.0.0.89:$port")" = 2 ]
	wait "$asked"
	answers connect:=allow,run
	run -0 try_ twice 127.0.0.89
	[ "$(heard "tcp 127.0.0.89:$port")" = 1 ]
	wait "$asked"
	answers connect:=allow,always
	run -0 try_ twice ::1
	line=$(sed -n 's/.*"always":"\(ask: .*\)"}$/\1/p' "$place/heard" | sed 's/\\"/"/g')
	[ "$line" = "ask: {always: {connect: [{cidr: \"::1\", ports: [$port]}]}}" ]
	grep -q '"pattern":"::1","rule":"[^"]*ask.yaml:8"' "$place/heard"
	wait "$asked"
	printf 'zviz: 1\nextends: ask.yaml\n%s\n' "$line" >../more.yaml
	run -0 timeout 60 "$zviz" --root "$place/state" run --profile ../more.yaml "$id" -- \
		python3 -B connect.py tcp ::1 "$port"
	[ "${lines[-1]}" = passed ]
	# Of what may lead to any address, the answer about one is none.
	run -0 timeout 60 "$zviz" --root "$place/state" run --profile ../more.yaml "$id" -- \
		python3 -B connect.py tcp :: "$port"
	[ "${lines[-1]}" = EACCES ]
}

@test "without anybody to be asked it is a no, which the event explains" {
	port=9
	run -0 timeout 60 "$zviz" --root "$place/state" run --profile ../ask.yaml --events "$place/events" "$id" -- \
		python3 -B connect.py tcp 127.0.0.89 9
	[ "${lines[-1]}" = EACCES ]
	grep '"syscall":"connect"' "$place/events" | grep -F '127.0.0.89:9' | grep -F ask.yaml:7 |
		grep -qF 'run it at a terminal or with --ask-socket'
}

@test "a question, and a connection that nobody takes, hold up nobody else" {
	serve
	answers connect:=allow,once,1
	run -0 try_ interrupted 127.0.0.89
	[ "$output" = passed ]
	wait "$asked"
	answers connect:=allow
	port=$((port + 1))
	run -0 try_ slow 127.0.0.90
	echo "$output"
	[ "$output" = passed ]
}

@test "no source route leads by somebody else" {
	serve
	answers connect:=allow
	run -0 try_ routed 127.0.0.89
	echo "$output"
	[ "$output" = passed ]
}

@test "sockets of other families, and a loopback of its own" {
	serve
	answers connect:=allow
	run -0 try_ others 127.0.0.89
	[ "$output" = passed ]
	run -1 grep -q kind "$place/heard"
	wait "$asked"
	sed -i /network:/d ../ask.yaml
	answers connect:=allow
	run -0 try_ own_loopback 127.0.0.89
	[ "$output" = passed ]
	[ "$(heard "tcp 127.0.0.89:$port")" = 1 ]
	wait "$asked"
	answers connect:=deny
	run -0 try_ own_loopback 127.0.0.89
	[ "$output" = EACCES ]
	run -0 "$zviz" compile --explain ../ask.yaml
	grep -q 'ask.connect 127.0.0.88/30 .*its network is a loopback alone' <<<"$output"
}

@test "what goes its own ways is not allowed beside it" {
	while IFS='|' read -r lines says; do
		printf 'zviz: 1\nextends: ask.yaml\n%b\n' "$lines" >../wrong.yaml
		echo "$lines"
		run -1 timeout 60 "$zviz" --root "$place/state" run --profile ../wrong.yaml "$id" -- true
		echo "$output"
		grep -q "ask.yaml:7: ask.connect 127.0.0.88/30 cannot be kept while .*$says.*wrong.yaml:3" <<<"$output"
	done <<-'END'
	sockets: {allow: [{family: inet}]}|inet sockets
	sockets: {allow: [{family: inet, types: [stream]}]}|inet sockets
	sockets: {allow: [{family: inet6, types: [seqpacket], protocols: [0]}]}|inet6 sockets
	sockets: {allow: [{family: inet, types: [stream], protocols: [132]}]}|inet sockets
	sockets: {allow: [{family: inet, types: [stream], protocols: [262]}]}|inet sockets
	sockets: {allow: [{family: inet, types: [raw], protocols: [1]}]}|inet sockets
	sockets: {allow: [{family: packet}]}|packet sockets
	sockets: {allow: [{family: vsock}]}|vsock sockets
	capabilities: {keep: [CAP_NET_ADMIN]}|CAP_NET_ADMIN is kept
	syscalls: {allow: [io_uring_setup]}|io_uring_setup is allowed
	syscalls: {where: [{syscall: connect, arg: 0, in: [3], then: allow}]}|lets connect go on
	syscalls: {where: [{syscall: setsockopt, arg: 1, in: [41], then: allow}]}|lets setsockopt go on
	syscalls: {where: [{syscall: socket, arg: 0, in: [40], then: allow}]}|lets socket go on
	END
}

@test "rows that are none, that are said twice, and that are taken away again" {
	while IFS='|' read -r rows says; do
		printf 'zviz: 1\nextends: ci-runner\nask: {%b}\n' "$rows" >../wrong.yaml
		run -1 "$zviz" --root "$place/state" run --profile ../wrong.yaml "$id" -- true
		echo "$output"
		grep -q "wrong.yaml:[0-9:]*.*$says" <<<"$output"
	done <<-'END'
	connect: [{cidr: 10.0.0.0/33}]|no address range
	connect: [{cidr: example.org}]|no address range
	connect: [{ports: [1]}]|cidr
	connect: [{cidr: 10.0.0.0/8, ports: []}]|ports
	connect: [{cidr: 10.0.0.0/8, ports: [65536]}]|ports
	connect: [{domain: example.org}]|domain
	connect: [{cidr: 10.0.0.0/8}, {cidr: 10.1.2.3/8}]|has the same row in
	connect: [{cidr: 10.0.0.0/8}, {cidr: "::ffff:10.0.0.0/104"}]|has the same row in
	connect: [{cidr: 10.0.0.0/8}], always: {connect: [{cidr: 10.0.0.0/8}]}|is in the other list in
	END
	printf 'zviz: 1\nextends: ask.yaml\nremove: {ask: {connect: [{cidr: 127.0.0.88/30}]}}\n' >../less.yaml
	run -0 "$zviz" explain ../less.yaml connect 127.0.0.89:80
	run -1 grep -q 'it asks' <<<"$output"
	run -0 "$zviz" explain ../less.yaml connect '[::1]:80'
	grep -q 'it asks' <<<"$output"
}

@test "explain, diff, verify and compile know the addresses" {
	run -0 "$zviz" explain ../ask.yaml connect 127.0.0.89:80
	grep -q 'it asks, and connects .*ask.yaml:7' <<<"$output"
	run -0 "$zviz" explain ../ask.yaml connect 192.0.2.1:443
	grep -q 'it asks, and connects .*ask.yaml:9' <<<"$output"
	run -0 "$zviz" explain ../ask.yaml connect 192.0.2.1:80
	grep -q 'broker *allowed: it connects for the caller' <<<"$output"
	run -0 "$zviz" explain ../ask.yaml connect 192.0.2.1
	grep -q 'it asks' <<<"$output"
	run -0 "$zviz" explain ../ask.yaml connect example.org:443
	grep -q 'it asks if' <<<"$output"
	run -0 "$zviz" explain ../ask.yaml setsockopt 3 41 57
	grep -q 'refused with EACCES' <<<"$output"
	printf 'zviz: 1\nextends: ci-runner\nnetwork: {mode: host}\n' >../open.yaml
	run ! "$zviz" diff --subset ../open.yaml ../ask.yaml
	grep -q 'network: connect 192.0.2.0/24:443 without asking' <<<"$output"
	run -0 "$zviz" diff --subset ../ask.yaml ../open.yaml
	run -0 "$zviz" verify ../ask.yaml
	run -0 "$zviz" compile --output ../compiled ../ask.yaml
	grep -q '"cidr": "192.0.2.0/24"' ../compiled/broker.json
}

@test "a container that runs is told of other rows, if it was started with one" {
	serve
	answers connect:=deny,run
	cat >loop.sh <<-'END'
	while [ ! -e end ]; do
		python3 -B connect.py tcp "$1" "$2" >>out
		[ ! -e next ] || { rm next; echo - >>out; }
	done
	END
	timeout 60 "$zviz" --root "$place/state" run --profile ../ask.yaml --ask-socket "$place/socket" "$id" -- \
		sh loop.sh 127.0.0.50 "$port" 3>&- &
	local started=$!
	until grep -q passed out 2>/dev/null; do sleep 0.05; done
	printf 'zviz: 1\nextends: ask.yaml\nask: {connect: [{cidr: 127.0.0.48/29}]}\n' >../more.yaml
	run -0 "$zviz" --root "$place/state" update --profile ../more.yaml "$id"
	echo "$output"
	until grep -q EACCES out; do sleep 0.05; done
	touch end
	wait "$started"
	rm end out
	[ "$(heard "tcp 127.0.0.50:$port")" = 1 ]
	printf 'zviz: 1\nextends: ci-runner\nnetwork: {mode: host}\n' >../open.yaml
	"$zviz" --root "$place/state" run --detach --profile ../open.yaml "$id" -- sleep 60
	run ! "$zviz" --root "$place/state" update --profile ../ask.yaml "$id"
	grep -q 'ask.connect 127.0.0.88/30' <<<"$output"
	"$zviz" --root "$place/state" delete --force "$id"
}

said() { # WORD: what came of the next connection that is begun from now on
	rm -f out
	for _ in $(seq 500); do
		if [ "$(cat out 2>/dev/null | wc -l)" -ge 2 ]; then # the first may have been begun before
			[ "$(sed -n 2p out)" = "$1" ]
			return
		fi
		sleep 0.02
	done
	return 1
}

@test "an update that takes rows away is wider; from then on nothing is asked about them, until they are there again" {
	serve
	answers connect:=deny
	printf 'zviz: 1\nname: other\nextends: ci-runner\nnetwork: {mode: host}\nask: {connect: [{cidr: 192.0.2.0/24, ports: [443]}]}\n' >../other.yaml
	printf 'zviz: 1\nname: none\nextends: ci-runner\nnetwork: {mode: host}\n' >../none.yaml
	timeout 120 "$zviz" --root "$place/state" run --profile ../ask.yaml --ask-socket "$place/socket" "$id" -- \
		sh -c 'while [ ! -e end ]; do python3 -B connect.py "$@" >>out || exit 1; done' sh udp_sendto 127.0.0.89 "$port" 3>&- &
	local started=$! before
	said EACCES
	run -1 "$zviz" --root "$place/state" update --profile ../other.yaml "$id"
	grep -q 'connect 127.0.0.88/30 without asking' <<<"$output"
	# The last one has a part in the filter, which stays.
	run -1 "$zviz" --root "$place/state" update --widen --profile ../none.yaml "$id"
	grep -q 'ask.connect: no row is left: .*keep one' <<<"$output"
	said EACCES
	run -0 "$zviz" --root "$place/state" update --widen --profile ../other.yaml "$id"
	said passed
	before=$(heard "udp 127.0.0.89:$port")
	said passed
	[ "$(heard "udp 127.0.0.89:$port")" = "$before" ]
	run -0 "$zviz" --root "$place/state" explain "$id" connect "127.0.0.89:$port"
	if grep -q 'it asks' <<<"$output"; then false; fi
	# A process that joins is judged by the same tables.
	run -0 "$zviz" --root "$place/state" exec "$id" python3 -B connect.py udp_sendto 127.0.0.89 "$port"
	[ "$output" = passed ]
	run -0 "$zviz" --root "$place/state" update --profile ../ask.yaml "$id"
	said EACCES
	[ "$(heard "udp 127.0.0.89:$port")" -gt "$before" ]
	run -0 "$zviz" --root "$place/state" exec "$id" python3 -B connect.py udp_sendto 127.0.0.89 "$port"
	[ "$output" = EACCES ]
	touch end
	wait "$started"
}

@test "calls of i386 are asked about as well, and those that cannot be are not there" {
	[ "$(uname -m)" = x86_64 ] || skip 'needs x86_64'
	serve
	python3 -B connect.py narrow_connect 127.0.0.89 "$port" || skip 'this kernel runs no calls of i386'
	printf 'syscalls: {architectures: [i386]}\n' >>../ask.yaml
	for way in connect sendto sendmsg sendmmsg; do
		for answer in allow deny; do
			answers connect:=$answer
			echo "$way: $answer"
			run -0 try_ narrow_$way 127.0.0.89
			[ "$output" = "$([ $answer = allow ] && echo passed || echo EACCES)" ]
			[ "$(heard "udp 127.0.0.89:$port")" -ge 1 ]
			wait "$asked"
		done
	done
	answers connect:=allow
	run -0 try_ narrow_socketcall 127.0.0.89
	[ "$output" = ENOSYS ]
	wait "$asked"
	answers connect:=allow
	run -0 try_ narrow_option ::1
	[ "$output" = EACCES ]
}

@test "at a terminal a person is asked" {
	cat >../ask.yaml <<-'END'
	zviz: 1
	extends: ci-runner
	ask: {connect: [{cidr: 127.0.0.0/8, ports: [7]}]}
	END
	run -0 timeout 120 python3 -B "$BATS_TEST_DIRNAME/terminal.py" ask_connect "$zviz" --root "$place/state" run \
		--profile "$place/ask.yaml" "$id"
}
