# What callers of an OCI runtime take for granted and no specification says: each row once fell short in some runtime.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir -p "$place/work/bundle/rootfs/bin" "$place/work/bundle/rootfs/proc" "$place/work/bundle/rootfs/etc"
	cp "$bin" "$(dirname "$bin")/../net/zviz-net" "$place/" # which loads the rules of a network that hooks may connect
	cd "$place/work" || return 1
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	for name in sh sleep echo id ls true cat; do ln -s busybox "bundle/rootfs/bin/$name"; done
	printf 'root:x:0:0::/root-of-it:/bin/sh\nother:x:1000:1000::/home/other:/bin/sh\n' >bundle/rootfs/etc/passwd
	id=contract-$BATS_TEST_NUMBER-$$
	args='["/bin/sleep", "1000"]' version=1.2.0 user='"uid": 0, "gid": 0' mounts='' linux='' hooks=''
}

teardown() {
	cd /
	[ ! -e "${group:-/nowhere}/cgroup.freeze" ] || echo 0 >"$group/cgroup.freeze" # or nothing below it ends
	zviz delete --force "$id" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
	[ ! -d "${group:-/nowhere}" ] || rmdir "$group"
}

config() {
	cat >bundle/config.json <<-END
	{"ociVersion": "$version", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": $args, "user": {$user}, "env": ["PATH=/bin"]},
	 "mounts": [{"destination": "/proc", "type": "proc"}${mounts:+, $mounts}]${hooks:+, $hooks},
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]${linux:+, $linux}}}
	END
}

zviz() { "$place/zviz" --root "$place/state" "$@"; }
status() { zviz state "$id" | jq -r .status; }
create() { zviz create --bundle bundle "$id" </dev/null >said 2>&1 3>&- || { cat said; return 1; }; }
begin() { create && zviz start "$id"; }

nothing_left() { [ -z "$(ls -A "$place/state" 2>/dev/null)" ]; }

@test "ociVersion: 1.0 to 1.3, newer ones of 1, and development" {
	args='["/bin/true"]'
	for version in 1.0.0 1.0.2-dev 1.1.0+dev 1.2.1 1.3.0 1.9.0-rc.1; do
		config
		zviz run --bundle bundle "$id"
	done
	version=2.0.0
	config
	run -1 zviz run --bundle bundle "$id"
	[[ $output == *ociVersion* ]]
}

@test "the source of a bind mount is relative to the bundle, wherever the caller stands" {
	mkdir bundle/data
	echo here >bundle/data/file
	args='["/bin/cat", "/data/file"]'
	mounts='{"destination": "/data", "type": "bind", "source": "data", "options": ["bind", "ro"]}'
	config
	[ "$(zviz run --bundle bundle "$id")" = here ]
	[ "$(cd / && "$place/zviz" --root "$place/state" run --bundle "$place/work/bundle" "$id")" = here ]
}

@test "HOME is the user's, by the container's passwd, unless the bundle sets one" {
	args='["/bin/sh", "-c", "echo $HOME"]'
	config
	[ "$(zviz run --bundle bundle "$id")" = /root-of-it ]
	user='"uid": 1000, "gid": 1000'
	config
	[ "$(zviz run --bundle bundle "$id")" = /home/other ]
	user='"uid": 7, "gid": 7'
	config
	[ "$(zviz run --bundle bundle "$id")" = / ]
	[ "$(zviz run --env HOME=/mine --bundle bundle "$id")" = /mine ]
	rm bundle/rootfs/etc/passwd
	[ "$(zviz run --bundle bundle "$id")" = / ]
	args='["/bin/sleep", "1000"]' user='"uid": 0, "gid": 0'
	printf 'root:x:0:0::/root-of-it:/bin/sh\nother:x:1000:1000::/home/other:/bin/sh\n' >bundle/rootfs/etc/passwd
	config
	begin
	[ "$(zviz exec "$id" sh -c 'echo $HOME')" = /root-of-it ]
	[ "$(zviz exec --user 1000:1000 "$id" sh -c 'echo $HOME')" = /home/other ]
	[ "$(zviz exec --env HOME=/mine "$id" sh -c 'echo $HOME')" = /mine ]
}

@test "descriptors that are devices of the host keep their owners" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	before=$(stat -c '%u:%g %a' /dev/null)
	args='["/bin/sleep", "0"]' user='"uid": 1000, "gid": 1000'
	config
	zviz run --bundle bundle "$id" </dev/null >/dev/null 2>&1
	zviz create --bundle bundle "$id" </dev/null >/dev/null 2>&1 3>&-
	zviz start "$id"
	zviz delete --force "$id"
	[ "$(stat -c '%u:%g %a' /dev/null)" = "$before" ]
}

@test "a group with processes in it, or one that is held, is refused; nothing hangs" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	top=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
	[ -n "$top" ] || skip 'no cgroup v2 here'
	group=$top/$id
	linux="\"cgroupsPath\": \"/$id/inner\""
	config
	mkdir -p "$group/inner"
	sleep 1000 3>&- &
	sleeper=$!
	echo $sleeper >"$group/inner/cgroup.procs"
	run -1 timeout 20 "$place/zviz" --root "$place/state" create --bundle bundle "$id"
	[[ $output == *"$group/inner exists and is in use"* ]]
	kill "$sleeper"
	wait "$sleeper" || [ $? = 143 ]
	for _ in {1..100}; do rmdir "$group/inner" 2>/dev/null && break; sleep 0.05; done
	echo 1 >"$group/cgroup.freeze"
	for command in create run; do
		run -1 timeout 20 "$place/zviz" --root "$place/state" $command --bundle bundle "$id"
		[[ $output == *"$id/inner"*'frozen'* ]]
	done
	echo 0 >"$group/cgroup.freeze"
	begin
	zviz delete --force "$id"
	rmdir "$group" 2>/dev/null || [ ! -e "$group" ]
	nothing_left
}

@test "a caller who no longer reads: the container is made, and a failure has its code" {
	config
	unread() { # WORD…: its exit code is in ./code
		(sleep 0.3; code=0; "$place/zviz" --root "$place/state" "$@" </dev/null 2>&1 3>&- || code=$?; echo $code >code) | true
	}
	unread --debug create --bundle bundle "$id"
	[ "$(cat code)" = 0 ]
	[ "$(status)" = created ]
	zviz delete "$id"
	unread create --bundle none "$id"
	[ "$(cat code)" = 1 ]
	unread list
	[ "$(cat code)" = 141 ] # as anything else in a pipeline
	# The workload has the usual signal.
	args='["/bin/sh", "-c", "kill -PIPE $$; echo lives"]'
	config
	run -141 zviz run --init --bundle bundle "$id"
	[ -z "$output" ]
}

@test "hooks of poststart and poststop that do not read what they are told" {
	hooks='"hooks": {"poststart": [{"path": "/bin/true"}], "poststop": [{"path": "/bin/true"}]}'
	config
	for _ in {1..5}; do
		begin
		[ "$(status)" = running ]
		zviz delete --force "$id"
	done
	nothing_left
}

@test "kill, pause, delete and state without any environment; delete of one that was killed a moment ago" {
	config
	for _ in {1..10}; do
		begin
		[ "$(env -i "$place/zviz" --root "$place/state" state "$id" | jq -r .status)" = running ]
		env -i "$place/zviz" --root "$place/state" kill --all "$id" 9
		env -i "$place/zviz" --root "$place/state" delete "$id"
	done
	nothing_left
}

@test "short options, and what follows the container is the command's" {
	config
	(cd / && "$place/zviz" --root "$place/state" create -b "$place/work/bundle" "$id" </dev/null >/dev/null 2>&1 3>&-)
	zviz start "$id"
	jq '.process | .args = ["/bin/echo", "by file"]' bundle/config.json >process.json
	[ "$(zviz exec -p process.json "$id")" = 'by file' ]
	[ "$(zviz exec -e A=b -e C=d -u 1000:1000 "$id" sh -c 'echo $A $C $(id -u)')" = 'b d 1000' ]
	[ "$(zviz exec "$id" echo -e -u --all)" = '-e -u --all' ] || [ "$(zviz exec "$id" echo -u --all)" = '-u --all' ]
	zviz exec -d "$id" /bin/true </dev/null >/dev/null 2>&1 3>&-
	[ "$(zviz list -q)" = "$id" ]
	[ "$(zviz list -f json | jq -r '.[].id')" = "$id" ]
	zviz ps -f json "$id" | jq -e 'length >= 1' >/dev/null
	zviz ps "$id" -o pid | grep -q PID
	echo '{}' | zviz update -r - "$id"
	zviz kill -a "$id" 9
	zviz delete -f "$id"
	nothing_left
}

@test "where states are kept if nobody says so" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	args='["/bin/true"]'
	config
	run -0 unshare --mount sh -c "mount -t tmpfs run /run && '$place/zviz' run --keep --bundle bundle $id && ls /run/zviz && '$place/zviz' delete $id"
	[ "$output" = "$id" ]
	chmod -R a+rX "$place"
	mkdir -m 700 "$place/runtime"
	chown 61500 "$place/runtime"
	run -0 setpriv --reuid 61500 --regid 61500 --clear-groups env "XDG_RUNTIME_DIR=$place/runtime" "$place/zviz" list -q
	[ -z "$output" ]
	run -0 setpriv --reuid 61500 --regid 61500 --clear-groups env "XDG_RUNTIME_DIR=$place/runtime" "HOME=$place" sh -c \
		"'$place/zviz' run --keep --work /tmp '$id' -- /bin/true && ls '$place/runtime/zviz' && '$place/zviz' delete '$id'"
	[ "$output" = "$id" ]
}
