# What the tests of Docker share: both daemons, with what is in deploy, in namespaces of the test's own; an image; the client.

load absent

# Run in a network and a mount namespace of its own: ends when both daemons have ended.
world() {
	mount --make-rprivate /
	mount -t tmpfs run /run # the shims' sockets, among others
	mkdir -p /run/etc/upper /run/etc/work # the daemon writes a key
	mount -t overlay etc -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc
	ip link set lo up
	containerd --config "$place/containerd.toml" >"$place/containerd.log" 2>&1 &
	echo $! >"$place/containerd.pid"
	for _ in {1..200}; do [ ! -S "$place/containerd.sock" ] || break; sleep 0.05; done
	PATH=$place/buildkit:$PATH dockerd --config-file "$place/daemon.json" >"$place/dockerd.log" 2>&1 &
	echo $! >"$place/dockerd.pid"
	wait
}

setup_file() {
	[ "$(id -u)" = 0 ] || { absent 'needs root' && return; }
	for program in dockerd containerd docker; do
		command -v "$program" >/dev/null || { absent "$program is not installed" && return; }
	done
	# A guest's kernel asks nobody to load them.
	for module in overlay veth bridge nft_compat xt_addrtype xt_conntrack xt_nat xt_MASQUERADE xt_tcpudp \
		nf_tables nft_ct nft_nat nft_chain_nat nft_masq nft_redir nft_reject_inet nft_objref nft_fib_inet nfnetlink_log; do
		modprobe "$module" 2>/dev/null || true # some are part of others, or of the kernel
	done
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	deploy=$(realpath "$BATS_TEST_DIRNAME/../../deploy/docker")
	place=$(mktemp -d)
	group=zviz-docker-$$
	export place group
	chmod 755 "$place"
	# Containers of others have this folder's program on no command line.
	cp "$zviz" "$(dirname "$zviz")/../net/zviz-net" "$place/"
	cp "$deploy/docker-build.yaml" "$deploy/docker-web.yaml" "$(command -v docker-init)" "$place/"
	mkdir "$place/buildkit"
	sed -e "s|/usr/bin/zviz|$place/zviz|" -e "s|/etc/zviz/|$place/|" "$deploy/buildkit-runc" >"$place/buildkit/runc"
	chmod 755 "$place/buildkit/runc"
	cat >"$place/rows.yaml" <<-END
	zviz: 1
	name: rows
	extends: ci-runner
	network:
	  mode: private
	  egress: {allow: [{cidr: 172.17.0.0/16, ports: [81]}, {cidr: "2001:db8:1::/64", ports: [81]}]}
	  ingress: {allow: [{port: 80}]}
	END
	printf 'zviz: 1\nname: names\nextends: ci-runner\nnetwork: {mode: private, egress: {allow: [{domain: example.org}]}}\n' >"$place/names.yaml"
	printf 'zviz: 1\nname: device\nextends: ci-runner\ndevices: [/dev/fuse]\n' >"$place/device.yaml"
	# What is in deploy, with the places of this test.
	jq --arg place "$place" --arg group "/$group" '.runtimes[].path = $place + "/zviz"
		| .runtimes["zviz-build"].runtimeArgs[1] = $place + "/docker-build.yaml"
		| .runtimes["zviz-web"].runtimeArgs[1] = $place + "/docker-web.yaml"
		| .runtimes["zviz-names"] = {"path": ($place + "/zviz"), "runtimeArgs": ["--profile", $place + "/names.yaml"]}
		| .runtimes["zviz-device"] = {"path": ($place + "/zviz"), "runtimeArgs": ["--profile", $place + "/device.yaml"]}
		| .runtimes["zviz-rows"] = {"path": ($place + "/zviz"), "runtimeArgs": ["--profile", $place + "/rows.yaml"]}
		| . + {"default-runtime": "zviz-build", "data-root": ($place + "/data"), "exec-root": ($place + "/exec"),
			"pidfile": ($place + "/docker.pid"), "hosts": ["unix://" + $place + "/docker.sock"],
			"containerd": ($place + "/containerd.sock"), "storage-driver": "overlay2", "cgroup-parent": $group,
			"init-path": ($place + "/docker-init"),
			"ipv6": true, "fixed-cidr-v6": "2001:db8:1::/64", "bip": "172.17.0.1/16"}' \
		"$deploy/daemon.json" >"$place/daemon.json"
	cat >"$place/containerd.toml" <<-END
	version = 2
	root = "$place/containerd/root"
	state = "$place/containerd/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
	[grpc]
	  address = "$place/containerd.sock"
	END
	# Debian's client, where there is another as well: of the daemon's version.
	client=$(command -v /usr/bin/docker docker | head -1)
	export client DOCKER_BUILDKIT=0 DOCKER_HOST=unix://$place/docker.sock DOCKER_CONFIG=$place/client
	unshare --net --mount bash -ec "$(declare -f world); world" </dev/null >"$place/world.log" 2>&1 3>&- &
	for _ in {1..200}; do
		! "$client" info >/dev/null 2>&1 || break
		sleep 0.1
	done
	"$client" info >/dev/null 2>"$place/said" || { cat "$place/said" "$place"/*.log >&2 && false; }
	mkdir -p "$place"/image/{bin,etc,tmp,root,dev,proc,sys,run,var}
	cp "$(command -v busybox)" "$place/image/bin/busybox"
	for name in sh cat chown df echo false head hostname httpd id ls mkdir nproc nslookup ps pwd sleep stat test timeout touch tr true wget; do
		ln -s busybox "$place/image/bin/$name"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$place/image/etc/passwd"
	echo 'root:x:0:' >"$place/image/etc/group"
	tar -C "$place/image" -c . | "$client" import - small >/dev/null
}

end() { # NAME: a daemon, by the number that was written down
	local pid
	[ -e "$place/$1.pid" ] || return 0
	pid=$(cat "$place/$1.pid")
	kill "$pid" 2>/dev/null || true # it may have ended
	for _ in {1..200}; do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -KILL "$pid"
}

teardown_file() {
	[ -n "${place:-}" ] || return 0
	remove_all || true # the daemon may never have come up
	end dockerd
	end containerd
	wait
	rm -rf "$place"
	# The folder of its groups is the daemon's own, which leaves it. One can be busy a moment after its last process.
	for _ in {1..100}; do
		find /sys/fs/cgroup -depth -path "*/$group*" -type d -exec rmdir {} + 2>/dev/null || true # tried again
		[ -n "$(find /sys/fs/cgroup -path "*/$group*" -type d)" ] || return 0
		sleep 0.05
	done
	echo "groups are left: $group" && return 1
}

teardown() {
	[ -n "${place:-}" ] || return 0
	# Of a test that failed in its middle.
	kill ${servers[@]+"${servers[@]}"} ${dns:+"$dns"} 2>/dev/null || true # most have none, or have ended them
	remove_all
}

dock() { timeout 60 "$client" "$@" 3>&-; }
small() { dock run --rm --runtime zviz --network none "$@"; } # OPTION… small COMMAND…

remove_all() {
	local ids
	ids=$(dock ps -aq)
	# shellcheck disable=SC2086 # one word each
	[ -z "$ids" ] || dock rm --force $ids >/dev/null
}

begin() { # NAME OPTION…: in the background, a line a tick
	local name=$1
	shift
	dock run --detach --name "$name" --runtime zviz --network none "$@" small sh -c 'while :; do echo tick; sleep 0.2; done' >/dev/null
}

until_is() { # TEMPLATE WANTED
	for _ in {1..100}; do
		[ "$(dock inspect -f "$1" one)" != "$2" ] || return 0
		sleep 0.1
	done
	dock inspect -f "$1" one
	return 1
}

is_old() { dockerd --version | grep -q 'version 20\.'; }
in_its_network() { nsenter --net="/proc/$(cat "$place/dockerd.pid")/ns/net" "$@"; }
of_group() { find /sys/fs/cgroup -path "*/$group/*" -type d; }
