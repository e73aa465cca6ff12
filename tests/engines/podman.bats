# Podman with zviz as its runtime: its own commands, through conmon, with an image made here.

bats_require_minimum_version 1.5.0
load podman

setup_file() {
	podman_lacks && return
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
	# The pipes are the workload's: images open them anew.
	[ "$(small localhost/small sh -c 'echo out >/dev/stdout; echo err >/dev/stderr' 2>&1 | sort | xargs)" = 'err out' ]
	[ "$(small -u 1000 localhost/small sh -c 'echo out >/dev/stdout')" = out ]
}

@test "run: user, environment, folder, host name, entrypoint, labels" {
	[ "$(small -u 1000:1000 -e A=b -w /tmp --hostname here localhost/small sh -c 'echo $(id -u):$(id -g) $A $(pwd) $(hostname)')" = '1000:1000 b /tmp here' ]
	[ "$(small --entrypoint /bin/echo localhost/small word)" = word ]
	[ "$(small --annotation zviz.io/profile=hostile-tenant localhost/small echo strict)" = strict ]
	run ! small --annotation zviz.io/profile=nosuch localhost/small true
	[[ $output == *"no profile is called 'nosuch'"* ]]
}

@test "run --device: what the profile lists is there, under any name; what it does not list is not" {
	[ -c /dev/fuse ] || skip 'this machine has no /dev/fuse'
	printf 'zviz: 1\nname: device\nextends: ci-runner\ndevices: [/dev/fuse]\n' >"$place/profiles/device.yaml"
	local open='for f in fuse other net/tun; do (exec 3<>/dev/$f) 2>/dev/null && echo "$f opened"; done; true'
	run -0 small --annotation zviz.io/profile=device --device /dev/fuse --device /dev/fuse:/dev/other --device /dev/net/tun localhost/small sh -c "$open"
	[ "$output" = $'fuse opened\nother opened' ]
	run -0 small --device /dev/fuse localhost/small sh -c "$open"
	[ -z "$output" ]
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
	[ "$(pod exec one sh -c 'echo anew >/dev/stdout')" = anew ]
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

@test "volumes by name, :ro and :Z; a root and a /dev/shm that cannot grow; a file system in memory" {
	[ "$(small -v store:/v localhost/small sh -c 'echo kept >/v/file; cat /v/file')" = kept ]
	[ "$(small -v store:/v:Z localhost/small cat /v/file)" = kept ]
	run ! small -v store:/v:ro localhost/small touch /v/other
	[ "$(small -v store:/v localhost/small ls /v)" = file ]
	pod volume rm store
	[ "$(small --mount type=tmpfs,destination=/x localhost/small sh -c 'echo a >/x/a; cat /x/a')" = a ]
	small --shm-size 1m localhost/small df -k /dev/shm | grep -q ' 1024 '
	run -1 small --read-only --read-only-tmpfs=false localhost/small touch /run/new
	[[ $output == *'Read-only file system'* ]]
}

@test "--init reaps; limits of processes, time zones and groups of a user are as they were asked for" {
	[ -n "$(command -v catatonit)" ] || skip 'catatonit is not installed'
	[ "$(small --init localhost/small cat /proc/1/comm)" = podman-init ]
	run -6 small --init localhost/small sh -c 'exit 6'
	small --group-add 5 localhost/small id | grep -q 'groups=.*5'
	small --sysctl net.ipv4.ip_unprivileged_port_start=7 localhost/small cat /proc/sys/net/ipv4/ip_unprivileged_port_start | grep -qx 7
	[ "$(small --add-host far:192.0.2.1 localhost/small grep far /etc/hosts | xargs)" = '192.0.2.1 far' ]
}

@test "what goes beyond the profile is not had: capabilities, --privileged, the host's processes" {
	none='0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000'
	for option in --cap-add=all --privileged; do
		[ "$(small "$option" localhost/small sh -c 'grep ^Cap /proc/self/status | cut -f2' | xargs)" = "$none" ]
	done
	# Of the host's processes none is there, whatever was asked for.
	[ "$(small --pid host localhost/small sh -c 'echo /proc/[0-9]*')" = /proc/1 ]
	run ! small --privileged localhost/small mount -t tmpfs none /mnt
	run ! small --privileged localhost/small mknod /tmp/disk b 8 0
}

@test "healthcheck: its command joins the container, and its end is the answer" {
	begin one --health-cmd 'test -e /tmp/well' --health-interval disable
	run -1 pod healthcheck run one
	pod exec one touch /tmp/well
	pod healthcheck run one
	[ "$(pod inspect -f '{{.State.Healthcheck.Status}}' one)" = healthy ]
}

@test "--cgroups=disabled: no group, and the state says which limits are missing" {
	pod run --detach --name two --network none --cgroups disabled localhost/small sleep 100
	id=$(pod inspect -f '{{.Id}}' two)
	[ -z "$(find /sys/fs/cgroup -name "*$id*")" ]
	inside "$place/bin/zviz" state "$id" | jq -r '.missing[]' | grep -q 'cgroup-manager disabled'
	pod exec two true
	run ! small --cgroups disabled --annotation zviz.io/profile=hostile-tenant localhost/small true
}

@test "pause and unpause" {
	begin one
	pod pause one
	[ "$(pod inspect -f '{{.State.Status}}' one)" = paused ]
	pod unpause one
	[ "$(pod inspect -f '{{.State.Status}}' one)" = running ]
}

@test "stats and logs of one that has ended; annotations and mount contexts of Podman's are taken calmly" {
	pod run --name two --network none --annotation run.oci.keep_original_groups=1 \
		--annotation run.oci.mount_context_type=context localhost/small sh -c 'echo out; echo err >&2; exit 3' || [ $? = 3 ]
	[ "$(pod inspect -f '{{.State.ExitCode}} {{.State.Running}}' two)" = '3 false' ]
	[ "$(pod logs two 2>&1 | sort | xargs)" = 'err out' ]
	# What Podman asks of a runtime at `podman container checkpoint`, where criu is installed.
	run -1 inside "$place/bin/zviz" checkpoint two
	[[ $output == *"unknown command 'checkpoint'"* ]]
}

@test "build: RUN steps run under the profile that --runtime-flag names, and the image is what they made" {
	mkdir "$place/build"
	cat >"$place/build/Containerfile" <<-'END'
	FROM localhost/small
	RUN echo built >/etc/built && mkdir -p /srv/x && chown 33:33 /srv/x
	RUN test "$(id -u)" = 0 && ! mount -t tmpfs none /mnt
	COPY Containerfile /srv/
	USER 33
	RUN touch /srv/x/mine
	CMD ["cat", "/etc/built"]
	END
	profile=$(realpath "$BATS_TEST_DIRNAME/../../deploy/podman/image.yaml")
	pod build --runtime-flag "profile=$profile" --network none -t localhost/built "$place/build"
	[ "$(small localhost/built)" = built ]
	[ "$(small localhost/built stat -c %u /srv/x/mine)" = 33 ]
	# A step that fails says how.
	printf 'FROM localhost/small\nRUN exit 7\n' >"$place/build/Containerfile"
	run ! pod build --runtime-flag "profile=$profile" --network none "$place/build"
	[[ $output == *'exit status 7'* ]]
}

@test "ten at once, and nothing is left" {
	for n in {1..10}; do small localhost/small sh -c "echo $n" >"$place/out$n" & done
	wait
	for n in {1..10}; do [ "$(cat "$place/out$n")" = "$n" ]; done
	run -0 pod ps -aq
	[ -z "$output" ]
}
