# A pid namespace by path: the container sees who is in it, and ends as one that has its own, with its broker and with its first process.

bats_require_minimum_version 1.5.0
load small

setup() {
	[ "$(id -u)" = 0 ] || skip 'to join what others have made takes root'
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	cp "$zviz" "$place/zviz"
	mkdir "$place/state"
	id=shared-$BATS_TEST_NUMBER-$$
	sleeper "$place/pod"
	"$place/zviz" --root "$place/state" run --init --detach --bundle "$place/pod" "pod-$id" sleep 600 </dev/null >"$place/said" 2>&1 3>&-
	pod=$(zviz state "pod-$id" | jq .pid)
	small_root "$place/app/rootfs" cat grep id kill ls ps readlink sh sleep tr true wc
	bundle "/proc/$pod/ns/pid"
}

teardown() {
	cd /
	[ -n "${place:-}" ] || return 0
	zviz delete --force "$id" 2>/dev/null || true # most tests leave none
	zviz delete --force "pod-$id" 2>/dev/null || true # one ends it
	[ -z "${other:-}" ] || kill -9 "$other" 2>/dev/null || true # ended already
	[ -z "${holder:-}" ] || kill -9 "$holder" 2>/dev/null || true # likewise
	local left
	left=$(nothing_left "$id" 2>&1) || { echo "left: $left" && return 1; }
	rm -rf "$place"
}

zviz() { "$place/zviz" --root "$place/state" "$@"; }

bundle() { # PATH [MORE]: its pid namespace, and MORE members of `linux`
	cat >"$place/app/config.json" <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["sh"], "env": ["PATH=/bin"], "user": {"uid": ${uid:-0}, "gid": ${uid:-0}}},
	 "mounts": [{"destination": "/proc", "type": "proc"}],
	 "linux": {"namespaces": [{"type": "pid", "path": "$1"}, {"type": "mount"}, {"type": "network"}]${2:+, $2}}}
	END
}

inside() { # [OPTIONS…] -- COMMAND…
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	zviz run ${options[@]+"${options[@]}"} --bundle "$place/app" "$id" "$@"
}

beside() { # COMMAND…: the same, and it goes on
	inside --detach -- "$@" </dev/null >"$place/said" 2>&1 3>&-
	first=$(zviz state "$id" | jq .pid)
}

# Broker and guards, in the order of their birth.
keepers() { pgrep -f "$place/zviz .*--bundle $place/app"; }

members() { # of its groups, whoever is only still to be waited for not among them
	find /sys/fs/cgroup -path "*zviz-$1/cgroup.procs" -exec cat {} + 2>/dev/null | sort -u | while read -r pid; do
		grep -qs '^State:.*Z' "/proc/$pid/status" || echo "$pid"
	done
}

ended() { # within five seconds: nobody is in its groups, and nobody stands guard
	for _ in {1..250}; do
		[ -n "$(members "$id")$(keepers)" ] || return 0
		sleep 0.02
	done
	echo "members: $(members "$id"); keepers: $(keepers)"
	return 1
}

nothing_left() {
	for _ in {1..100}; do
		[ -n "$(pgrep -f "$place/zviz")" ] || break
		sleep 0.05
	done
	pgrep -af "$place/zviz" && return 1
	[ -z "$(find /sys/fs/cgroup -name "zviz-*$1*" 2>/dev/null)" ]
}

@test "it is in that namespace, sees whom it shares it with, and neither broker nor guards" {
	run -0 inside -- readlink /proc/self/ns/pid
	[ "$output" = "$(readlink "/proc/$pod/ns/pid")" ]
	for kind in user mnt ipc cgroup; do
		run -0 inside -- readlink "/proc/self/ns/$kind"
		[ "$output" != "$(readlink "/proc/$pod/ns/$kind")" ]
	done
	beside sh -c 'sleep 601 & exec sleep 602'
	[ "$(keepers | wc -l)" = 3 ]
	run -0 zviz exec "$id" sh -c 'for at in /proc/[0-9]*; do tr "\0" " " <$at/cmdline; echo; done'
	[[ $output == *'sleep 600 '*'sleep 602 '*'sleep 601 '* ]]
	[[ $output != *--bundle*/app* ]]
	# The broker stands above, where the pod's own does.
	broker=$(keepers | head -1)
	[ "$(readlink "/proc/$broker/ns/pid")" = "$(readlink "/proc/$(pgrep -f "$place/zviz .*--bundle $place/pod" | head -1)/ns/pid")" ]
	run -0 zviz ps --format json "$id"
	[ "$(jq length <<<"$output")" = 2 ]
	run -0 zviz state "$id"
	[ "$(jq -r .status <<<"$output")" = running ]
}

@test "opens that the broker makes: /proc/self is whoever asks, and what is hidden stays so" {
	printf 'zviz: 1\nname: hiding\nextends: ci-runner\nfilesystem: {hide: [/etc/secret]}\n' >"$place/hiding.yaml"
	mkdir -p "$place/app/rootfs/etc"
	echo hush >"$place/app/rootfs/etc/secret"
	run -0 zviz --verbose --profile "$place/hiding.yaml" run --bundle "$place/app" "$id" \
		sh -c 'read -r own _ </proc/self/stat; [ "$own" = $$ ] && echo same; cat /etc/secret; echo x >/etc/new; [ "$(cat /proc/self/comm)" = cat ] && echo itself'
	[[ $output == *same*itself* ]]
	[[ $output != *hush* ]]
	[[ $output == *'"/etc/new"'*'refused with EROFS'* ]]
}

@test "containers of one pod have the same ids of users, and can signal each other; none can look into the other" {
	run -0 inside -- cat /proc/self/uid_map
	[ "$output" = "$(cat "/proc/$pod/uid_map")" ]
	# Groups are its own: the kernel wants both to be the same for all but signals.
	run -0 inside -- cat /proc/self/gid_map
	[ "$output" != "$(cat "/proc/$pod/gid_map")" ]
	run -0 inside -- sh -c 'kill -0 1 && echo signalled
		for at in /proc/[0-9]*; do
			[ $at != /proc/$$ ] || continue
			echo "look at $at"
			for file in mem environ exe maps auxv; do cat $at/$file >/dev/null && echo "GOT $at/$file"; done
			for folder in root cwd; do ls $at/$folder/ >/dev/null && echo "GOT $at/$folder"; done
			for link in exe root cwd fd/0 fd/1; do readlink $at/$link && echo "GOT the name of $at/$link"; done
		done; echo end'
	[ "$(grep -c '^look at' <<<"$output")" = 2 ] # the one that reaps, and its command
	[[ $output == *signalled*end* ]]
	if grep GOT <<<"$output"; then false; fi
}

@test "in a namespace of the host's user namespace it has ids of its own, and reaches nobody" {
	hold_processes
	bundle "/proc/$held/ns/pid"
	run -1 inside -- kill -0 1
	[[ $output == *'Operation not permitted'* ]]
	run -0 inside -- cat /proc/self/uid_map
	[[ $output != *' 0 '*' 0 '* ]]
	[ "$output" != "$(cat "/proc/$pod/uid_map")" ]
	# Its broker is in the host's then. It sees nobody whom it may not trace.
	beside sh -c 'exec sleep 603'
	[ "$(readlink "/proc/$(keepers | head -1)/ns/pid")" = "$(readlink /proc/self/ns/pid)" ]
	kill -9 "$(keepers | head -1)"
	ended
	zviz delete "$id"
	kill -0 "$held"
}

held() { # STEP COMMAND…: zviz-faults does that, and its first or joining process waits at STEP for ever; its number inside is printed
	local before now
	before=$(zviz exec "pod-$id" sh -c 'echo /proc/[0-9]*')
	ZVIZ_FAULT=$1:wait "$place/faults" --root "$place/state" "${@:2}" </dev/null >"$place/held" 2>&1 3>&- &
	for _ in {1..200}; do
		now=$(zviz exec "pod-$id" sh -c 'for at in /proc/[0-9]*; do [ -e $at/cmdline ] && readlink /proc/self >/dev/null; case " '"$before"' " in *" $at "*) ;; *) [ $at = /proc/$$ ] || echo ${at#/proc/} ;; esac; done')
		[ -z "$now" ] || break
		sleep 0.02
	done
	sleep 0.2
	tail -1 <<<"$now"
}

@test "while it is made, its neighbours see no command line, no network of the host's, and reach nothing of it" {
	cp "$(dirname "$zviz")/../../tests/cli/zviz-faults" "$place/faults"
	for step in cgroup.enter rootfs.build rootfs.pivot landlock.enter; do
		made=$(held $step run --env SECRET=hush --bundle "$place/app" "$id" sleep 602)
		[ -n "$made" ]
		run -0 zviz exec "pod-$id" sh -c 'cd /proc/'"$made"' || exit
			cat cmdline net/dev net/unix; for file in environ mem maps; do cat $file && echo GOT $file; done
			for link in exe root cwd fd/3; do readlink $link && echo GOT $link; done; echo looked'
		[[ $output == *looked ]]
		if grep -E 'hush|GOT|eth|/' <<<"$(grep -v "^cat: \|^sh: " <<<"$output")"; then echo "$step"; false; fi
		pkill -9 --oldest -f "$place/faults" # its launcher
		ended
		zviz delete --force "$id"
	done
	# Who joins, likewise.
	beside sleep 602
	made=$(held limits.set exec --env TOKEN=hush "$id" sleep 604)
	[ -n "$made" ]
	run -0 zviz exec "$id" sh -c 'cat /proc/'"$made"'/cmdline; echo looked'
	[[ $output == *looked && $output != *hush* ]]
	pkill -9 --oldest -f "$place/faults"
	zviz delete --force "$id"
}

@test "the process by whose number the namespace was named may end" {
	zviz exec "pod-$id" sleep 606 </dev/null >/dev/null 2>&1 3>&- &
	for _ in {1..200}; do
		named=$(pgrep -x -f 'sleep 606' -u "$(stat -c %u "/proc/$pod")" | head -1) && break
		sleep 0.02
	done
	bundle "/proc/$named/ns/pid"
	beside sleep 602
	kill -9 "$named"
	run -0 zviz exec "$id" sh -c 'echo in'
	[ "$output" = in ]
	zviz explain "$id" openat /etc/passwd >/dev/null
}

@test "of a user's own namespace it takes no ids" {
	setpriv --reuid 61500 --regid 61500 --clear-groups unshare --user --map-root-user --pid --fork unshare --pid --fork sleep 607 3>&- &
	other=$!
	for _ in {1..200}; do
		held=$(pgrep -x -f 'sleep 607') && break
		sleep 0.02
	done
	bundle "/proc/$held/ns/pid"
	run -0 inside -- cat /proc/self/uid_map
	[[ $output != *61500* ]]
	kill -9 "$held"
}

@test "why a command cannot be is said at a terminal as well" {
	jq '.process.terminal = true | .process.args = ["/bin/nothere"] | .mounts += [{"destination": "/dev/pts", "type": "devpts"}]' "$place/app/config.json" >"$place/app/next"
	mv "$place/app/next" "$place/app/config.json"
	for _ in {1..8}; do
		run -1 script --quiet --return --command "$place/zviz --root $place/state run --bundle $place/app $id" /dev/null
		grep -q 'exec: "/bin/nothere": no such file or directory' <<<"$output" || { echo "$output"; return 1; }
	done
}

@test "it ends with its broker, and with either guard, by whatever signal; the pod goes on" {
	for which in 1 2 3; do
		beside sh -c 'sleep 601 & (sleep 601 &) & exec sleep 602'
		kill -9 "$(keepers | sed -n "${which}p")"
		ended
		run -0 zviz state "$id"
		[ "$(jq -r '.status, .pid' <<<"$output")" = $'stopped\n0' ]
		zviz delete "$id"
	done
	[ "$(zviz state "pod-$id" | jq -r .status)" = running ]
}

@test "it ends with its first process: what that leaves behind, and who has joined" {
	beside sh -c 'sleep 601 & (sleep 601 &) & exec sleep 602'
	zviz exec "$id" sleep 604 3>&- &
	joined=$!
	for _ in {1..200}; do
		[ "$(members "$id" | wc -l)" != 4 ] || break
		sleep 0.02
	done
	[ "$(members "$id" | wc -l)" = 4 ]
	zviz kill "$id" KILL
	ended
	code=0
	wait "$joined" || code=$?
	[ "$code" = 137 ]
	zviz delete "$id"
	# Attached, with an exit code of its own; so it is with a first process that reaps.
	for init in --init --no-init; do
		[ "$init" = --init ] || init=
		run -7 inside $init -- sh -c '(sleep 601 &) & sleep 601 & exit 7'
		[ -z "$(members "$id")" ]
		[ -z "$(keepers)" ]
	done
	run -0 inside --keep -- sh -c 'sleep 601 & exit 0'
	[ -z "$(members "$id")" ]
	zviz delete "$id"
}

@test "nobody forks faster than it is ended" {
	cat >"$place/app/rootfs/bin/breed" <<-'END'
	#!/bin/sh
	# Each makes two and ends.
	$0 & $0 &
	END
	chmod 755 "$place/app/rootfs/bin/breed"
	for victim in first broker; do
		beside sh -c 'breed 2>/dev/null & exec sleep 602'
		sleep 0.5
		if [ $victim = first ]; then kill -9 "$first"; else kill -9 "$(keepers | head -1)"; fi
		ended
		zviz delete "$id"
	done
}

@test "attached: its launcher's death ends it, and a keeper's is told" {
	inside -- sh -c 'sleep 601 & exec sleep 602' 3>&- &
	launcher=$!
	for _ in {1..200}; do
		[ "$(members "$id" | wc -l)" != 2 ] || break
		sleep 0.02
	done
	kill -9 "$(keepers | head -1)"
	wait "$launcher" || true # killed
	ended
	zviz delete --force "$id"
	told() { # WHICH TEXT: keepers() lists the launcher first
		inside -- sh -c 'sleep 601 & exec sleep 602' >"$place/told" 2>&1 3>&- &
		launcher=$!
		for _ in {1..200}; do
			[ "$(keepers | wc -l)/$(members "$id" | wc -l)" != 4/2 ] || break
			sleep 0.02
		done
		kill -9 "$(keepers | sed -n "$1p")"
		code=0
		wait "$launcher" || code=$?
		[ "$code" = 1 ] || { echo "$code: $(cat "$place/told")"; return 1; }
		grep -q "$2" "$place/told" || { cat "$place/told"; return 1; }
		ended
	}
	told 2 'the broker was killed by signal 9'
	told 3 'a guard of its shared pid namespace was killed, and the container with it'
	told 4 'a guard of its shared pid namespace was killed, and the container with it'
	[ "$(ls "$place/state")" = "pod-$id" ]
}

@test "it ends with the pod" {
	beside sh -c 'sleep 601 & exec sleep 602'
	zviz delete --force "pod-$id"
	ended
	[ "$(zviz state "$id" | jq -r .status)" = stopped ]
	zviz delete "$id"
}

@test "created, started, killed as a whole, deleted by force" {
	zviz create --bundle "$place/app" --pid-file "$place/pid" "$id" </dev/null >"$place/said" 2>&1 3>&-
	[ "$(keepers | wc -l)" = 3 ]
	zviz delete "$id"
	ended
	jq '.process.args = ["sh", "-c", "trap : TERM; (sleep 601 &) & sleep 605"]' "$place/app/config.json" >"$place/app/next"
	mv "$place/app/next" "$place/app/config.json"
	zviz create --bundle "$place/app" "$id" </dev/null >"$place/said" 2>&1 3>&-
	zviz start "$id"
	for _ in {1..200}; do
		[ "$(members "$id" | wc -l)" != 3 ] || break
		sleep 0.02
	done
	run -1 zviz delete "$id"
	zviz kill --all "$id" KILL
	ended
	zviz delete "$id"
	beside sh -c 'sleep 601 & exec sleep 602'
	zviz delete --force "$id"
	ended
}

@test "the guards have nothing of the caller's open, and may do nothing but signal" {
	beside sleep 602
	for guard in $(keepers | tail -2); do
		[ "$(awk '/^CapPrm|^CapEff/ {print $2}' "/proc/$guard/status" | sort -u)" = 0000000000000020 ]
		grep -q '^NoNewPrivs:.1' "/proc/$guard/status"
		[ "$(readlink "/proc/$guard/cwd")" = / ]
		if ls -l "/proc/$guard/fd" | grep -E "pipe:|/dev/|$place"; then false; fi
	done
}

@test "who loses a parent comes to a first process that reaps" {
	jq '.mounts += [{"destination": "/tmp", "type": "tmpfs"}]' "$place/app/config.json" >"$place/app/next"
	mv "$place/app/next" "$place/app/config.json"
	run -1 inside --init -- sh -c '(sleep 0.5 & echo $! >/tmp/pid); read -r pid </tmp/pid; grep PPid "/proc/$pid/status"; echo "own $PPID"; sleep 1; ls -d "/proc/$pid" 2>&1'
	[[ $output =~ PPid:.([0-9]+).own\ ([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
	[[ $output == *'No such file'* ]]
}

@test "what it cannot be is refused, with its place, and nothing is left" {
	refused() { # PATH TEXT…
		bundle "$1"
		shift
		run -1 inside -- true
		for text in 'config.json: linux.namespaces[0].path' "$@"; do
			[[ $output == *"$text"* ]] || { echo "no '$text' in: $output"; return 1; }
		done
		[ "$(ls "$place/state")" = "pod-$id" ]
	}
	refused /proc/self/ns/pid 'the pid namespace zviz itself is in' 'leave the path out'
	refused "/proc/$pod/ns/ipc" 'of type ipc, not pid'
	refused /proc/999999999/ns/pid 'may have ended'
	# One above zviz's own.
	mkdir "$place/above"
	touch "$place/above/pid"
	bundle "$place/above/pid"
	run -1 unshare --mount --pid --fork sh -c 'mount --bind "/proc/$1/ns/pid" "$2/above/pid"
		mount -t proc proc /proc
		"$2/zviz" --root "$2/state" run --bundle "$2/app" "$3" true' - $$ "$place" "$id"
	[[ $output == *'linux.namespaces[0].path'*'what is above that pid namespace'*'below the one zviz itself is in'* ]]
	# One whose processes are all gone takes no new ones.
	hold_processes
	touch "$place/above/gone"
	mount --bind "/proc/$held/ns/pid" "$place/above/gone"
	kill -9 "$held"
	bundle "$place/above/gone"
	run -1 inside -- true
	umount "$place/above/gone"
	echo "$output"
	[[ $output == *'zviz: '* ]]
	# There has to be something to end it by.
	bundle "/proc/$pod/ns/pid"
	run -1 zviz --cgroup-manager disabled run --bundle "$place/app" "$id" true
	[[ $output == *'linux.namespaces[0].path: a pid namespace is shared only by a container that has a control group'* ]]
	[ "$(ls "$place/state")" = "pod-$id" ]
}

@test "explain says what is shared and who ends it" {
	run -0 zviz explain --bundle "$place/app" "$id"
	[[ $output == *"shared: pid = /proc/$pod/ns/pid (ended by its group; two guards see to that)"* ]]
}
