# Programs of another architecture than the machine's: killed at their first call, under every profile.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	cd "$place"
	id=arch-$BATS_TEST_NUMBER-$$
	[ "$(uname -m)" = x86_64 ] || skip "i386 programs run on x86_64 only"
	# getpid, then exit with 7 if it gave anything; no library, so that no 32-bit one is needed.
	cat >small.c <<-'END'
	static long call(long nr, long arg)
	{
		long ret;

		__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(arg) : "memory");
		return ret;
	}

	void _start(void)
	{
		call(1, call(20, 0) > 0 ? 7 : 8);
		__builtin_unreachable();
	}
	END
	cc -m32 -nostdlib -static -o small small.c || skip "cc makes no 32-bit programs"
	local code=0
	./small || code=$?
	[ "$code" = 7 ] || skip "this kernel runs no 32-bit programs"
}

teardown() {
	cd /
	# Most tests leave no container to delete.
	"$zviz" --root "$place/state" delete --force "$id" 2>/dev/null || true
	rm -rf "$place"
}

@test "a 32-bit program is killed with SIGSYS before it learns anything" {
	for profile in $("$zviz" profiles | cut -d' ' -f1); do
		run -159 "$zviz" --root "$place/state" run --profile "$profile" "$id" -- ./small
		[ -z "$(ls -A "$place/state")" ]
	done
}

@test "a profile that lists i386 is refused with the place, and runs nothing" {
	printf 'zviz: 1\nextends: ci-runner\nsyscalls:\n  architectures: [i386]\n' >own.yaml
	run -1 "$zviz" --root "$place/state" run --profile ./own.yaml "$id" -- touch made
	[[ $output == *"own.yaml:4: syscalls.architectures: i386 is not available"* ]]
	[ ! -e made ]
}
