# Device nodes of the host: what a profile lists is there, for a command of this machine and for a bundle that asks for it, and nothing
# else is.

bats_require_minimum_version 1.5.0
load small

setup() {
	[ -c /dev/fuse ] || skip 'this machine has no /dev/fuse'
	top=$BATS_TEST_DIRNAME/../..
	bin=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	id=devices-$BATS_TEST_NUMBER-$$
	fuse=$(stat -c %Hr:%Lr /dev/fuse) shown=$(stat -c %t:%T /dev/fuse)
	: >"$place/config.yaml"
	cd "$place"
	profile fuse 'devices: [/dev/fuse]'
}

teardown() {
	[ -n "${place:-}" ] || return 0
	zviz delete --force "$id" 2>/dev/null || true # most tests leave none
	rm -f "/dev/zviz-test-$$"
	cd /
	rm -rf "$place"
}

zviz() {
	"$bin" --root "$place/state" --config "$place/config.yaml" "$@"
}

profile() { # NAME LINE…
	printf '%s\n' 'zviz: 1' "name: $1" 'extends: ci-runner' "${@:2}" >"$1.yaml"
}

# What is said of each of these names in /dev, a line each; then which can be opened for reading and writing.
look='for f in "$@"; do
	[ -e "/dev/$f" ] || { echo "$f: none"; continue; }
	opened=no; (exec 3<>"/dev/$f") 2>/dev/null && opened=yes
	echo "$f: $(stat -c "%F %t:%T %a %u:%g" "/dev/$f"), opened: $opened"
done'

# bundle MEMBERS [MOUNTS]: of `linux`, and further mounts
bundle() {
	[ -d bundle ] || small_root bundle/rootfs cat ls sh sleep stat true
	cat >bundle/config.json <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sh"], "env": ["PATH=/bin"], "user": {"uid": ${uid:-0}, "gid": ${uid:-0}}},
	 "mounts": [{"destination": "/proc", "type": "proc"}${2:+, $2}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}]${1:+, $1}}}
	END
}

node() { # PATH [TYPE [NUMBER [MEMBERS]]]
	local number=${3:-$fuse}
	echo '{"path": "'"$1"'", "type": "'"${2:-c}"'", "major": '"${number%:*}"', "minor": '"${number#*:}${4:+, $4}"'}'
}

@test "a command of this machine has what the profile lists, and no other device" {
	profile net 'devices: ["/dev/net/*", "/dev/zviz-none*"]'
	run -0 zviz run --profile ./fuse.yaml "$id" -- sh -c "$look" sh fuse net/tun kmsg loop0
	[[ ${lines[0]} == "fuse: character special file $shown 666 0:0, opened: yes" ]]
	[ "${lines[1]}/${lines[2]}/${lines[3]}" = 'net/tun: none/kmsg: none/loop0: none' ]
	run -0 zviz run --profile ./net.yaml "$id" -- sh -c "$look; ls -d /dev/zviz-none* 2>/dev/null || :" sh fuse net/tun
	[[ ${lines[0]} == 'fuse: none' && ${lines[1]} == 'net/tun: character special file '*', opened: yes' && ${#lines[@]} = 2 ]]
	run -0 zviz run "$id" -- sh -c "$look" sh fuse
	[ "$output" = 'fuse: none' ]
}

@test "--device adds to the profile, and shows a disk as one" {
	disk=$(find /dev -maxdepth 1 -type b | sort | head -n 1)
	[ -n "$disk" ] || skip 'this machine shows no disk in /dev'
	run -0 zviz run --device /dev/fuse --device "$disk" "$id" -- sh -c "$look" sh fuse "${disk#/dev/}"
	[[ ${lines[0]} == "fuse: character special file $shown "*'opened: yes' ]]
	[[ ${lines[1]} == "${disk#/dev/}: block special file "* ]]
	bundle
	run -1 zviz run --device /dev/fuse --bundle bundle "$id"
	[[ $output == *'--device: only without a bundle'*'hint: list it under devices in the profile'* ]]
}

@test "under device rules of the group as well" {
	profile ruled 'devices: [/dev/fuse]' 'requirements: {cgroup: [devices]}'
	run -0 zviz run --profile ./ruled.yaml "$id" -- sh -c "$look" sh fuse null
	[[ ${lines[0]} == *'opened: yes' && ${lines[1]} == *'opened: yes' ]]
	run -0 zviz explain ./ruled.yaml
	[[ $output == *"c $fuse rw"* ]]
}

@test "where patterns have the broker open files, it opens a listed device" {
	profile asked 'devices: [/dev/fuse]' 'filesystem: {deny: {read: ["**/.env"]}}'
	run -0 zviz run --profile ./asked.yaml "$id" -- sh -c "$look" sh fuse
	[[ $output == *'opened: yes' ]]
}

@test "an ordinary user has what the machine lets him open" {
	[ "$(id -u)" = 0 ] || skip 'to be somebody else takes root'
	mkdir home
	chown 61500:61500 home
	cp "$bin" zviz
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
	run -0 "${become[@]}" ./zviz --root home/state run --profile ./fuse.yaml --work home "$id" -- sh -c "$look" sh fuse loop0
	open=no
	"${become[@]}" sh -c 'exec 3<>/dev/fuse' && open=yes
	[[ ${lines[0]} == "fuse: character special file $shown "*"opened: $open" && ${lines[1]} == 'loop0: none' ]]
}

@test "what cannot be had is refused by name, with what to do, and leaves nothing" {
	while IFS='|' read -r word says hint; do
		run -1 zviz run --device "$word" "$id" -- true
		[[ $output == *"$says"* && $output == *"$hint"* ]] || { echo "$word: $output"; return 1; }
	done <<-'END'
	/dev/zviz-none|devices: /dev/zviz-none is not there on this machine [--device]|hint: load its driver; or write a pattern
	/dev/net|devices: /dev/net is no device node|hint: of a folder, name what is in it: /dev/net/*
	/dev/null|--device /dev/null: a container has that of its own|
	/dev/pts/0|a container has that of its own|
	/etc/passwd|it is not below /dev|
	/dev/../dev/fuse|without empty names, . and ..|
	/dev//fuse|without empty names, . and ..|
	/dev/**|wildcards are * and ?|
	END
	for word in /dev/tty /dev/ /dev 'fuse' '/dev/[f]use' /dev/shm/x; do
		profile bad "devices: [\"$word\"]"
		run -1 zviz run --profile ./bad.yaml "$id" -- true
		[[ $output == *"bad.yaml:4:"* ]] || { echo "$word: $output"; return 1; }
	done
	run -1 zviz run --read /dev/fuse "$id" -- true
	[[ $output == *'--read /dev/fuse: a device'*'hint: --device /dev/fuse'* ]]
	[ -z "$(ls -A state 2>/dev/null)" ]
}

@test "a bundle gets of linux.devices what the profile lists, by number, with its owner and mode; the rest is told" {
	number=$(stat -c %Hr:%Lr /dev/net/tun)
	bundle '"devices": ['"$(node /dev/fuse c "$fuse" '"fileMode": 432, "uid": 0, "gid": 7'), $(node /dev/deep/er), $(node /dev/net/tun c "$number")"']'
	zviz --profile ./fuse.yaml create --bundle bundle "$id" 3>&-
	zviz state "$id" | grep -qF 'linux.devices: /dev/net/tun; held: those that the profile lists'
	zviz delete --force "$id"
	run -0 zviz --profile ./fuse.yaml run --bundle bundle "$id" sh -c "$look" sh fuse deep/er net/tun
	[[ $output == *"fuse: character special file $shown 660 0:7, opened: yes"*"deep/er: character special file $shown 666 0:0, opened: yes"*'net/tun: none'* ]]
	# Nobody's by its mode.
	uid=9 bundle '"devices": ['"$(node /dev/fuse c "$fuse" '"fileMode": 432, "uid": 5, "gid": 7')"']'
	run -0 zviz --profile ./fuse.yaml run --bundle bundle "$id" sh -c "$look" sh fuse
	[[ $output == *'660 5:7, opened: no' ]]
}

@test "a bundle that asks for nothing gets nothing, and without a list nothing is given" {
	bundle
	run -0 zviz --profile ./fuse.yaml run --bundle bundle "$id" sh -c "$look" sh fuse
	[ "$output" = 'fuse: none' ]
	bundle '"devices": ['"$(node /dev/fuse)"']'
	run -0 zviz run --bundle bundle "$id" sh -c "$look" sh fuse
	[[ $output == *'fuse: none' ]]
	zviz create --bundle bundle "$id" 3>&-
	zviz state "$id" | grep -qF 'linux.devices: /dev/fuse; held: the nodes that every /dev has'
}

@test "a bundle's word for a listed path is not believed: its number decides, and the machine's memory is never given" {
	profile every 'devices: ["/dev/*"]'
	while IFS='|' read -r profile device why; do
		bundle '"devices": ['"$(eval "node $device")"']'
		zviz --profile "./$profile.yaml" create --bundle bundle "$id" 3>&- || { echo "$device ($why)"; return 1; }
		zviz state "$id" | grep -qF 'linux.devices: ' || { echo "$device was not cut ($why)"; return 1; }
		zviz delete --force "$id"
	done <<-'END'
	fuse|/dev/fuse c 1:1|the number of memory
	fuse|/dev/fuse c 10:1|a number that is not listed
	fuse|/dev/fuse b|a disk of the same number
	fuse|/dev/null|a name that is taken
	fuse|/etc/fuse|a place that is not in /dev
	fuse|/dev/pts/9|a place of its own
	fuse|/dev/./fuse|a name that is written in another way
	every|/dev/mem c 1:1|memory
	every|/dev/port c 1:4|ports
	every|/dev/tty1x c 5:0|a terminal
	END
	[ -z "$(ls -A state)" ]
}

@test "a device that a bundle binds, as rootless engines do, is a node if it is listed, and is not there if not" {
	bundle '' '{"destination": "/dev/fuse", "type": "bind", "source": "/dev/fuse", "options": ["rbind", "rw", "nosuid"]},
	           {"destination": "/dev/mine", "type": "bind", "source": "/dev/null", "options": ["bind", "ro"]},
	           {"destination": "/dev/tun", "type": "bind", "source": "/dev/net/tun", "options": ["bind"]}'
	run -0 zviz --verbose --profile ./fuse.yaml run --bundle bundle "$id" sh -c "$look" sh fuse mine tun
	[[ $output == *"fuse: character special file $shown "*'opened: yes'*'mine: character special file 1:3 '*'tun: none'* ]]
	[[ $output == *'cut: mounts[3]: /dev/net/tun; held: none: the profile lists no such device'* ]]
	bundle '' '{"destination": "/dev/fuse", "type": "bind", "source": "/dev/fuse", "options": ["rbind", "ro"]}'
	run -0 zviz --verbose --profile ./fuse.yaml run --bundle bundle "$id" sh -c "$look" sh fuse
	[[ $output == *'cut: mounts[1]: /dev/fuse; held: none: a read-only mount does not keep a device from being written to'*'fuse: none'* ]]
}

@test "a bundle's /dev has the devices however it is written, and ours has them where it mounts none" {
	for mounts in '{"destination": "/dev/", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}' '{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}' ''; do
		bundle '"devices": ['"$(node /dev/fuse)"']' "$mounts"
		run -0 zviz --profile ./fuse.yaml run --bundle bundle "$id" sh -c "$look" sh fuse null
		[[ $output == *"fuse: character special file $shown "*'opened: yes'*'null: character special file 1:3 '*'opened: yes' ]] || { echo "$mounts: $output"; return 1; }
	done
}

@test "nodes that lie in a folder of the host's do not work as devices, wherever it is mounted" {
	[ "$(id -u)" = 0 ] || skip 'to make nodes takes root'
	mkdir nodes
	mknod -m 666 nodes/fuse c "${fuse%:*}" "${fuse#*:}"
	mknod -m 666 nodes/null c 1 3
	bundle '' '{"destination": "/dev", "type": "bind", "source": "'"$place"'/nodes", "options": ["rbind", "rw"]}'
	run -0 zviz --profile ./fuse.yaml run --bundle bundle "$id" sh -c "$look" sh fuse
	[[ $output == *'opened: no' ]]
	run -0 zviz run --read "$place/nodes" "$id" -- sh -c "(exec 3<$place/nodes/fuse) 2>/dev/null || echo shut"
	[ "$output" = shut ]
}

@test "requests to a device are those of the profile: by name, number, or the driver's letter in a row of where" {
	# FUSE_DEV_IOC_CLONE of linux/fuse.h; of a descriptor that is none, since no file system is mounted.
	ask='import errno, fcntl, os
try: fcntl.ioctl(os.open("/dev/fuse", os.O_RDWR), 0x8004e500, b"\xff\xff\xff\x7f")
except OSError as e: print(errno.errorcode[e.errno])'
	profile number 'devices: [/dev/fuse]' 'ioctl: {allow: [0x8004e500]}'
	profile letter 'devices: [/dev/fuse]' 'syscalls: {where: [{syscall: ioctl, arg: 1, mask: 0xff00, in: [0xe500], then: allow}]}'
	run -0 zviz run --profile ./fuse.yaml "$id" -- python3 -c "$ask"
	[ "$output" = EPERM ]
	reached=$(python3 -c "$ask")
	[ "$reached" != EPERM ]
	for name in number letter; do
		run -0 zviz run --profile "./$name.yaml" "$id" -- python3 -c "$ask"
		[ "$output" = "$reached" ] || { echo "$name: $output, outside $reached"; return 1; }
	done
}

@test "the floor holds: for profiles, for --device, and patterns" {
	profile other 'devices: [/dev/net/tun]'
	profile floor 'devices: ["/dev/f*"]'
	echo "floor: $place/floor.yaml" >config.yaml
	run -0 zviz run --profile ./fuse.yaml "$id" -- true
	run -0 zviz run --profile ./floor.yaml "$id" -- true
	run -1 zviz run --profile ./other.yaml "$id" -- true
	[[ $output == *'devices: /dev/net/tun'* ]]
	run -1 zviz run --device /dev/net/tun "$id" -- true
	[[ $output == *'devices: /dev/net/tun'* ]]
	profile wide 'devices: ["/dev/*"]'
	run -1 zviz run --profile ./wide.yaml "$id" -- true
	[[ $output == *'devices: /dev/*'* ]]
	run -1 zviz diff --subset ./other.yaml ./floor.yaml
	run -0 zviz diff --subset ./fuse.yaml ./floor.yaml
}

@test "explain says which rule shows a device, and what would show one" {
	run -0 zviz explain --profile ./fuse.yaml /dev/fuse
	[[ $output == *'/dev/fuse is a device [./fuse.yaml:4]'* ]]
	run -0 zviz explain --profile ./fuse.yaml /dev/kvm
	[[ $output == *'no device is there by that name'*'run with --device /dev/kvm, or list it under devices'* ]]
	bundle '"devices": ['"$(node /dev/fuse)"']'
	run -0 zviz explain --profile ./fuse.yaml --bundle bundle "$id"
	[[ $output == *"device  /dev/fuse (c $fuse) noexec  [./fuse.yaml:4]"* ]]
	run -0 zviz explain --bundle bundle "$id"
	[[ $output == *'linux.devices: /dev/fuse; held: the nodes that every /dev has'* ]]
}

@test "a container that runs is known, and gets no device by an update, though the machine's devices have changed" {
	[ "$(id -u)" = 0 ] || skip 'to make nodes takes root'
	made=/dev/zviz-test-$$
	profile made "devices: [$made]"
	mknod "$made" c "${fuse%:*}" "${fuse#*:}"
	zviz run --profile ./made.yaml --detach "$id" -- sleep 100 >/dev/null 2>&1 3>&-
	rm "$made"
	run -0 zviz exec "$id" sh -c "$look" sh "${made#/dev/}"
	[[ $output == *'opened: yes' ]]
	run -0 zviz explain "$id" read
	profile more "devices: [$made, /dev/net/tun]"
	run -1 zviz update --widen --profile ./more.yaml "$id"
	[[ $output == *'devices /dev/net/tun: mounts and Landlock were settled when the container started'* ]]
}
