# `zviz run` as it is typed: its forms, its options, its exit codes, and what it says about refusals.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir -p "$place/work" "$place/bundle/rootfs/bin" "$place/bundle/rootfs/proc"
	cp "$(command -v busybox)" "$place/bundle/rootfs/bin/busybox"
	ln -s busybox "$place/bundle/rootfs/bin/sh"
	cat >"$place/bundle/config.json" <<-'END'
	{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "hostname": "boxed",
	 "process": {"cwd": "/", "args": ["/bin/sh", "-c", "echo from the bundle; hostname"],
	             "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
	 "mounts": [{"destination": "/proc", "type": "proc"}], "linux": {"namespaces": []}}
	END
	cd "$place/work"
	id=run-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	# Most tests leave no container to delete.
	"$zviz" --root "$place/state" delete --force "$id" 2>/dev/null || true # there may be none left
	rm -rf "$place"
}

zviz() {
	"$zviz" --root "$place/state" "$@"
}

@test "a command of this machine, with its output and exit code" {
	run -0 zviz run --profile ci-runner "$id" /bin/sh -c "echo out && echo two"
	[ "$output" = $'out\ntwo' ]
	run -7 zviz run "$id" sh -c 'exit 7'
	run -143 zviz run "$id" sh -c 'kill -TERM $$'
	run -0 zviz run "$id" -- echo dashes
	[ "$output" = dashes ]
	[ -z "$(ls -A "$place/state")" ]
}

@test "a name as long as names may be" {
	long=$(printf 'n%.0s' $(seq 128))
	run -0 zviz run "$long" hostname
	[ "$output" = "${long:0:64}" ] # a host name has room for so many
	run -1 zviz run "n$long" true
	run -1 zviz run --hostname "${long:0:65}" "$id" true
	[[ $output == *"--hostname"* ]]
}

@test "a bundle: by place, by option, with another command" {
	run -0 zviz --verbose run "$id" "$place/bundle"
	[[ $output == *$'from the bundle\nboxed'* ]]
	run -0 zviz run --bundle "$place/bundle" "$id"
	[ "$output" = $'from the bundle\nboxed' ]
	run -0 zviz --profile=web-server run "$id" "$place/bundle" /bin/busybox echo instead
	[ "$output" = instead ]
}

@test "before it runs, zviz fails with 1 and says why" {
	run --separate-stderr -1 zviz run "$id" no-such-program
	[[ $stderr == *"no-such-program"*"executable file not found in \$PATH"* ]]
	touch not-executable
	run --separate-stderr -1 zviz run "$id" ./not-executable
	[[ $stderr == *"permission denied"* ]]
	run --separate-stderr -1 zviz run --cwd /nowhere "$id" true
	[[ $stderr == *"working folder /nowhere"* ]]
	[ -z "$(ls -A "$place/state")" ]
}

@test "standard input, output and error are the caller's" {
	run -0 bash -c "printf 'a\nb\n' | '$zviz' --root '$place/state' run $id cat | tr a-z A-Z"
	[ "$output" = $'A\nB' ]
	run --separate-stderr -0 zviz run "$id" sh -c 'echo to-err >&2'
	[ "$output" = "" ]
	[ "$stderr" = to-err ]
	run -0 bash -c "'$zviz' --root '$place/state' run $id head -c 10000000 /dev/zero | wc -c"
	[ "$output" = 10000000 ]
	run -0 bash -c "'$zviz' --root '$place/state' run $id cat </dev/null"
	[ "$output" = "" ]
}

@test "what is shared, hidden and set" {
	mkdir "$place/shown" && echo visible >"$place/shown/f" && echo secret >hidden
	run -0 zviz run --read "$place/shown" "$id" cat "$place/shown/f"
	[ "$output" = visible ]
	run ! zviz run --read "$place/shown" "$id" sh -c "echo x >'$place/shown/g'"
	run -0 zviz run --write "$place/shown" "$id" sh -c "echo written >'$place/shown/g'"
	[ "$(cat "$place/shown/g")" = written ]
	run -0 zviz run --hide /work/hidden "$id" cat /work/hidden
	[ "$output" = "" ]
	run -0 zviz run --env GREETING=hello --hostname elsewhere --cwd /tmp "$id" sh -c 'echo $GREETING; hostname; pwd'
	[ "$output" = $'hello\nelsewhere\n/tmp' ]
	echo kept | zviz run "$id" tee /work/made >/dev/null
	[ "$(cat made)" = kept ]
	[ "$(stat -c %u made)" = "$(id -u)" ]
}

@test "the caller's environment stays outside" {
	AWS_SECRET_ACCESS_KEY=abc run -0 zviz run "$id" env
	[[ $output != *AWS_SECRET* ]]
	[[ $output == *HOME=/home/user* ]]
}

@test "a home folder is not handed over by accident" {
	HOME=$place/work run --separate-stderr -1 zviz run "$id" true
	[[ $stderr == *"with every secret in it"* ]]
	HOME=$place/work run -0 zviz run --work "$place/work" "$id" true
}

@test "a timeout ends it with 124" {
	local before=$SECONDS
	run -124 zviz run --timeout 300ms "$id" sleep 60
	[ $((SECONDS - before)) -lt 20 ]
	run -124 zviz run --timeout 300ms "$id" sh -c 'trap "" TERM; sleep 60 & wait; sleep 60'
}

# Prints what comes, a line each, until the other side closes.
listen_once() { # SOCKET
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("ready", flush=True)
sys.stdout.write(s.accept()[0].makefile().read())' "$1"
}

@test "events: to a unix socket" {
	listen_once "$place/socket" >"$place/got" &
	for _ in $(seq 200); do
		! grep -q ready "$place/got" || break
		sleep 0.05
	done
	run -0 zviz run --events "$place/socket" "$id" sh -c 'unshare -U true; true'
	wait
	grep -q '"syscall":"unshare"' "$place/got"
	run -1 zviz run --events "$place/socket" "$id" true # nobody listens now
	[[ $output == *"start whatever reads them first"* ]]
}

@test "events: a reader that does not read holds nothing up, and hears how many it lost" {
	mkfifo "$place/fifo"
	run -1 zviz run --events "$place/fifo" "$id" true
	[[ $output == *"start whatever reads them first"* ]]
	sleep 60 <>"$place/fifo" 3>&- &
	reader=$!
	many='i=0; while [ $i -lt 300 ]; do unshare -U true; i=$((i + 1)); done 2>/dev/null; exit 3'
	run -3 zviz run --timeout 50s --events "$place/fifo" "$id" sh -c "$many"
	[[ $output == *"300 operations were refused"*"came too fast for whoever reads them"* ]] || { echo "$output"; false; }
	exec 5<>"$place/fifo" # the same by a descriptor whose own mode stays as it is
	run -0 zviz run --timeout 50s --events 5 "$id" sh -c "${many%exit 3}"
	[[ $output == *"came too fast for whoever reads them"* ]]
	exec 5<&-
	kill "$reader"
}

@test "refusals: a closing line when it fails, each of them with --verbose, JSON with --events" {
	run --separate-stderr -1 zviz run "$id" sh -c 'unshare -U true; exit 1'
	[[ $stderr == *"1 operation was refused (run with --verbose to see it)"* ]]
	run --separate-stderr -0 zviz run "$id" sh -c 'unshare -U true; true'
	[[ $stderr != *"refused (run"* ]]
	run --separate-stderr -0 zviz run --verbose "$id" sh -c 'unshare -U true; cat /etc/shadow; touch /usr/x; true'
	[[ $stderr == *"unshare(CLONE_NEWUSER) refused with EPERM by broker, rule ci-runner:"* ]]
	[[ $stderr == *'"/etc/shadow"'*"refused with ENOENT by mount, rule ci-runner:"* ]]
	[[ $stderr == *'"/usr/x"'*"add /usr to filesystem.write"* ]]
	[[ $stderr == *"3 operations were refused"* ]]
	run -0 zviz run --events "$place/events" "$id" sh -c 'unshare -U true; true'
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    e = json.loads(line)
    assert e["syscall"] == "unshare" and e["verdict"] == "deny" and e["comm"] == "unshare", e' "$place/events"
}

# In musl's O_ACCMODE lies the bit of O_PATH, which indexed a table of three names: the broker died of it.
@test "an open with O_PATH is written into the stream like any other" {
	command -v python3 || skip "no python3"
	printf 'zviz: 1\nname: seen\nextends: ci-runner\naudit: decisions\n' >"$place/seen.yaml"
	run -0 zviz --profile "$place/seen.yaml" run --events "$place/events" "$id" \
		python3 -c 'import os; os.open("/usr", os.O_PATH); print("opened")'
	[ "$output" = opened ]
	grep -q '"syscall":"openat",.*"/usr\\", O_RDONLY.*|O_PATH' "$place/events"
}

@test "limits that are met are said" {
	run --separate-stderr zviz run --pids-limit 10 "$id" sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done; wait'
	[ "$status" != 0 ]
	if [ "$(id -u)" = 0 ]; then
		[[ $stderr == *"refused at the limit (limit 10, --pids-limit)"* ]]
		run --separate-stderr -137 zviz run --memory 64M "$id" python3 -c 'bytearray(200 << 20)'
		[[ $stderr == *"memory: 1 process was killed at the limit"* ]]
	fi
}

@test "detached: it goes on, is listed, and delete --force ends it" {
	# It keeps the streams it was given, so they must not be the test's.
	zviz run --detach --pid-file "$place/pid" "$id" sleep 60 >/dev/null 2>&1
	run -0 zviz list
	[[ $output == *"$id"*running* ]]
	[[ $(cat "$place/pid") =~ ^[0-9]+$ ]]
	run -0 zviz state "$id"
	[[ $output == *'"status": "running"'* ]]
	[[ $output == *'"missing": []'* ]] || [[ $output == *'"cgroup: the '* ]]
	run --separate-stderr -1 zviz delete "$id"
	[[ $stderr == *"is running"* ]]
	run --separate-stderr -1 zviz run "$id" true
	[[ $stderr == *"container with given ID already exists"* ]]
	run -0 zviz delete --force "$id"
	for _ in $(seq 100); do
		[ -e "/proc/$(cat "$place/pid")" ] || break
		sleep 0.02
	done
	[ ! -e "/proc/$(cat "$place/pid")" ]
	run --separate-stderr -1 zviz state "$id"
	[[ $stderr == *"container does not exist"* ]]
}
