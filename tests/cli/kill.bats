# SIGKILL to zviz at 200 random moments: no process of the container outlives it, and what it could not clean up
# the next run or `delete --force` does.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir "$place/work"
	cd "$place/work"
}

teardown() {
	cd /
	rm -rf "$place"
}

# Whatever belongs to the container has this word on its command line: zviz's processes and the workload.
mark=zviz-kill-$$

gone() {
	for _ in $(seq 200); do
		[ -z "$(pgrep -f "$mark")" ] && return
		sleep 0.01
	done
	pgrep -fa "$mark"
	return 1
}

@test "200 kills at random moments leave no process and nothing that cannot be cleaned" {
	local seed=${SEED:-$RANDOM} n pid
	echo "SEED=$seed"
	RANDOM=$seed
	for n in $(seq 200); do
		(exec "$zviz" --root "$place/state" run "k$((n % 5))-$$" sh -c "sleep 60 # $mark" 2>>"$place/said") &
		pid=$!
		sleep "0.0$(printf %05d $((RANDOM % 30000)))"
		kill -KILL $pid || { echo "kill $n: it had ended: $(cat "$place/said")"; return 1; }
		wait $pid 2>/dev/null || [ $? = 137 ]
		if [ $((n % 20)) = 0 ]; then
			gone
		fi
	done
	gone
	# The next run of the name cleans up after the dead one, and so does delete.
	run -0 "$zviz" --root "$place/state" run "k1-$$" true
	for n in $("$zviz" --root "$place/state" list -q); do
		"$zviz" --root "$place/state" delete --force "$n"
	done
	[ -z "$(ls -A "$place/state")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-k[0-9]-$$" 2>/dev/null)" ]
	if grep -q "$place" /proc/self/mountinfo; then false; fi
}

@test "100 kills of a launcher whose container is to stay: delete --force ends what there is" {
	local seed=${SEED:-$RANDOM} n pid
	echo "SEED=$seed"
	RANDOM=$seed
	for n in $(seq 100); do
		(exec "$zviz" --root "$place/state" run --detach "d$n-$$" sh -c "sleep 60 # $mark" >/dev/null 2>&1) &
		pid=$!
		sleep "0.00$(printf %04d $((RANDOM % 8000)))"
		kill -KILL $pid 2>/dev/null || true # it may have done its work already
		wait $pid 2>/dev/null || [ $? = 137 ]
	done
	for n in $("$zviz" --root "$place/state" list -q); do
		"$zviz" --root "$place/state" delete --force "$n"
	done
	gone
	[ -z "$(ls -A "$place/state")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-d[0-9]*-$$" 2>/dev/null)" ]
}

# What a container that is created is at any moment: nothing, made, waiting, running, ended.
@test "100 kills of create and of start: the state is always one of these, and delete --force ends it" {
	local seed=${SEED:-$RANDOM} n pid
	echo "SEED=$seed"
	RANDOM=$seed
	mkdir -p bundle/rootfs/bin bundle/rootfs/proc
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	cat >bundle/config.json <<-END
	{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/busybox", "sh", "-c", "exec /bin/busybox sleep 1000 # $mark"], "user": {"uid": 0, "gid": 0}},
	 "mounts": [{"destination": "/proc", "type": "proc"}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]}}
	END
	one() { "$zviz" --root "$place/state" "$@"; }
	for n in $(seq 50); do
		(exec "$zviz" --root "$place/state" create --bundle bundle "c$n-$$-$mark" </dev/null >/dev/null 2>&1 3>&-) &
		pid=$!
		sleep "0.00$(printf %04d $((RANDOM % 9000)))"
		kill -KILL $pid 2>/dev/null || true # it may have done its work already
		wait $pid 2>/dev/null || [ $? = 137 ]
	done
	for n in $(seq 50); do
		one create --bundle bundle "s$n-$$-$mark" </dev/null >/dev/null 2>&1 3>&-
		(exec "$zviz" --root "$place/state" start "s$n-$$-$mark" >/dev/null 2>&1 3>&-) &
		pid=$!
		sleep "0.00$(printf %04d $((RANDOM % 4000)))"
		kill -KILL $pid 2>/dev/null || true # likewise
		wait $pid 2>/dev/null || [ $? = 137 ]
	done
	for n in $(one list -q); do
		status=$(one state "$n" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])')
		case $n/$status in c*/created | c*/stopped | s*/created | s*/running) ;; *) echo "$n: $status"; return 1 ;; esac
		# One that waits can be started by whoever comes next.
		[[ $n/$status != */created ]] || one start "$n"
		one delete --force "$n"
	done
	gone
	[ -z "$(ls -A "$place/state")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-[cs][0-9]*-$$-*" 2>/dev/null)" ]
}
