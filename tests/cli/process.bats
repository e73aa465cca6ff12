# What config.json asks for the process itself beyond its limits: scheduler, io priority, personality, where an exec'd process
# runs, and what its clocks show.

bats_require_minimum_version 1.5.0
load small

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	small_root "$place/bundle/rootfs" awk cat date grep sh sleep readlink true uname
	chmod -R a+rX "$place"
	id=process-$BATS_TEST_NUMBER-$$
}

teardown() {
	"$zviz" --root "$place/state" delete --force "$id" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
}

# bundle PROCESS LINUX: a bundle with these further members of each ("" for none)
bundle() {
	cat >"$place/bundle/config.json" <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sh"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}${1:+, $1}},
	 "mounts": [{"destination": "/proc", "type": "proc"}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}${3:+, $3}]${2:+, $2}}}
	END
}

inside() { "$zviz" --root "$place/state" --profile development run --bundle "$place/bundle" "$id" "$@"; }
begin() { "$zviz" --root "$place/state" --profile development run --detach --bundle "$place/bundle" "$id" sleep 300 >/dev/null 2>&1; }

# Field 41 of /proc/PID/stat is the policy, 19 the nice value (proc(5)); the name of a shell has no space.
policy() { "$@" awk '{print $41, $19}' /proc/self/stat; }

@test "scheduler: policy and nice value, of the first process and of one that joins" {
	bundle '"scheduler": {"policy": "SCHED_BATCH", "nice": 7}'
	[ "$(policy inside)" = '3 7' ]
	bundle '"scheduler": {"policy": "SCHED_IDLE"}'
	[ "$(policy inside | cut -d' ' -f1)" = 5 ]
	bundle '"scheduler": {"policy": "SCHED_OTHER", "nice": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	[ "$(policy inside)" = '0 3' ]
	run -0 "$zviz" --profile development explain --bundle "$place/bundle" "$id"
	[[ $output == *'scheduler: SCHED_OTHER, nice 3, priority 0'* ]]
	begin
	[ "$(policy "$zviz" --root "$place/state" exec "$id")" = '0 3' ]
	# One that brings a process of its own brings all of it.
	cat >"$place/process.json" <<-END
	{"cwd": "/", "args": ["awk", "{print \$41, \$19}", "/proc/self/stat"], "env": ["PATH=/bin"],
	 "user": {"uid": 0, "gid": 0}, "scheduler": {"policy": "SCHED_BATCH", "nice": 9}}
	END
	[ "$("$zviz" --root "$place/state" exec --process "$place/process.json" "$id")" = '3 9' ]
}

@test "scheduler: what takes a capability of the host is refused, and says so" {
	for policy in '"SCHED_FIFO", "priority": 10' '"SCHED_RR", "priority": 1' \
		'"SCHED_DEADLINE", "runtime": 1000000, "deadline": 10000000, "period": 10000000'; do
		bundle '"scheduler": {"policy": '"$policy"'}'
		run -1 inside true
		[[ $output == *schedule.set*'process.scheduler: Operation not permitted'*CAP_SYS_NICE* ]]
	done
	[ -z "$(ls -A "$place/state")" ]
}

@test "scheduler, ioPriority, execCPUAffinity: bad values are errors with their place" {
	for bad in '"scheduler": {"policy": "SCHED_NONE"}|process.scheduler.policy' '"scheduler": {"nice": 1}|process.scheduler' \
		'"scheduler": {"policy": "SCHED_OTHER", "nice": 20}|process.scheduler.nice' \
		'"scheduler": {"policy": "SCHED_OTHER", "flags": ["X"]}|process.scheduler.flags[0]' \
		'"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}|process.ioPriority.priority' \
		'"ioPriority": {"class": "BE", "priority": 1}|process.ioPriority.class' \
		'"execCPUAffinity": {"final": "0-x"}|process.execCPUAffinity.final'; do
		bundle "${bad%|*}"
		run -1 inside true
		[[ $output == *"config.json: ${bad#*|}"* ]] || { echo "$bad: $output"; return 1; }
	done
	[ -z "$(ls -A "$place/state" 2>/dev/null)" ]
}

@test "ioPriority: the class and level that the kernel then reports" {
	command -v ionice >/dev/null || skip 'ionice is not installed'
	bundle '"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6}'
	begin
	[ "$(ionice -p "$("$zviz" --root "$place/state" state "$id" | jq .pid)")" = 'best-effort: prio 6' ]
	"$zviz" --root "$place/state" delete --force "$id"
	bundle '"ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 0}'
	begin
	[ "$(ionice -p "$("$zviz" --root "$place/state" state "$id" | jq .pid)")" = idle ]
}

@test "personality: a machine of 32 bits" {
	[ "$(uname -m)" = x86_64 ] || skip 'what uname answers then, is known of x86_64'
	bundle '' '"personality": {"domain": "LINUX32"}'
	[ "$(inside uname -m)" = i686 ]
	bundle '' '"personality": {"domain": "LINUX"}'
	[ "$(inside uname -m)" = x86_64 ]
}

@test "execCPUAffinity: where a process that joins runs" {
	local most first
	first=$(awk '/^Cpus_allowed_list:/ {print $2}' /proc/self/status)
	first=${first%%[,-]*}
	bundle
	begin
	most=$("$zviz" --root "$place/state" exec "$id" grep Cpus_allowed_list /proc/self/status)
	for affinity in "{\"initial\": \"$first\", \"final\": \"$first\"}|$first" "{\"initial\": \"$first\"}|${most##*[[:space:]]}" "{\"final\": \"$first\"}|$first"; do
		cat >"$place/process.json" <<-END
		{"cwd": "/", "args": ["grep", "Cpus_allowed_list", "/proc/self/status"], "env": ["PATH=/bin"],
		 "user": {"uid": 0, "gid": 0}, "execCPUAffinity": ${affinity%|*}}
		END
		run -0 "$zviz" --root "$place/state" exec --process "$place/process.json" "$id"
		[ "${output##*[[:space:]]}" = "${affinity#*|}" ] || { echo "$affinity: $output"; return 1; }
	done
	sed -i 's/"final": "[0-9]*"/"final": "8000"/' "$place/process.json"
	run -255 "$zviz" --root "$place/state" exec --process "$place/process.json" "$id"
	[[ $output == *'process.execCPUAffinity.final'* ]]
}

# How many seconds that clock is ahead of the host's; to read both takes some.
ahead() {
	local here
	here=$(awk '{print int($1)}' /proc/uptime)
	echo $(($("$@" awk '{print int($1)}' /proc/uptime) - here))
}
is_ahead() { # SECONDS COMMAND…
	local seconds
	seconds=$(ahead "${@:2}")
	echo "$seconds s ahead"
	[ "$seconds" -ge "$1" ]
	[ "$seconds" -le $(($1 + 100)) ]
}
# Its first process and one that joins are in one time namespace, which is not the host's.
own_clocks() {
	local joined
	joined=$("$zviz" --root "$place/state" exec "$id" readlink /proc/self/ns/time)
	[[ $joined == "time:["*"]" ]]
	[ "$joined" = "$(readlink "/proc/$("$zviz" --root "$place/state" state "$id" | jq .pid)/ns/time")" ]
	[ "$joined" != "$(readlink /proc/self/ns/time)" ]
}

@test "a time namespace of its own: clocks ahead of the host's, for processes that join as well" {
	[ -e /proc/self/ns/time ] || skip 'this kernel has no time namespaces'
	bundle '' '"timeOffsets": {"boottime": {"secs": 1000000, "nanosecs": 5}, "monotonic": {"secs": 100}}' '{"type": "time"}'
	is_ahead 1000000 inside
	run -0 "$zviz" --profile development explain --bundle "$place/bundle" "$id"
	[[ $output == *'clock boottime: 1000000 s and 5 ns ahead'* ]]
	begin
	is_ahead 1000000 "$zviz" --root "$place/state" exec "$id"
	own_clocks
}

@test "a profile that lists a time namespace gets one" {
	[ -e /proc/self/ns/time ] || skip 'this kernel has no time namespaces'
	printf 'zviz: 1\nextends: ci-runner\nnamespaces: [time]\n' >"$place/time.yaml"
	run -0 "$zviz" --root "$place/state" run --profile "$place/time.yaml" "$id" -- readlink /proc/self/ns/time
	[[ $output == "time:["*"]" ]]
	[ "$output" != "$(readlink /proc/self/ns/time)" ]
	"$zviz" --root "$place/state" run --detach --profile "$place/time.yaml" "$id" -- sleep 300 >/dev/null 2>&1
	own_clocks
}

@test "timeOffsets: refused without a time namespace, or where a clock would be negative" {
	bundle '' '"timeOffsets": {"monotonic": {"secs": 1}}'
	run -1 inside true
	[[ $output == *'config.json: linux.timeOffsets: without a time namespace'* ]]
	bundle '' '"timeOffsets": {"boottime": {"nanosecs": 1000000000}}' '{"type": "time"}'
	run -1 inside true
	[[ $output == *'config.json: linux.timeOffsets.boottime.nanosecs'* ]]
	bundle '' '"timeOffsets": {"realtime": {"secs": 1}}' '{"type": "time"}'
	run -1 inside true
	[[ $output == *'config.json: linux.timeOffsets.realtime: no time namespace has a clock of its own of that name'* ]]
	bundle '' '"timeOffsets": {"boottime": {"secs": -1000000000}}' '{"type": "time"}'
	[ ! -e /proc/self/ns/time ] || {
		run -1 inside true
		[[ $output == *clocks.make*linux.timeOffsets.boottime* ]]
	}
	[ -z "$(ls -A "$place/state" 2>/dev/null)" ]
}

@test "an ordinary user's clocks, too" {
	[ "$(id -u)" = 0 ] || skip 'root becomes one here'
	[ -e /proc/self/ns/time ] || skip 'this kernel has no time namespaces'
	bundle '' '"timeOffsets": {"boottime": {"secs": 1000000}}, "uidMappings": [{"containerID": 0, "hostID": 65534, "size": 1}],
		"gidMappings": [{"containerID": 0, "hostID": 65534, "size": 1}]' '{"type": "time"}'
	chown -R 65534:65534 "$place"
	cp "$zviz" "$place/zviz" && chmod 755 "$place/zviz"
	is_ahead 1000000 setpriv --reuid 65534 --regid 65534 --clear-groups "$place/zviz" --root "$place/state" --profile development \
		run --bundle "$place/bundle" "$id"
}

effective() { "$@" grep -E '^Cap(Eff|Bnd):' /proc/self/status | awk '{print $2}' | sort -u; }

@test "capabilities: what the profile keeps and the bundle wants; who joins has none more" {
	[ "$(id -u)" = 0 ] || skip 'root inside needs a range of ids to be somebody else'
	printf 'zviz: 1\nname: keeper\nextends: ci-runner\ncapabilities: {keep: [CAP_CHOWN, CAP_SETUID]}\n' >"$place/keeper.yaml"
	inside() { "$zviz" --root "$place/state" --profile "$place/keeper.yaml" run --bundle "$place/bundle" "$id" "$@"; }
	bundle
	[ "$(effective inside)" = 0000000000000081 ] # CAP_CHOWN is 0, CAP_SETUID 7
	bundle '"capabilities": {"effective": ["CAP_CHOWN", "CAP_KILL"], "bounding": ["CAP_CHOWN", "CAP_SETUID"]}'
	[ "$(effective inside)" = 0000000000000001 ]
	bundle '"capabilities": {"bounding": ["CAP_CHOWN", "CAP_SETUID"]}'
	[ "$(effective inside)" = 0000000000000000 ]
	bundle '"capabilities": {"effective": ["CAP_CHOWN"]}'
	"$zviz" --root "$place/state" --profile "$place/keeper.yaml" run --detach --bundle "$place/bundle" "$id" sleep 300 >/dev/null 2>&1
	[ "$(effective "$zviz" --root "$place/state" exec "$id")" = 0000000000000001 ]
	for wanted in '"CAP_CHOWN", "CAP_SETUID"|0000000000000001' '|0000000000000000'; do
		cat >"$place/process.json" <<-END
		{"cwd": "/", "args": ["grep", "-E", "^Cap(Eff|Bnd):", "/proc/self/status"], "env": ["PATH=/bin"],
		 "user": {"uid": 0, "gid": 0}, "capabilities": {"effective": [${wanted%|*}]}}
		END
		run -0 "$zviz" --root "$place/state" exec --process "$place/process.json" "$id"
		[ "$(awk '/^Cap/ {print $2}' <<<"$output" | sort -u)" = "${wanted#*|}" ]
	done
}

@test "capabilities: who is not root has those that are ambient, as the kernel has it with other runtimes" {
	[ "$(id -u)" = 0 ] || skip 'a user inside needs a range of ids'
	printf 'zviz: 1\nname: keeper\nextends: ci-runner\ncapabilities: {keep: [CAP_CHOWN, CAP_SETUID]}\n' >"$place/keeper.yaml"
	local both='["CAP_CHOWN", "CAP_SETUID"]' user='"user": {"uid": 1000, "gid": 1000}'
	local sets="\"bounding\": $both, \"permitted\": $both, \"effective\": $both"
	look() { "$zviz" --root "$place/state" "$@" grep -E '^Cap(Eff|Bnd):' /proc/self/status | awk '{print $2}' | sort -u; }
	named() { sed "s/\"user\": {\"uid\": 0, \"gid\": 0}/$user/" "$place/bundle/config.json" >"$place/config" && cp "$place/config" "$place/bundle/config.json"; }
	for ambient in '[]|0000000000000000' '["CAP_CHOWN"]|0000000000000001'; do
		bundle "\"capabilities\": {$sets, \"ambient\": ${ambient%|*}}"
		[ "$(look --profile "$place/keeper.yaml" run --bundle "$place/bundle" "$id")" = 0000000000000081 ]
		named
		grep -q '"uid": 1000' "$place/bundle/config.json"
		[ "$(look --profile "$place/keeper.yaml" run --bundle "$place/bundle" "$id")" = "${ambient#*|}" ]
	done
	# Who joins a container of root's.
	bundle "\"capabilities\": {$sets}"
	"$zviz" --root "$place/state" --profile "$place/keeper.yaml" run --detach --bundle "$place/bundle" "$id" sleep 300 >/dev/null 2>&1
	[ "$(look exec "$id")" = 0000000000000081 ]
	[ "$(look exec --user 1000 "$id")" = 0000000000000000 ]
	[ "$(look exec --user 1000 --cap CAP_SETUID "$id")" = 0000000000000080 ]
	for ambient in '[]|0000000000000000' '["CAP_CHOWN"]|0000000000000001'; do
		printf '{"cwd": "/", "args": ["grep", "-E", "^Cap(Eff|Bnd):", "/proc/self/status"], "env": ["PATH=/bin"], %s,
			"capabilities": {%s, "ambient": %s}}' "$user" "$sets" "${ambient%|*}" >"$place/process.json"
		run -0 "$zviz" --root "$place/state" exec --process "$place/process.json" "$id"
		[ "$(awk '/^Cap/ {print $2}' <<<"$output" | sort -u)" = "${ambient#*|}" ]
	done
}

# What joins: where its own document says nothing, the container's holds; what the bundle says by then is not asked.
@test "who joins has the limits, the score and the capabilities of the container, and no more" {
	[ "$(id -u)" = 0 ] || skip 'root inside needs a range of ids to be somebody else'
	printf 'zviz: 1\nname: keeper\nextends: ci-runner\ncapabilities: {keep: [CAP_CHOWN, CAP_SETUID]}\n' >"$place/keeper.yaml"
	local chown='"capabilities": {"effective": ["CAP_CHOWN"]}'
	local less='"oomScoreAdj": 300, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]'
	bundle "$chown, $less"
	"$zviz" --root "$place/state" --profile "$place/keeper.yaml" run --detach --bundle "$place/bundle" "$id" sleep 300 >/dev/null 2>&1
	cat >"$place/process.json" <<-END
	{"cwd": "/", "args": ["sh", "-c", "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; grep CapEff /proc/self/status"],
	 "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "capabilities": {"effective": []}}
	END
	run -0 "$zviz" --root "$place/state" exec --process "$place/process.json" "$id"
	[ "$output" = $'77\n88\n300\nCapEff:\t0000000000000000' ]
	# --cap adds one that the container has to those of the document, and no other.
	run -0 "$zviz" --root "$place/state" exec --cap CAP_CHOWN --process "$place/process.json" "$id"
	[[ $output == *$'CapEff:\t0000000000000001' ]]
	run -255 "$zviz" --root "$place/state" exec --cap CAP_SETUID --process "$place/process.json" "$id"
	[[ $output == *'--cap CAP_SETUID: the container does not have it'*'keeper'* ]]
	# A bundle that somebody has rewritten meanwhile is not what runs.
	local changed
	for changed in '"capabilities": {"effective": ["CAP_CHOWN", "CAP_SETUID"]}, '"$less" \
		"$chown"', "oomScoreAdj": 300, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 1000}]' \
		"$chown"', "oomScoreAdj": 100, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]'; do
		bundle "$changed"
		run -255 "$zviz" --root "$place/state" exec "$id" true
		[[ $output == *"container $id: its profile, its bundle or its folders changed since it started"* ]]
	done
	bundle "$chown, $less"
	run -0 "$zviz" --root "$place/state" exec "$id" true
}

@test "nothing comes before the host's own processes: no real time, no lower nice value, no life beyond the memory limit" {
	[ "$(id -u)" = 0 ] || skip 'an ordinary user may raise no limit'
	bundle '"oomScoreAdj": -1000, "rlimits": [{"type": "RLIMIT_RTPRIO", "soft": 99, "hard": 99},
		{"type": "RLIMIT_NICE", "soft": 40, "hard": 40}]'
	run -0 "$zviz" --profile development explain --bundle "$place/bundle" "$id"
	[[ $output == *'RLIMIT_RTPRIO: 0:0'*'RLIMIT_NICE: 0:0'* ]]
	[[ $output == *'process.rlimits[0]: RLIMIT_RTPRIO 99; held: 0'* ]]
	[[ $output == *'process.rlimits[1]: RLIMIT_NICE 40; held: 0'* ]]
	[[ $output == *'process.oomScoreAdj: -1000; held: -999, '* ]]
	grep -q -- 'oom_score_adj: -999' <<<"$output"
	# Nor by what the caller has itself.
	bundle
	run -0 sh -c 'ulimit -r 50 2>/dev/null; exec "$@"' sh "$zviz" --root "$place/state" --profile development run --bundle "$place/bundle" \
		"$id" grep -E '^Max (realtime|nice) priority' /proc/self/limits
	[[ $output == *'Max nice priority'*' 0 '*' 0 '*'Max realtime priority'*' 0 '*' 0 '* ]]
}
