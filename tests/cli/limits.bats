#!/usr/bin/env bats
# Workloads that run into each limit. The same file runs on this machine, whatever version its controllers are in, and in
# the guests of tests/vm, where all are in cgroup v2.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'limits need root, or a delegated group (tests/vm/guest.bats)'
	zviz=${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/bundle"
	cd "$place/work"
	id=limits-$BATS_TEST_NUMBER-$$
	disk=
}

teardown() {
	[ -n "${place:-}" ] || return 0
	cd /
	"$zviz" --root "$place/state" delete --force "$id" 2>/dev/null || true # most tests leave nothing
	umount "$place/disk" 2>/dev/null || true                              # only one test mounts it
	case $disk in /dev/loop*) losetup -d "$disk" ;; esac
	rm -rf "$place"
}

zviz() { "$zviz" --root "$place/state" "$@"; }

# Is the controller here at all, and in which version? "v1 FOLDER" or "v2 FOLDER".
where_is() {
	"$zviz" check | sed -n "s/.* $1 *ok *\(v[12]\), below \(.*\)/\1 \2/p"
}
needs() {
	for controller; do
		[ -n "$(where_is "$controller")" ] || skip "the $controller controller is not here"
	done
}
group_of() { # CONTROLLER: the container's folder
	local version folder
	read -r version folder <<<"$(where_is "$1")"
	echo "$folder/zviz-$id"
}
is_v2() { [[ "$(where_is "$1")" == v2* ]]; }
no_group_left() { [ -z "$(find /sys/fs/cgroup -name "*$id*" 2>/dev/null)" ]; }

bundle() { # RESOURCES COMMAND [CGROUPSPATH]
	local rootfs=$place/bundle/rootfs
	mkdir -p "$rootfs"/{bin,proc,dev,tmp}
	cp "$(command -v busybox)" "$rootfs/bin/sh"
	ln -sf sh "$rootfs/bin/sleep"
	jq -n --argjson resources "$1" --arg command "$2" --arg path "${3:-}" '{ociVersion: "1.2.0",
		root: {path: "rootfs"},
		process: {cwd: "/", args: ["/bin/sh", "-c", $command], env: ["PATH=/bin"]},
		mounts: [{destination: "/proc", type: "proc", source: "proc"}],
		linux: ({namespaces: [{type: "pid"}, {type: "mount"}, {type: "ipc"}, {type: "uts"}, {type: "network"},
			{type: "cgroup"}], resources: $resources} + if $path == "" then {} else {cgroupsPath: $path} end)
		}' >"$place/bundle/config.json"
}

while_it_waits() { # COMMAND…: runs it while the bundle's command waits for its end
	zviz run --detach --bundle "$place/bundle" "$id"
	"$@"
}

@test "pids: a fork bomb of 10000 stops at the limit, and the line says so" {
	needs pids
	run -1 zviz run --pids-limit 40 "$id" -- /usr/bin/python3 -c '
import os, sys, time
made = 0
for i in range(10000):
	try:
		if os.fork() == 0:
			time.sleep(60)
			os._exit(0)
		made += 1
	except BlockingIOError:
		pass
print("made", made, flush=True)
os._exit(1)'
	echo "$output"
	made=$(sed -n 's/^made //p' <<<"$output")
	[ "$made" -gt 20 ]
	[ "$made" -lt 40 ]
	[[ "${lines[-1]}" == 'zviz: pids: '*' new processes were refused at the limit (limit 40, --pids-limit)'* ]]
	no_group_left
}

@test "memory: what goes beyond the limit dies, 137, and the last line says why, with limit and peak" {
	needs memory
	run -137 zviz --verbose run --memory 48M "$id" -- /usr/bin/python3 -c '
room = bytearray(96 << 20)
for i in range(0, len(room), 4096):
	room[i] = 1
print("it fits")'
	echo "$output"
	[[ "$output" != *'it fits'* ]]
	[[ "${lines[-1]}" == 'zviz: memory: '*' killed'*' at the limit (limit 50331648, --memory), peak '*'; to permit more: '* ]]
	peak=$(sed -n 's/.*, peak \([0-9]*\);.*/\1/p' <<<"${lines[-1]}")
	[ "$peak" -gt 40000000 ]
	[ "$peak" -le 50331648 ]
	[[ "$output" == *'zviz: used '*' s of processors, at most '*' KiB of memory'* ]]
	no_group_left
}

@test "memory: in v2 the workload dies as a whole, whichever process it was" {
	needs memory
	is_v2 memory || skip 'v1 has no such thing'
	run -137 zviz run --memory 48M "$id" -- /bin/sh -c '
/usr/bin/python3 -c "
room = bytearray(96 << 20)
for i in range(0, len(room), 4096):
	room[i] = 1"
echo survived'
	echo "$output"
	[[ "$output" != *survived* ]]
	[[ "${lines[-1]}" == 'zviz: memory: the workload was killed as a whole at the limit'* ]]
}

@test "memory: events says oom once, and ends with the container" {
	needs memory
	zviz run --detach --memory 48M "$id" -- /usr/bin/python3 -c '
import time
time.sleep(2)
room = bytearray(96 << 20)
for i in range(0, len(room), 4096):
	room[i] = 1'
	run -0 timeout 60 "$zviz" --root "$place/state" events --interval 400ms "$id"
	echo "$output" | cut -c1-120
	if is_v2 memory; then # in v1 the group may be gone before anybody has looked
		[ "$(jq -c 'select(.type == "oom") | .id' <<<"$output")" = "\"$id\"" ]
	fi
	[ "$(jq -c 'select(.type == "stats") | .data.memory.usage.limit' <<<"$output" | sort -u)" = 50331648 ]
}

# Of a thousand, how much of all processors nobody wanted since the two numbers were read: "IDLE ALL".
jiffies() { awk '$1 == "cpu" {all = 0; for (i = 2; i <= 9; i++) all += $i; print $5 + $6, all}' /proc/stat; }
idle_since() {
	local idle all
	read -r idle all < <(jiffies)
	echo $(((idle - $1) * 1000 / (all - $2)))
}

@test "cpu: a hog gets its quota, within a twentieth" {
	needs cpu
	for attempt in 1 2 3; do
		read -r -a before < <(jiffies)
		run -0 zviz run --cpus 0.5 "$id" -- /usr/bin/python3 -c '
import time
end = time.monotonic() + 4
begin = time.process_time()
start = time.monotonic()
while time.monotonic() < end:
	pass
print(round(1000 * (time.process_time() - begin) / (time.monotonic() - start)))'
		idle=$(idle_since "${before[@]}")
		echo "$output of 1000, $idle idle"
		[ "${lines[0]}" -le 525 ]
		[ "${lines[0]}" -lt 475 ] || return 0
		# Where nobody else wanted a processor, there is nothing else that it could have waited for.
		[ "$idle" -lt 500 ]
	done
	skip "other work keeps this machine's processors busy"
}

@test "cpuset: the workload sees one processor" {
	needs cpuset
	bundle '{"cpu": {"cpus": "0", "mems": "0"}}' 'grep Cpus_allowed_list /proc/self/status'
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/grep"
	run -0 zviz run --bundle "$place/bundle" "$id"
	[ "${lines[-1]##*[[:space:]]}" = 0 ]
	no_group_left
}

# A disk of our own with a file system, and a profile that limits /work on it.
make_disk() { # LIMITS
	if modprobe brd rd_nr=1 rd_size=65536 2>/dev/null && [ -b /dev/ram0 ]; then
		disk=/dev/ram0
	else
		truncate -s 64M "$place/image"
		disk=$(losetup --show -f "$place/image") || skip 'no disk can be made here'
	fi
	mkfs.ext4 -q -O ^has_journal "$disk" # no journal: what is written is what the workload writes
	mkdir "$place/disk"
	mount -o noatime "$disk" "$place/disk"
	dd if=/dev/zero of="$place/disk/file" bs=1M count=4 conv=fsync 2>/dev/null
	chmod 666 "$place/disk/file"
	printf 'zviz: 1\nname: slow\nextends: ci-runner\nresources: {io: [{path: /work, %s}]}\n' "$1" >"$place/slow.yaml"
	cd "$place/disk"
}

# Four threads, so that there is always something that waits: the limit is measured, not the disk's latency.
timed_writes='
import mmap, os, sys, threading, time
size, count, threads = int(sys.argv[1]), int(sys.argv[2]), 4
fd = os.open("file", os.O_RDWR | os.O_DIRECT)
def part(move, first):
	block = mmap.mmap(-1, size)
	for i in range(first, count, threads):
		move(block, i * size)
for move in (lambda block, at: os.pwrite(fd, block, at), lambda block, at: os.preadv(fd, [block], at)):
	begin = time.monotonic()
	all = [threading.Thread(target=part, args=(move, i)) for i in range(threads)]
	[t.start() for t in all]
	[t.join() for t in all]
	print(round(1000 * (time.monotonic() - begin)))'

# 4 MiB at 1 MiB a second, 400 operations at 100: four seconds, ten per cent more or less.
about_4_seconds() { [ "$1" -ge 3600 ] && [ "$1" -le 4400 ]; }

@test "io: bandwidth is what the profile says, within a tenth" {
	needs io
	make_disk 'rbps: 1M, wbps: 1M'
	run -0 zviz --profile "$place/slow.yaml" run --cpus 1 "$id" -- /usr/bin/python3 -c "$timed_writes" 65536 64
	echo "$output"
	about_4_seconds "${lines[0]}"
	about_4_seconds "${lines[1]}"
}

@test "io: operations are what the profile says, within a tenth" {
	needs io
	make_disk 'riops: 100, wiops: 100'
	run -0 zviz --profile "$place/slow.yaml" run "$id" -- /usr/bin/python3 -c "$timed_writes" 4096 400
	echo "$output"
	about_4_seconds "${lines[0]}"
	about_4_seconds "${lines[1]}"
}

@test "hugetlb: pages beyond the limit are refused" {
	needs hugetlb
	echo 8 >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" -ge 8 ] || skip 'no huge page is to be had'
	for limit in 8388608 2097152; do
		bundle "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": $limit}]}" 'sleep 60'
		zviz run --detach --bundle "$place/bundle" "$id"
		cat "$(group_of hugetlb)"/hugetlb.2MB.{max,limit_in_bytes} 2>/dev/null | grep -qx $limit
		zviz delete --force "$id"
	done
	echo 0 >/proc/sys/vm/nr_hugepages
}

# A profile of ours that says no more than this of resources.
ours() { printf 'zviz: 1\nname: ours\nextends: ci-runner\nresources: {%s}\n' "$1" >"$place/ours.yaml"; }

@test "memory_high: who exceeds it is held back and goes on living; v1 says that it has none" {
	needs memory
	ours 'memory: 256M, memory_high: 24M'
	if ! is_v2 memory; then
		run -0 zviz --verbose --profile "$place/ours.yaml" run "$id" -- true
		[[ "$output" == *'memory.high exists in cgroup v2 alone'*'ours.yaml:4] is not enforced'* ]]
		return
	fi
	zviz --profile "$place/ours.yaml" run --detach "$id" -- /usr/bin/python3 -c '
import time
room = bytearray(64 << 20)
for i in range(0, len(room), 4096):
	room[i] = 1
time.sleep(60)'
	events=$(group_of memory)/memory.events
	for _ in {1..300}; do
		held=$(awk '$1 == "high" {print $2}' "$events")
		[ "$held" -gt 0 ] && break
		sleep 0.1
	done
	cat "$events"
	[ "$held" -gt 0 ]
	grep -qx 'oom_kill 0' "$events"
	[ "$(zviz state "$id" | jq -r .status)" = running ]
	[ "$(cat "$(group_of memory)/memory.high")" = $((24 << 20)) ]
}

@test "cpuset: a profile names the processors, nobody gets others, and a bundle gets what both have" {
	needs cpuset
	[ "$(nproc)" -gt 1 ] || skip 'one processor is all that there is'
	ours 'cpuset: {cpus: 1, mems: 0}'
	run -0 zviz --profile "$place/ours.yaml" run "$id" -- /usr/bin/python3 -c '
import os
print(sorted(os.sched_getaffinity(0)), sum(line.startswith("cpu") for line in open("/proc/stat")) - 1)
try:
	os.sched_setaffinity(0, [0])
	print("moved")
except OSError as e:
	print(e.strerror)'
	echo "$output"
	[ "${lines[-2]}" = '[1] 1' ]
	[ "${lines[-1]}" = 'Invalid argument' ]
	bundle '{"cpu": {"cpus": "0-1"}}' 'grep Cpus_allowed_list /proc/self/status'
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/grep"
	run -0 zviz --profile "$place/ours.yaml" run --bundle "$place/bundle" "$id"
	[ "${lines[-1]##*[[:space:]]}" = 1 ]
	for resources in '{"cpu": {"cpus": "0"}}' '{"unified": {"cpuset.cpus": "0"}}'; do
		bundle "$resources" 'true'
		run -1 zviz --profile "$place/ours.yaml" run --bundle "$place/bundle" "$id"
		[[ "$output" == *'none of 0 is in 1, which '*'ours.yaml:4 permits'* ]]
	done
	no_group_left
}

@test "cpu_weight: beside another on one processor the lighter one gets its share" {
	needs cpu cpuset
	hog='
import time
end = time.monotonic() + 4
while time.monotonic() < end:
	pass
print(round(1000 * time.process_time()))'
	ours 'cpuset: {cpus: 0, mems: 0}, cpu_weight: 400'
	cp "$place/ours.yaml" "$place/heavy.yaml"
	ours 'cpuset: {cpus: 0, mems: 0}, cpu_weight: 50'
	zviz --profile "$place/heavy.yaml" run "$id-heavy" -- /usr/bin/python3 -c "$hog" >"$place/heavy" 3>&- &
	run -0 zviz --profile "$place/ours.yaml" run "$id" -- /usr/bin/python3 -c "$hog"
	wait $!
	heavy=$(tail -n 1 "$place/heavy")
	echo "light ${lines[-1]} ms, heavy $heavy ms"
	# An eighth; their starts and ends are not at the same moment, and then each has the processor to itself.
	[ $((${lines[-1]} * 3)) -lt "$heavy" ]
	no_group_left
}

@test "cpu_weight, io_weight: the group has them, and a bundle cannot have more" {
	needs cpu
	ours 'cpu_weight: 50, io_weight: 40'
	for resources in '{}' '{"cpu": {"shares": 200000}, "blockIO": {"weight": 900}}'; do
		bundle "$resources" 'sleep 60'
		zviz --profile "$place/ours.yaml" run --detach --bundle "$place/bundle" "$id"
		[ "$(cat "$(group_of cpu)"/cpu.{weight,shares} 2>/dev/null)" = "$(is_v2 cpu && echo 50 || echo 512)" ]
		if [ -n "$(where_is io)" ]; then
			found=$(cat "$(group_of io)"/{io,io.bfq,blkio.bfq}.weight 2>/dev/null || true) # no scheduler may have one
			echo "weights: $found"
			[ -z "$found" ] || [ -z "$(grep -vx '\(default \)\?40' <<<"$found")" ]
		fi
		zviz delete --force "$id"
	done
	bundle '{"unified": {"cpu.weight.nice": "-20"}}' 'true'
	run -1 zviz --profile "$place/ours.yaml" run --bundle "$place/bundle" "$id"
	[[ "$output" == *'profile ours sets resources.cpu_weight, which this would undo'* ]]
	no_group_left
}

@test "hugetlb: a profile's limit is what a workload gets, and no bundle gets more" {
	needs hugetlb
	before=$(cat /proc/sys/vm/nr_hugepages)
	echo 8 >/proc/sys/vm/nr_hugepages
	if [ "$(cat /proc/sys/vm/nr_hugepages)" -lt 8 ]; then
		echo "$before" >/proc/sys/vm/nr_hugepages
		skip 'no huge page is to be had'
	fi
	ours 'hugetlb: [{size: 2MB, limit: 2M}]'
	run zviz --profile "$place/ours.yaml" run "$id" -- /usr/bin/python3 -c '
import mmap
for pages in 1, 2:
	try:
		room = mmap.mmap(-1, pages << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000) # MAP_HUGETLB
		for i in range(pages):
			room[i << 21] = 1
		print(pages, "fit", flush=True)
	except OSError as e:
		print(pages, e.strerror, flush=True)'
	echo "$before" >/proc/sys/vm/nr_hugepages
	echo "$status: $output"
	[[ "$output" == *'1 fit'* ]]
	[[ "$output" != *'2 fit'* ]]
	bundle '{"hugepageLimits": [{"pageSize": "2MB", "limit": 8388608}]}' 'sleep 60'
	zviz --profile "$place/ours.yaml" run --detach --bundle "$place/bundle" "$id"
	cat "$(group_of hugetlb)"/hugetlb.2MB.{max,limit_in_bytes} 2>/dev/null | grep -qx 2097152
	zviz delete --force "$id"
	no_group_left
}

@test "what a bundle asks for is written, whichever version has the controller" {
	needs memory cpu pids
	bundle '{"memory": {"limit": 67108864, "reservation": 33554432}, "cpu": {"shares": 512, "quota": 20000,
		"period": 50000, "burst": 10000}, "pids": {"limit": 50}, "unified": {"pids.max": "30"}}' 'sleep 60'
	zviz run --detach --bundle "$place/bundle" "$id"
	(cd "$(group_of pids)" && cat pids.max) | grep -qx 30
	if is_v2 memory; then
		found=$(cd "$(group_of memory)" && cat memory.{max,low,oom.group} cpu.{max,max.burst,weight})
		[ "$found" = "$(printf '67108864\n33554432\n1\n20000 50000\n10000\n20')" ]
	else
		found=$(cd "$(group_of memory)" && cat memory.{limit,soft_limit}_in_bytes)
		[ "$found" = "$(printf '67108864\n33554432')" ]
		found=$(cd "$(group_of cpu)" && cat cpu.cfs_{quota,period,burst}_us cpu.shares)
		[ "$found" = "$(printf '20000\n50000\n10000\n512')" ]
	fi
	zviz delete --force "$id"
	no_group_left
}

@test "unified: what the kernel refuses is the error, by its file, and nothing is left" {
	needs memory
	is_v2 memory || skip 'files of v2'
	bundle '{"unified": {"memory.high": "plenty"}}' 'true'
	run -1 zviz run --bundle "$place/bundle" "$id"
	[[ "$output" == *'memory.high'* ]]
	bundle '{"unified": {"memory.nosuch": "1"}}' 'true'
	run -1 zviz run --bundle "$place/bundle" "$id"
	[[ "$output" == *'this kernel has no memory.nosuch'* ]]
	no_group_left
}

@test "cgroupsPath: the group is there, its new parents go with it, and others' stay" {
	needs memory
	for path in "/$id-pod/a/b" "$id-pod/a/b"; do
		bundle '{"memory": {"limit": 67108864}}' 'sleep 60' "$path"
		zviz run --detach --bundle "$place/bundle" "$id"
		group=$(find /sys/fs/cgroup -path "*/$id-pod/a/b/memory.*" \( -name memory.max -o -name memory.limit_in_bytes \))
		group=${group%/*}
		[ -n "$group" ]
		grep -q "^$(zviz state "$id" | jq .pid)\$" "$group/cgroup.procs"
		[ "$(cat "$group"/memory.{max,limit_in_bytes} 2>/dev/null)" = 67108864 ]
		zviz delete --force "$id"
		no_group_left
	done
	bundle '{"memory": {"limit": 67108864}}' 'sleep 60' "/$id-pod/a/b"
	top=$(dirname "$(group_of memory)")
	mount=$(findmnt -n -o TARGET -T "$top")
	mkdir -p "$mount/$id-pod/a"
	zviz run --detach --bundle "$place/bundle" "$id"
	zviz delete --force "$id"
	[ -d "$mount/$id-pod/a" ]
	rmdir "$mount/$id-pod/a" "$mount/$id-pod"
	no_group_left
}

@test "cgroupsPath: a group whose parent may use less of the processors has as little" {
	needs cpu
	local top mount want
	top=$(dirname "$(group_of cpu)")
	mount=$(findmnt -n -o TARGET -T "$top")
	mkdir -p "$mount/$id-pod/a"
	if is_v2; then
		echo +cpu >"$mount/cgroup.subtree_control"
		echo +cpu >"$mount/$id-pod/cgroup.subtree_control"
		echo '30000 100000' >"$mount/$id-pod/cpu.max"
		want='200000 100000' # the kernel looks at all of them each time
	else
		echo 50000 >"$mount/$id-pod/cpu.cfs_period_us"
		echo 15000 >"$mount/$id-pod/cpu.cfs_quota_us"
		want='30000 100000' # and here refuses the larger one
	fi
	bundle '{"cpu": {"quota": 200000, "period": 100000}}' 'sleep 60' "/$id-pod/a/b"
	zviz run --detach --bundle "$place/bundle" "$id"
	group=$mount/$id-pod/a/b
	[ "$(cat "$group/cpu.max" 2>/dev/null || paste -d' ' "$group"/cpu.cfs_{quota,period}_us)" = "$want" ]
	zviz delete --force "$id"
	rmdir "$mount/$id-pod/a" "$mount/$id-pod"
	no_group_left
}

@test "cgroupsPath: whatever counts there counts this container, and it can be paused" {
	needs memory
	bundle '{}' 'sleep 60' "/$id-pod/c"
	zviz run --detach --bundle "$place/bundle" "$id"
	pid=$(zviz state "$id" | jq .pid)
	for controller in memory cpuacct cpu pids io; do
		[ -n "$(where_is "$controller")" ] || continue
		word=$controller
		[ "$controller" != io ] || word='\(io\|blkio\)'
		if is_v2 "$controller"; then word=; fi
		grep -q ":\([^:]*,\)*$word\(,[^:]*\)*:/$id-pod/c$" "/proc/$pid/cgroup"
	done
	if [ -n "$(findmnt -n -t cgroup2)" ]; then
		zviz pause "$id"
		[ "$(zviz state "$id" | jq -r .status)" = paused ]
		zviz resume "$id"
		[ "$(zviz state "$id" | jq -r .status)" = running ]
	fi
	zviz delete --force "$id"
	no_group_left
}

@test "cgroupsPath: many that share new parents start and end at once" {
	needs memory
	bundle '{"memory": {"limit": 67108864}}' 'exit 9'
	for i in {1..12}; do
		mkdir -p "$place/b$i"
		jq ".linux.cgroupsPath = \"/$id-pod/shared/c$i\" | .root.path = \"$place/bundle/rootfs\"" \
			"$place/bundle/config.json" >"$place/b$i/config.json"
		(code=0; zviz run --bundle "$place/b$i" "$id-$i" 3>&- || code=$?; echo $code >"$place/code$i") 2>"$place/err$i" &
	done
	wait
	for i in {1..12}; do
		cat "$place/err$i"
		[ "$(cat "$place/code$i")" = 9 ]
	done
	no_group_left
}

@test "--cgroup-manager disabled: no group, said; who requires one does not start" {
	zviz --cgroup-manager disabled run --detach "$id" sleep 100
	no_group_left
	zviz state "$id" | jq -r '.missing[]?' >missing
	zviz delete --force "$id"
	grep -q 'not used (--cgroup-manager disabled)' missing
	run -1 zviz --cgroup-manager disabled run --profile hostile-tenant "$id" true
	[[ $output == *'--cgroup-manager disabled wants no group'* ]]
	run -1 zviz --cgroup-manager disabled --systemd-cgroup run "$id" true
	[[ $output == *'name two makers'* ]]
	run -1 zviz --cgroup-manager nobody run "$id" true
	zviz --cgroup-manager cgroupfs run --detach "$id" sleep 100
	[ -n "$(find /sys/fs/cgroup -name "zviz-$id")" ]
	zviz delete --force "$id"
}

@test "cgroupsPath: killed at any moment, delete finds the group and its parents" {
	needs memory
	bundle '{"memory": {"limit": 67108864}}' 'exit 0' "/$id-pod/a/b/c"
	for i in {1..30}; do
		"$zviz" --root "$place/state" run --bundle "$place/bundle" "$id" 3>&- &
		launcher=$!
		sleep "0.0$((RANDOM % 10))"
		kill -9 $launcher 2>/dev/null || true # it may have ended
		wait $launcher || true                # by its signal
		zviz delete --force "$id" 2>/dev/null || true # or it has left nothing
		no_group_left
	done
}

@test "devices: what no rule permits cannot be opened, and the container's own can" {
	[ -n "$(where_is devices)" ] || "$zviz" check | grep -q 'cgroups *devices' || skip 'no device rules here'
	[ "$(stat -c %Hr:%Lr /dev/kmsg 2>/dev/null)" = 1:11 ] || skip 'this machine has no /dev/kmsg'
	printf 'zviz: 1\nname: msg\nextends: development\ndevices: [/dev/kmsg]\n' >"$place/msg.yaml"
	open='(: >/dev/null) && echo null; (: >/dev/msg) && echo msg; true'
	for rules in '[{"allow": true, "access": "rwm"}]' '[{"allow": false, "access": "rwm"}]' \
		'[{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "w"}]'; do
		bundle "{\"devices\": $rules}" "$open"
		jq '.linux.devices = [{path: "/dev/msg", type: "c", major: 1, minor: 11}]' \
			"$place/bundle/config.json" >"$place/config" && mv "$place/config" "$place/bundle/config.json"
		run -0 zviz --profile "$place/msg.yaml" run --bundle "$place/bundle" "$id"
		echo "$rules: $output"
		[[ "$output" == *null* ]]
		case $rules in
		'[{"allow": false, "access": "rwm"}]') [[ "$output" != *$'\nmsg'* && "$output" == *'not permitted'* ]] ;;
		*) [[ "$output" == *msg* ]] ;;
		esac
	done
}

@test "events: the numbers of a container, once" {
	needs memory pids
	zviz run --detach --pids-limit 77 --memory 64M "$id" -- /bin/sh -c 'sleep 60'
	run -0 zviz events --stats "$id"
	[ "$(wc -l <<<"$output")" = 1 ]
	jq -e ".type == \"stats\" and .id == \"$id\"" <<<"$output"
	jq -e '.data.pids.limit == 77 and .data.pids.current >= 1' <<<"$output"
	jq -e '.data.memory.usage | .limit == 67108864 and .usage > 0 and .max >= .usage' <<<"$output"
	jq -e '.data | .cpu.usage.percpu == [] and .network_interfaces == [] and (.blkio | has("ioServiceBytesRecursive"))' \
		<<<"$output"
	if is_v2 cpu; then
		jq -e '.data.cpu.usage | .total > 1000000 and .total >= .user' <<<"$output"
		[ ! -e /proc/pressure/memory ] || jq -e '.data.memory.psi.some.avg10 >= 0' <<<"$output"
	fi
	zviz delete --force "$id"
	run -1 zviz events --stats "$id"
	[[ "$output" == *'container does not exist'* ]]
	run -1 zviz events --interval 0s "$id"
	[[ "$output" == *'--interval'* ]]
}

# A limit that is higher than the test's own, and a score below it.
may_raise() { (ulimit -n 1000 && ulimit -n 1001) 2>/dev/null; }

@test "how soon memory's shortage ends it: the first process, and one that joins, with a procfs and without" {
	bundle '{}' 'exec sleep 1000'
	jq '.process.oomScoreAdj = 300 | .mounts = []' "$place/bundle/config.json" >config
	mv config "$place/bundle/config.json"
	while_it_waits true
	pid=$(zviz state "$id" | jq .pid)
	[ "$(cat "/proc/$pid/oom_score_adj")" = 300 ]
	zviz delete --force "$id"
	bundle '{}' 'exec sleep 1000'
	while_it_waits true
	[ "$(zviz exec "$id" /bin/sh -c 'read x </proc/self/oom_score_adj; echo $x')" = "$(cat /proc/self/oom_score_adj)" ]
	jq '.process | .args = ["/bin/sh", "-c", "read x </proc/self/oom_score_adj; echo $x"] | .oomScoreAdj = 400' "$place/bundle/config.json" >process.json
	run -0 zviz exec --process process.json "$id"
	[ "$output" = 400 ]
	# Who may not lower it is told so, and nothing has run.
	jq '.args = ["/bin/sh", "-c", "echo RAN"] | .oomScoreAdj = -1' process.json >lower.json
	run -255 setpriv --bounding-set -sys_resource --inh-caps -sys_resource "$zviz" --root "$place/state" exec --process lower.json "$id"
	[[ $output == *"process.oomScoreAdj: write '-1' to /proc/self/oom_score_adj: Permission denied"*'CAP_SYS_RESOURCE on the host'* ]]
	if [[ $output == *RAN* ]]; then false; fi
	zviz delete --force "$id"
	jq '.process.oomScoreAdj = -1' "$place/bundle/config.json" >config
	mv config "$place/bundle/config.json"
	run -1 setpriv --bounding-set -sys_resource --inh-caps -sys_resource "$zviz" --root "$place/state" run --bundle "$place/bundle" "$id"
	[[ $output == *"process.oomScoreAdj: write '-1' to /proc/self/oom_score_adj: Permission denied"* ]]
	no_group_left
}

@test "what a bundle asks for may be more than its caller has: as root of the host, also for what joins" {
	may_raise || skip 'this root has no CAP_SYS_RESOURCE'
	bundle '{}' 'ulimit -Hn; ulimit -Sn; read x </proc/self/oom_score_adj; echo $x; exec sleep 1000'
	jq '.process += {oomScoreAdj: -10, rlimits: [{type: "RLIMIT_NOFILE", soft: 2048, hard: 4096}]}' "$place/bundle/config.json" >config
	mv config "$place/bundle/config.json"
	prlimit --nofile=1000:1000 "$zviz" --root "$place/state" --profile development run --detach --bundle "$place/bundle" "$id" \
		</dev/null >out 2>&1 3>&-
	for _ in {1..100}; do [ "$(wc -l <out)" -lt 3 ] || break; sleep 0.05; done
	tail -3 out
	[ "$(tail -3 out)" = $'4096\n2048\n-10' ]
	jq '.process | .args = ["/bin/sh", "-c", "ulimit -Hn; read x </proc/self/oom_score_adj; echo $x"]' "$place/bundle/config.json" >process.json
	run -0 prlimit --nofile=1000:1000 "$zviz" --root "$place/state" exec --process process.json "$id"
	[ "$output" = $'4096\n-10' ]
	zviz delete --force "$id"
	no_group_left
}
