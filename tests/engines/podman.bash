# What the tests of Podman share. Storage, locks, state and the image are below a folder of the test's own, and Podman runs in a
# mount and a network namespace of the test's own, whose /run is empty: bridges, rules and pinned namespaces go with them.

load absent

# In setup_file: podman_lacks curl && return
podman_lacks() { # PROGRAM…: needed beside podman and conmon; a path is one as well
	[ "$(id -u)" = 0 ] || { absent 'needs root' && return; }
	for program in podman conmon "$@"; do
		[ -n "$(command -v "$program")" ] || { absent "$program is not installed" && return; }
	done
	return 1
}

podman_begin() {
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	export place
	chmod 755 "$place"
	# Containers of others have this folder's program on no command line.
	mkdir "$place/bin" "$place/profiles"
	cp "$(dirname "$zviz")/../net/zviz-net" "$place/bin/"
	cp "$zviz" "$place/bin/zviz-itself"
	# As on a host whose /etc/zviz/config.yaml names this folder of profiles: annotations name those, and no paths.
	echo "profiles: $place/profiles" >"$place/config.yaml"
	printf '#!/bin/sh\nexec %s --config %s "$@"\n' "$place/bin/zviz-itself" "$place/config.yaml" >"$place/bin/zviz"
	chmod 755 "$place/bin/zviz"
	drop_in "$place" >"$place/containers.conf"
	cat >"$place/storage.conf" <<-END
	[storage]
	driver = "vfs"
	runroot = "$place/storage-run"
	graphroot = "$place/graph"
	END
	export CONTAINERS_CONF=$place/containers.conf CONTAINERS_STORAGE_CONF=$place/storage.conf
	make_image "$place/image"
	podman_groups=$(find /sys/fs/cgroup -maxdepth 2 -name libpod_parent)
	export podman_groups
	# Podman 5 complains of version 1 at each command.
	export PODMAN_IGNORE_CGROUPSV1_WARNING=1
	unshare --mount --net sh -c 'mount -t tmpfs run /run && ip link set lo up && exec sleep infinity' 3>&- &
	holder=$!
	export holder
	for _ in {1..100}; do
		[ "$(cat "/proc/$holder/comm")" != sleep ] || return 0
		sleep 0.05
	done
	return 1
}

podman_end() {
	[ -n "${place:-}" ] || return 0
	kill "$holder"
	wait "$holder" 2>/dev/null || true # it was killed
	rm -rf "$place"
	# Podman's name for the folder of its groups, where conmon is: not one of the test's own.
	if [ -z "$podman_groups" ]; then
		find /sys/fs/cgroup -depth -path '*/libpod_parent*' -type d -exec rmdir {} + 2>/dev/null || true # another Podman may have begun
	fi
}

# The file that is shipped, with this zviz for the installed one and settings of the test's own.
drop_in() { # FOLDER
	sed -e "s|\"/usr/bin/zviz\", \"/usr/local/bin/zviz\"|\"$1/bin/zviz\"|" -e 's|^#runtime = |runtime = |' \
		-e "s|^\[engine\]\$|&\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nlock_type = \"file\"|" \
		"$BATS_TEST_DIRNAME/../../deploy/podman/zviz.conf"
	cat <<-END
	[containers]
	$(limits)
	[network]
	network_backend = "netavark"
	network_config_dir = "$1/networks"
	END
}

# Without CAP_SYS_RESOURCE root raises no limit, and the engines ask for 1048576 of each (Podman in a build, Buildah always).
limits() { echo 'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]'; }

make_image() { # FOLDER
	local name
	mkdir -p "$1"/{bin,etc,tmp,root,dev,proc,sys,run}
	cp "$(command -v busybox)" "$1/bin/busybox"
	for name in $(busybox --list); do
		[ "$name" = busybox ] || ln -s busybox "$1/bin/$name"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
}

inside() { nsenter --target "$holder" --mount --net "$@"; }
pod() { timeout 120 nsenter --target "$holder" --mount --net podman --tmpdir "$place/tmp" "$@" 3>&-; }
import() { # FOLDER NAME OPTION…
	local from=$1 name=$2
	shift 2
	tar -C "$from" -c . | pod import "$@" - "localhost/$name" 2>/dev/null
}

# Of zviz's nothing is left, whatever the test has done.
nothing_runs() {
	for _ in {1..100}; do
		[ -n "$(pgrep -f "$place/bin/zviz")" ] || return 0
		sleep 0.05
	done
	return 1
}

until_true() { # COMMAND…
	for _ in {1..100}; do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}
