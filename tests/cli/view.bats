# What the system tells of itself inside: the container's limits, and what is in use of them.

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work"
	cd "$place/work"
	id=view-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	"$zviz" --root "$place/state" delete --force "$id" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
}

inside() { # OPTIONS… -- COMMAND…
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	"$zviz" --root "$place/state" run ${options[@]+"${options[@]}"} "$id" -- "$@"
}


own() { # YAML: the profile `own`
	cat >"$place/own.yaml" <<-END
	zviz: 1
	name: own
	extends: ci-runner
	$1
	END
}

@test "memory: the limit is the machine's, for files and for calls" {
	run inside --memory 256M --swap 0 -- /bin/sh -c 'grep -E "^(MemTotal|SwapTotal)" /proc/meminfo
		getconf _PHYS_PAGES; busybox free -k | grep Mem; python3 -c "
import ctypes, struct
c = ctypes.CDLL(None); b = ctypes.create_string_buffer(112); assert c.sysinfo(b) == 0
up, l1, l2, l3, total, free, shared, buf, stotal = struct.unpack_from(\"9L\", b)
unit = struct.unpack_from(\"I\", b, 104)[0]
print(\"sysinfo\", total * unit, 0 < free <= total, stotal, up > 0)"'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *'MemTotal:         262144 kB'* ]]
	[[ "$output" == *'SwapTotal:             0 kB'* ]]
	[[ "$output" == *$'\n65536\n'* ]]
	[[ "$output" == *'sysinfo 268435456 True 0 True'* ]]
	[[ "$output" =~ Mem:\ +262144 ]]
}

@test "memory: what is in use is so at each opening, but for some milliseconds after another" {
	run -0 inside --memory 256M --swap 0 -- python3 -c '
import time
def free():
	time.sleep(0.1)
	return int(next(l for l in open("/proc/meminfo") if l.startswith("MemFree")).split()[1]) // 1024
before = free()
assert before > 230, before
room = bytearray(64 << 20)
for i in range(0, len(room), 4096): room[i] = 1
assert before - 68 <= free() <= before - 60, (before, free())
del room
assert free() >= before - 4, free()
for _ in range(10): assert free() >= before - 4
print("right")'
	[ "$output" = right ]
}

@test "readers at once, one that keeps it open, one that does not wait: all get the whole text" {
	run -0 inside --memory 256M -- python3 -c '
import os, threading, time
def whole(text): return text.startswith("MemTotal:         262144 kB\n") and text.endswith("kB\n") and len(text.splitlines()) == 29
bad = []
def reads():
	for _ in range(300):
		text = open("/proc/meminfo").read()
		if not whole(text): bad.append(text)
threads = [threading.Thread(target=reads) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not bad, bad[0]
held = open("/proc/meminfo")
assert all(whole(open("/proc/meminfo").read()) for _ in range(50))
held.close()
for _ in range(50):
	try:
		fd = os.open("/proc/meminfo", os.O_RDONLY | os.O_NONBLOCK)
	except BlockingIOError:   # it is being written: so it is for whoever asked not to wait
		continue
	assert whole(os.read(fd, 9999).decode()); os.close(fd)
time.sleep(1)
assert whole(open("/proc/meminfo").read())
print("right")'
	[ "$output" = right ]
}

@test "processors: as many as may be used at a time, by every way of asking" {
	run inside --cpus 0.5 -- /bin/sh -c 'nproc; getconf _NPROCESSORS_ONLN
		grep -c ^processor /proc/cpuinfo; grep -c "^cpu[0-9]" /proc/stat
		python3 -c "import os; print(os.cpu_count(), os.sched_getaffinity(0))"; taskset -p $$ 2>/dev/null | tail -1'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == $'1\n1\n1\n1\n1 {'* ]]
	# The errors are the kernel's, and who has a thread of his own bound elsewhere is told of that.
	run -0 inside --cpus 0.5 -- python3 -c '
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
buf = ctypes.create_string_buffer(1024)
for size, to in (1024, buf), (4, buf), (1, buf), (12, buf), (1024, None), (1024, ctypes.c_void_p(8)), (0, buf):
	ctypes.set_errno(0)
	r = c.syscall({"x86_64": 204}.get(os.uname().machine, 123), 0, size, to)
	print(r > 0, ctypes.get_errno(), end=" ")
os.sched_setaffinity(0, {1})
print(os.sched_getaffinity(0))'
	echo "$output"
	[ "$output" = 'True 0 False 22 False 22 False 22 False 14 False 14 False 22 {1}' ]
}

@test "processor time: /proc/stat grows by what the container uses, and adds up to the time that passed" {
	run -0 inside --cpus 0.5 -- python3 -c '
import time
def stat():
	line = open("/proc/stat").readline().split()
	return sum(map(int, line[1:5])), int(line[4])
a, start = stat(), time.time()
while time.time() < start + 1: pass
b = stat()
assert 80 <= b[0] - a[0] <= 140, (a, b)
boot = int(next(l for l in open("/proc/stat") if l.startswith("btime")).split()[1])
assert abs(boot - (time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))) < 3
print("right")'
	[ "$output" = right ]
}

@test "processor time: what the container uses is said to be used, whoever counts it" {
	"$zviz" check | grep -Eq ' (cpuacct *ok|cpu *ok *v2)' || skip 'no group counts time here'
	run -0 inside --cpus 0.5 -- python3 -c '
import time
def used():
	return sum(map(int, open("/proc/stat").readline().split()[1:4]))
a, start = used(), time.process_time()
while time.process_time() < start + 0.4: pass
time.sleep(0.1)
b = used()
assert 35 <= b - a <= 60, (a, b)
assert len(open("/proc/loadavg").read().split()) == 5
assert any(" /proc/loadavg " in line for line in open("/proc/self/mountinfo"))
print("right")'
	[ "$output" = right ]
}

@test "limits that a bundle names by file are shown as well, and processors by their list" {
	[ "$(id -u)" = 0 ] || skip 'limits need root, or a delegated group'
	own 'resources: {view: true, cpuset: {mems: 0}}'
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/proc"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/"
	count='c=0; while read -r name _; do case $name in cpu[0-9]*) c=$((c + 1)) ;; esac; done </proc/stat
		while read -r name size _; do case $name in MemTotal:) echo "$size $c" ;; esac; done </proc/meminfo'
	for limits in '"unified": {"memory.max": "64M", "cpu.max": "50000 100000"}' \
		'"unified": {"memory.max": "64M", "cpuset.cpus": "0"}' '"memory": {"limit": 67108864}, "cpu": {"cpus": "0"}'; do
		case $limits in *cpuset* | *'"cpus"'*) "$zviz" check | grep -q ' cpuset *ok' || continue ;; esac
		cat >"$place/bundle/config.json" <<-END
		{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
		 "mounts": [{"destination": "/proc", "type": "proc"}], "linux": {"resources": {$limits}},
		 "process": {"cwd": "/", "args": ["/bin/busybox", "sh", "-c", $(jq -Rs . <<<"$count")]}}
		END
		run -0 "$zviz" --root "$place/state" run --profile "$place/own.yaml" "$id" "$place/bundle"
		echo "$limits: $output"
		[ "$output" = '65536 1' ]
	done
}

@test "the files cannot be written to, removed, or covered" {
	run inside --memory 256M --cpus 0.5 -- python3 -c '
import os
for name in "meminfo", "stat", "cpuinfo":
	path = "/proc/" + name
	for deed in (lambda: os.open(path, os.O_WRONLY), lambda: os.open(path, os.O_RDWR | os.O_TRUNC), lambda: os.chmod(path, 0o666),
	             lambda: os.unlink(path), lambda: os.rename(path, "/proc/x"), lambda: os.utime(path), lambda: os.truncate(path, 0)):
		try:
			deed(); print(path, "was changed")
		except OSError as e:
			print(e.errno)'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" != *changed* ]]
	[ "$(wc -l <<<"$output")" -eq 21 ]
}

@test "with every open brokered it is the same" {
	run -0 --separate-stderr inside --memory 256M --verbose -- python3 -c '
def free():
	return int(next(l for l in open("/proc/meminfo") if l.startswith("MemFree")).split()[1]) // 1024
before = free()
room = bytearray(64 << 20)
for i in range(0, len(room), 4096): room[i] = 1
for _ in range(20): assert before - 70 <= free() <= before - 58, (before, free())
print("right")'
	[ "$output" = right ]
}

@test "no limit below the machine's: it is shown as it is" {
	run inside --memory 1024T --cpus 1000 -- /bin/sh -c 'cat /proc/self/mountinfo; grep MemTotal /proc/meminfo; nproc'
	[ "$status" -eq 0 ]
	[[ "$output" != *' /proc/meminfo '* && "$output" != *' /proc/stat '* ]]
	[[ "$output" == *"$(grep MemTotal /proc/meminfo)"$'\n'"$(nproc)" ]]
}

@test "a profile switches it off, or on for a bundle; bundles are shown the machine otherwise" {
	own 'resources: {view: false}'
	run -0 inside --profile "$place/own.yaml" --memory 256M -- grep MemTotal /proc/meminfo
	[ "$output" = "$(grep MemTotal /proc/meminfo)" ]

	own 'resources: {memory: 256M, view: true}'
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/proc"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/"
	cat >"$place/bundle/config.json" <<-'END'
	{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
	 "mounts": [{"destination": "/proc", "type": "proc"}],
	 "process": {"cwd": "/", "args": ["/bin/busybox", "grep", "MemTotal", "/proc/meminfo"], "user": {"uid": 0, "gid": 0}}}
	END
	run -0 "$zviz" --root "$place/state" run --profile "$place/own.yaml" "$id" "$place/bundle"
	[ "$output" = 'MemTotal:         262144 kB' ]
	own 'resources: {memory: 256M}'
	run -0 "$zviz" --root "$place/state" run --profile "$place/own.yaml" "$id" "$place/bundle"
	[ "$output" = "$(grep MemTotal /proc/meminfo)" ]
}

@test "who has it open from the first moment on starts like anybody" {
	for _ in {1..30}; do
		run -0 inside --memory 256M -- /bin/sh -c 'exec 3</proc/meminfo; read -r line <&3; echo "$line"; sleep 0.02'
		[ "$output" = 'MemTotal:         262144 kB' ]
	done
}

@test "explain says so" {
	own 'resources: {memory: 256M}'
	run -0 "$zviz" explain "$place/own.yaml" /proc/meminfo
	[[ "$output" == *"a file that shows the container's limits, read-only"* ]]
	run -0 "$zviz" explain "$place/own.yaml" sysinfo
	[[ "$output" == *'it answers with what the container may use'* ]]
	own 'resources: {view: 1}'
	run -1 "$zviz" explain "$place/own.yaml"
	[[ "$output" == *'own.yaml:4:'*view* ]]
}

@test "a container in the background goes on being right" {
	inside --detach --memory 256M -- /bin/sh -c 'while [ ! -e go ]; do sleep 0.1; done
		head -c 50000000 /dev/zero >/tmp/x; grep MemFree /proc/meminfo >free; touch done; sleep 60' 3>&-
	broker=$("$zviz" --root "$place/state" state "$id" | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])')
	broker=$(awk '/^PPid/ {print $2}' "/proc/$broker/status")
	touch go
	for _ in {1..100}; do [ -e done ] && break; sleep 0.1; done
	free=$(awk '{print $2}' free)
	[ "$free" -gt 150000 ]
	[ "$free" -lt 220000 ]
}

@test "memory: a limit that is changed while it runs is shown from then on" {
	[ "$(id -u)" = 0 ] || skip 'limits need root, or a delegated group'
	"$zviz" --root "$place/state" run --detach --memory 256M --swap 0 "$id" -- sleep 600 </dev/null >/dev/null 2>&1
	total() { "$zviz" --root "$place/state" exec "$id" grep MemTotal /proc/meminfo | tr -dc 0-9; }
	[ "$(total)" = 262144 ]
	"$zviz" --root "$place/state" update --memory 128M "$id"
	[ "$(total)" = 131072 ]
	run -0 "$zviz" --root "$place/state" exec "$id" busybox free -k
	[[ "$output" =~ Mem:\ +131072 ]]
	"$zviz" --root "$place/state" update --memory 192M "$id"
	[ "$(total)" = 196608 ]
}
