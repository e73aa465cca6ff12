# linux.namespaces with a path: the container stands in what somebody else has made, and has no power over it.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'to join what others have made takes root'
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/proc" "$place/bundle/rootfs/sys" "$place/bundle/rootfs/mq"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/busybox"
	for name in cat hostname ip ls readlink sh sleep true; do ln -s busybox "$place/bundle/rootfs/bin/$name"; done
	id=given-$BATS_TEST_NUMBER-$$
	# What a Pod's first container is for: one process that holds namespaces of the host's user namespace.
	unshare --net --ipc --uts --time --cgroup sh -c '
		hostname shared; ip link set lo up; ip link add pod0 type veth peer name pod1; exec sleep 300' 3>&- &
	pod=$!
	for _ in $(seq 200); do
		[ "$(cat "/proc/$pod/comm")" != sleep ] || break
		sleep 0.05
	done
}

teardown() {
	cd /
	[ -z "${pod:-}" ] || kill "$pod" 2>/dev/null || true # a test may have ended it
	[ -z "${user:-}" ] || kill "$user" 2>/dev/null || true # likewise
	rm -rf "$place"
}

# bundle NAMESPACES [MORE]: a bundle with these entries of linux.namespaces, and MORE members of `linux`.
bundle() {
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sh"], "env": ["PATH=/bin"], "user": {"uid": ${uid:-0}, "gid": ${uid:-0}}},
	 "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/sys", "type": "sysfs"},
		{"destination": "/mq", "type": "mqueue"}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, $1]${2:+, $2}}}
	END
}

given() { printf '{"type": "%s", "path": "/proc/%s/ns/%s"}' "$1" "$pod" "${2:-$1}"; }

inside() { # [OPTIONS…] -- COMMAND…
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	"$zviz" --root "$place/state" --profile "${profile:-ci-runner}" run ${options[@]+"${options[@]}"} \
		--bundle "$place/bundle" "$id" "$@"
}

is_the_pods() { # FILE: what the last run printed of its own
	[ "$output" = "$(readlink "/proc/$pod/ns/$1")" ]
}

@test "network, ipc and uts: the container is in each, and in no other of the pod's" {
	bundle "$(given network net), $(given ipc), $(given uts)"
	for kind in net ipc uts; do
		run -0 inside -- readlink "/proc/self/ns/$kind"
		is_the_pods "$kind"
	done
	for kind in user mnt pid cgroup; do
		run -0 inside -- readlink "/proc/self/ns/$kind"
		if is_the_pods "$kind"; then false; fi
		[ "$output" != "$(readlink "/proc/self/ns/$kind")" ]
	done
	run -0 inside -- hostname
	[ "$output" = shared ]
}

@test "the names of the bundle are those of the uts namespace that it gives, as CRI-O names its Pods, and none are else" {
	bundle "$(given uts)"
	run -0 inside -- hostname
	[ "$output" = shared ]
	sed -i 's/^{/{"hostname": "the-pod", "domainname": "example.org", /' "$place/bundle/config.json"
	run -0 inside -- sh -c 'hostname; cat /proc/sys/kernel/domainname'
	[ "$output" = $'the-pod\nexample.org' ]
	[ "$(nsenter -t "$pod" -u hostname)" = the-pod ]
	[ "$(hostname)" != the-pod ]
}

@test "each alone, and a time namespace" {
	for kind in network:net ipc:ipc uts:uts time:time; do
		bundle "$(given "${kind%:*}" "${kind#*:}")"
		run -0 inside -- readlink "/proc/self/ns/${kind#*:}"
		is_the_pods "${kind#*:}"
	done
	run -0 inside -- true # the launcher has come back from each
}

@test "a process that joins later is in the same" {
	bundle "$(given network net), $(given ipc), $(given uts), $(given time)"
	"$zviz" --root "$place/state" run --detach --bundle "$place/bundle" "$id" sleep 60 >/dev/null 2>&1
	for kind in net ipc uts time; do
		run -0 "$zviz" --root "$place/state" exec "$id" readlink "/proc/self/ns/$kind"
		is_the_pods "$kind"
	done
	run -7 "$zviz" --root "$place/state" exec "$id" sh -c 'exit 7'
	# What the visitor fails at is said by who sent it.
	jq -n '{cwd: "/", args: ["true"], env: ["PATH=/bin"], user: {uid: 0, gid: 0}, oomScoreAdj: -1000}' >"$place/lower.json"
	run -255 setpriv --bounding-set -sys_resource --inh-caps -sys_resource "$zviz" --root "$place/state" exec --process "$place/lower.json" "$id"
	[[ $output == *'join.spawn: process.oomScoreAdj'*'lowering it needs CAP_SYS_RESOURCE'* ]]
	"$zviz" --root "$place/state" delete --force "$id"
}

@test "sysfs shows the devices of the network that is shared; mqueue the queues of the ipc namespace" {
	nsenter -t "$pod" -i python3 -c '
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
assert libc.mq_open(b"/queue", os.O_CREAT | os.O_RDWR, 0o644, None) >= 0, os.strerror(ctypes.get_errno())'
	bundle "$(given network net), $(given ipc)"
	run -0 inside -- ls /sys/class/net
	[ "$output" = $'lo\npod0\npod1' ]
	run -0 inside -- ls /mq
	[ "$output" = queue ]
	run inside -- sh -c 'echo 1400 >/sys/class/net/pod0/mtu'
	[ "$status" != 0 ]
	[ "$(nsenter -t "$pod" -n ip -o link show pod0 | grep -c 'mtu 1500')" = 1 ]
}

@test "the workload has no power over the network: not even as root with every call" {
	bundle "$(given network net), $(given uts)"
	profile=development run inside -- sh -c 'ip link set pod0 up && echo LINK; ip addr add 192.0.2.1/32 dev lo && echo ADDRESS
		hostname mine && echo NAME; echo 1 >/proc/sys/net/ipv4/ip_forward && echo SYSCTL; echo end'
	[[ "$output" == *end ]]
	if grep -qE '^(LINK|ADDRESS|NAME|SYSCTL)$' <<<"$output"; then false; fi
	[ "$(nsenter -t "$pod" -u hostname)" = shared ]
}

@test "sysctls of what is shared are set by who may, those of its own by the container" {
	bundle "$(given network net), $(given ipc)" \
		'"sysctl": {"net.ipv4.ip_unprivileged_port_start": "77", "kernel.shmmni": "123"}'
	run -0 inside -- cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni
	[ "$output" = $'77\n123' ]
	[ "$(nsenter -t "$pod" -n cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" = 77 ]
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" != 77 ]
	[ "$(cat /proc/sys/kernel/shmmni)" != 123 ]
	bundle "$(given ipc), {\"type\": \"network\"}" '"sysctl": {"net.ipv4.ip_unprivileged_port_start": "78"}'
	run -0 inside -- cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni
	[ "$output" = $'78\n123' ]
}

@test "settings of a network that is the host's own are not the bundle's" {
	local before host
	before=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
	printf 'zviz: 1\nextends: ci-runner\nnetwork: {mode: host, ingress: {allow: [{port: 81}]}}\nrequirements: {network_policy: preferred}\n' >"$place/host.yaml"
	host='{"type": "network", "path": "/proc/self/ns/net"}'
	bundle "$host" '"sysctl": {"net.ipv4.ip_unprivileged_port_start": "77"}'
	profile=$place/host.yaml run -1 inside -- true
	[[ $output == *"linux.namespaces[2].path: /proc/self/ns/net: that is the network zviz itself is in, and linux.sysctl.net.ipv4.ip_unprivileged_port_start"* ]] ||
		{ echo "$output"; false; }
	bundle "$host"
	profile=$place/host.yaml run -0 inside -- cat /proc/sys/net/ipv4/ip_unprivileged_port_start
	[ "$output" = "$before" ]
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" = "$before" ]
}

@test "the port from which a shared network's are everybody's only ever comes down" {
	now() { nsenter -t "$pod" -n cat /proc/sys/net/ipv4/ip_unprivileged_port_start; }
	printf 'zviz: 1\nextends: ci-runner\nnetwork: {mode: private, ingress: {allow: [{port: 443}]}}\n' >"$place/https.yaml"
	bundle "$(given network net)"
	profile=$place/https.yaml run -0 inside -- true
	[ "$(now)" = 443 ]
	nsenter -t "$pod" -n sh -c 'echo 80 >/proc/sys/net/ipv4/ip_unprivileged_port_start'
	profile=$place/https.yaml run -0 inside -- true
	[ "$(now)" = 80 ]
}

@test "the groups that may ping: as many of those asked for as there are inside" {
	bundle '{"type": "network"}' '"sysctl": {"net.ipv4.ping_group_range": "0 2147483647"}'
	run -0 inside -- cat /proc/sys/net/ipv4/ping_group_range
	[ "$output" = $'0\t65535' ]
	bundle '{"type": "network"}' '"sysctl": {"net.ipv4.ping_group_range": "100000 2147483647"}'
	run -0 inside -- cat /proc/sys/net/ipv4/ping_group_range
	[ "$output" = $'65534\t65534' ] # of ids that are not there, as it is in a new network
	bundle '{"type": "network"}' '"sysctl": {"net.ipv4.ping_group_range": "all"}'
	run -1 inside -- true
	[[ $output == *"linux.sysctl.net.ipv4.ping_group_range: write 'all'"* ]]
	bundle "$(given network net)" '"sysctl": {"net.ipv4.ping_group_range": "0 2147483647"}'
	run -0 inside -- true
	[ "$(nsenter -t "$pod" -n cat /proc/sys/net/ipv4/ping_group_range)" = $'0\t2147483647' ]
}

@test "a path that is bound to a file, as ip netns and CNI do" {
	touch "$place/netns"
	bundle "{\"type\": \"network\", \"path\": \"$place/netns\"}"
	run -0 unshare --mount sh -c "mount --bind /proc/$pod/ns/net '$place/netns' &&
		exec '$zviz' --root '$place/state' --profile ci-runner run --bundle '$place/bundle' $id readlink /proc/self/ns/net"
	is_the_pods net
}

@test "a user namespace: its ids, in a namespace of the container's own; and a network that it owns" {
	unshare --user --net sleep 300 3>&- &
	user=$!
	for _ in $(seq 200); do
		[ "$(cat "/proc/$user/comm")" != sleep ] || break
		sleep 0.05
	done
	for map in uid_map gid_map; do echo 0 100000 1000 >"/proc/$user/$map"; done
	chown -R 100000:100000 "$place/bundle/rootfs" # as an engine does
	chmod 755 "$place" "$place/bundle" "$place/bundle/rootfs"
	bundle "{\"type\": \"user\", \"path\": \"/proc/$user/ns/user\"}, {\"type\": \"network\", \"path\": \"/proc/$user/ns/net\"}"
	run -0 inside -- cat /proc/self/uid_map
	[[ "$output" =~ ^\ +0\ +100000\ +1000$ ]]
	run -0 inside -- readlink /proc/self/ns/net
	[ "$output" = "$(readlink "/proc/$user/ns/net")" ]
	run -0 inside -- readlink /proc/self/ns/user
	[ "$output" != "$(readlink "/proc/$user/ns/user")" ]
	# The mappings beside it must be the same.
	bundle "{\"type\": \"user\", \"path\": \"/proc/$user/ns/user\"}" \
		'"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 1000}], "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 1000}]'
	run -0 inside -- true
	bundle "{\"type\": \"user\", \"path\": \"/proc/$user/ns/user\"}" \
		'"uidMappings": [{"containerID": 0, "hostID": 200000, "size": 1000}], "gidMappings": [{"containerID": 0, "hostID": 200000, "size": 1000}]'
	run -1 inside -- true
	[[ "$output" == *"are not those of linux.namespaces[2].path"* ]]
	# An id that it does not have.
	uid=5000 bundle "{\"type\": \"user\", \"path\": \"/proc/$user/ns/user\"}"
	run -1 inside -- true
	[[ "$output" == *"5000:5000 is not among the mapped ids"* ]]
}

refused() { # ENTRY TEXT…: what the error says; nothing runs, nothing is left
	bundle "$1"
	shift
	run -1 inside -- sh -c 'echo ran'
	for text in "config.json: linux.namespaces[2].path" "$@"; do
		[[ "$output" == *"$text"* ]] || { echo "no '$text' in: $output"; return 1; }
	done
	[[ "$output" != *ran* ]]
	[ -z "$(ls -A "$place/state" 2>/dev/null)" ]
}

@test "what is no namespace, another kind, relative, gone, or zviz's own is refused with its place" {
	refused '{"type": "network", "path": "/proc/'"$pod"'/ns/uts"}' 'of type uts, not net'
	refused '{"type": "ipc", "path": "/etc/passwd"}' 'not a namespace'
	refused '{"type": "ipc", "path": "/proc/self/ns"}' 'not a namespace'
	refused '{"type": "network", "path": "ns/net"}' 'must be an absolute path'
	refused '{"type": "network", "path": "/nowhere/at/all"}' 'No such file'
	refused '{"type": "user", "path": "/proc/'"$pod"'/ns/net"}' 'of type net, not user'
	refused '{"type": "user", "path": "/proc/self/ns/user"}' 'the user namespace zviz itself is in'
	for kind in ipc uts time; do
		refused '{"type": "'"$kind"'", "path": "/proc/self/ns/'"$kind"'"}' "the $kind namespace zviz itself is in"
	done
	mkfifo "$place/fifo"
	refused '{"type": "network", "path": "'"$place/fifo"'"}' 'not a namespace' # and nobody waits for it
	sleep 0 &
	dead=$!
	wait "$dead"
	refused '{"type": "network", "path": "/proc/'"$dead"'/ns/net"}' 'No such file' 'may have ended'
}

@test "what the other layers rest on is not shared: mount, cgroup" {
	for kind in mount:mnt cgroup:cgroup; do
		cat >"$place/bundle/config.json" <<-END
		{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["/bin/sh"],
		 "user": {"uid": 0, "gid": 0}}, "linux": {"namespaces": [$(given "${kind%:*}" "${kind#*:}")]}}
		END
		run -1 inside -- true
		[[ "$output" == *"linux.namespaces[0].path: a ${kind%:*} namespace is not shared: "* ]]
	done
}

@test "the host's own network: refused with rules, shared where the profile says host" {
	bundle '{"type": "network", "path": "/proc/self/ns/net"}'
	before=$(nft list ruleset)
	run -1 "$zviz" --root "$place/state" --profile batch-job run --bundle "$place/bundle" "$id" true
	[[ "$output" == *"linux.namespaces[2].path: /proc/self/ns/net: that is the network namespace zviz itself is in"* ]]
	[ "$(nft list ruleset)" = "$before" ]
	printf 'zviz: 1\nname: own\nextends: batch-job\nnetwork: {mode: host}\n' >"$place/own.yaml"
	run -0 "$zviz" --root "$place/state" --profile "$place/own.yaml" run --bundle "$place/bundle" "$id" readlink /proc/self/ns/net
	[ "$output" = "$(readlink /proc/self/ns/net)" ]
	# By no entry at all, as engines say it.
	bundle '{"type": "uts"}'
	run -0 "$zviz" --root "$place/state" --profile "$place/own.yaml" run --bundle "$place/bundle" "$id" sh -c 'readlink /proc/self/ns/net; ls /sys/class/net'
	[ "$output" = "$(readlink /proc/self/ns/net; LC_ALL=C ls /sys/class/net)" ]
}

@test "options that say another network are errors that name the path" {
	bundle "$(given network net)"
	for option in "--network=private" "--network=none" "--network=host" "--publish=8080"; do
		run -1 inside "$option" -- true
		[[ "$output" == *"--${option:2:4}"*"config.json: linux.namespaces[2].path names the network"* ]]
	done
	run -1 "$zviz" --root "$place/state" --profile batch-job run --allow 192.0.2.0/24 --bundle "$place/bundle" "$id" true
	[[ "$output" == *"--allow: network mode none"* ]]
}

@test "an ordinary user is told what it takes" {
	bundle "$(given network net)"
	chmod -R a+rX "$place"
	mkdir -m 777 "$place/theirs"
	run -1 setpriv --reuid 65534 --regid 65534 --clear-groups "$zviz" --root "$place/theirs/state" run \
		--bundle "$place/bundle" "$id" true
	[[ "$output" == *"linux.namespaces[2].path: to join a network namespace takes CAP_SYS_ADMIN"* ]]
}

@test "when the pod goes meanwhile the container goes on, and cleans up" {
	bundle "$(given network net), $(given ipc), $(given uts)"
	inside -- sh -c 'echo began; sleep 2; hostname' >"$place/out" 2>&1 &
	job=$!
	for _ in $(seq 200); do
		! grep -q began "$place/out" || break
		sleep 0.05
	done
	kill "$pod"
	wait "$job"
	[ "$(cat "$place/out")" = $'began\nshared' ]
	[ -z "$(ls -A "$place/state")" ]
}
