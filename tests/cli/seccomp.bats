# linux.seccomp of a bundle: it is in force beside the profile's filter, and the stricter of the two answers.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/proc" "$place/bundle/rootfs/tmp"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/busybox"
	ln -s busybox "$place/bundle/rootfs/bin/sh"
	cd "$place"
	id=seccomp-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	rm -rf "$place"
}

# bundle SECTION: a bundle whose linux.seccomp is SECTION.
bundle() {
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sh"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
	 "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/tmp", "type": "tmpfs"}],
	 "linux": {"namespaces": [], "seccomp": $1}}
	END
}

inside() { # [OPTIONS…] -- COMMAND…
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	"$zviz" --root "$place/state" run ${options[@]+"${options[@]}"} --bundle "$place/bundle" "$id" "$@"
}

# What a small program of either C library does, and a shell that runs it. [NAMES…]: and these calls.
allow_list() {
	local name names="" more=""
	for name in read write readv writev pread64 close fstat newfstatat stat lstat statx lseek mmap mprotect munmap \
		mremap brk madvise rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack ioctl access faccessat \
		faccessat2 pipe pipe2 dup dup2 dup3 getpid getppid gettid getuid geteuid getgid getegid setpgid fork vfork \
		clone execve exit exit_group wait4 kill uname fcntl getcwd chdir open openat mkdir mkdirat rmdir \
		unlinkat arch_prctl set_tid_address set_robust_list rseq futex clock_gettime nanosleep getrandom \
		prlimit64 prctl getdents64 readlink readlinkat umask a_call_of_tomorrow; do
		names+="\"$name\", "
	done
	for name in "$@"; do more+=", \"$name\""; done
	printf '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 95, "architectures": ["SCMP_ARCH_X86_64",
		"SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"],
		"syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [%s]}]}' "${names%, }$more"
}

@test "a refusal of the bundle has the bundle's errno, and other calls work" {
	bundle '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}'
	run -1 inside -- busybox mkdir /tmp/x
	[[ $output == *"can't create directory '/tmp/x': Function not implemented"* ]]
	run -0 inside -- busybox touch /tmp/x
	# The same without the section: nothing else refuses.
	bundle null
	run -0 inside -- busybox mkdir /tmp/x
}

@test "a test of an argument" {
	bundle '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95,
		 "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_GE"}, {"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}]}]}'
	run -0 inside -- sh -c 'kill -WINCH $$ || echo refused'
	[[ $output == *refused ]]
	run -0 inside -- sh -c 'kill -KILL $$; echo alive'
	[[ $output == *"not supported"*alive ]]
	run -0 inside -- sh -c 'kill -0 $$ && echo fine'
	[ "$output" = fine ]
}

@test "what the bundle allows, the profile still refuses" {
	bundle '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mount", "umount2"], "action": "SCMP_ACT_ALLOW"}]}'
	run --separate-stderr -1 inside --profile ci-runner --verbose -- busybox mount -t tmpfs none /tmp
	[[ $stderr == *"mount("*"refused with EPERM by seccomp, rule ci-runner:"* ]]
	bundle "$(allow_list mount seccomp sendmsg)"
	run -1 inside --profile ci-runner -- busybox mount -t tmpfs none /tmp
	[[ $output == *"denied"* || $output == *"not permitted"* ]]
}

@test "what the bundle refuses is answered before the broker sees it" {
	bundle '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}'
	run --separate-stderr ! inside --verbose -- busybox mount -t tmpfs none /tmp
	[[ $stderr == *"not supported"* ]]
	[[ $stderr != *"mount("* ]]
}

@test "SCMP_ACT_KILL_PROCESS ends the workload with 159" {
	bundle '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
	run -159 inside -- busybox mkdir /tmp/x
	run -159 inside --init -- busybox mkdir /tmp/x
	run -0 inside -- busybox true
}

@test "an allow list, loaded before or after the profile's filter" {
	for calls in "seccomp sendmsg" "" "close_range sendmsg"; do
		bundle "$(allow_list $calls)"
		run -0 inside -- sh -c 'busybox mkdir /tmp/x && busybox ls /tmp'
		[ "$output" = x ]
		run -1 inside -- busybox chown 0 /tmp
		[[ $output == *"not supported"* ]]
	done
	run -0 inside --init -- sh -c 'busybox mkdir /tmp/x && busybox ls /tmp'
	[ "$output" = x ]
	run -0 "$zviz" --root "$place/state" run --timings --bundle "$place/bundle" "$id" -- busybox true
	[[ $output == *"seccomp.spec"* ]]
}

@test "an exec that fails under a narrow section still says why" {
	echo junk >"$place/bundle/rootfs/bin/junk"
	chmod 755 "$place/bundle/rootfs/bin/junk"
	bundle '{"defaultAction": "SCMP_ACT_KILL", "syscalls": [
		{"names": ["execve", "exit_group", "write"], "action": "SCMP_ACT_ALLOW"}]}'
	run --separate-stderr -1 inside -- /bin/junk
	[[ $stderr == *'exec: "/bin/junk": Exec format error'* ]]
}

@test "a section that the launch cannot live with is refused with its path" {
	bundle '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["execve"], "action": "SCMP_ACT_ERRNO"}]}'
	run --separate-stderr -1 inside -- busybox true
	[[ $stderr == *"config.json: linux.seccomp: does not permit execve"* ]]
	bundle "$(allow_list)"
	run --separate-stderr -1 inside --init -- busybox true
	[[ $stderr == *"config.json: linux.seccomp: does not permit close_range"* ]]
	# hostile-tenant does not let anything be loaded under it.
	run --separate-stderr -1 inside --profile hostile-tenant -- busybox true
	[[ $stderr == *"linux.seccomp: does not permit seccomp"* ]]
	bundle "$(allow_list seccomp)"
	run --separate-stderr -1 inside --profile hostile-tenant -- busybox true
	[[ $stderr == *"linux.seccomp: does not permit sendmsg"* ]]
	bundle "$(allow_list seccomp sendmsg)"
	run -0 inside --profile hostile-tenant -- busybox true
}

@test "a listener of the bundle's own is refused" {
	bundle '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}'
	run --separate-stderr -1 inside -- busybox true
	[[ $stderr == *"linux.seccomp.syscalls[0]: a listener of the bundle's own"* ]]
}

# Runs a command under a filter that allows everything and has a listener, as some container managers do.
under_a_listener() { # COMMAND…
	python3 - "$@" <<'END'
import ctypes, os, platform, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 317, "aarch64": 277}[platform.machine()]
allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000), 8)
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(allow))
listener = -1 if libc.prctl(38, 1, 0, 0, 0) else libc.syscall(number, 1, 8, program)
if listener < 0:
    sys.exit("no listener: " + os.strerror(ctypes.get_errno()))
os.set_inheritable(listener, True) # the kernel forgets a listener that nobody holds
os.execv(sys.argv[1], sys.argv[1:])
END
}

@test "nested: under somebody's listener there is no broker, and that is said" {
	command -v python3 >/dev/null || skip "no python3"
	run under_a_listener "$zviz" --root "$place/state" run "$id" -- /bin/true
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"a seccomp listener"*"seccomp_notify: preferred"* ]]
	run -0 under_a_listener "$zviz" check
	[[ "$output" == *"whoever confines this process has a listener"* ]]
}

@test "nested: a profile that prefers a broker runs without it, and refuses the same" {
	command -v python3 >/dev/null || skip "no python3"
	cat >own.yaml <<-'END'
	zviz: 1
	name: own
	extends: ci-runner
	requirements: {seccomp_notify: preferred}
	END
	run under_a_listener "$zviz" --root "$place/state" --profile own.yaml --verbose run "$id" -- \
		/bin/sh -c 'unshare -U true || echo refused; cat /dev/null && echo ran'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"refused"* && "$output" == *"ran"* && "$output" == *"refusals are not reported"* ]]
	run "$zviz" --root "$place/state" --profile own.yaml run "$id" -- /bin/true # with a listener of its own
	[ "$status" -eq 0 ]
}
