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

@test "a seccomp section, alone, in a config.json, and as an engine's template" {
	cat >section.json <<-END
	{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
	  {"names": ["read", "write", "mount", "no_such_call"], "action": "SCMP_ACT_ALLOW"},
	  {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 21522, "op": "SCMP_CMP_EQ"}]}]}
	END
	run -1 "$zviz" diff --subset section.json ci-runner
	[[ $output == *"syscalls: mount"* && $output == *"arg1 = TIOCSTI"* ]]
	[[ $output != *"syscalls: read"* ]]
	printf '{"ociVersion": "1.0.2", "linux": {"seccomp": %s}}' "$(cat section.json)" >config.json
	run -0 "$zviz" diff section.json config.json
	[ "$(grep -c nothing <<<"$output")" = 2 ]
	cat >template.json <<-END
	{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "archMap": [], "syscalls": [
	  {"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "", "includes": {}, "excludes": {}},
	  {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
	  {"names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_CHROOT"]}},
	  {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
	  {"names": ["write"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_CHOWN"]}},
	  {"names": ["kexec_load"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}}]}
	END
	run -0 "$zviz" diff template.json hostile-tenant
	first=${output%hostile-tenant permits*}
	[[ $first == *"syscalls: chroot"* && $first == *"syscalls: clone"* ]]
	[[ $first != *mount* && $first != *kexec* && $first != *write* ]]
}

@test "what is no section" {
	echo '{"linux": {}}' >none.json
	run --separate-stderr -1 "$zviz" diff none.json ci-runner
	[[ $stderr == *"none.json: no seccomp section"* ]]
	echo '{"defaultAction": "SCMP_ACT_ALOW"}' >none.json
	run --separate-stderr -1 "$zviz" diff none.json ci-runner
	[[ $stderr == *"defaultAction"*"SCMP_ACT_ALLOW"* ]]
	echo '{' >none.json
	run --separate-stderr -1 "$zviz" diff none.json ci-runner
	[[ $stderr == *"none.json:"* ]]
}
