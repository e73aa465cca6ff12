#!/usr/bin/env bats
# zviz update, of limits: what is named changes, what is not named stays. On this machine, whatever version its controllers are in;
# in the guests of tests/vm all are in cgroup v2.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'limits need root, or a delegated group (tests/vm/guest.bats)'
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/proc"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/sh"
	cd "$place"
	id=change-$BATS_TEST_NUMBER-$$
	for controller in memory cpu pids; do
		[ -n "$(where_is "$controller")" ] || skip "the $controller controller is not here"
	done
}

teardown() {
	[ -n "${place:-}" ] || return 0
	cd /
	zviz delete --force "$id" 2>/dev/null || true # some tests start none
	rm -rf "$place"
}

zviz() { "$zviz" --root "$place/state" "$@"; }

where_is() { "$zviz" check | sed -n "s/.* $1 *ok *\(v[12]\), below \(.*\)/\1 \2/p"; }

# The value of a limit: v2's file or v1's, in the container's group.
limit() { # CONTROLLER V2-FILE V1-FILE
	local version folder
	read -r version folder <<<"$(where_is "$1")"
	case $version in v2) cat "$folder/zviz-$id/$2" ;; *) cat "$folder/zviz-$id/$3" ;; esac
}
memory() { limit memory memory.max memory.limit_in_bytes; }
pids() { limit pids pids.max pids.max; }
quota() { limit cpu cpu.max cpu.cfs_quota_us | cut -d' ' -f1; }
period() { # of both versions
	if [[ $(where_is cpu) == v2* ]]; then limit cpu cpu.max - | cut -d' ' -f2; else limit cpu - cpu.cfs_period_us; fi
}
is_v2() { [[ $(where_is "$1") == v2* ]]; }

begin() { # RESOURCES [PROFILE]
	jq -n --argjson resources "$1" '{ociVersion: "1.2.0", root: {path: "rootfs"},
		process: {cwd: "/", args: ["/bin/sh", "-c", "while :; do sleep 1; done"], env: ["PATH=/bin"]},
		mounts: [{destination: "/proc", type: "proc"}],
		linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "network"}], resources: $resources}}' \
		>bundle/config.json
	cat >own.yaml <<-END
	zviz: 1
	extends: ci-runner
	name: own
	resources: {memory: 512M, swap: 128M, pids: 200, cpus: 2}
	END
	zviz --profile "${2:-$place/own.yaml}" create --bundle bundle "$id" </dev/null >/dev/null 2>said 3>&-
	zviz start "$id"
}

@test "resources on standard input, as two words or one, and in a file: only what they name changes" {
	begin '{"memory": {"limit": 268435456}, "pids": {"limit": 100}, "cpu": {"quota": 50000, "period": 100000}}'
	[ "$(memory) $(pids) $(quota) $(period)" = '268435456 100 50000 100000' ]
	echo '{"pids": {"limit": 50}}' | zviz update --resources=- "$id"
	[ "$(memory) $(pids) $(quota) $(period)" = '268435456 50 50000 100000' ]
	echo '{"cpu": {"quota": 20000}}' | zviz update --resources - "$id"
	[ "$(memory) $(pids) $(quota) $(period)" = '268435456 50 20000 100000' ]
	echo '{"memory": {"limit": 134217728}}' >change.json
	zviz update --resources=change.json "$id"
	zviz update -r change.json "$id"
	[ "$(memory) $(pids) $(quota) $(period)" = '134217728 50 20000 100000' ]
	# As an engine writes down all of its keys: 0 says nothing.
	echo '{"memory": {"limit": 0, "swap": 0, "reservation": 0}, "cpu": {"shares": 512, "quota": 0, "period": 0, "cpus": "", "mems": ""}, "pids": {"limit": 0}}' |
		sed 's/, "cpus": "", "mems": ""//' | zviz update --resources=- "$id"
	[ "$(memory) $(pids) $(quota) $(period)" = '134217728 50 20000 100000' ]
	if is_v2 cpu; then [ "$(limit cpu cpu.weight -)" = 20 ]; else [ "$(limit cpu - cpu.shares)" = 512 ]; fi
	# Nothing at all is no mistake either.
	echo '{}' | zviz update --resources=- "$id"
	zviz exec "$id" /bin/sh -c :
}

@test "options, beside resources and without" {
	begin '{"memory": {"limit": 268435456}, "pids": {"limit": 100}}'
	zviz update --pids-limit 30 "$id"
	zviz update --memory 100M "$id"
	zviz update --cpu-period 50000 --cpu-quota 25000 "$id"
	[ "$(memory) $(pids) $(quota) $(period)" = '104857600 30 25000 50000' ]
	# The period alone: the quota that is in force goes with it; and the other way round.
	zviz update --cpu-period 40000 "$id"
	[ "$(quota) $(period)" = '25000 40000' ]
	zviz update --cpu-quota 20000 "$id"
	[ "$(quota) $(period)" = '20000 40000' ]
	echo '{"pids": {"limit": 40}, "memory": {"limit": 209715200}}' | zviz update --resources=- --pids-limit 60 "$id"
	[ "$(memory) $(pids)" = '209715200 60' ]
	zviz update "$id" --cpu-share=1024
	if is_v2 cpu; then [ "$(limit cpu cpu.weight -)" = 39 ]; else [ "$(limit cpu - cpu.shares)" = 1024 ]; fi
}

@test "memory and swap together, in whatever order the kernel wants them" {
	begin '{"memory": {"limit": 134217728, "swap": 134217728}}'
	for pair in '268435456 301989888' '67108864 67108864' '134217728 201326592'; do
		read -r limit both <<<"$pair"
		zviz update --memory "$limit" --memory-swap "$both" "$id"
		[ "$(memory)" = "$limit" ]
		if is_v2 memory; then
			[ "$(limit memory memory.swap.max -)" = $((both - limit)) ]
		elif [ -n "$(limit memory - memory.memsw.limit_in_bytes 2>/dev/null)" ]; then
			[ "$(limit memory - memory.memsw.limit_in_bytes)" = "$both" ]
		fi
	done
}

@test "a profile's limits are not exceeded: refused with its line, and nothing has changed" {
	begin '{"memory": {"limit": 268435456}, "pids": {"limit": 100}}'
	while read -r option value; do
		run -1 zviz update --memory 64M "$option" "$value" "$id"
		[[ $output == *"profile own permits no more than"*"own.yaml:4"* ]]
		[ "$(memory) $(pids)" = '268435456 100' ]
	done <<-'END'
	--pids-limit 201
	--pids-limit -1
	--cpu-quota -1
	--cpu-quota 300000
	END
	run -1 zviz update --memory 1G "$id"
	[[ $output == *"memory.max: profile own permits no more than 536870912"* ]]
	run -1 zviz update --memory -1 "$id"
	# An engine's document gets what of it is permitted, and a word about the rest.
	run -0 zviz update --resources=- "$id" <<<'{"memory": {"limit": 134217728, "swap": 1073741824}, "pids": {"limit": -1}}'
	[[ $output == *'warning: memory.swap.max: profile own permits no more than 134217728'* ]]
	[[ $output == *'warning: pids.max: profile own permits no more than 200'* ]]
	[ "$(memory) $(pids)" = '134217728 200' ]
	# Up to them is permitted.
	zviz update --memory 512M --pids-limit 200 --cpu-quota 200000 "$id"
	[ "$(memory) $(pids) $(quota)" = '536870912 200 200000' ]
}

@test "without a limit in the profile, -1 takes one away" {
	zviz profiles show ci-runner | sed 's/^resources:.*/resources: {nofile: 65536, tmpfs: 1G}/' >free.yaml
	begin '{"memory": {"limit": 268435456}, "pids": {"limit": 100}, "cpu": {"quota": 50000}}' "$place/free.yaml"
	zviz update --memory -1 --pids-limit -1 --cpu-quota -1 "$id"
	[ "$(pids)" = max ]
	if is_v2 cpu; then [ "$(quota)" = max ]; else [ "$(quota)" = -1 ]; fi
	if is_v2 memory; then [ "$(memory)" = max ]; else [ "$(memory)" -gt 1000000000000 ]; fi
}

@test "mistakes, and containers that are not there" {
	begin '{"pids": {"limit": 100}}'
	run -1 zviz update "$id"
	[[ $output == *'nothing to change'* ]]
	# What an engine says before the command's name is for containers that it makes.
	run -1 zviz --profile ci-runner update "$id"
	[[ $output == *"nothing to change: before the command's name, --profile is for what is made"* ]]
	zviz --profile ci-runner update --pids-limit 100 "$id"
	[ "$(pids)" = 100 ]
	for bad in '{"pids": {"limit": "x"}}' '{"memory": {"limit": -2}}' '[]' '{' ''; do
		run -1 zviz update --resources=- "$id" <<<"$bad"
		[[ $output == *'standard input'* ]]
	done
	run -1 zviz update --resources none.json "$id"
	[[ $output == *'none.json'* ]]
	run -1 zviz update --memory lots "$id"
	[[ $output == *'--memory'* ]]
	run -1 zviz update --l3-cache-schema x "$id"
	[[ $output == *'unknown option'* ]]
	[ "$(pids)" = 100 ]
	run -1 zviz update --pids-limit 5 nobody
	[[ $output == *'container does not exist'* ]]
	zviz kill "$id" KILL
	for _ in {1..100}; do ! zviz state "$id" | grep -q stopped || break; sleep 0.05; done
	run -1 zviz update --pids-limit 5 "$id"
	[[ $output == *'container not running'* ]]
}

@test "one that waits for its start can be given other limits" {
	begin '{"pids": {"limit": 100}}'
	zviz delete --force "$id"
	zviz --profile own.yaml create --bundle bundle "$id" </dev/null >/dev/null 2>said 3>&-
	zviz update --pids-limit 20 "$id"
	[ "$(pids)" = 20 ]
	zviz start "$id"
	[ "$(pids)" = 20 ]
}
