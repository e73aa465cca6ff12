#!/usr/bin/env bats
# --systemd-cgroup, against a bus of the test's own with a stand-in for systemd (systemd_mock.py), which records what
# it is asked and does to the groups what systemd does.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'the test makes groups as root'
	for v2 in /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ "$(stat -f -c %T $v2 2>/dev/null)" != cgroup2fs ] || break
	done
	[ "$(stat -f -c %T $v2)" = cgroup2fs ] || skip 'no cgroup v2 is mounted'
	zviz=${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}
	[ -x "${zviz%/*}/../scope/zviz-scope" ] || skip 'zviz-scope was not built: libsystemd is missing'
	place=$(mktemp -d)
	id=scope-$BATS_TEST_NUMBER-$$
	slice=zviztest$$.slice
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$place/bus
	mkdir "$place/work" "$place/bundle"
	cd "$place/work"
	dbus-daemon --session --address="$DBUS_SYSTEM_BUS_ADDRESS" --nopidfile --nofork --print-address 3>&- >"$place/address" 2>"$place/bus.log" &
	daemon=$!
	for _ in {1..200}; do
		[ ! -s "$place/address" ] || break # it listens
		sleep 0.02
	done
}

teardown() {
	[ -n "${place:-}" ] || return 0
	kill $daemon ${mock:-} 2>/dev/null || true # either may be gone, as the test wanted it
	cd /
	# What systemd would take away itself.
	find /sys/fs/cgroup -depth -type d -path "*zviztest$$*" -exec rmdir {} + 2>/dev/null || true # none is fine
	rmdir "$v2/system.slice" 2>/dev/null || true # made by the stand-in on machines without systemd
	rm -rf "$place"
}

mock() { # MODE [NAME…]: starts the stand-in
	SYSTEMD_MOCK=$1 SYSTEMD_MOCK_STALE=${*:2} /usr/bin/python3 "$BATS_TEST_DIRNAME/systemd_mock.py" \
		"$place/record" "$v2" 3>&- >"$place/ready" 2>"$place/mock.log" &
	mock=$!
	for _ in {1..500}; do
		! grep -q ready "$place/ready" || return 0
		sleep 0.02
	done
	cat "$place/mock.log"
	return 1
}

bundle() { # CGROUPSPATH COMMAND: a bundle of this machine's programs
	local rootfs=$place/bundle/rootfs
	mkdir -p "$rootfs"/{bin,proc,dev,tmp}
	cp "$(command -v busybox)" "$rootfs/bin/sh"
	jq -n --arg path "$1" --arg command "$2" '{ociVersion: "1.2.0", root: {path: "rootfs"},
		process: {cwd: "/", args: ["/bin/sh", "-c", $command], env: ["PATH=/bin"]},
		mounts: [{destination: "/proc", type: "proc", source: "proc"}],
		linux: {cgroupsPath: $path, namespaces: [{type: "pid"}, {type: "mount"}, {type: "ipc"}, {type: "uts"},
			{type: "network"}, {type: "cgroup"}],
			resources: {memory: {limit: 67108864}, pids: {limit: 30},
				cpu: {quota: 50000, period: 100000, shares: 512}}}}' >"$place/bundle/config.json"
}

zviz() { "$zviz" --root "$place/state" "$@"; }

asked() { jq -r "select(.call == \"StartTransientUnit\") | $1" "$place/record"; }

@test "the container is in the scope that systemd made, with its limits" {
	mock ''
	bundle "$slice:libpod:$id" 'until [ -e /tmp/go ]; do sleep 0.1; done'
	zviz --systemd-cgroup run --detach --bundle "$place/bundle" "$id"
	group=$v2/$slice/libpod-$id.scope
	[ -d "$group" ]
	pid=$(zviz state "$id" | jq .pid)
	grep -qx "$pid" "$group/cgroup.procs"
	# The helper, who kept the place, has gone.
	run -1 pgrep -f "zviz-scope libpod-$id.scope"
	[ "$(asked .unit)" = "libpod-$id.scope" ]
	[ "$(asked .how)" = fail ]
	[ "$(asked .properties.Slice)" = "$slice" ]
	[ "$(asked .properties.Delegate)" = true ]
	[ "$(asked .properties.MemoryMax)" = 67108864 ]
	[ "$(asked .properties.TasksMax)" = 30 ]
	[ "$(asked .properties.CPUQuotaPerSecUSec)" = 500000 ]
	[ "$(asked .properties.CPUWeight)" = 20 ]
	[ "$(asked '.properties.PIDs | length')" = 1 ]
	zviz delete --force "$id"
	[ ! -e "$group" ]
}

@test "without a path it is a scope of system.slice" {
	mock ''
	run -7 zviz --systemd-cgroup run "$id" sh -c 'exit 7'
	[ "$(asked .unit)" = "zviz-$id.scope" ]
	[ "$(asked .properties.Slice)" = system.slice ]
	[ ! -e "$v2/system.slice/zviz-$id.scope" ]
}

@test "a slice inside a slice" {
	mock ''
	bundle "zviztest$$-a-b.slice:crio:$id" 'exit 3'
	run -3 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
	[ "$(asked .properties.Slice)" = "zviztest$$-a-b.slice" ]
}

@test "systemd that takes its time is waited for" {
	mock late
	bundle "$slice:x:$id" 'exit 5'
	run -5 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
}

@test "a scope that failed before is reset and made anew" {
	mock stale "x-$id.scope"
	bundle "$slice:x:$id" 'exit 6'
	run -6 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
	grep -q ResetFailedUnit "$place/record"
}

# What zviz leaves when it fails: nothing.
nothing_left() {
	[ -z "$(ls -A "$place/state" 2>/dev/null)" ]
	run -1 pgrep -f "zviz-scope .*$id"
	[ -z "$(find /sys/fs/cgroup -path "*$id*" -name cgroup.procs 2>/dev/null)" ]
}

@test "systemd's refusal is the error, and nothing is left" {
	mock refuse
	bundle "$slice:x:$id" 'exit 0'
	run -1 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
	[[ $output == *'scope.make: systemd: start the scope: Interactive authentication required.'* ]]
	nothing_left
}

@test "a job that fails is the error" {
	mock fail
	bundle "$slice:x:$id" 'exit 0'
	run -1 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
	[[ $output == *"its job ended as 'failed'"* ]]
}

@test "a scope that is not where it has to be is not used" {
	mock elsewhere
	bundle "$slice:x:$id" 'exit 0'
	run -1 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
	[[ $output == *"the scope's group is /$slice/other-x-$id.scope, not /$slice/x-$id.scope"* ]]
}

@test "a second container in the same scope is refused" {
	mock ''
	bundle "$slice:x:$id" 'until [ -e /tmp/go ]; do sleep 0.1; done'
	zviz --systemd-cgroup run --detach --bundle "$place/bundle" "$id"
	run -1 zviz --systemd-cgroup run --bundle "$place/bundle" "$id-2"
	[[ $output == *'already exists'* ]]
	zviz delete --force "$id"
}

@test "no systemd there: said, and nothing is left" {
	bundle "$slice:x:$id" 'exit 0'
	run -1 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
	[[ $output == *'systemd: '* ]]
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=$place/nobody run -1 zviz --systemd-cgroup run --bundle "$place/bundle" "$id"
	[[ $output == *'systemd: reach systemd: No such file or directory'* ]]
	nothing_left
}

@test "no helper there: it is named" {
	mkdir -p "$place/elsewhere"
	cp "$zviz" "$place/elsewhere/zviz"
	run -1 "$place/elsewhere/zviz" --root "$place/state" --systemd-cgroup run "$id" true
	[[ $output == *'--systemd-cgroup needs '*'/libexec/zviz/zviz-scope: No such file or directory'* ]]
	[[ $output == *"libsystemd"* ]]
}

@test "killed while systemd works: delete finds what is left" {
	mock late
	bundle "$slice:x:$id" 'sleep 20'
	for delay in 0.05 0.1 0.15 0.2 0.25 0.3 0.4; do
		"$zviz" --root "$place/state" --systemd-cgroup run --bundle "$place/bundle" "$id" 3>&- &
		launcher=$!
		sleep $delay
		kill -9 $launcher
		wait $launcher || true # 137: killed
		"$zviz" --root "$place/state" delete --force "$id" 2>/dev/null || true # it may not have come so far
		for _ in {1..200}; do
			pgrep -f "zviz-scope .*$id" >/dev/null || break
			sleep 0.02
		done
		run -1 pgrep -f "zviz-scope .*$id"
		group=$v2/$slice/x-$id.scope
		[ ! -e "$group" ] || [ -z "$(cat "$group/cgroup.procs")" ]
		rmdir "$group" 2>/dev/null || true # systemd's to take away; it may be gone
	done
}

# As faults.bats, at each row of the launcher, whose the scope is.
@test "a fault or a death at each step of the launcher: no workload, no state, no helper, and nobody in the scope" {
	faults=${FAULTS:-$(dirname "$zviz")/../../tests/cli/zviz-faults}
	[ -x "$faults" ] || skip 'the build with faults is not here'
	mock ''
	mkdir -p "$place/built/cli" "$place/built/scope"
	cp "$faults" "$place/built/cli/zviz-faults"
	cp "${zviz%/*}/../scope/zviz-scope" "$place/built/scope/"
	bundle "$slice:x:$id" ': >/work/ran'
	mkdir "$place/bundle/rootfs/work"
	jq ".mounts += [{destination: \"/work\", type: \"bind\", source: \"$place/work\", options: [\"rbind\"]}]" \
		"$place/bundle/config.json" >"$place/config" && mv "$place/config" "$place/bundle/config.json"
	rows=$("$zviz" --root "$place/state" --systemd-cgroup run --timings --bundle "$place/bundle" "$id" 2>&1 |
		awk '$3 == "at" && !seen[$1]++ {print $1, $2}')
	[ -e "$place/work/ran" ]
	grep -q '^scope.make host$' <<<"$rows"
	group=$v2/$slice/x-$id.scope
	n=0
	while read -r step actor; do
		[ "$actor" = host ] || continue
		for fault in "$step" "$step:kill"; do
			rm -f "$place/work/ran"
			code=0
			ZVIZ_FAULT=$fault timeout 60 "$place/built/cli/zviz-faults" --root "$place/state" --systemd-cgroup run \
				--bundle "$place/bundle" "$id" >"$place/out" 2>&1 3>&- || code=$?
			case $fault in
			*:kill) [ "$code" != 0 ] ;;
			*) [ "$code" = 1 ] && grep -q "^zviz: $step: injected fault" "$place/out" ;;
			esac || { echo "$fault: $code, said: $(cat "$place/out")" && false; }
			[ ! -e "$place/work/ran" ] || { echo "$fault: it ran" && false; }
			[ "$fault" = "$step" ] || [ -z "$(ls -A "$place/state")" ] ||
				"$zviz" --root "$place/state" delete --force "$id"
			[ -z "$(ls -A "$place/state")" ] || { echo "$fault: state is left" && false; }
			for _ in {1..200}; do
				pgrep -f "zviz-scope .*$id" >/dev/null || break
				sleep 0.02
			done
			run -1 pgrep -f "zviz-scope .*$id"
			[ ! -e "$group" ] || [ -z "$(cat "$group/cgroup.procs")" ] || { echo "$fault: somebody is in the scope" && false; }
			rmdir "$group" 2>/dev/null || true # systemd's to take away when it is empty; zviz may have done so
			n=$((n + 1))
		done
	done <<<"$rows"
	echo "$n faults"
	[ "$n" -ge 14 ]
}
