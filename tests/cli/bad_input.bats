# Malformed input through the real program: exit code 1, a message with the place, and nothing left behind.
# The parsers' own tables (tests/unit/test_profile.c, test_spec.c, test_options.c) are longer.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir -p "$place/work" "$place/bundle/rootfs"
	cd "$place/work"
	bad=0
}

teardown() {
	cd /
	rm -rf "$place"
}

# refused TEXT ARGUMENTS…
refused() {
	local text=$1 status=0 said
	shift
	said=$("$zviz" --root "$place/state" "$@" 2>&1 </dev/null) || status=$?
	if [ "$status" != 1 ] || [[ $said != "zviz: "*"$text"* ]] ||
		[ -n "$(ls -A "$place/state" 2>/dev/null)" ]; then
		echo "zviz $*: status $status, no '$text' in: $said"
		bad=$((bad + 1))
	fi
}

@test "command lines" {
	while IFS='|' read -r arguments text; do
		read -ra words <<<"$arguments"
		refused "$text" "${words[@]}"
	done <<-'END'
	run|too few words
	run id|neither a bundle nor a command
	run a/b true|cannot be a container's ID
	run .. true|cannot be a container's ID
	run . true|cannot be a container's ID
	run -- true|
	run --memory id true|--memory
	run --memory 4Q id true|--memory
	run --memory 0 id true|--memory: nothing runs with '0'
	run --cpus 0 id true|--cpus: nothing runs with '0'
	run --pids-limit 0 id true|--pids-limit: nothing runs with '0'
	run --memory -1 id true|--memory
	run --memory 99999999999999999999 id true|--memory
	run --cpus two id true|--cpus
	run --cpus 1.2345 id true|--cpus
	run --pids-limit many id true|--pids-limit
	run --pids-limit 1x id true|--pids-limit
	run --timeout 5y id true|--timeout
	run --timeout id true|--timeout
	run --env novalue id true|--env
	run --env =x id true|--env
	run --annotation x id true|--annotation
	run --user -1 id true|--user
	run --user 0x10 id true|--user
	run --user 1:2:3 id true|--user
	run --user 4294967295 id true|--user
	run --network bridge id true|--network
	run --network private --allow x/y id true|--allow x/y: no address range
	run --allow 10.0.0.0/8 id true|--allow needs a network with a way out
	run --publish 80:80 id true|--publish needs a network with a way out
	run --cwd relative id true|--cwd relative: not an absolute path
	run --work /nonexistent id true|No such file
	run --work /etc/passwd id true|not a folder
	run --read / id true|whole machine
	run --read /nonexistent id true|--read
	run --write /nonexistent id true|--write
	run --rootfs /nonexistent id true|--rootfs
	run --bundle /nonexistent id|No such file
	run --bundle . id|config.json
	run --profile nosuch id true|no profile is called 'nosuch'
	run --profile ci-runer id true|ci-runner
	run --profile ./none.yaml id true|No such file
	run --nonsense id true|unknown option --nonsense
	run --memroy 1G id true|--memory
	run --detach=yes id true|--detach
	run --events 99 id true|--events
	run --events /nonexistent/x id true|--events
	run --pid-file /nonexistent/x id true|--pid-file
	run --hostname a/b id true|--hostname
	--log-format xml run id true|--log-format
	--rootless maybe run id true|--rootless
	runn id true|'run'
	delete|too few words
	delete nosuch|container does not exist
	delete a/b|id
	delete --fore x|--force
	state|too few words
	state nosuch|container does not exist
	list --format|--format
	explain nosuch-profile|no profile
	profiles show nosuch|nosuch
	END
	[ "$bad" = 0 ]
}

@test "profiles" {
	while IFS='|' read -r profile text; do
		printf '%b' "$profile" >p.yaml
		refused "$text" run --profile ./p.yaml id true
	done <<-'END'
	|p.yaml
	x|p.yaml:1
	zviz: 1|does not allow execve
	zviz: 2\nname: x|zviz
	name: x|zviz
	zviz: 1\nname: x\n\tbad: 1|p.yaml:3
	zviz: 1\nname: x\nnope: 1|p.yaml:3:7: nope: unknown key
	zviz: 1\nname: x\nname: y|p.yaml:3
	zviz: 1\nname: [x]|p.yaml:2
	zviz: 1\nname: &a x|p.yaml:2
	zviz: 1\nname: x\nsyscalls: {allow: [opnat]}|openat
	zviz: 1\nname: x\nsyscalls: {allow: ["@basic-oi"]}|@basic-io
	zviz: 1\nname: x\nsyscalls: {allow: openat}|p.yaml:3
	zviz: 1\nname: x\nsyscalls: {where: [{syscall: openat, arg: 6, in: [0], then: allow}]}|arg
	zviz: 1\nname: x\nsyscalls: {where: [{syscall: openat, arg: 0, in: [], then: allow}]}|in
	zviz: 1\nname: x\nsyscalls: {where: [{arg: 0, in: [0], then: allow}]}|syscall
	zviz: 1\nname: x\nioctl: {allow: [TCGETZ]}|TCGETS
	zviz: 1\nname: x\nprctl: {allow: [PR_SET_NAM]}|PR_SET_NAME
	zviz: 1\nname: x\nsockets: {allow: [{family: innet}]}|inet
	zviz: 1\nname: x\nsockets: {allow: [{types: [stream]}]}|family
	zviz: 1\nname: x\nfilesystem: {read: [etc]}|p.yaml:3
	zviz: 1\nname: x\nfilesystem: {read: [/a/../b]}|p.yaml:3
	zviz: 1\nname: x\nfilesystem: {root: maybe}|root
	zviz: 1\nname: x\nnetwork: {mode: open}|mode
	zviz: 1\nname: x\nextends: ci-runner\nnetwork: {mode: private, egress: {allow: [{domain: a..b}]}}|is no domain name
	zviz: 1\nname: x\nresources: {memory: lots}|memory
	zviz: 1\nname: x\nresources: {cpus: -1}|cpus
	zviz: 1\nname: x\nresources: {pids: 1.5}|pids
	zviz: 1\nname: x\nresources: {io: [{path: /work}, 3]}|io
	zviz: 1\nname: x\nrequirements: {landlock: 99999999999}|landlock
	zviz: 1\nname: x\nrequirements: {cgroup: [memroy]}|memory
	zviz: 1\nname: x\naudit: loud|audit
	zviz: 1\nname: x\nextends: nosuch|nosuch
	zviz: 1\nname: x\nextends: ./p.yaml|p.yaml
	zviz: 1\nname: x\nextends: ci-runner\nremove: {syscalls: {allow: [mount]}}|has no such row
	zviz: 1\nname: x\nextends: ci-runner\nsyscalls: {allow: [mount], deny: [mount]}|'mount' is in the other list in line 4
	zviz: 1\nname: x\nextends: ci-runner\nnamespaces: [user, pidd]|pid
	zviz: 1\nname: x\nextends: ci-runner\ncapabilities: {keep: [CAP_NOTHING]}|CAP_
	zviz: 1\nname: x\nextends: ci-runner\nsyscalls: {architectures: [sparc]}|p.yaml:4
	zviz: 1\nname: x\nsyscalls: {allow: [read]}|does not allow
	zviz: 1\n---\nzviz: 1|p.yaml
	zviz: 1\nname: "x|p.yaml
	zviz: 1\nname: x\xff\n|p.yaml
	END
	[ "$bad" = 0 ]
}

@test "bundles" {
	local head='"ociVersion":"1.0.2","root":{"path":"rootfs"}'
	local process='"process":{"cwd":"/","args":["/x"]}'
	while IFS='|' read -r config text; do
		config=${config//@head/$head}
		printf '%s' "${config//@process/$process}" >"$place/bundle/config.json"
		refused "$text" run --bundle "$place/bundle" id
	done <<-'END'
	|config.json
	{|config.json:1
	[]|config.json
	null|config.json
	{"ociVersion":"1.0.2"|config.json:1
	{"ociVersion":"2.0.0"}|ociVersion
	{@process}|ociVersion
	{"ociVersion":"1.0.2",@process}|root
	{"ociVersion":"1.0.2","root":{},@process}|root: the key 'path'
	{"ociVersion":"1.0.2","root":{"path":7},@process}|root.path
	{"ociVersion":"1.0.2","root":{"path":"none"},@process}|none
	{@head,@head,@process}|config.json
	{@head,"process":{"cwd":"/","args":[]}}|process.args
	{@head,"process":{"cwd":"/"}}|process: the key 'args'
	{@head,"process":{"cwd":"x","args":["/x"]}}|process.cwd
	{@head,"process":{"cwd":"/","args":[1]}}|process.args[0]
	{@head,"process":{"cwd":"/","args":"x"}}|process.args
	{@head,"process":{"cwd":"/","args":["/x"],"env":["A"]}}|process.env[0]
	{@head,"process":{"cwd":"/","args":["/x"],"user":{"uid":-1}}}|process.user.uid
	{@head,"process":{"cwd":"/","args":["/x"],"user":{"uid":4294967295}}}|process.user.uid
	{@head,"process":{"cwd":"/","args":["/x"],"user":{"uid":"0"}}}|process.user.uid
	{@head,"process":{"cwd":"/","args":["/x"],"rlimits":[{"type":"RLIMIT_X","hard":1,"soft":1}]}}|rlimits[0].type
	{@head,"process":{"cwd":"/","args":["/x"],"rlimits":[{"type":"RLIMIT_NOFILE","hard":1,"soft":2}]}}|rlimits[0]
	{@head,"process":{"cwd":"/","args":["/x"],"terminal":"yes"}}|process.terminal
	{@head,@process,"mounts":[{"destination":"x","type":"tmpfs"}]}|mounts[0].destination
	{@head,@process,"mounts":[{"type":"tmpfs"}]}|mounts[0]
	{@head,@process,"mounts":[{"destination":"/x","type":"ext4"}]}|mounts[0].type
	{@head,@process,"mounts":[{"destination":"/x","type":"bind"}]}|mounts[0].source
	{@head,@process,"mounts":[{"destination":"/x","type":"bind","source":"/nonexistent"}]}|/nonexistent
	{@head,@process,"mounts":[{"destination":"/x","type":"bind","source":"/etc","options":["bind","size=1"]}]}|size=1
	{@head,@process,"hostname":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}|hostname
	{@head,@process,"hooks":{"poststop":[{"path":"/bin/true"}]}}|hooks.poststop
	{@head,@process,"hooks":{"poststop":[{"path":"true"}]}}|hooks.poststop[0].path
	{@head,@process,"linux":{"namespaces":[{"type":"nope"}]}}|namespaces[0].type
	{@head,@process,"linux":{"namespaces":[{"type":"network","path":"/proc/1/ns/net"}]}}|namespaces[0].path
	{@head,@process,"linux":{"uidMappings":[{"containerID":0,"hostID":0,"size":1}]}}|hostID
	{@head,@process,"linux":{"uidMappings":[{"containerID":0,"hostID":1,"size":0}]}}|uidMappings[0]
	{@head,@process,"linux":{"resources":{"memory":{"limit":"1G"}}}}|memory.limit
	{@head,@process,"linux":{"resources":{"pids":{"limit":1.5}}}}|pids.limit
	{@head,@process,"linux":{"sysctl":{"kernel.panic":"1"}}}|sysctl
	{@head,@process,"annotations":{"zviz.io/profile":"nosuch"}}|nosuch
	{@head,@process,"annotations":{"a":1}}|annotations
	END
	[ "$bad" = 0 ]
}
