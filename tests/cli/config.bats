# The host's configuration: the default profile, the floor that nothing goes below, and who may say so.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	bin=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	cd "$place"
	mkdir -p work bundle/rootfs/bin bundle/rootfs/proc profiles
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	for name in sh true cat; do ln -s busybox "bundle/rootfs/bin/$name"; done
	bundle
	printf 'zviz: 1\nextends: hostile-tenant\n' >profiles/team.yaml
	printf 'zviz: 1\nextends: ci-runner\nsyscalls: {allow: [ptrace]}\n' >profiles/loose.yaml
}

teardown() {
	zviz delete --force "config-$$" 2>/dev/null || true # most tests leave none
	cd /
	rm -rf "$place"
}

bundle() { # [ANNOTATIONS]
	cat >bundle/config.json <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "annotations": {${1-}},
	 "process": {"cwd": "/", "args": ["/bin/true"], "env": ["PATH=/bin"]},
	 "mounts": [{"destination": "/proc", "type": "proc"}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "ipc"},
	                          {"type": "uts"}]}}
	END
}

config() { # TEXT
	printf '%b\n' "$1" >config.yaml
}

zviz() {
	"$bin" --root "$place/state" --config "$place/config.yaml" "$@"
}

named() { # what a start of the bundle would be held by
	zviz explain --bundle bundle x | sed -n 's/^profile: //p; s/^named by: /by /p' | paste -sd ' '
}

refused() { # TEXT ZVIZ-WORDS…
	local text=$1 status=0 said
	shift
	said=$(zviz "$@" 2>&1 </dev/null) || status=$?
	if [ "$status" != 1 ] || [[ $said != "zviz: "*"$text"* ]]; then
		echo "zviz $*: status $status, no '$text' in: $said"
		return 1
	fi
	[ -z "$(ls -A state 2>/dev/null)" ]
}

# ---- whose word counts ----

@test "the command line's word counts before the bundle's, and that before the host's" {
	config 'profiles: '"$place"'/profiles'
	[ "$(named)" = ci-runner ]
	config 'default: batch-job'
	[ "$(named)" = "batch-job by $place/config.yaml:1" ]
	bundle '"zviz.io/profile": "web-server"'
	[ "$(named)" = 'web-server by config.json: annotations["zviz.io/profile"]' ]
	zviz explain --profile development --bundle bundle x | grep -qx 'named by: --profile'
	zviz explain --annotation zviz.io/profile=batch-job --bundle bundle x | grep -qx 'profile: batch-job'
	zviz run --bundle bundle x
}

@test "a name is a built-in profile's or that of a file in the host's folder" {
	config 'profiles: '"$place"'/profiles\ndefault: team'
	[ "$(named)" = "team by $place/config.yaml:2" ]
	config 'profiles: '"$place"'/profiles\ndefault: profiles/team.yaml'
	[ "$(named)" = "team by $place/config.yaml:2" ]
	config 'profiles: '"$place"'/profiles'
	bundle '"zviz.io/profile": "team"'
	[ "$(named)" = 'team by config.json: annotations["zviz.io/profile"]' ]
	zviz run --bundle bundle x
	# What is built in is nobody's to replace.
	printf 'zviz: 1\nextends: development\n' >profiles/hostile-tenant.yaml
	bundle '"zviz.io/profile": "hostile-tenant"'
	run -0 zviz explain --bundle bundle x
	grep -q '^profile: hostile-tenant' <<<"$output"
	if grep '^warning' <<<"$output"; then false; fi
}

@test "a container that is there says whose word its profile was" {
	config 'default: web-server'
	zviz create --bundle bundle "config-$$"
	zviz state "config-$$" | grep -q '"profile": "web-server"'
	zviz explain "config-$$" | grep -qxF "named by: $place/config.yaml:1"
	# What was chosen stays chosen, whatever the host says to the next one.
	config 'default: batch-job'
	zviz explain "config-$$" | grep -qxF "named by: $place/config.yaml:1"
	zviz explain "config-$$" | grep -qx 'profile: web-server'
	zviz start "config-$$"
}

@test "a profile that the host's configuration named is found again after it names another" {
	config 'profiles: '"$place"'/profiles\ndefault: team'
	(cd work && zviz run --detach "config-$$" sleep 100)
	config 'default: nosuch'
	zviz explain "config-$$" | grep -qx 'profile: team'
	run -0 zviz exec "config-$$" echo here
	[ "$output" = here ]
	# The configuration that counts for a command is the one that is named with it.
	printf 'floor: hostile-tenant\n' >other.yaml
	run -1 zviz --config other.yaml update --pids-limit 100000 "config-$$"
	rm config.yaml
	run -255 "$bin" --root state exec "config-$$" true
	[[ $output == *"config.yaml: No such file"* ]]
	run -0 "$bin" --root state --config other.yaml exec "config-$$" echo again
	[ "$output" = again ]
}

@test "zviz check says what is configured, and what is wrong with it" {
	config 'default: web-server\nfloor: development\non_excess: refuse'
	zviz check | grep -q "default  *ok  *web-server \[$place/config.yaml:1\]"
	zviz check | grep -q "floor  *ok  *development \[$place/config.yaml:2\]"
	zviz check | grep -q "on_excess  *ok  *refuse \[$place/config.yaml:3\]"
	config 'floor: nosuch'
	zviz check | grep -q 'floor  *missing  *nothing is started: .*nosuch'
	config 'floor'
	zviz check --json | grep -q '"means": "nothing is started: .*config.yaml:1:1'
}

# ---- the floor ----

@test "a change of limits stays above the floor" {
	printf 'zviz: 1\nextends: ci-runner\nresources: {memory: 512M, pids: 200}\n' >profiles/large.yaml
	printf 'zviz: 1\nextends: ci-runner\nresources: {memory: 128M, pids: 100}\n' >profiles/small.yaml
	config "profiles: $place/profiles\ndefault: large\nfloor: small"
	refused "resources: memory 536870912, not 134217728" run --work work x true
	(cd work && zviz run --detach --memory 128M --pids-limit 100 "config-$$" sleep 100)
	zviz update --memory 64M "config-$$"
	zviz update --memory 128M --pids-limit 50 "config-$$"
	run -1 zviz update --memory 256M "config-$$"
	[[ $output == *"the change would be weaker than the host's floor, small [$place/config.yaml:3]: resources: memory 268435456, not 134217728"* ]]
	run -1 zviz update --resources - "config-$$" <<<'{"memory": {"limit": -1}}'
	[[ $output == *"resources: memory 536870912, not 134217728"* ]]
	run -1 zviz update --pids-limit 150 "config-$$"
	[[ $output == *"resources: pids 150, not 100"* ]]
	run -1 zviz update --resources - "config-$$" <<<'{"pids": {"limit": 150}}'
	[[ $output == *"resources: pids 150, not 100"* ]]
	# What was there before the floor was raised is not this change's matter.
	printf 'zviz: 1\nextends: ci-runner\nresources: {memory: 32M, pids: 100}\n' >profiles/small.yaml
	zviz update --pids-limit 20 "config-$$"
}

@test "nor do the kernel's own words of limits pass below it" {
	zviz profiles show ci-runner |
		sed 's/^name:.*/name: free/; s/^resources:.*/resources: {nofile: 1024, tmpfs: 1G}/' >profiles/free.yaml
	printf 'zviz: 1\nextends: ci-runner\nresources: {memory: 128M, pids: 100}\n' >profiles/small.yaml
	config "profiles: $place/profiles\ndefault: free\nfloor: small"
	(cd work && zviz run --detach --memory 64M --swap 0 --cpus 1 --pids-limit 50 "config-$$" sleep 100)
	while IFS='|' read -r file value text; do
		run -1 zviz update --resources - "config-$$" <<<"{\"unified\": {\"$file\": \"$value\"}}"
		[[ $output == *"the change would be weaker than the host's floor"*"resources: $text"* ]]
	done <<-'END'
	pids.max|101|pids 101, not 100
	pids.max|+5000|pids without a limit, not 100
	pids.max|max|pids without a limit, not 100
	memory.max|1G|memory 1073741824, not 134217728
	memory.max| 1G|memory without a limit, not 134217728
	memory.max|1E|memory without a limit, not 134217728
	memory.swap.max|1|swap 1, not 0
	memory.swap.max|max|swap without a limit, not 0
	cpu.max|250000|cpus 2500, not 2000
	cpu.max|200001 100000|cpus 2001, not 2000
	cpu.max|2000 2305843009213793952|cpus without a limit, not 2000
	cpu.max|max|cpus without a limit, not 2000
	END
	run -1 zviz update --cpu-period 2305843009213793952 --cpu-quota 190000 "config-$$"
	[[ $output == *"--cpu-period: '2305843009213793952' is no such time"* ]]
	zviz update --resources - "config-$$" <<<'{"unified": {"pids.max": "100", "memory.max": "32M", "cpu.max": "200000"}}'
}

@test "a configuration that was named from elsewhere is found again, with the files that it names" {
	mkdir conf
	printf 'floor: small.yaml\n' >conf/config.yaml
	printf 'zviz: 1\nextends: ci-runner\nresources: {pids: 100}\n' >conf/small.yaml
	(cd work && "$bin" --root "$place/state" --config ../conf/config.yaml run --detach --pids-limit 50 "config-$$" sleep 100)
	"$bin" --root state update --pids-limit 60 "config-$$"
	run -1 "$bin" --root state update --pids-limit 200 "config-$$"
	[[ $output == *"weaker than the host's floor, small"*"pids 200, not 100"* ]]
}

@test "limits that no group would hold are none" {
	printf 'zviz: 1\nextends: ci-runner\nrequirements: {cgroup: preferred}\n' >profiles/any.yaml
	config "profiles: $place/profiles\ndefault: any\nfloor: any"
	zviz run --work work x true
	refused "resources: memory without a limit" --cgroup-manager disabled run --work work x true
}

@test "a folder of compiled files is the floor's profile by what it says, not by a name in it" {
	printf 'zviz: 1\nname: ci-runner\nextends: ci-runner\nsyscalls: {allow: [ptrace]}\n' >borrowed.yaml
	config 'floor: ci-runner'
	"$bin" compile -o compiled borrowed.yaml
	refused "syscalls: ptrace" run --compiled compiled --bundle bundle x
	sed -i 's/borrowed\.yaml/ci-runner/' compiled/manifest.json
	refused "has the name of a built-in profile" run --compiled compiled --bundle bundle x
}

@test "a folder that is a link is not the host's word" {
	mkdir real
	printf 'default: batch-job\n' >real/config.yaml
	ln -s real linked
	for name in linked/config.yaml linked//config.yaml; do
		run -1 "$bin" --root state --config "$name" run --work work x true
		[[ $output == *"linked: a symbolic link: whoever owns it says where it leads"* ]]
	done
	config "profiles: $place/linked/\ndefault: team"
	cp profiles/team.yaml real
	refused 'linked: a symbolic link' run --work work x true
	"$bin" --root state --config real/config.yaml run --work work x true
}

@test "nothing that a bundle says makes a container weaker than the floor" {
	config 'profiles: '"$place"'/profiles\nfloor: ci-runner'
	zviz run --bundle bundle x
	bundle '"zviz.io/profile": "hostile-tenant"'
	zviz run --bundle bundle x
	bundle '"zviz.io/profile": "team"'
	zviz run --bundle bundle x
	bundle '"zviz.io/profile": "development"'
	refused "profile development is weaker than the host's floor, ci-runner [$place/config.yaml:2]: syscalls: ptrace" \
		run --bundle bundle x
	refused "weaker than the host's floor" create --bundle bundle x
	bundle '"zviz.io/profile": "loose"'
	refused "syscalls: ptrace" create --bundle bundle x
	printf 'zviz: 1\nextends: ci-runner\nremove: {filesystem: {hide: ["/home/*/.ssh"]}}\n' >profiles/loose.yaml
	refused "files: the rule hide /home/*/.ssh is not there" create --bundle bundle x
}

@test "nor does the command line" {
	config 'floor: ci-runner'
	zviz run --work work x true
	zviz run --work work --memory 64M --pids-limit 20 x true
	zviz run --work work --profile hostile-tenant x true
	refused 'syscalls: ptrace' run --profile development --bundle bundle x
	refused 'network: mode host, not none' run --network host --bundle bundle x
	refused 'resources: pids 100000, not' run --pids-limit 100000 --bundle bundle x
	refused 'resources: memory' run --memory 900G --bundle bundle x
	"$bin" compile -o compiled development
	refused "weaker than the host's floor" run --compiled compiled --bundle bundle x
}

@test "nor does an update of a container that runs" {
	printf 'zviz: 1\nextends: ci-runner\nsyscalls: {tripwire: [listen]}\n' >open.yaml
	printf 'zviz: 1\nextends: ci-runner\nsyscalls: {deny: [listen]}\n' >shut.yaml
	config 'default: open.yaml'
	(cd work && zviz run --detach "config-$$" sleep 100)
	zviz update --profile shut.yaml "config-$$"
	config 'default: open.yaml\nfloor: shut.yaml'
	run -1 zviz update --widen --profile open.yaml "config-$$"
	[[ $output == *"profile open is weaker than the host's floor, shut ["*"]: syscalls: listen"* ]]
	config 'default: open.yaml\nfloor: ci-runner'
	zviz update --widen --profile open.yaml "config-$$"
}

@test "explain says that it would not be started, and what it would be" {
	config 'floor: ci-runner'
	zviz explain --profile development >said
	grep -q "^it would not be started: profile development is weaker than the host's floor" said
	grep -q '^profile: development' said
	grep -qxF "floor: ci-runner  [$place/config.yaml:1]" said
	run -0 zviz explain
	grep -q '^profile: ' <<<"$output"
	if grep 'not be started' <<<"$output"; then false; fi
}

@test "the floor that is shipped as an example is kept by every built-in profile but development" {
	cp "$top/deploy/floor.yaml" .
	sed 's/^#\([a-z]\)/\1/' "$top/deploy/config.yaml" >config.yaml
	[ "$(grep -c '^[a-z]' config.yaml)" -ge 3 ]
	for profile in ci-runner web-server batch-job hostile-tenant; do
		run -0 zviz explain --profile "$profile"
		grep -q "^profile: $profile" <<<"$output"
		if grep 'not be started' <<<"$output"; then false; fi
	done
	zviz explain --profile development | grep -q 'not be started.*ptrace'
	sed -n '/kept by each/,/^#/p' "$top/man/zviz-config.5.scd" | grep -E '^\s*zviz|\+\+$|^resources' |
		sed 's/++$//; s/^\t//; s/\\\*/*/g' | diff - <(grep -Ev '^(#|description)' floor.yaml)
	cp "$top/deploy/config.yaml" config.yaml
	[ "$(named)" = ci-runner ]
}

# ---- what is refused ----

@test "an annotation names no file, and nothing that is not there" {
	config 'profiles: '"$place"'/profiles'
	while IFS='|' read -r value text; do
		bundle "\"zviz.io/profile\": \"$value\""
		refused "annotations[\"zviz.io/profile\"]: $text" run --bundle bundle x
	done <<-'END'
	|'' is no name of a profile
	nosuch|no profile is called 'nosuch'
	TEAM|no profile is called 'TEAM'
	/etc/zviz/profiles/x|'/etc/zviz/profiles/x' is no name
	../profiles/team|'../profiles/team' is no name
	team.yaml|'team.yaml' is no name
	./team|'./team' is no name
	.|'.' is no name
	..|'..' is no name
	--profile|'--profile' is no name
	team |'team ' is no name
	te\u0007am|'te\x07am' is no name
	END
	# Nor does it pass where the command line has another.
	bundle '"zviz.io/profile": "../x"'
	refused "annotations" run --profile ci-runner --bundle bundle x
}

@test "a misspelt annotation of ours is no policy" {
	config ''
	bundle '"zviz.io/profil": "hostile-tenant"'
	refused 'config.json: annotations["zviz.io/profil"]: zviz has no annotation' run --bundle bundle x
	bundle '"zviz.io/profile": "hostile-tenant", "zviz.io/profile": "development"'
	refused 'config.json' run --bundle bundle x
	bundle '"zviz.io/profile": null'
	refused 'annotations' run --bundle bundle x
	bundle '"io.zviz/profile": "development", "run.oci.keep_original_groups": "1"'
	zviz run --bundle bundle x
}

@test "a configuration that cannot be understood starts nothing" {
	while IFS='|' read -r text says; do
		config "$text"
		refused "$place/config.yaml:$says" run --bundle bundle x
	done <<-'END'
	flor: ci-runner|1:7: flor: unknown key 'flor'; did you mean 'floor'?
	default: ci-runner\nfloor: a\nfloor: b|3:
	floor:|1:
	floor: [a]|1:8: floor
	on_excess: never|1:12: on_excess
	floor: nosuch|1: no profile is called 'nosuch'
	default: ./nosuch.yaml|1: 
	profiles: here|1:11: profiles
	END
	rm config.yaml
	refused 'configuration' run --bundle bundle x
	mkdir config.yaml
	refused 'no regular file' run --bundle bundle x
	rmdir config.yaml
	mkfifo config.yaml
	refused 'no regular file' run --bundle bundle x
}

@test "what somebody else could have written does not count" {
	config 'floor: floor.yaml'
	printf 'zviz: 1\nextends: base.yaml\n' >floor.yaml
	printf 'zviz: 1\nextends: ci-runner\n' >base.yaml
	zviz run --bundle bundle x
	for file in config.yaml floor.yaml base.yaml; do
		for mode in 0664 0646 0666; do
			chmod "$mode" "$file"
			refused "$file: others than its owner may write to it (mode $mode)" run --bundle bundle x
		done
		chmod 644 "$file"
		mv "$file" real
		ln -s real "$file"
		refused "$file: a symbolic link" run --bundle bundle x
		rm "$file"
		mv real "$file"
	done
	chmod 775 .
	refused "$place: others than its owner may write to it" run --bundle bundle x
	chmod 755 .
	zviz run --bundle bundle x
}

@test "what belongs to somebody else does not count" {
	[ "$(id -u)" = 0 ] || skip "needs root, to give files away"
	config 'floor: floor.yaml'
	printf 'zviz: 1\nextends: ci-runner\n' >floor.yaml
	for file in config.yaml floor.yaml; do
		chown 1234 "$file"
		refused "$file: it belongs to uid 1234" run --bundle bundle x
		chown 0 "$file"
	done
	chown 1234 .
	refused "$place: it belongs to uid 1234" run --bundle bundle x
	chown 0 .
}

# ---- where it is ----

@test "without an option it is /etc/zviz/config.yaml, for ordinary users and inside user namespaces, too" {
	[ "$(id -u)" = 0 ] || skip "needs root, to show another /etc"
	cp -a /etc etc
	rm -rf etc/zviz
	mkdir -p etc/zviz/profiles
	echo 'floor: ci-runner' >etc/zviz/config.yaml
	cp profiles/team.yaml etc/zviz/profiles/
	cp "$bin" zviz
	chmod 755 . zviz
	chmod -R a+rX bundle
	printf '%s check | grep -q "floor  *ok  *ci-runner .*/etc/zviz/config.yaml:1"\n' "$place/zviz" >look
	chmod 644 look
	unshare --mount bash -e <<-END
	mount --bind etc /etc
	bash look
	setpriv --reuid 1234 --regid 1234 --clear-groups bash look
	setpriv --reuid 1234 --regid 1234 --clear-groups unshare --user --map-root-user bash look
	"$bin" --root state explain --annotation zviz.io/profile=team --bundle bundle x | grep -qx 'profile: team'
	ln -sf nowhere /etc/zviz/config.yaml
	"$bin" --root state explain --bundle bundle x 2>&1 | grep -q 'config.yaml: a symbolic link'
	END
}
