#!/usr/bin/env bats
# Runs inside the guest of tests/vm/run with Debian's 6.1 kernel: Landlock ABI 2, no idmapped tmpfs.

bats_require_minimum_version 1.5.0
load common

@test "check says what is missing here and which kernel has it" {
	[[ "$(uname -r)" == 6.1.* ]]
	run -0 zviz check
	echo "$output"
	[[ "$output" == *'limited  ABI 2: truncate is not governed'* ]]
	[[ "$output" == *'use Linux 6.2 or newer'* ]]
	[[ "$output" == *'notify         ok'* ]]
}

@test "ci-runner: an ordinary user's build runs, and what is refused has a reason" {
	become_stranger
	run -1 zviz run --verbose "$id" -- /bin/sh -c 'echo x >made; cat /root/.ssh/id'
	echo "$output"
	[ "$(stat -c %u made)" = "$stranger" ]
	[[ "$output" == *'"/root/.ssh/id"'*'refused with ENOENT by mount, rule ci-runner:'* ]]
	[[ "$output" == *'zviz: 1 operation was refused'* ]]
}

@test "what this Landlock does not govern, the mounts keep: truncate(2) of a read-only share" {
	become_stranger
	mkdir "$place/shared"
	echo kept >"$place/shared/file"
	chown -R $stranger:$stranger "$place/shared"
	run -1 zviz run --read "$place/shared" "$id" -- /usr/bin/python3 -c \
		'import os, sys; os.truncate(sys.argv[1], 0)' "$place/shared/file"
	echo "$output"
	[[ "$output" == *'Read-only file system'* ]]
	[ "$(cat "$place/shared/file")" = kept ]
}

@test "root: a work folder on tmpfs cannot show other owners here, and the hint says what can" {
	run -1 zviz run "$id" -- /bin/sh -c 'echo ran >made'
	echo "$output"
	[[ "$output" == *'idmapped mount'* ]]
	[[ "$output" == *'hint: keep the folder on ext4'*'(Linux 6.3) tmpfs'* ]]
	[ ! -e made ]
}

@test "root: a folder on tmpfs that everybody may use is shown as it is, with nobody as its owner" {
	mkdir "$place/open" "$place/shown" "$place/closed"
	chmod 1777 "$place/open"
	chmod 755 "$place/shown"
	chmod 700 "$place/closed"
	echo text >"$place/shown/file"
	bundle() { # MOUNT-OPTIONS FOLDER SHELL
		mkdir -p "$place/bundle/rootfs"
		cat >"$place/bundle/config.json" <<-END
		{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
		 "process": {"cwd": "/", "args": ["/bin/busybox", "sh", "-c", "$3"], "user": {"uid": 0, "gid": 0}},
		 "mounts": [{"destination": "/m", "type": "bind", "source": "$place/$2", "options": ["rbind", "$1"]}],
		 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]}}
		END
	}
	modprobe brd rd_nr=1 rd_size=65536
	mkfs.ext4 -q /dev/ram0
	mkdir -p "$place/bundle"
	mount /dev/ram0 "$place/bundle"
	mkdir -p "$place/bundle/rootfs/bin"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/"
	bundle rw open '/bin/busybox touch /m/new && /bin/busybox stat -c %u /m /m/new'
	run -0 zviz run --bundle "$place/bundle" "$id"
	[ "$output" = $'65534\n0' ]
	bundle ro shown '/bin/busybox cat /m/file'
	[ "$(zviz run --bundle "$place/bundle" "$id")" = text ]
	for how in 'rw shown' 'ro closed'; do
		# shellcheck disable=SC2086
		bundle $how true
		run -1 zviz run --bundle "$place/bundle" "$id"
		[[ "$output" == *'cannot show other owners (idmapped mount)'* ]]
	done
	umount "$place/bundle"
}

@test "hostile-tenant refuses to start: landlock, by root and by an ordinary user" {
	for _ in root stranger; do
		run -1 zviz run --profile hostile-tenant "$id" -- /bin/sh -c 'echo ran >made'
		echo "$output"
		[[ "$output" == *'landlock: profile hostile-tenant requires ABI 3, this host has 2 (hostile-tenant:'* ]]
		[ ! -e made ]
		become_stranger
	done
}

@test "root: an overlay of layers on ext4 is shown with other owners" {
	modprobe brd rd_nr=1 rd_size=65536
	mkfs.ext4 -q /dev/ram0
	mkdir "$place/disk"
	mount /dev/ram0 "$place/disk"
	chmod 755 "$place/disk"
	TMPDIR=$place/disk run bats --formatter tap -f '^(read-only|writable)' "$BATS_TEST_DIRNAME/../cli/overlay.bats"
	umount "$place/disk"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' <<<"$output")" = 2 ]
	[[ "$output" != *'# skip'* ]]
}
