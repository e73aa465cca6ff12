# zviz verify: what is proved, and what a filter that is not its profile's gets to hear.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	cd "$place"
}

teardown() {
	cd /
	rm -rf "$place"
}

# struct sock_filter CODE JT JF K, as bytes
instruction() {
	printf "$(printf '\\x%02x' $(($1 & 255)) $(($1 >> 8)) "$2" "$3" $(($4 & 255)) $(($4 >> 8 & 255)) $(($4 >> 16 & 255)) $(($4 >> 24)))"
}

@test "every built-in profile is proved, on both architectures" {
	for profile in $("$zviz" profiles | cut -d' ' -f1); do
		run -0 "$zviz" verify "$profile"
		[ "$(grep -c '^seccomp on x86_64' <<<"$output")" = 3 ]
		[ "$(grep -c '^seccomp on aarch64' <<<"$output")" = 3 ]
		[[ $output == *"files: none of "*"proved in "* ]]
	done
}

@test "a profile of one's own, by name and by option" {
	cat >own.yaml <<-END
	zviz: 1
	extends: web-server
	syscalls: {where: [{syscall: kill, arg: 1, in: [9], then: deny}]}
	filesystem: {deny: {write: ["**/keep"]}}
	END
	run -0 "$zviz" verify ./own.yaml
	run -0 "$zviz" --profile ./own.yaml verify
	run -1 "$zviz" verify no-such
}

@test "a profile for one architecture is proved for that one" {
	cat >one.yaml <<-END
	zviz: 1
	extends: hostile-tenant
	remove: {syscalls: {architectures: [native]}}
	syscalls: {architectures: [aarch64]}
	END
	run -0 "$zviz" verify ./one.yaml
	[ "$(grep -c '^seccomp on aarch64' <<<"$output")" = 3 ]
	[ "$(grep -c '^seccomp on x86_64' <<<"$output")" = 0 ]
}

@test "a filter that allows everything: an example, and exit code 1" {
	instruction 0x06 0 0 0x7fff0000 >all.bpf
	run --separate-stderr -1 "$zviz" verify --filter all.bpf --arch x86_64 ci-runner
	[[ $stderr == *"all.bpf: seccomp: "*"on x86_64: the profile says "*", the filter does ALLOW"* ]]
	[ -z "$output" ]
}

@test "what is no filter" {
	printf 'short' >bad.bpf
	run --separate-stderr -1 "$zviz" verify --filter bad.bpf
	[[ $stderr == *"bad.bpf: 5 bytes are no array of instructions"* ]]
	instruction 0x20 0 0 0 >bad.bpf # a load, and then nothing
	run --separate-stderr -1 "$zviz" verify --filter bad.bpf
	[[ $stderr == *"instruction 1: behind the end"* ]]
	{ instruction 0x94 0 0 2; instruction 0x06 0 0 0x7fff0000; } >bad.bpf # a remainder
	run --separate-stderr -1 "$zviz" verify --filter bad.bpf
	[[ $stderr == *"instruction 0: code 0x94 is not for filters"* ]]
	{ instruction 0x04 0 0 0x7fff0000; instruction 0x16 0 0 0; } >odd.bpf # an addition, which no filter of ours makes
	run --separate-stderr -1 "$zviz" verify --filter odd.bpf --arch x86_64
	[[ $stderr == *"odd.bpf: seccomp: "*"the profile says "*", the filter does ALLOW"* ]]
	run --separate-stderr -1 "$zviz" verify --filter nothing.bpf
	run --separate-stderr -1 "$zviz" verify --arch x86_64
}
