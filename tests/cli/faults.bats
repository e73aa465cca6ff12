# A failure at each step of the launch, and the death of the process that runs it: the workload never runs, the
# step is named, and nothing is left behind. zviz-faults is zviz built with -DZVIZ_FAULTS.

bats_require_minimum_version 1.5.0
load small

setup() {
	top=$BATS_TEST_DIRNAME/../..
	faults=${FAULTS:-$(dirname "${ZVIZ:-$top/build/release/src/cli/zviz}")/../../tests/cli/zviz-faults}
	zviz=${ZVIZ:-$top/build/release/src/cli/zviz}
	# Not below bats' own folder, which an ordinary user may not enter.
	place=$(mktemp -d)
	mkdir "$place/work" "$place/home"
	cp "$faults" "$place/faults"
	cp "$zviz" "$place/zviz"
	cd "$place/work"
	id=fault-$BATS_TEST_NUMBER-$$
	become=()
}

teardown() {
	cd /
	rm -rf "$place"
}

steps() { # the rows of the table, as the program itself lists them: "STEP ACTOR", each once
	"$place/zviz" --root "$place/home/state" run --timings "$@" 2>&1 >/dev/null |
		awk '$3 == "at" && !seen[$1]++ {print $1, $2}'
}

make_bundle() {
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/work"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/busybox"
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/busybox", "touch", "/work/ran"], "user": {"uid": 0, "gid": 0},
	             "oomScoreAdj": 500, "scheduler": {"policy": "SCHED_BATCH", "nice": 1}},
	 "mounts": [{"destination": "/proc", "type": "proc"},
	            {"destination": "/work", "type": "bind", "source": "$place/work", "options": ["rbind"]}],
	 "linux": {"namespaces": [$([ ! -e /proc/self/ns/time ] || echo '{"type": "time"}')], "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}
	END
}

nothing_left() {
	for _ in $(seq 100); do
		[ -z "$(pgrep -f "$place/faults")" ] && break
		sleep 0.02
	done
	[ -z "$(pgrep -f "$place/faults")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-$id" 2>/dev/null)" ]
	if grep -q "$place" /proc/self/mountinfo; then false; fi
}

# inject STEP ACTOR RUN-ARGUMENTS…
inject() {
	local step=$1 actor=$2 status=0
	shift 2
	rm -f "$place/work/ran"
	ZVIZ_FAULT=$step timeout 20 ${become[@]+"${become[@]}"} "$place/faults" --root "$place/home/state" run \
		"$@" >"$place/home/out" 2>&1 || status=$?
	if [ "$status" != 1 ] || [ -e "$place/work/ran" ] || ! grep -q "^zviz: $step: injected fault" "$place/home/out"; then
		echo "$step: status $status, said: $(cat "$place/home/out")"
		return 1
	fi
	[ -z "$(ls -A "$place/home/state")" ] || { echo "$step: state is left"; return 1; }
	nothing_left || { echo "$step: something is left"; return 1; }

	# The same with the death of whoever runs the step.
	status=0
	ZVIZ_FAULT=$step:kill timeout 20 ${become[@]+"${become[@]}"} "$place/faults" --root "$place/home/state" run \
		"$@" >"$place/home/out" 2>&1 || status=$?
	if [ "$status" = 0 ] || [ -e "$place/work/ran" ]; then
		echo "$step: killed, yet status $status and $(ls "$place/work")"
		return 1
	fi
	if [ "$actor" = host ]; then
		[ "$status" = 137 ] || { echo "$step: status $status"; return 1; }
		# Before anything was claimed there is nothing to delete.
		[ -z "$(ls -A "$place/home/state")" ] ||
			${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" delete --force "$id"
	fi
	[ -z "$(ls -A "$place/home/state")" ] || { echo "$step: killed, state is left"; return 1; }
	nothing_left || { echo "$step: killed, something is left"; return 1; }
}

each_step() { # RUN-ARGUMENTS…
	local rows step actor n=0
	rows=$(steps "$@")
	rm -f "$place/work/ran"
	while read -r step actor; do
		inject "$step" "$actor" "$@"
		n=$((n + 1))
	done <<<"$rows"
	echo "$n steps"
	[ "$n" -ge 24 ]
}

detached() { # what follows starts it so
	steps() {
		"$place/zviz" --root "$place/home/state" run --timings "$@" 2>&1 >/dev/null |
			awk '$3 == "at" && !seen[$1]++ {print $1, $2}'
		echo state.hold broker
	}
	inject() {
		local step=$1 actor=$2 status=0
		shift 2
		case $step in exec | init.fork) return ;; esac # nobody waits for those any more
		for fault in "$step" "$step:kill"; do
			rm -f "$place/work/ran"
			status=0
			ZVIZ_FAULT=$fault timeout 20 "$place/faults" --root "$place/home/state" run --detach "$@" \
				>"$place/home/out" 2>&1 || status=$?
			if [ "$status" = 0 ] || [ -e "$place/work/ran" ]; then
				echo "$fault: status $status, said: $(cat "$place/home/out")"
				return 1
			fi
			[ "$fault" != "$step:kill" ] || [ "$actor" != host ] || [ -z "$(ls -A "$place/home/state")" ] ||
				"$place/zviz" --root "$place/home/state" delete --force "$id"
			[ -z "$(ls -A "$place/home/state")" ] || { echo "$fault: state is left"; return 1; }
			nothing_left || { echo "$fault: something is left"; return 1; }
		done
	}
}

@test "each step of the direct form, as root" {
	[ "$(id -u)" = 0 ] || skip 'root alone has the launcher open host paths'
	each_step "$id" touch /work/ran
}

@test "each step with every row wanted: brokered opens and events" {
	[ "$(id -u)" = 0 ] || skip 'root alone has the launcher open host paths'
	each_step --events "$place/home/events" "$id" touch /work/ran
}

@test "each step where the command is asked about" {
	[ "$(id -u)" = 0 ] || skip 'root alone has the launcher open host paths'
	printf 'zviz: 1\nname: careful\nextends: ci-runner\nask: {execute: [/usr/bin/id]}\n' >"$place/home/ask.yaml"
	each_step --profile "$place/home/ask.yaml" "$id" touch /work/ran
	steps --profile "$place/home/ask.yaml" "$id" true | grep -qx 'starter.make host'
}

@test "each step of a bundle, as root" {
	[ "$(id -u)" = 0 ] || skip 'the files of this bundle are shown with other ids'
	make_bundle
	each_step --bundle "$place/bundle" "$id"
}

@test "each step of a bundle with namespaces by path, and a setting of one" {
	[ "$(id -u)" = 0 ] || skip 'to join what others have made takes root'
	unshare --ipc --uts sleep 250 3>&- &
	pod=$!
	for _ in $(seq 200); do
		[ "$(cat "/proc/$pod/comm")" != sleep ] || break
		sleep 0.05
	done
	mkdir -p "$place/bundle/rootfs/bin" "$place/bundle/rootfs/work"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/busybox"
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/busybox", "touch", "/work/ran"], "user": {"uid": 0, "gid": 0},
	             "oomScoreAdj": 500, "scheduler": {"policy": "SCHED_BATCH", "nice": 1}},
	 "mounts": [{"destination": "/proc", "type": "proc"},
	            {"destination": "/work", "type": "bind", "source": "$place/work", "options": ["rbind"]}],
	 "linux": {"namespaces": [{"type": "ipc", "path": "/proc/$pod/ns/ipc"}, {"type": "uts", "path": "/proc/$pod/ns/uts"}],
	           "sysctl": {"kernel.shmmni": "99"}}}
	END
	rows=$(steps --bundle "$place/bundle" "$id")
	[[ "$rows" == *"given.open host"* && "$rows" == *"sysctl.given host"* ]]
	run -0 each_step --bundle "$place/bundle" "$id"
	kill "$pod"
}

@test "each step of a bundle that shares a pid namespace, attached and detached" {
	[ "$(id -u)" = 0 ] || skip 'to join what others have made takes root'
	hold_processes
	make_bundle
	jq --arg path "/proc/$held/ns/pid" '.linux.namespaces = [{type: "pid", path: $path}]' "$place/bundle/config.json" >"$place/bundle/next"
	mv "$place/bundle/next" "$place/bundle/config.json"
	rows=$(steps --bundle "$place/bundle" "$id")
	[[ "$rows" == *"given.open host"* && "$rows" == *"guard.make host"* ]]
	run -0 each_step --bundle "$place/bundle" "$id"
	detached
	run -0 each_step --bundle "$place/bundle" "$id"
	kill -0 "$held"
	kill -KILL "$holder"
}

@test "each step of the direct form, as an ordinary user" {
	if [ "$(id -u)" = 0 ]; then
		chmod 755 "$place"
		chown -R 61500:61500 "$place/work" "$place/home"
		become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
	fi
	steps() {
		"${become[@]}" "$place/zviz" --root "$place/home/state" run --timings "$@" 2>&1 >/dev/null |
			awk '$3 == "at" && !seen[$1]++ {print $1, $2}'
	}
	each_step "$id" touch /work/ran
}

# A container that outlives its launcher depends on it until its last steps.
@test "each step of a detached container, as root" {
	[ "$(id -u)" = 0 ] || skip 'root alone has the launcher open host paths'
	detached
	each_step "$id" touch /work/ran
}

# The rows up to start.wait are create's, the others start's.
@test "each step of a container that is created and then started, as root" {
	[ "$(id -u)" = 0 ] || skip 'the files of this bundle are shown with other ids'
	make_bundle
	steps() {
		"$place/zviz" --root "$place/home/state" run --timings "$@" 2>&1 >/dev/null |
			awk '$3 == "at" && !seen[$1]++ {print $1, $2}'
		printf '%s\n' 'state.hold broker' 'start.wait init'
	}
	two_steps() { # FAULT: what create and start answer, as "CREATE START"
		rm -f "$place/work/ran" "$place/pid"
		local made=0 started=-
		ZVIZ_FAULT=$1 timeout 20 "$place/faults" --root "$place/home/state" create --pid-file "$place/pid" \
			--bundle "$place/bundle" "$id" >"$place/home/out" 2>&1 </dev/null 3>&- || made=$?
		if [ "$made" = 0 ]; then
			started=0
			timeout 20 "$place/zviz" --root "$place/home/state" start "$id" >"$place/home/out" 2>&1 || started=$?
		fi
		echo "$made $started"
	}
	inject() {
		local step=$1 actor=$2 got
		for fault in "$step" "$step:kill"; do
			got=$(two_steps "$fault")
			case $step in
			exec | seccomp.*) # the container ends without having begun
				[ "$got" = '0 1' ] || [ "$got/$fault" = '0 0/exec:kill' ] ||
					{ echo "$fault: $got, $(cat "$place/home/out")"; return 1; }
				[ "$fault" != "$step" ] || grep -q "^zviz: $step: injected fault" "$place/home/out"
				for _ in {1..100}; do
					! "$place/zviz" --root "$place/home/state" state "$id" | grep -q stopped || break
					sleep 0.02
				done
				"$place/zviz" --root "$place/home/state" state "$id" | grep -q stopped
				"$place/zviz" --root "$place/home/state" delete "$id"
				;;
			*)
				[[ $got =~ ^(1|137)\ -$ ]] || { echo "$fault: $got, $(cat "$place/home/out")"; return 1; }
				[ ! -e "$place/pid" ]
				[ "$fault" = "$step:kill" ] || grep -q "^zviz: $step: injected fault" "$place/home/out"
				# What a killed launcher left is created anew, or deleted.
				if [ "$actor/$fault" = "host/$step:kill" ] && [ -n "$(ls -A "$place/home/state")" ]; then
					"$place/zviz" --root "$place/home/state" create --bundle "$place/bundle" "$id" </dev/null >/dev/null 3>&-
					"$place/zviz" --root "$place/home/state" delete "$id"
				fi
				;;
			esac
			[ ! -e "$place/work/ran" ] || { echo "$fault: it ran"; return 1; }
			[ -z "$(ls -A "$place/home/state")" ] || { echo "$fault: state is left"; return 1; }
			nothing_left || { echo "$fault: something is left"; return 1; }
		done
	}
	each_step --bundle "$place/bundle" "$id"
}

@test "each step without namespaces" {
	unshare --user --map-root-user true || skip 'no user namespace can be made here'
	"$place/zviz" check | grep -q 'ABI \([6-9]\|[1-9][0-9]\):' || skip 'Landlock keeps no signals apart here'
	printf 'zviz: 1\nname: bare\nextends: ci-runner\nrequirements: {user_namespace: preferred}\n' >"$place/home/bare.yaml"
	for program in zviz faults; do
		mv "$place/$program" "$place/$program.inner"
		cat >"$place/$program" <<-END
		#!/bin/sh
		exec unshare --user --map-root-user --mount --pid --fork --mount-proc sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "\$@"' - \\
			setpriv --bounding-set=-all --inh-caps=-all --securebits=+noroot,+noroot_locked "$place/$program.inner" "\$@"
		END
		chmod 755 "$place/$program"
	done
	rows=$(steps --profile "$place/home/bare.yaml" "$id" true)
	for step in plain.check domain.enter guard.make session.begin orphans.take; do
		[[ "$rows" == *"$step "* ]]
	done
	run -0 each_step --profile "$place/home/bare.yaml" "$id" touch ran
}
