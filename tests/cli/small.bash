# A bundle that is as small as they come, for tests that make their own.

# A pid namespace made here, of the host's user namespace: $held is its first process, and `kill -KILL "$holder"` ends it.
hold_processes() {
	unshare --pid --fork --kill-child sleep 600 3>&- &
	holder=$!
	for _ in {1..200}; do
		held=$(pgrep -P "$holder") && return
		sleep 0.02
	done
	return 1
}

small_root() { # FOLDER NAME…: a root of busybox alone, under these names
	local root=$1 name
	shift
	mkdir -p "$root"/{bin,proc}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for name; do ln -s busybox "$root/bin/$name"; done
}

sleeper() { # FOLDER: a bundle of such a root, with networks, names and processes of its own, that does nothing for long
	small_root "$1/rootfs" cat sh sleep true
	cat >"$1/config.json" <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["sleep", "600"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
	 "mounts": [{"destination": "/proc", "type": "proc"}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]}}
	END
}
