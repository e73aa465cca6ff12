# CRI-O with zviz as its runtime, through conmon, by the calls that a kubelet makes (cri.py), with images made here. Daemon, monitors and
# networks are in namespaces of the test's own; storage, sockets and state are below a folder of its own.

bats_require_minimum_version 1.5.0
load absent
load cri

setup_file() {
	[ "$(id -u)" = 0 ] || { absent 'needs root' && return; }
	for program in crio pinns conmon podman; do # podman loads the images into CRI-O's storage
		command -v "$program" >/dev/null || { absent "$program is not installed" && return; }
	done
	/usr/bin/python3 -c 'import grpc' 2>/dev/null || { absent 'python3-grpcio is not installed' && return; }
	[ -x /usr/lib/cni/bridge ] || { absent 'containernetworking-plugins is not installed' && return; }
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	here=zviz-$$ # the folder of its groups
	export place here
	chmod 755 "$place"
	# Containers of others have this folder's program on no command line.
	cp "$zviz" "$(dirname "$zviz")/../net/zviz-net" "$place/"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/image.py" "$(command -v busybox)" >"$place/images.tar"
	configure
	cp -a /etc "$place/etc" # CRI-O gives a Pod on the node's network its /etc/hosts, which an overlay could not show with other owners
	# All of /run is the test's own there: the monitors' sockets, the runtime's states, and the namespaces that pinns makes. So is what is
	# written to /etc and /var.
	unshare --net --mount bash -c 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && mount -t tmpfs none /var/log &&
		mount --bind "$place/etc" /etc &&
		ip link set lo up && echo up && exec sleep infinity' >"$place/said" 2>&1 3>&- &
	echo $! >"$place/holder"
	until_true grep -qx up "$place/said"
	printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$place/root" "$place/runroot" >"$place/storage.conf"
	for image in small pause; do
		within env CONTAINERS_STORAGE_CONF="$place/storage.conf" podman --tmpdir "$place/tmp" pull --quiet --signature-policy "$place/policy.json" \
			"oci-archive:$place/images.tar:localhost/$image:latest" >/dev/null 3>&-
	done
	daemon
}

configure() {
	local crio="crio --config $place/crio.conf --config-dir $place/crio.d"
	mkdir -p "$place"/{cni,crio.d}
	cat >"$place/crio.conf" <<-END
	[crio]
	root = "$place/root"
	runroot = "$place/runroot"
	storage_driver = "overlay"
	log_dir = "$place/pods"
	version_file = "$place/version"
	clean_shutdown_file = "$place/clean"
	internal_wipe = false
	[crio.api]
	listen = "$place/sock"
	[crio.runtime]
	cgroup_manager = "cgroupfs"
	conmon_cgroup = "pod"
	container_exits_dir = "$place/exits"
	container_attach_socket_dir = "$place/attach"
	namespaces_dir = "$place/namespaces"
	decryption_keys_path = "$place/keys"
	irqbalance_config_file = ""
	cdi_spec_dirs = []
	hooks_dir = []
	apparmor_profile = "unconfined"
	default_runtime = "zviz"
	[crio.image]
	pause_image = "localhost/pause:latest"
	pause_command = ""
	signature_policy = "$place/policy.json"
	[crio.network]
	network_dir = "$place/cni"
	plugin_dirs = ["/usr/lib/cni"]
	END
	# The file that is shipped, with this zviz for the installed one.
	sed "s|/usr/local/bin/zviz|$place/zviz|" "$BATS_TEST_DIRNAME/../../deploy/crio/10-zviz.conf" >"$place/crio.d/10-zviz.conf"
	printf '#!/bin/bash\nkill "$(pgrep -f "%s")" && while pgrep -f "%s" >/dev/null; do sleep 0.1; done
		exec setsid --fork %s >>%s 2>&1\n' "^$crio" "^$crio" "$crio" "$place/log" >"$place/restart"
	chmod 755 "$place/restart"
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$place/policy.json"
	cni_network
}

daemon() {
	enter crio --config "$place/crio.conf" --config-dir "$place/crio.d" "$@" >>"$place/log" 2>&1 3>&- &
	until_true test -S "$place/sock"
	until_true cri version
}
daemon_anew() { # OPTION…
	kill "$(daemon_pid)"
	until_true no_daemon
	daemon "$@"
}
daemon_pid() { pgrep -f "^crio --config $place/crio.conf"; }
no_daemon() { [ -z "$(daemon_pid)" ]; }
enter() { nsenter --net --mount --wd="$place" --target "$(cat "$place/holder")" "$@"; }
within() { enter timeout 90 "$@"; }
cri() { within env ENGINE=crio RESTART="$place/restart" /usr/bin/python3 "$BATS_TEST_DIRNAME/cri.py" "$1" "$place/sock" "$place/zviz" "/$here-pod" 3>&-; }

none_of_zviz() { [ -z "$(pgrep -f "$place/zviz")" ]; }
# Of containers that could not be made CRI-O leaves the monitor's.
no_groups() { [ -z "$(find /sys/fs/cgroup -mindepth 3 -path "*/$here*" -type d ! -name 'crio-conmon-*')" ]; }
no_states() { [ -z "$(within sh -c '[ ! -e /run/zviz ] || find /run/zviz -mindepth 1')" ]; }

teardown() {
	[ -n "${place:-}" ] || return 0
	local check left=0
	for check in none_of_zviz no_states no_groups; do
		until_true "$check" || { echo "after the test it is not so: $check" && left=1; }
	done
	[ "$left" = 0 ] || tail -30 "$place/log"
	return "$left"
}

teardown_file() {
	[ -n "${place:-}" ] || return 0
	for pid in $(daemon_pid) $(pgrep -f "$place/zviz") $(cat "$place/holder"); do
		kill -9 "$pid" 2>/dev/null || true # with the one before it, it may have ended
	done
	local left=0
	until_true no_daemon || left=1
	find /sys/fs/cgroup -depth -path "*/$here*" -type d -exec rmdir {} + 2>/dev/null || true # some are left by its namespace's last processes
	[ -n "${KEEP:-}" ] || rm -rf "$place" || left=1
	return "$left"
}

@test "CRI-O: the runtime and its network are ready" { cri ready; }
@test "CRI-O: a Pod of two containers, from its sandbox to nothing" { cri pod; }
@test "CRI-O: the Pod's annotations reach each container, and choose the profile" { cri annotations; }
@test "CRI-O: limits, what is used, a change of them, and the end of one that takes too much" { cri resources; }
@test "CRI-O: folders of the node" { cri volumes; }
@test "CRI-O: a profile's rules of the network, in the Pod's" { cri network; }
@test "CRI-O: rows about names hold for each container of a Pod" { cri names; }
@test "CRI-O: a privileged Pod, on the node's network, gets none of it" { cri privileged; }
@test "CRI-O: one pid namespace for a Pod, and one container that looks at another's" {
	# The Pod has a container of its own then, which CRI-O protects from the kernel's choice.
	(echo -998 >/proc/self/oom_score_adj) 2>/dev/null || skip 'root without CAP_SYS_RESOURCE'
	cri processes
}
@test "CRI-O: a Pod with users of its own (hostUsers: false)" { cri users; }
@test "CRI-O: the daemon starts anew: its containers go on, and it knows how one ended meanwhile" { cri restart; }
@test "CRI-O: a Pod with a container of its own" {
	# CRI-O has it protected from the kernel's choice.
	(echo -998 >/proc/self/oom_score_adj) 2>/dev/null || skip 'root without CAP_SYS_RESOURCE'
	daemon_anew --drop-infra-ctr=false
	run cri infra
	echo "$output"
	daemon_anew
	[ "$status" = 0 ]
}
@test "CRI-O: failures in the words that a kubelet shows" { cri failures; }
