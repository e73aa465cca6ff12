# Programs of another architecture than the machine's: killed at their first call, unless the profile lists it. Then they
# run under the same words. Here because this kernel runs 32-bit programs, which the host's need not.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	export BIN32=$BATS_FILE_TMPDIR/call32
	cc -m32 -O1 -fno-pie -no-pie -fno-stack-protector -fcf-protection=none -nostdlib -static \
		-o "$BIN32" "$BATS_TEST_DIRNAME/call32.c"
	"$BIN32" 20
}

write_profile() {
	cp "$BIN32" call32
	echo text >plain
	echo hush >secret
	cat >own.yaml <<-END
	zviz: 1
	extends: ci-runner
	syscalls:
	  architectures: [native, i386]
	  where: [{syscall: fchmod, arg: 1, in: [448], then: deny}]
	filesystem: {deny: {read: ["/work/**/secret", /work/secret], write: [/work/secret]}}
	END
}

# What a call exits with in the sandbox.
call() { # EXPECTED NUMBER [ARGUMENT…]
	local expected=$1 code=0
	shift
	zviz run --profile ./own.yaml "$id" -- ./call32 "$@" 2>err || code=$?
	[ "$code" = "$expected" ] || { echo "call32 $*: $code, expected $expected"; cat err; return 1; }
}

@test "a 32-bit program is killed with SIGSYS before it learns anything" {
	cp "$BIN32" call32
	for profile in $(zviz profiles | cut -d' ' -f1); do
		run -159 zviz run --profile "$profile" "$id" -- ./call32 20
	done
	[ -z "$(ls -A "$place/home/state")" ]
}

@test "listed, it runs; what the profile says of a call holds by each of its numbers" {
	write_profile
	call 0 20               # getpid
	call 1 21 a b c 0       # mount
	call 1 120 268435456 0  # clone: CLONE_NEWUSER
	call 1 310 268435456    # unshare, the same
	call 38 435 0 0         # clone3
	call 38 102 1 0         # socketcall: socket, by arguments in memory
	call 13 359 17 3 0      # socket: packets
	call 0 359 1 1 0        # socket: unix
	call 38 17              # break
	call 9 94 99 384        # fchmod: nothing is at 99, but the kernel was asked
	call 1 94 99 448        # the row of where
}

@test "listed, patterns of filesystem.deny hold for it, too" {
	write_profile
	call 0 5 plain 0         # open
	call 13 5 secret 0
	call 13 5 /work/secret 0
	call 0 295 -100 plain 0  # openat
	call 13 295 -100 secret 0
	call 13 8 secret 384     # creat
	call 13 38 secret other  # rename
	call 13 9 secret other   # link
	call 13 10 secret        # unlink
	call 13 92 secret 0      # truncate
	call 13 193 secret 0 0   # truncate64
	[ "$(cat secret)" = hush ]
	call 0 193 plain 0 1     # four gigabytes, the upper half in a register of its own
	[ "$(stat -c %s plain)" = 4294967296 ]
	call 22 92 plain -1      # truncate: a length is signed
	call 0 92 plain 3
	[ "$(stat -c %s plain)" = 3 ]
	call 0 38 plain other
	[ -e other ]
}

@test "listed, its refusals are counted and explained" {
	write_profile
	run -1 zviz run --verbose --profile ./own.yaml "$id" -- ./call32 21 a b c 0
	[[ $output == *'mount('* && $output == *'EPERM'* ]]
	run -13 zviz run --verbose --profile ./own.yaml "$id" -- ./call32 5 secret 0
	[[ $output == *'secret'*'own.yaml:6'* ]]
}

@test "explain says which of them run" {
	run -0 zviz explain --profile ci-runner "$id" -- true
	[[ $output == *'x32 and i386: killed'* ]]
	write_profile
	run -0 zviz explain --profile ./own.yaml "$id" -- true
	[[ $output == *'i386: the same verdicts; x32: killed'* ]]
}

@test "a profile that lists none of the machine's own is refused with the place, and runs nothing" {
	printf 'zviz: 1\nextends: ci-runner\nremove: {syscalls: {architectures: [native]}}\nsyscalls:\n  architectures: [i386]\n' >own.yaml
	run -1 zviz run --profile ./own.yaml "$id" -- touch made
	[[ $output == *"own.yaml:5: syscalls.architectures: the calls of this machine, x86_64, are not listed"* ]]
	[ ! -e made ]
}
