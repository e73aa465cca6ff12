# Podman with zviz as its runtime: its own commands, through conmon, with an image made here.

bats_require_minimum_version 1.5.0
load podman

setup_file() {
	podman_begin
	import "$place/image" small
}

teardown_file() { podman_end; }

teardown() {
	[ -n "${place:-}" ] || return 0
	pod rm --all --force --time 0 >/dev/null
	nothing_runs
}

small() { pod run --rm --network none "$@"; } # OPTION… localhost/small COMMAND…

begin() { # NAME OPTION…: in the background, a line a tick
	local name=$1
	shift
	pod run --detach --name "$name" --network none "$@" localhost/small sh -c 'while :; do echo tick; sleep 0.2; done' >/dev/null
}

@test "run: output, exit codes, and those that Podman takes from our words" {
	[ "$(small localhost/small echo hello)" = hello ]
	run -5 small localhost/small sh -c 'exit 5'
	run -127 small localhost/small nosuch
	[[ $output == *'executable file not found in $PATH'* ]]
	run -127 small localhost/small /bin/nosuch
	run -126 small localhost/small /etc/passwd
	[ "$(echo in | small -i localhost/small cat)" = in ]
}

@test "run: user, environment, folder, host name, entrypoint, labels" {
	[ "$(small -u 1000:1000 -e A=b -w /tmp --hostname here localhost/small sh -c 'echo $(id -u):$(id -g) $A $(pwd) $(hostname)')" = '1000:1000 b /tmp here' ]
	[ "$(small --entrypoint /bin/echo localhost/small word)" = word ]
	[ "$(small --annotation zviz.io/profile=hostile-tenant localhost/small echo strict)" = strict ]
	run ! small --annotation zviz.io/profile=nosuch localhost/small true
	[[ $output == *"no profile is called 'nosuch'"* ]]
}

@test "run: volumes, a read-only root, a tmpfs, limits" {
	mkdir -p "$place/volume"
	echo data >"$place/volume/file"
	[ "$(small -v "$place/volume:/v:ro" localhost/small cat /v/file)" = data ]
	run ! small -v "$place/volume:/v:ro" localhost/small touch /v/new
	small -v "$place/volume:/v" localhost/small touch /v/new
	[ "$(stat -c %u "$place/volume/new")" = 0 ]
	run ! small --read-only localhost/small touch /etc/new
	small --read-only localhost/small touch /tmp/new
	small --tmpfs /mnt:size=1m localhost/small sh -c 'df /mnt | grep -q " 1024 "'
	small --memory 64m --pids-limit 50 localhost/small true
}

@test "exec: its output, its codes, at a terminal" {
	begin one
	[ "$(pod exec one echo inside)" = inside ]
	run -9 pod exec one sh -c 'exit 9'
	run -127 pod exec one nosuch
	[ "$(pod exec -e A=b -w /tmp one sh -c 'echo $A $(pwd)')" = 'b /tmp' ]
	[ "$(echo word | pod exec -i one cat)" = word ]
	run -4 inside timeout 120 script -qec "podman --tmpdir $place/tmp exec -t one sh -c 'tty; exit 4'" /dev/null
	[[ $output == */dev/pts/* ]]
	pod exec --detach one sh -c 'sleep 0.1; touch /tmp/there'
	for _ in {1..50}; do ! pod exec one test -e /tmp/there || break; sleep 0.1; done
	pod exec one test -e /tmp/there
}

@test "run at a terminal" {
	run -3 inside timeout 120 script -qec "podman --tmpdir $place/tmp run -t --rm --network none localhost/small sh -c 'test -t 0 && test -t 1 && echo terminal; exit 3'" /dev/null
	[[ $output == *terminal* ]]
}

@test "logs, ps, top, inspect, stats" {
	begin one
	for _ in {1..50}; do [ -z "$(pod logs one)" ] || break; sleep 0.1; done
	[ "$(pod logs one | head -1)" = tick ]
	pod ps | grep -q 'Up.*one'
	pod top one | grep -q 'sh -c while'
	[ "$(pod inspect -f '{{.State.Status}}' one)" = running ]
	kill -0 "$(pod inspect -f '{{.State.Pid}}' one)"
	[ "$(pod inspect -f '{{.OCIRuntime}}' one)" = zviz ]
	pod stats --no-stream --format '{{.Name}} {{.PIDs}}' one | grep -qE '^one [1-9]'
}

@test "kill, stop, start again, restart, rm" {
	begin one
	pod kill one
	[ "$(pod wait one)" = 137 ]
	pod start one
	[ "$(pod inspect -f '{{.State.Status}}' one)" = running ]
	pod restart --time 0 one
	[ "$(pod inspect -f '{{.State.Status}}' one)" = running ]
	pod stop --time 1 one
	[ "$(pod inspect -f '{{.State.Status}}' one)" = exited ]
	run ! pod exec one true
	pod rm one
	run ! pod inspect one
}

@test "create and start apart; init leaves it created" {
	pod create --name two --network none localhost/small sh -c 'echo done' >/dev/null
	pod init two
	[ "$(inside "$place/bin/zviz" state "$(pod inspect -f '{{.Id}}' two)" | jq -r .status)" = created ]
	[ "$(pod start --attach two)" = 'done' ]
	pod create --name three --network none localhost/small sleep 100 >/dev/null
	pod init three
	pod rm --force --time 0 three
}

@test "update: limits of a container that runs" {
	begin one --memory 128m
	pod update --memory 64m one
	[ "$(cat "/sys/fs/cgroup/memory/libpod_parent/libpod-$(pod inspect -f '{{.Id}}' one)/memory.limit_in_bytes" 2>/dev/null ||
		cat "/sys/fs/cgroup/libpod_parent/libpod-$(pod inspect -f '{{.Id}}' one)/memory.max")" = 67108864 ]
}

@test "ten at once, and nothing is left" {
	for n in {1..10}; do small localhost/small sh -c "echo $n" >"$place/out$n" & done
	wait
	for n in {1..10}; do [ "$(cat "$place/out$n")" = "$n" ]; done
	[ -z "$(pod ps -aq)" ]
}
