# Buildah with zviz as its runtime: steps of a Containerfile and commands in a working container, from an image made here. Storage is below
# a folder of the test's own, as is all of /run; networks are in namespaces of its own.

bats_require_minimum_version 1.5.0
load absent

setup_file() {
	[ "$(id -u)" = 0 ] || { absent 'needs root' && return; }
	command -v buildah >/dev/null || { absent 'buildah is not installed' && return; }
	place=$(mktemp -d)
	export place
	chmod 755 "$place"
	mkdir "$place/tmp" "$place/own-run"
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	cp "$zviz" "$(dirname "$zviz")/../net/zviz-net" "$place/"
	cp "$BATS_TEST_DIRNAME/../../deploy/docker/docker-build.yaml" "$place/"
	# What it was asked, a line a call.
	cat >"$place/asked" <<-END
	#!/bin/sh
	echo "\$*" >>"$place/calls"
	exec "$place/zviz" "\$@"
	END
	chmod 755 "$place/asked"
	cat >"$place/storage.conf" <<-END
	[storage]
	driver = "vfs"
	runroot = "$place/run"
	graphroot = "$place/graph"
	END
	# Buildah asks for limits that root without CAP_SYS_RESOURCE cannot raise.
	cat >"$place/containers.conf" <<-END
	[containers]
	default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
	END
	export CONTAINERS_STORAGE_CONF=$place/storage.conf CONTAINERS_CONF=$place/containers.conf TMPDIR=$place/tmp
	mkdir -p "$place"/image/{bin,etc,tmp,root,dev,proc,sys,run}
	cp "$(command -v busybox)" "$place/image/bin/busybox"
	for name in sh cat chown echo id ls nc pwd sleep stat touch true tty; do ln -s busybox "$place/image/bin/$name"; done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$place/image/etc/passwd"
	echo 'root:x:0:' >"$place/image/etc/group"
	container=$(build from scratch)
	export container
	build copy "$container" "$place/image" / >/dev/null
	build commit --quiet "$container" localhost/small >/dev/null 2>&1
}

teardown_file() {
	[ -n "${place:-}" ] || return 0
	build rm --all >/dev/null 2>&1 || true # there may be none
	rm -rf "$place"
}

apart() { # COMMAND…: without the host's networks, and with a /run that each such command has
	timeout 60 unshare --net --mount sh -c 'mount --bind "$0" /run && ip link set lo up && exec "$@"' "$place/own-run" "$@" 3>&-
}
build() { apart buildah "$@"; } # WORD…
inside() { # OPTION… -- COMMAND…
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	build run --isolation oci --runtime "$place/zviz" --network none ${options[@]+"${options[@]}"} "$container" "$@"
}

@test "run: output, input, exit codes, and why a command could not be run" {
	[ "$(inside -- echo hello)" = hello ]
	run -5 inside -- sh -c 'exit 5'
	[ "$(echo in | inside -- cat)" = in ]
	run ! inside -- nosuch
	[[ $output == *'exec: "nosuch": executable file not found in $PATH'* ]]
	run ! inside -- /etc/passwd
	[[ $output == *'permission denied'* ]]
}

@test "run: user, environment, folder, volumes, a terminal, a network or none" {
	[ "$(inside --user 1000:1000 --env A=b --workingdir /tmp -- sh -c 'echo $(id -u):$(id -g) $A $(pwd)')" = '1000:1000 b /tmp' ]
	mkdir "$place/volume"
	echo data >"$place/volume/file"
	[ "$(inside -v "$place/volume:/v:ro" -- cat /v/file)" = data ]
	[[ "$(inside --terminal -- tty)" == /dev/pts/* ]]
	[ "$(inside -- ls /sys/class/net)" = lo ]
	[ "$(build run --isolation oci --runtime "$place/zviz" "$container" ls /sys/class/net)" = $'eth0\nlo' ]
}

# Like Docker 28, Buildah connects what create has made, and says nothing of it.
@test "run: in a network of Buildah's the profile's rules hold" {
	printf 'zviz: 1\nname: open\nextends: ci-runner\nnetwork: {mode: private, egress: {allow: [{cidr: 10.88.0.0/16}]}}\n' >"$place/open.yaml"
	ask() { # OPTION…: for somebody at the bridge
		apart sh -c 'busybox nc -ll -p 9000 -e echo served & "$@"; r=$?; kill $!; exit $r' . \
			buildah run --isolation oci --runtime "$place/zviz" "$@" "$container" nc -w 2 10.88.0.1 9000 </dev/null
	}
	run -0 ask --runtime-flag "profile=$place/open.yaml"
	[[ $output == *served* ]]
	run ! ask
	[[ $output != *served* && $output == *'Connection refused'* ]]
}

@test "run: its state is asked for until it has stopped, then it is deleted" {
	rm -f "$place/calls"
	build run --isolation oci --runtime "$place/asked" --network none "$container" sleep 1
	grep -oE '(create|start|state|delete)( |$)' "$place/calls" | uniq | xargs >"$place/order"
	[ "$(cat "$place/order")" = 'create start state delete' ] || { cat "$place/calls" && false; }
	[ "$(grep -c '^state ' "$place/calls")" -gt 3 ]
}

@test "bud: steps that read, write and own files of the image, under a profile that permits it" {
	cat >"$place/Containerfile" <<-'END'
	FROM localhost/small
	ENV A=b
	RUN echo "$A" >/etc/built && chown 7:8 /etc/built && cat /proc/self/uid_map
	RUN stat -c %u:%g /etc/built >/root/owner
	END
	step=(build bud --quiet --isolation oci --runtime "$place/zviz" --network none)
	"${step[@]}" --runtime-flag "profile=$place/docker-build.yaml" --file "$place/Containerfile" --tag built "$place/volume" >"$place/said" 2>&1 ||
		{ cat "$place/said" && false; }
	made=$(build from built)
	[ "$(build run --isolation oci --runtime "$place/zviz" --network none "$made" cat /root/owner)" = 7:8 ]
	build rm "$made" >/dev/null
	# Under the default profile the image's own files stay as they are.
	run ! "${step[@]}" --file "$place/Containerfile" "$place/volume"
	[[ $output == *'Read-only file system'* ]]
	printf 'FROM localhost/small\nRUN exit 7\n' >"$place/Containerfile"
	run ! "${step[@]}" --file "$place/Containerfile" "$place/volume"
	[[ $output == *'exit status 7'* ]]
}

@test "nothing is left: processes, groups, mounts, states" {
	for _ in {1..100}; do
		[ -n "$(pgrep -f "^$place/zviz")" ] || break
		sleep 0.05
	done
	[ -z "$(pgrep -af "^$place/zviz")" ]
	[ -z "$(find /sys/fs/cgroup -name '*buildah*')" ]
	[ "$(grep -c "$place" /proc/self/mountinfo)" = 0 ]
	[ -d "$place/own-run/zviz" ] # where they have been
	[ -z "$(ls -A "$place/own-run/zviz")" ]
	run -0 apart "$place/zviz" list --quiet
	[ -z "$output" ]
	[ -z "$(ls -A "$place/tmp")" ]
}
