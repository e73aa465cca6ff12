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

@test "hostile-tenant refuses to start: landlock, by root and by an ordinary user" {
	for _ in root stranger; do
		run -1 zviz run --profile hostile-tenant "$id" -- /bin/sh -c 'echo ran >made'
		echo "$output"
		[[ "$output" == *'landlock: profile hostile-tenant requires ABI 3, this host has 2 (hostile-tenant:'* ]]
		[ ! -e made ]
		become_stranger
	done
}
