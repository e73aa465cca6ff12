#!/usr/bin/env bats
# SELinux labels, under a policy of our own (selinux.cil). In a guest that is started with
# --append 'lsm=landlock,selinux,bpf'.

bats_require_minimum_version 1.5.0
load common

label=u:r:work_t:s0:c1,c2 files=u:object_r:file_t:s0:c1,c2

setup_file() {
	mount -t selinuxfs selinuxfs /sys/fs/selinux
	secilc -c 33 -o "$BATS_FILE_TMPDIR/policy" -f /dev/null "$BATS_TEST_DIRNAME/selinux.cil"
	cat "$BATS_FILE_TMPDIR/policy" >/sys/fs/selinux/load
	echo 1 >/sys/fs/selinux/enforce
}

teardown() {
	cd /
	if mountpoint -q "$place/work/secret"; then umount "$place/work/secret"; fi
	rm -rf "$place"
}

labelled() { # LABEL COMMAND…: a bundle with that label
	local label=$1
	shift
	mkdir -p bundle/rootfs/bin bundle/rootfs/proc
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	local name
	for name in sh cat ls sleep; do ln -sf busybox "bundle/rootfs/bin/$name"; done
	jq -n --arg wanted "$label" --arg files "$files" '{ociVersion: "1.2.0", root: {path: "rootfs"},
		process: {cwd: "/", args: $ARGS.positional, env: ["PATH=/bin"], user: {uid: 0, gid: 0}, selinuxLabel: $wanted},
		mounts: [{destination: "/proc", type: "proc"}, {destination: "/dev", type: "tmpfs"},
			{destination: "/dev/pts", type: "devpts", options: ["newinstance"]},
			{destination: "/dev/mqueue", type: "mqueue"}, {destination: "/tmp", type: "tmpfs"}],
		linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "network"}, {type: "ipc"}],
			mountLabel: $files, maskedPaths: ["/bin/hidden"]}}' --args -- "$@" >bundle/config.json
	mkdir -p bundle/rootfs/bin/hidden
}

change() { # jq's: of the bundle
	jq "$@" bundle/config.json >changed && mv changed bundle/config.json
}

@test "the label that a bundle names, for the first process, with and without --init, and for one that joins" {
	[ "$(cat /proc/self/attr/current | tr -d '\0')" = u:r:host_t:s0 ]
	for option in --init --no-init; do
		labelled "$label" sh -c 'cat /proc/self/attr/current; echo; cat /proc/self/attr/exec /proc/self/attr/keycreate'
		run -0 zviz run "$option" --bundle bundle "$id"
		echo "$output"
		[ "$(tr -d '\0' <<<"$output")" = "$label" ]
	done
	run -0 zviz explain --bundle bundle "$id"
	[[ "$output" == *"SELinux label: $label"*"SELinux label of what is new: $files"* ]]
	[[ "$output" != *selinuxLabel* ]]
	labelled "$label" sh -c 'while :; do sleep 1; done'
	zviz create --bundle bundle "$id" </dev/null >/dev/null 2>&1 3>&-
	zviz start "$id"
	[ "$(zviz exec "$id" cat /proc/self/attr/current | tr -d '\0')" = "$label" ]
	[ "$(zviz exec "$id" cat /proc/1/attr/current | tr -d '\0')" = "$label" ]
	# Who joins gets no other one, and that is said.
	jq '.process | .args = ["cat", "/proc/self/attr/current"] | .selinuxLabel = "u:r:host_t:s0"' bundle/config.json >process.json
	[ "$(zviz --log log exec --process process.json "$id" | tr -d '\0')" = "$label" ]
	grep -F "selinuxLabel: u:r:host_t:s0; held: $label" log
	jq 'del(.selinuxLabel)' process.json >none.json
	[ "$(zviz exec --process none.json "$id" | tr -d '\0')" = "$label" ]
	zviz delete --force "$id"
}

@test "a hook is the host's program, and not under what its container is under" {
	labelled "$label" sleep 100
	mkdir -m 777 out
	printf '#!/bin/sh\ntr -d "\\000" </proc/self/attr/current >%s/out/hooked\n' "$PWD" >hook
	chmod 755 "$place" . hook
	change --arg path "$PWD/hook" '.hooks.createContainer = [{path: $path}]'
	zviz create --bundle bundle "$id" </dev/null >said 2>&1 3>&- || { cat said; return 1; }
	[ "$(cat out/hooked)" = u:r:host_t:s0 ]
	zviz delete --force "$id"
}

@test "mountLabel: of each file system that is made for the container, and not of proc" {
	labelled "$label" sh -c 'echo x >/tmp/made; while :; do sleep 1; done'
	zviz create --bundle bundle "$id" </dev/null >said 2>&1 3>&- || { cat said; return 1; }
	zviz start "$id"
	run -0 python3 - "/proc/$(zviz state "$id" | jq .pid)/root" <<-'END'
	import os, sys, time
	root = sys.argv[1]
	while not os.path.exists(root + "/tmp/made"): time.sleep(0.1)
	for path in ("/tmp", "/tmp/made", "/dev", "/dev/null", "/dev/pts", "/dev/mqueue", "/bin/hidden", "/proc"):
	    print(path, os.getxattr(root + path, "security.selinux").rstrip(b"\0").decode())
	END
	echo "$output"
	for x in /tmp /tmp/made /dev /dev/null /dev/pts /bin/hidden; do grep -xF "$x $files" <<<"$output"; done
	run -1 grep -xF "/proc $files" <<<"$output"
	zviz delete --force "$id"
}

@test "enforcing: what the label may not read is refused; without a label it is not" {
	mkdir secret bundle
	# Not mount(8), which knows labels where /etc/selinux is alone.
	busybox mount -t tmpfs -o context=u:object_r:secret_t:s0 tmpfs secret
	echo hushed >secret/file
	chmod -R 755 secret
	for wanted in "$label" ''; do
		labelled "$wanted" cat /secret/file
		change --arg from "$PWD/secret" '.mounts += [{destination: "/secret", type: "bind", source: $from, options: ["rbind", "ro"]}]'
		run zviz run --bundle bundle "$id"
		echo "$wanted: $status $output"
		if [ -n "$wanted" ]; then
			[ "$status" = 1 ]
			[[ "$output" == *"can't open '/secret/file': Permission denied"* ]]
		else
			[ "$status" = 0 ]
			[ "$output" = hushed ]
		fi
	done
}

@test "a label that the policy does not have, or does not let no_new_privs come to: nothing runs" {
	labelled u:r:unknown_t:s0 sh -c 'echo RAN'
	run -1 zviz run --bundle bundle "$id"
	echo "$output"
	[[ "$output" == *"label.set: process.selinuxLabel: the host's policy has no label 'u:r:unknown_t:s0'"* ]]
	[[ "$output" != *RAN* ]]
	labelled u:r:strict_t:s0 sh -c 'echo RAN'
	run zviz run --bundle bundle "$id"
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" == *'operation not permitted'*nnp_transition* || "$output" == *'Operation not permitted'*nnp_transition* ]]
	[[ "$output" != *RAN* ]]
	labelled "$label" sh -c 'echo RAN'
	change '.linux.mountLabel = "u:object_r:unknown_t:s0"'
	run -1 zviz run --bundle bundle "$id"
	echo "$output"
	[[ "$output" == *"context=u:object_r:unknown_t:s0"*linux.mountLabel* ]]
	[[ "$output" != *RAN* ]]
	[ -z "$(ls -A "$place/home/state")" ]
}

# Without a broker, whose end is the container's as well. What takes it away is a helper of another file's.
@test "when zviz is killed, no process of a labelled container outlives it" {
	eval "$(sed -n '/^without()/,/^}/p' "$BATS_TEST_DIRNAME/../cli/excess.bats")"
	printf 'zviz: 1\nname: alone\nextends: ci-runner\nrequirements: {seccomp_notify: preferred}\n' >alone.yaml
	labelled "$label" sh -c 'echo up >/out/up; while :; do sleep 1; done'
	mkdir -m 777 out
	change --arg from "$PWD/out" '.mounts += [{destination: "/out", type: "bind", source: $from, options: ["rbind", "rw"]}]'
	without seccomp_notify "$place/zviz" --root "$place/home/state" run --profile alone.yaml --bundle bundle "$id" </dev/null >said 2>&1 3>&- &
	for ((i = 0; i < 300; i++)); do
		if [ -e out/up ]; then break; fi
		sleep 0.1
	done
	[ -e out/up ]
	first=$(zviz state "$id" | jq .pid)
	launcher=$(awk '$1 == "PPid:" { print $2 }' "/proc/$first/status")
	kill -9 "$launcher"
	for ((i = 0; i < 100; i++)); do
		if [ ! -d "/proc/$first" ]; then break; fi
		sleep 0.1
	done
	[ ! -d "/proc/$first" ]
}
