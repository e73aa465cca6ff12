# zviz diff: as a person, and as a script that guards a floor.

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

@test "two built-in profiles, both ways" {
	run -0 "$zviz" diff ci-runner development
	[[ $output == *"ci-runner permits, and development does not: nothing"* ]]
	[[ $output == *"development permits, and ci-runner does not:"*"syscalls: ptrace"* ]]
	[[ $output != *mount* ]]
}

@test "--subset: the exit code is the answer" {
	run -0 "$zviz" diff --subset hostile-tenant ci-runner
	[ -z "$output" ]
	run -1 "$zviz" diff --subset development ci-runner
	[[ $output == *"syscalls: ptrace"* ]]
	[[ $output != *"ci-runner permits"* ]]
}

@test "what a person changed in a profile of one's own" {
	cat >own.yaml <<-END
	zviz: 1
	extends: ci-runner
	ioctl: {allow: [TIOCSTI]}
	filesystem: {write: [/opt/cache]}
	resources: {memory: 2G}
	END
	run -0 "$zviz" diff ./own.yaml ci-runner
	[[ $output == *"syscalls: ioctl where arg1 = TIOCSTI"* ]]
	[[ $output == *"files: write /opt/cache"* ]]
	[[ $output == *"resources: memory 4294967296, not 2147483648"* ]]
}

@test "a filter from elsewhere" {
	printf '\x06\x00\x00\x00\x00\x00\xff\x7f' >all.bpf
	run -1 "$zviz" diff --subset all.bpf ci-runner
	[[ $output == *"syscalls: mount"*"syscalls: numbers of the x32 ABI"* ]]
	run -0 "$zviz" diff --subset ci-runner all.bpf
	run --separate-stderr -1 "$zviz" diff no.bpf ci-runner
	[[ $stderr == *"no.bpf"* ]]
	run --separate-stderr -1 "$zviz" diff ci-runner
	run --separate-stderr -1 "$zviz" diff ci-runner ci-runer
	[[ $stderr == *"ci-runner"* ]]
}
