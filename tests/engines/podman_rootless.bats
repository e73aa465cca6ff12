# Rootless Podman: an ordinary user's, who has ids of /etc/subuid or only his own. zviz is started as root of the user namespace that
# Podman has made, which is root of nothing that is the machine's.

bats_require_minimum_version 1.5.0
load podman

user=61500

setup_file() {
	podman_lacks newuidmap newgidmap setpriv && return
	podman_begin
	home=$place/home
	export home
	mkdir -p "$home/.config/containers/containers.conf.d" "$place/user-run"
	# All of /etc there is a copy: the machine's own may lack a file, and keeps those that it has.
	cp -a /etc "$place/etc"
	echo "podman-test:x:$user:$user::$home:/bin/sh" >>"$place/etc/passwd"
	echo "podman-test:x:$user:" >>"$place/etc/group"
	echo 'podman-test:700000:65536' | tee "$place/etc/subuid" >"$place/etc/subgid"
	inside mount --bind "$place/etc" /etc
	drop_in "$home" | sed "s|$home/bin|$place/bin|" >"$home/.config/containers/containers.conf.d/zviz.conf"
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$home/.config/containers/policy.json"
	printf '[storage]\ndriver = "vfs"\n' >"$home/.config/containers/storage.conf"
	chown -R "$user:$user" "$home" "$place/user-run"
	chmod 700 "$place/user-run"
	tar -C "$place/image" -c . | theirs import - localhost/small 2>/dev/null
}

teardown_file() {
	[ -n "${place:-}" ] || return 0
	theirs system migrate >/dev/null 2>&1 || true # ends the process that keeps the user namespace
	podman_end
}

teardown() {
	[ -n "${place:-}" ] || return 0
	kill ${servers[@]+"${servers[@]}"} 2>/dev/null || true # one test has some
	theirs rm --all --force --time 0 >/dev/null
	nothing_runs
}

# shellcheck disable=SC2154 # podman_begin makes the holder
become() {
	timeout 120 nsenter --target "$holder" --mount --net --wd="$home" setpriv --reuid $user --regid $user --clear-groups \
		env -i "PATH=$PATH" "HOME=$home" PODMAN_IGNORE_CGROUPSV1_WARNING=1 "XDG_RUNTIME_DIR=$place/user-run" USER=podman-test "$@" 3>&-
}
theirs() { become podman --log-level error "$@"; }
small() { theirs run --rm --network none "$@"; }

@test "run --device: what the profile lists is there, as far as the user may open it; what it does not list is not" {
	[ "$(stat -c %a /dev/fuse 2>/dev/null)" = 666 ] || skip 'no /dev/fuse that is for everybody'
	printf 'zviz: 1\nname: device\nextends: ci-runner\ndevices: [/dev/fuse]\n' >"$place/profiles/device.yaml"
	local open='for f in fuse net/tun; do (exec 3<>/dev/$f) 2>/dev/null && echo "$f opened"; done; true'
	run -0 small --annotation zviz.io/profile=device --device /dev/fuse --device /dev/net/tun localhost/small sh -c "$open"
	[ "$output" = 'fuse opened' ]
	run -0 small --device /dev/fuse localhost/small sh -c "$open"
	[ -z "$output" ]
}

@test "run: uid 0 of the user's own namespace, whose ids are the image's" {
	[ "$(small localhost/small id -u)" = 0 ]
	[ "$(small localhost/small cat /proc/self/uid_map | xargs)" = '0 0 1 1 1 65536' ]
	[ "$(small -u 1000:1000 localhost/small id -u)" = 1000 ]
	[ "$(small -u 1000:1000 localhost/small sh -c 'echo anew >/dev/stdout')" = anew ]
	run -5 small localhost/small sh -c 'exit 5'
	run -127 small localhost/small nosuch
	mkdir -p "$home/volume"
	chown $user:$user "$home/volume"
	small -v "$home/volume:/v" localhost/small sh -c 'echo mine >/v/file'
	[ "$(stat -c %u "$home/volume/file")" = $user ]
}

@test "it is not the machine's root: state beside the user's, no group, and a profile that requires one is refused" {
	theirs run --detach --name one --network none localhost/small sleep 100
	[ -d "$place/user-run/zviz/$(theirs inspect -f '{{.Id}}' one)" ]
	# The host sees the user, and nobody else.
	[ "$(stat -c %u "/proc/$(theirs inspect -f '{{.State.Pid}}' one)")" != 0 ]
	[ "$(ps -o uid= -p "$(theirs inspect -f '{{.State.Pid}}' one)" | xargs)" = $user ]
	theirs unshare "$place/bin/zviz" state "$(theirs inspect -f '{{.Id}}' one)" | jq -r '.missing[]' | grep -q 'cgroup: '
	run ! small --annotation zviz.io/profile=hostile-tenant localhost/small true
	[[ $output == *'requires the memory controller'* ]]
	# Without a group there is nothing that would end one in another's pid namespace.
	run ! small --pid container:one localhost/small true
	[[ $output == *'a pid namespace is shared only by a container that has a control group'* ]]
}

@test "exec, logs, kill, stop, rm" {
	theirs run --detach --name one --network none localhost/small sh -c 'echo began; sleep 100'
	[ "$(theirs exec one echo inside)" = inside ]
	run -9 theirs exec one sh -c 'exit 9'
	[ "$(theirs logs one)" = began ]
	theirs kill one
	[ "$(theirs wait one)" = 137 ]
	theirs start one
	theirs stop --time 0 one
	[ "$(theirs inspect -f '{{.State.Status}}' one)" = exited ]
	theirs rm one
}

@test "the default network is a namespace by path, which belongs to the user, and holds the profile's rules" {
	[ -n "$(command -v slirp4netns)" ] || skip 'slirp4netns is not installed'
	theirs run --rm localhost/small cat /proc/net/dev | grep -q tap0
	# 10.0.2.2 is the host's loopback, where two answer; a row leads to one of them.
	cat >"$place/profiles/row.yaml" <<-END
	zviz: 1
	name: row
	extends: ci-runner
	network: {mode: private, egress: {allow: [{cidr: 10.0.2.2, ports: [8001]}]}}
	END
	mkdir "$place/served"
	echo served >"$place/served/index.html"
	for port in 8001 8002; do
		nsenter --target "$holder" --mount --net busybox httpd -f -h "$place/served" -p "127.0.0.1:$port" 3>&- &
		servers+=($!)
	done
	ask() { # OPTION…: what each answers
		theirs run --rm --network slirp4netns:allow_host_loopback=true "$@" localhost/small sh -c '
			for port in 8001 8002; do echo "$port $(timeout 20 wget -qO - "http://10.0.2.2:$port/" 2>&1)"; done'
	}
	for _ in {1..20}; do [ "$(ask --runtime runc)" != $'8001 served\n8002 served' ] || break; done
	[ "$(ask --runtime runc)" = $'8001 served\n8002 served' ] # so that a refusal below is the rules'
	run -0 ask --annotation zviz.io/profile=row
	[[ $output == $'8001 served\n8002 '*'Connection refused'* ]]
	run -0 ask # by the default profile nothing leads out
	[[ $output == '8001 '*'Connection refused'*'8002 '*'Connection refused'* ]]
}

@test "keep-id: the user's own id inside" {
	[ "$(small --userns keep-id localhost/small id -u)" = $user ]
}

@test "one id only: root inside is the user, and there are no others" {
	: >"$place/etc/subuid"
	: >"$place/etc/subgid"
	theirs system migrate
	cat >"$home/single.conf" <<-END
	[storage]
	driver = "vfs"
	graphroot = "$home/single"
	[storage.options.vfs]
	ignore_chown_errors = "true"
	END
	single() { become env "CONTAINERS_STORAGE_CONF=$home/single.conf" podman --root "$home/single" --runroot "$home/single-run" --log-level fatal "$@"; }
	tar -C "$place/image" -c . | single import - localhost/small 2>/dev/null
	run -0 single run --rm --network none localhost/small cat /proc/self/uid_map
	[ "$(xargs <<<"$output")" = '0 0 1' ]
	run ! single run --rm --network none -u 1000 localhost/small true
	[[ $output == *'is not among the mapped ids'* ]]
	single system migrate
	echo 'podman-test:700000:65536' | tee "$place/etc/subuid" >"$place/etc/subgid"
}
