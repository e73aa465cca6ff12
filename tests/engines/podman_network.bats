# Podman's networks and pods: it makes the namespaces and hands zviz their paths; the profile's rules hold in them.

bats_require_minimum_version 1.5.0
load podman

setup_file() {
	podman_lacks curl iptables /usr/lib/podman/netavark && return
	podman_begin
	import "$place/image" small
	# Shared namespaces are held by a container that does nothing.
	mkdir -p "$place"/pause/{bin,proc,dev,sys,run}
	cp "$(command -v busybox)" "$place/pause/bin/sleep"
	import "$place/pause" pause --change 'ENTRYPOINT ["/bin/sleep", "1000000"]'
	profile web 8000
	profile low 80
}

teardown_file() { podman_end; }

teardown() {
	[ -n "${place:-}" ] || return 0
	for process in ${dns:-} ${served:-}; do
		kill "$process" 2>/dev/null || true # a test ends its own
	done
	pod pod rm --all --force --time 0 >/dev/null
	pod rm --all --force --time 0 >/dev/null
	nothing_runs
}

profile() { # NAME PORT: listens at PORT, and may go to TEST-NET-1 and to neighbours of Podman's network
	cat >"$place/profiles/$1.yaml" <<-END
	zviz: 1
	name: $1
	extends: ci-runner
	network:
	  mode: private
	  egress: {allow: [{cidr: 10.88.0.0/16, ports: [$2]}]}
	  ingress: {allow: [{port: $2}]}
	END
}

serve() { # PORT
	echo "echo served >/tmp/index.html; exec httpd -f -p $1 -h /tmp"
}
get() { inside curl --silent --max-time 5 "$1"; }
gets() { [ "$(get "$1")" = served ]; }
address() { pod inspect -f '{{.NetworkSettings.IPAddress}}' "$1"; }

@test "the default network: an address, and what the profile permits over it, in and out" {
	pod run --detach --name web --annotation "zviz.io/profile=web" localhost/small sh -c "$(serve 8000)" >/dev/null
	until_true gets "http://$(address web):8000"
	# Not by the default profile, which knows no network: neither in nor out.
	pod run --detach --name shut localhost/small sh -c "$(serve 8000)" >/dev/null
	until_true pod exec shut wget -q -O /dev/null http://127.0.0.1:8000
	run ! get "http://$(address shut):8000"
	run ! pod exec shut timeout 5 wget -q -O- "http://$(address web):8000"
	[ "$(pod run --rm --annotation "zviz.io/profile=web" localhost/small wget -q -O- "http://$(address web):8000")" = served ]
}

@test "a user namespace that Podman asks for: the runtime makes the network, and Podman connects it" {
	pod run --detach --name web --uidmap 0:200000:65536 --annotation "zviz.io/profile=web" localhost/small sh -c "$(serve 8000)" >/dev/null
	until_true gets "http://$(address web):8000"
	[[ $(pod exec web cat /proc/self/uid_map) == *200000*65536 ]]
	run ! pod exec web timeout 5 wget -q -O- http://10.88.0.1:22
	pod exec web ip link show eth0 >/dev/null
	run ! pod exec web ip link show eth1
	pod run --detach --name shut --uidmap 0:200000:65536 localhost/small sh -c "$(serve 8000)" >/dev/null
	until_true pod exec shut wget -q -O /dev/null http://127.0.0.1:8000
	run ! get "http://$(address shut):8000"
}

@test "-p: a published port leads in, from the host as well" {
	pod run --detach --name web -p 8080:8000 --annotation "zviz.io/profile=web" localhost/small sh -c "$(serve 8000)" >/dev/null
	until_true gets http://127.0.0.1:8080
	gets http://10.88.0.1:8080
	[ "$(pod port web)" = '8000/tcp -> 0.0.0.0:8080' ]
	pod rm --force --time 0 web
	run ! get http://127.0.0.1:8080
}

@test "a port below 1024 that the profile has a row for is listened at, without a capability" {
	pod run --detach --name web --annotation "zviz.io/profile=low" localhost/small sh -c "$(serve 80)" >/dev/null
	until_true gets "http://$(address web):80"
	[ "$(inside cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 80 ]
	run ! pod run --rm --annotation "zviz.io/profile=web" localhost/small httpd -f -p 80
	[[ $output == *'Permission denied'* ]]
}

@test "names: whichever server Podman writes into the container, zviz-net answers, and opens what its profile permits" {
	echo 'example.org 60 A 11.0.0.2' >"$place/zone"
	: >"$place/asked"
	echo 'nameserver 127.0.0.53' >"$place/resolv.conf"
	inside mount --bind "$place/resolv.conf" /etc/resolv.conf
	nsenter --target "$holder" --mount --net python3 "$BATS_TEST_DIRNAME/../net/dns.py" "$place/zone" "$place/asked" 127.0.0.53 3>&- &
	dns=$!
	printf 'zviz: 1\nextends: ci-runner\nnetwork: {mode: private, egress: {allow: [{domain: example.org, ports: [8000]}]}}\n' \
		>"$place/profiles/names.yaml"
	# What it leads to: an address of this host's, which such a network does not keep away.
	inside ip address add 11.0.0.2/32 dev lo
	nsenter --target "$holder" --mount --net busybox httpd -f -p 11.0.0.2:8000 -h "$place" 3>&- &
	served=$!
	for words in '' '--dns 192.0.2.1'; do
		# shellcheck disable=SC2086 # words of an option, or none
		ask() { pod run --rm $words --annotation "zviz.io/profile=names" localhost/small "$@"; }
		# By its number, once the name was asked for. (Debian 12's static wget asks for none, and crashes with -T.)
		known() { ask sh -c "nslookup example.org >/dev/null && exec timeout 5 wget -q -O- http://11.0.0.2:$1/zone" 2>&1; }
		until_true known 8000
		[ "$(known 8000)" = "$(cat "$place/zone")" ]
		run ! known 8001
		[[ $output == *'onnection refused'* ]]
		run ! ask timeout 5 wget -q -O- http://11.0.0.2:8000/zone
		[[ $output == *'onnection refused'* ]]
		: >"$place/asked"
		run ! ask nslookup www.example.org
		[[ $output == *NXDOMAIN* ]]
		[ ! -s "$place/asked" ]
	done
	kill "$dns" "$served"
	inside umount /etc/resolv.conf
}

@test "a pod: its containers have one network, one host name and one /dev/shm" {
	pod pod create --name both --infra-image localhost/pause -p 8081:8000 >/dev/null
	pod run --detach --pod both --name web --annotation "zviz.io/profile=web" localhost/small sh -c "$(serve 8000)" >/dev/null
	until_true pod run --rm --pod both --annotation "zviz.io/profile=web" localhost/small \
		wget -q -O /dev/null http://127.0.0.1:8000
	[ "$(pod run --rm --pod both localhost/small hostname)" = both ]
	pod exec web touch /dev/shm/here
	pod run --rm --pod both localhost/small test -e /dev/shm/here
	[ "$(pod pod inspect --format '{{.State}}' both)" = Running ]
	pod pod stop --time 0 both
	pod pod rm --force both
}

@test "a pod that shares process ids, and a container that is in another's" {
	pod pod create --name all --infra-image localhost/pause --share pid,net >/dev/null
	pod run --detach --name worker --pod all localhost/small sleep 1001 >/dev/null
	run -0 pod run --rm --pod all localhost/small sh -c 'for at in /proc/[0-9]*; do tr "\0" " " <$at/cmdline; done'
	[[ $output == *'sleep 1001 '* ]]
	run -0 pod exec worker readlink /proc/self/ns/pid
	[ "$output" = "$(pod run --rm --pod all localhost/small readlink /proc/self/ns/pid)" ]
	# A signal from one to another.
	pod run --rm --pod all localhost/small sh -c 'for at in /proc/[0-9]*; do [ "$(tr "\0" " " <$at/cmdline)" != "sleep 1001 " ] || kill -9 ${at#/proc/}; done'
	[ "$(pod wait worker)" = 137 ]
	pod pod rm --force --time 0 all
	pod run --detach --name lone localhost/small sleep 1002 >/dev/null
	pod run --detach --name guest --pid container:lone localhost/small sleep 1003 >/dev/null
	run -0 pod exec guest sh -c 'for at in /proc/[0-9]*; do tr "\0" " " <$at/cmdline; done'
	[[ $output == *'sleep 1002 '*'sleep 1003 '* ]]
	for name in guest lone; do pod rm --force --time 0 $name >/dev/null; done
}

@test "of networks nothing is left: no device, no rule, no pinned namespace" {
	pod run --rm -p 8080:8000 localhost/small true
	run -0 inside ls /run/netns # which Podman has made
	[ -z "$output" ]
	run -0 inside ip -o link
	[[ $output == *' lo: '* ]]
	[[ $output != *veth* ]]
	# Podman's own rules stay, whichever form it has them in.
	run -0 inside nft list ruleset
	[[ $output == *[a-zA-Z]* ]]
	[[ $output != *zviz* ]]
}
