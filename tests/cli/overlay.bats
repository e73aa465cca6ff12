# A root that is an overlay, as engines make it: shown with the container's ids, read-only or written to.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	cp "$zviz" "$place/zviz"
	cd "$place"
	id=overlay-$BATS_TEST_NUMBER-$$
	mkdir -p layers/one/{bin,etc,proc,dev,tmp,run,root,sys} layers/two/{etc,opt} own/{fs,work} bundle/rootfs
	cp "$(command -v busybox)" layers/one/bin/busybox
	for name in sh id stat head touch cat mkdir rm mv ln grep sleep ls; do ln -s busybox "layers/one/bin/$name"; done
	echo one >layers/one/etc/first
	echo two >layers/two/etc/second
	lower=$place/layers/two:$place/layers/one
	above=upperdir=$place/own/fs,workdir=$place/own/work
	cat >writable.yaml <<-END
	zviz: 1
	name: writable
	extends: ci-runner
	filesystem: {root: writable, write: [/]}
	END
	config 'sleep 100'
}

teardown() {
	[ -n "${place:-}" ] || return 0
	cd /
	for name in "$id" "$id-b"; do
		"$place/zviz" --root "$place/state" delete --force "$name" 2>/dev/null || true # most tests leave none
	done
	rm -rf "$place"
}

config() { # SHELL
	jq -n --arg words "$1" '{ociVersion: "1.2.0", root: {path: "rootfs"},
		process: {cwd: "/", args: ["/bin/sh", "-c", $words], user: {uid: 0, gid: 0}, env: ["PATH=/bin"]},
		mounts: [{destination: "/proc", type: "proc"}, {destination: "/not/there", type: "tmpfs"}],
		linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "network"}]}}' >bundle/config.json
}

mounted() { # OPTIONS COMMAND…: where the engine's overlay is mounted
	unshare --mount bash -c 'mount -t overlay engine bundle/rootfs -o "$1" && shift && "$@"' bash "$@" 3>&-
}
zviz() { "$place/zviz" --root "$place/state" "$@"; }
run_in() { # OPTIONS OPTION-OF-ZVIZ…
	mounted "$1" "$place/zviz" --root "$place/state" run --bundle bundle "${@:2}" "$id"
}
clean() { [ -z "$(ls state 2>/dev/null)" ]; }

@test "read-only: owners are the container's, targets of mounts are made, and the engine's layer stays as it is" {
	config 'stat -c %u:%g /etc/first /etc/second / /bin/busybox; cat /etc/first /etc/second; ls -d /not/there
		touch /etc/new; grep " / " /proc/mounts'
	jq '.root.readonly = true' bundle/config.json >config && mv config bundle/config.json
	chmod 751 own/fs
	run -0 run_in "lowerdir=$lower,$above"
	[ "$(grep -cx 0:0 <<<"$output")" = 4 ]
	[[ $output == *$'one\ntwo\n/not/there\n'* ]]
	[[ $output == *'touch: /etc/new: Read-only file system'* ]]
	[[ $output != *"$place"* ]]
	[ -z "$(ls own/fs)" ]
	[ "$(ls own/work)" = work ]
	clean
}

@test "writable: what is written is in the engine's layer, with its owners; later containers and the engine see it" {
	config 'echo new >/made; ln /made /linked; rm /etc/first; mv /etc/second /etc/moved; echo more >>/etc/moved; rm -r /opt; mkdir /opt
		stat -c %u:%g /made /etc/moved; cat /etc/moved'
	run -0 run_in "lowerdir=$lower,$above" --profile writable.yaml
	[ "$output" = $'0:0\n0:0\ntwo\nmore' ]
	[ "$(ls own/work)" = work ]
	[ "$(stat -c '%u:%g %h' own/fs/made)" = '0:0 2' ]
	[ "$(cat own/fs/etc/moved)" = $'two\nmore' ]
	[ "$(stat -c %F:%t:%T own/fs/etc/first)" = 'character special file:0:0' ]
	[ "$(cat layers/one/etc/first layers/two/etc/second)" = $'one\ntwo' ]
	mounted "lowerdir=$lower,$above" ls bundle/rootfs/etc >seen
	[ "$(cat seen)" = moved ]
	config 'cat /made; rm /made; [ ! -e /etc/first ]'
	[ "$(run_in "lowerdir=$lower,$above" --profile writable.yaml)" = new ]
	[ ! -e own/fs/made ]
	clean
}

@test "two containers of the same layers: each works in a folder of its own, which goes with it, whoever was killed" {
	begin() { # ID
		"$place/zviz" --root state run --detach --bundle bundle --profile writable.yaml "$1" </dev/null
	}
	export place
	export -f begin
	mounted "lowerdir=$lower,$above" bash -c 'begin "$1" && begin "$1-b"' bash "$id" >said 2>&1
	# The second has not taken from the first what it needs to copy a file up, or to make a folder.
	[ "$(zviz exec "$id" sh -c 'echo more >>/etc/first; rm -r /opt; mkdir /opt /opt/a; cat /etc/first')" = $'one\nmore' ]
	zviz exec "$id-b" touch /bin/second
	[ "$(ls own/work)" = $'work\nzviz-'"$id"$'\nzviz-'"$id-b" ]
	kill -KILL "$(jq .broker_pid "state/$id-b/state.json")"
	zviz delete --force "$id-b"
	[ "$(ls own/work)" = $'work\nzviz-'"$id" ]
	zviz exec "$id" sh -c 'mv /etc/first /etc/moved'
	zviz delete --force "$id"
	[ "$(ls own/work)" = work ]
	# A launcher that was killed: who takes the name, or deletes it, cleans up.
	mounted "lowerdir=$lower,$above" bash -c '"$1" --root state run --bundle bundle --profile writable.yaml "$2" & while [ ! -d "own/work/zviz-$2/work" ]; do sleep 0.05; done
		sleep 0.3; kill -KILL $!' bash "$place/zviz" "$id" >said 2>&1
	[ -d "own/work/zviz-$id" ]
	zviz delete --force "$id"
	[ "$(ls own/work)" = work ]
	clean
}

@test "folders that the profile lists are written in the engine's layer, and no other" {
	config 'head -c 3000000 /dev/zero >/root/kept; touch /opt/new'
	run -1 run_in "lowerdir=$lower,$above"
	[[ $output == *'touch: /opt/new: Read-only file system'* ]]
	[ "$(stat -c '%u:%g %s' own/fs/root/kept)" = '0:0 3000000' ]
	config 'stat -c %u:%s /root/kept'
	[ "$(run_in "lowerdir=$lower,$above")" = 0:3000000 ]
	clean
}

@test "what the engine writes into its own before the start is there" {
	config 'cat /etc/hosts; stat -c %u /etc/hosts'
	mkdir own/fs/etc
	echo hosts >own/fs/etc/hosts
	[ "$(run_in "lowerdir=$lower,$above")" = $'hosts\n0' ]
}

@test "mounted without an upper layer it stays read-only, whatever the profile says" {
	config 'touch /etc/new || cat /etc/first'
	jq 'del(.mounts[] | select(.destination == "/not/there"))' bundle/config.json >config && mv config bundle/config.json
	run -0 run_in "lowerdir=$lower" --profile writable.yaml
	[ "$output" = $'touch: /etc/new: Read-only file system\none' ]
}

@test "many layers, named from the folder that they are in; spaces" {
	mkdir -p "layers/a b/fs" layers/own/{fs,work}
	echo odd >"layers/a b/fs/odd"
	config 'cat /odd /n60 /etc/first'
	options='a b/fs'
	for n in {1..60}; do
		mkdir -p "layers/$n/fs"
		echo "$n" >"layers/$n/fs/n$n"
		options+=:$n/fs
	done
	mkdir layers/last # a layer's path may be a link
	ln -s ../one layers/last/fs
	options+=:last/fs
	unshare --mount bash -c 'cd layers && mount -t overlay engine ../bundle/rootfs -o "$1" && cd .. && shift && "$@"' bash \
		"lowerdir=$options,upperdir=$place/layers/own/fs,workdir=$place/layers/own/work" \
		"$place/zviz" --root "$place/state" run --bundle bundle "$id" >said 2>&1 3>&-
	[ "$(cat said)" = $'odd\n60\none' ]
}

@test "a process that joins has the same root" {
	mounted "lowerdir=$lower,$above" bash -c '"$1" --root state create --bundle bundle "$2" </dev/null && "$1" --root state start "$2"' bash "$place/zviz" "$id" >said 2>&1 3>&-
	[ "$(zviz exec "$id" cat /etc/first)" = one ]
	run ! zviz exec "$id" touch /etc/new
	zviz exec "$id" touch /root/new
	[ -e own/fs/root/new ]
	zviz delete --force "$id"
	clean
}

@test "what cannot be put together is refused with the reason and what helps, and nothing is left" {
	mkdir "layers/c:d"
	run -1 run_in "lowerdir=$lower:$place/layers/c\\:d"
	[[ $output == *"rootfs.source: root: $place/bundle/rootfs: an overlay cannot show other owners"*"a layer's path has a colon"*'snapshotter native'* ]]
	run -1 mounted "lowerdir=$lower,$above" bash -c 'mount -t tmpfs t bundle/rootfs/etc && "$1" --root state run --bundle bundle "$2"' bash "$place/zviz" "$id"
	[[ $output == *'something is mounted below it'* ]]
	mv bundle/rootfs bundle/over
	mkdir -p bundle/over
	jq '.root.path = "over/sub"' bundle/config.json >config && mv config bundle/config.json
	mkdir own/fs/sub
	run -1 unshare --mount bash -c 'mount -t overlay engine bundle/over -o "$1" && "$2" --root state run --bundle bundle "$3"' bash "lowerdir=$lower,$above" "$place/zviz" "$id"
	[[ $output == *'a part of an overlay alone'* ]]
	clean
}
