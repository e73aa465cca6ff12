# Mounts of a bundle beyond plain ones: other owners (idmap, uidMappings), a tmpfs that begins with the image's files, and what is said
# of propagation.

bats_require_minimum_version 1.5.0
load small

setup() {
	[ "$(id -u)" = 0 ] || skip 'to show other owners takes root'
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	rootfs=$place/bundle/rootfs
	mkdir -p "$place/data/below"
	small_root "$rootfs" cat chown find id ls mkdir mount readlink sh stat touch true
	id=mounts-$BATS_TEST_NUMBER-$$
	touch "$place/data/root" "$place/data/thousand" "$place/data/below/five"
	chown 1000:1000 "$place/data/thousand"
	chown 5:5 "$place/data/below/five"
}

teardown() {
	cd /
	[ -z "${place:-}" ] || rm -rf "$place"
}

# bundle MOUNTS [LINUX]: a bundle with these further mounts, and members of `linux`.
bundle() {
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sh"], "env": ["PATH=/bin"], "user": {"uid": ${uid:-0}, "gid": ${uid:-0}}},
	 "mounts": [{"destination": "/proc", "type": "proc"}, $1],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]${2:+, $2}}}
	END
}
data() { # OPTIONS [MEMBERS]
	echo '{"destination": "/data", "type": "bind", "source": "'"$place/data"'", "options": ['"$1"']'"${2:+, $2}}"
}
maps() { echo '"uidMappings": [{"containerID": '"$1"', "hostID": '"$2"', "size": '"$3"'}], "gidMappings": [{"containerID": '"$1"', "hostID": '"$2"', "size": '"$3"'}]'; }
inside() { "$zviz" --root "$place/state" --profile web-server run --bundle "$place/bundle" "$id" "$@"; }
owners() { inside stat -c '%u:%g' "$@" | tr '\n' ' '; }
files=(/data/root /data/thousand /data/below/five)

@test "what is made for a mount to be at stays in a root that may be written: a folder that can be entered, an empty file" {
	bundle "$(data '"rbind"' | sed 's|/data"|/new/folder"|'), $(data '"bind"' | sed "s|/data\"|/new/file\"|; s|$place/data|&/root|")"
	"$zviz" --root "$place/state" --profile development run --bundle "$place/bundle" "$id" true
	[ "$(stat -c '%a %s' "$rootfs/new/file")" = '644 0' ]
	[ "$(stat -c %a "$rootfs/new/folder")" = 755 ]
	[ "$(stat -c %a "$rootfs/new")" = 755 ]
}

@test "owners: a folder of a bundle with ids of its own is shown as it is, or with them under idmap" {
	chown -R 100000:100000 "$rootfs" # as an engine does
	bundle "$(data '"rbind"')" "$(maps 0 100000 65536)"
	[ "$(owners "${files[@]}")" = '65534:65534 65534:65534 65534:65534 ' ]
	for options in '"rbind", "idmap"' '"bind", "ridmap"'; do
		bundle "$(data "$options")" "$(maps 0 100000 65536)"
		[ "$(owners "${files[@]}")" = '0:0 1000:1000 5:5 ' ]
	done
	# As the CRI asks for it: the maps of the pod, beside the mount.
	bundle "$(data '"rbind", "idmap"' "$(maps 0 100000 65536)")" "$(maps 0 100000 65536)"
	[ "$(owners "${files[@]}")" = '0:0 1000:1000 5:5 ' ]
	uid=1000 bundle "$(data '"rbind", "idmap"' "$(maps 0 100000 65536)")" "$(maps 0 100000 65536)"
	chmod 777 "$place/data"
	inside touch /data/made
	[ "$(stat -c %u:%g "$place/data/made")" = 1000:1000 ]
	run -0 "$zviz" explain --bundle "$place/bundle" "$id"
	[[ $output == *'bind    /data = '*'ids by its own map'* ]]
}

@test "owners: by a map of the mount's own" {
	chown -R 100000:100000 "$rootfs"
	# What is 1000's on the disk is shown as the container's root's, and nothing else as anybody's.
	bundle "$(data '"rbind", "idmap"' "$(maps 1000 100000 1)")" "$(maps 0 100000 65536)"
	[ "$(owners "${files[@]}")" = '65534:65534 0:0 65534:65534 ' ]
	inside sh -c 'echo x >/data/thousand && chown 0:0 /data/thousand'
	[ "$(stat -c %u:%g "$place/data/thousand")" = 1000:1000 ]
	# An id that the mount has no name for can own nothing there.
	run inside chown 3:3 /data/thousand
	[ "$status" != 0 ]
	[ "$(stat -c %u:%g "$place/data/thousand")" = 1000:1000 ]
}

@test "owners: where zviz chooses the ids, those of the bundle are the container's" {
	bundle "$(data '"rbind"' "$(maps 1000 0 1)")"
	[ "$(owners "${files[@]}")" = '65534:65534 0:0 65534:65534 ' ]
	bundle "$(data '"rbind"' "$(maps 0 4000000000 5)")"
	run -1 inside true
	[[ $output == *'config.json: mounts[1].uidMappings[0].hostID: 4000000000 is not among the ids of the container'* ]]
}

@test "owners: ridmap holds for what is mounted below, idmap for the folder alone" {
	chown -R 100000:100000 "$rootfs"
	for options in '"rbind", "idmap"|65534:65534 0:0 ' '"rbind", "ridmap"|0:0 0:0 '; do
		bundle "$(data "${options%|*}")" "$(maps 0 100000 65536)"
		run -0 unshare --mount sh -c "mount -t tmpfs none '$place/data/below' && touch '$place/data/below/new' &&
			'$zviz' --root '$place/state' --profile web-server run --bundle '$place/bundle' $id stat -c %u:%g /data/below/new /data/root"
		[ "$(tr '\n' ' ' <<<"$output")" = "${options#*|}" ] || { echo "$options: $output"; return 1; }
	done
	# All or nothing: a file system that cannot do it is not shown with owners that nobody meant.
	bundle "$(data '"rbind", "ridmap"')" "$(maps 0 100000 65536)"
	run -1 unshare --mount sh -c "mount -t proc none '$place/data/below' &&
		'$zviz' --root '$place/state' --profile web-server run --bundle '$place/bundle' $id true"
	[[ $output == *'cannot show other owners'* ]]
	[ -z "$(ls -A "$place/state")" ]
}

@test "owners: of a file system that cannot show them nothing is shown, though everybody may read it" {
	bundle '{"destination": "/data", "type": "bind", "source": "'"$place/data"'", "options": ["bind", "ro"]}'
	for kind in ramfs proc; do
		run -1 unshare --mount sh -c "mount -t $kind -o mode=777 none '$place/data' 2>/dev/null || mount -t $kind none '$place/data'
			'$zviz' --root '$place/state' --profile web-server run --bundle '$place/bundle' $id ls /data"
		[[ $output == *"$place/data: its file system cannot show other owners"*'keep the folder on ext4'* ]] || { echo "$kind: $output"; return 1; }
	done
	[ -z "$(ls -A "$place/state")" ]
}

@test "owners: bad requests are errors with their place" {
	for bad in '"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]|needs gidMappings beside it' \
		'"gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]|needs uidMappings beside it' \
		'"uidMappings": [{"containerID": 0, "hostID": 1, "size": 0}]|.uidMappings[0].size'; do
		bundle "$(data '"rbind"' "${bad%|*}")"
		run -1 inside true
		[[ $output == *"config.json: mounts[1]"*"${bad#*|}"* ]] || { echo "$bad: $output"; return 1; }
	done
	bundle '{"destination": "/tmp", "type": "tmpfs", "options": ["idmap"]}'
	run -1 inside true
	[[ $output == *'mounts[1]: other owners can be shown of a bind mount alone'* ]]
	bundle "$(data '"rbind", "idmap"')" "$(maps 0 65534 1)"
	chown -R 65534:65534 "$place/bundle"
	cp "$zviz" "$place/zviz" && chmod 755 "$place/zviz"
	run -1 setpriv --reuid 65534 --regid 65534 --clear-groups "$place/zviz" --root "$place/own" --profile web-server \
		run --bundle "$place/bundle" "$id" true
	[[ $output == *'mounts[1]: to show a folder with other owners takes root'* ]]
}

@test "tmpcopyup: a tmpfs begins with what the image has there" {
	mkdir -p "$rootfs/var/sub"
	echo text >"$rootfs/var/file"
	chown 33:44 "$rootfs/var/file" "$rootfs/var/sub"
	chmod 4755 "$rootfs/var/file"
	ln -s /etc/passwd "$rootfs/var/link"
	mkfifo "$rootfs/var/sub/pipe"
	touch -d @1000000000 "$rootfs/var/sub"
	chmod 711 "$rootfs/var"
	for options in '"tmpcopyup"' '"tmpcopyup", "ro", "size=1m"'; do
		bundle '{"destination": "/var", "type": "tmpfs", "options": ['"$options"']}'
		run -0 inside sh -c 'stat -c "%n %u:%g %a" /var /var/file /var/sub; stat -c %Y /var/sub; cat /var/file; readlink /var/link; find /var -type p;
			if touch /var/new 2>/dev/null; then echo written; fi'
		[[ $output == '/var 0:0 711
/var/file 33:44 4755
/var/sub 33:44 755
1000000000
text
/etc/passwd'* ]] || { echo "$output"; return 1; }
		[[ ($options == *ro* && $output != *written*) || ($options != *ro* && $output == *written) ]]
	done
	[ ! -e "$rootfs/var/new" ]
	bundle '{"destination": "/var", "type": "tmpfs", "options": ["tmpcopyup", "mode=1777"]}'
	[ "$(inside stat -c %a /var)" = 1777 ]
	bundle '{"destination": "/not/there", "type": "tmpfs", "options": ["tmpcopyup"]}'
	[ "$(inside stat -f -c %T /not/there)" = tmpfs ]
	run -0 inside ls /not/there
	[ -z "$output" ]
}

@test "a read-only tmpfs, and a read-only /dev, hold what is mounted below them, and no more" {
	# As Podman 5 writes it for --read-only --read-only-tmpfs=false.
	bundle '{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]},
		{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
		{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]},
		'"$(data '"rbind"' | sed 's|/data"|/run/of/data"|')"
	run -0 inside sh -c 'echo kept >/dev/null; test -c /dev/pts/ptmx && echo pts; stat -c %u /run/of/data/root; touch /dev/new; touch /run/new; true'
	[ "${lines[0]} ${lines[1]}" = 'pts 0' ]
	[[ $output == *'/dev/new: Read-only file system'*'/run/new: Read-only file system'* ]]
}

@test "tmpcopyup: what an image cannot do with it" {
	# More than fits.
	mkdir -p "$rootfs/var/one/two"
	truncate -s 1G "$rootfs/var/one/two/large"
	bundle '{"destination": "/var", "type": "tmpfs", "options": ["tmpcopyup", "size=64k"]}'
	run -1 inside true
	[[ $output == *'/var: one: two: large: copy: No space left on device'* ]]
	[ -z "$(ls -A "$place/state")" ]
	# A link where a folder is meant: it is one of the image.
	rm -r "$rootfs/var"
	mkdir "$place/srv" "$rootfs/srv"
	ln -s /srv "$rootfs/var"
	touch "$place/srv/of-the-host" "$rootfs/srv/of-the-image"
	bundle '{"destination": "/var", "type": "tmpfs", "options": ["tmpcopyup"]}'
	[ "$(inside ls /srv)" = of-the-image ]
	# Depth.
	rm "$rootfs/var"
	mkdir -p "$rootfs/var/$(printf 'd/%.0s' {1..80})"
	run -1 inside true
	[[ $output == *'more than 64 folders in each other'* ]]
	bundle "$(data '"rbind", "tmpcopyup"')"
	run -1 inside true
	[[ $output == *"mounts[1].options: 'tmpcopyup' is for a tmpfs alone"* ]]
}

@test "propagation: what the host mounts later is not shown, and that is said" {
	bundle "$(data '"rbind", "rslave"')" '"rootfsPropagation": "shared"'
	run -0 "$zviz" explain --bundle "$place/bundle" "$id"
	[[ $output == *'mounts[1].options: rslave: what the host mounts there later is not shown'* ]]
	[[ $output == *'linux.rootfsPropagation: shared: '* ]]
	bundle "$(data '"rbind", "rprivate"')" '"rootfsPropagation": "rprivate"'
	run -0 "$zviz" explain --bundle "$place/bundle" "$id"
	[[ $output != *'what the host mounts there later'* ]]
}
