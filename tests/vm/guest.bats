#!/usr/bin/env bats
# Runs inside the guest of tests/vm/run: another kernel, cgroup v2 alone, root.

@test "the guest is what it should be: cgroup v2 alone, with controllers" {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
	grep -qw memory /sys/fs/cgroup/cgroup.controllers
	grep -qw pids /sys/fs/cgroup/cgroup.subtree_control
	[ "$(grep -c cgroup /proc/mounts)" -eq 1 ]
}

@test "the guest has no network but loopback" {
	[ "$(ls /sys/class/net)" = lo ]
}

@test "untrusted-build: every attempt is refused on this kernel too" {
	run "$BATS_TEST_DIRNAME/../../examples/untrusted-build/run"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *" refused, 0 succeeded"* ]]
}

@test "limits are set in cgroup v2" {
	"$ZVIZ" run --profile ci-runner --memory 64M limits /bin/sh -c 'cat /proc/self/cgroup; sleep 1' &
	sandbox=$!
	found=
	for _ in $(seq 100); do
		found=$(grep -lx 67108864 $(find /sys/fs/cgroup -mindepth 2 -name memory.max) 2>/dev/null) && break
		sleep 0.1
	done
	wait "$sandbox"
	[ -n "$found" ]
}
