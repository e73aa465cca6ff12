# Another profile for a container that runs: what takes effect, what is refused, and that nothing in between is ever in
# force.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$zviz" "$place/zviz"
	cd "$place/work"
	id=update-$BATS_TEST_NUMBER-$$
	become=()
	echo word >f
	echo word >g
	profile started ci-runner '{tripwire: [listen, getpriority]}' '[/work/never]'
	profile shut started.yaml '{deny: [listen]}' '[/work/f]'
}

teardown() {
	cd /
	"$place/zviz" --root "$place/home/state" delete --force "$id" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
}

profile() { # NAME BASE SYSCALLS PATTERNS
	printf 'zviz: 1\nname: %s\nextends: %s\nsyscalls: %s\nfilesystem: {deny: {read: %s}}\n' "$1" "$2" "$3" "$4" \
		>"$place/$1.yaml"
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" "$@"
}

start() { # PROFILE SCRIPT
	zviz run --detach --profile "$place/$1.yaml" --events "$place/home/events" "$id" -- /bin/sh -c "$2"
}

wait_for() { # COMMAND…: until it succeeds
	for _ in $(seq 250); do
		! "$@" 2>/dev/null || return 0
		sleep 0.02
	done
	echo "in vain: $*"
	return 1
}

become_stranger() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	chown -R 61500:61500 "$place/work" "$place/home"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$place/home")
}

# One line each time round: what reading f and g gave.
reads='while :; do a=no b=no; true <f && a=yes; true <g && b=yes; echo "$a $b" >>log; sleep 0.02; done 2>/dev/null'

listens='
import os, socket, time
while True:
    s = socket.socket(socket.AF_UNIX)
    s.bind(b"\0" + os.urandom(8))
    try:
        s.listen()
        said = "yes"
    except PermissionError:
        said = "no"
    open("log", "a").write(said + "\n")
    s.close()
    time.sleep(0.02)
'

last() { # WORDS: the last line of the log
	[ "$(tail -n 1 log)" = "$*" ]
}

@test 'a pattern holds at the next open, and for its path alone' {
	start started "$reads"
	wait_for last yes yes
	run -0 zviz update --profile "$place/shut.yaml" "$id"
	[ "$output" = "container $id: profile shut is in force (change 1)" ]
	wait_for last no yes
	# It never was otherwise, before or after.
	[ "$(sort -u log)" = $'no yes\nyes yes' ]
	[ "$(uniq log)" = $'yes yes\nno yes' ]
}

@test 'a call of syscalls.tripwire is cut off' {
	start started "exec python3 -c '$listens'"
	wait_for last yes
	zviz update --profile "$place/shut.yaml" "$id"
	wait_for last no
	[ "$(uniq log)" = $'yes\nno' ]
}

@test 'state, list, explain and the events say what is in force, with its lines' {
	start started "$reads"
	wait_for last yes yes
	zviz list | grep -q "^$id .* started\$"
	zviz update --profile "$place/shut.yaml" "$id"
	wait_for last no yes
	zviz list | grep -q "^$id .* shut\$"
	zviz state "$id" | grep -q '"profile": "shut"'
	zviz state "$id" | grep -q '"updates": 1'
	run -0 zviz explain "$id" read /work/f
	[[ $output == *"broker       refused with EACCES [$place/shut.yaml:5]"* ]]
	run -0 zviz explain "$id" listen
	[[ $output == *"refused with EPERM"*"[$place/shut.yaml:4]"* ]]
	[ "$(grep -c '"syscall":"update","arguments":"profile shut, change 1"' "$place/home/events")" = 1 ]
	grep '"syscall":"openat"' "$place/home/events" | grep -q "\"rule\":\"$place/shut.yaml:5\""
}

@test 'the file that a container was started with may be edited, and be its update' {
	start started "$reads"
	wait_for last yes yes
	profile started ci-runner '{tripwire: [listen, getpriority]}' '[/work/never, /work/g]'
	zviz update --profile "$place/started.yaml" "$id"
	wait_for last yes no
}

@test 'a wider profile is refused, and what is wider is named' {
	start shut "$reads"
	wait_for last no yes
	run -1 --separate-stderr zviz update --profile "$place/started.yaml" "$id"
	[ -z "$output" ]
	[[ $stderr == *'started permits, and shut does not: syscalls: listen'* ]]
	[[ $stderr == *'started permits, and shut does not: files: the rule deny.read /work/f is not there'* ]]
	[[ $stderr == *"container $id: profile started permits more than shut, which is in force"* ]]
	sleep 0.2
	[ "$(sort -u log)" = 'no yes' ]
	zviz state "$id" | grep -q '"profile": "shut"'
}

@test 'an update is compared with the one before it' {
	start started "$reads"
	wait_for last yes yes
	zviz update --profile "$place/shut.yaml" "$id"
	wait_for last no yes
	run -1 --separate-stderr zviz update --profile "$place/started.yaml" "$id"
	[[ $stderr == *'permits more than shut, which is in force'* ]]
}

@test 'root may widen, as far as the broker decides' {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	start started "$reads"
	wait_for last yes yes
	zviz update --profile "$place/shut.yaml" "$id"
	wait_for last no yes
	zviz update --widen --profile "$place/started.yaml" "$id"
	wait_for last yes yes
	# What the filter itself refuses stays refused.
	profile wide started.yaml '{allow: [clone3]}' '[]'
	run -1 --separate-stderr zviz update --widen --profile "$place/wide.yaml" "$id"
	[[ $stderr == *"$place/wide.yaml:4: syscalls: clone3: this container's filter refuses it by itself; start the container anew under this profile"* ]]
	zviz state "$id" | grep -q '"profile": "started"'
}

@test 'an ordinary user may tighten and not widen' {
	become_stranger
	start started "$reads"
	wait_for last yes yes
	zviz update --profile "$place/shut.yaml" "$id"
	wait_for last no yes
	run -1 --separate-stderr zviz update --widen --profile "$place/started.yaml" "$id"
	[[ $stderr == *"--widen: only the machine's root may permit a running container more"* ]]
	sleep 0.2
	last no yes
}

@test 'root of a user namespace is not the root that may widen' {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	start started "$reads"
	wait_for last yes yes
	run -1 --separate-stderr unshare --user --map-root-user "$place/zviz" --root "$place/home/state" \
		update --widen --profile "$place/shut.yaml" "$id"
	sleep 0.2
	last yes yes
}

@test 'rules that cannot take effect are named with line, reason and remedy, and nothing changes' {
	start started "$reads"
	wait_for last yes yes
	printf 'zviz: 1\nname: deaf\nextends: started.yaml\nsyscalls: {deny: [getpid]}\n' >"$place/deaf.yaml"
	run -1 --separate-stderr zviz update --profile "$place/deaf.yaml" "$id"
	[[ $stderr == *"$place/deaf.yaml:4: syscalls: getpid: this container's filter lets it go on by itself; start it with getpid in syscalls.tripwire"* ]]
	[[ $stderr == *"container $id: 1 rule of profile deaf cannot take effect while it runs"* ]]
	printf 'zviz: 1\nname: folders\nextends: started.yaml\nresources: {pids: 7}\nremove: {filesystem: {write: [/work]}}\n' \
		>"$place/folders.yaml"
	run -1 --separate-stderr zviz update --profile "$place/folders.yaml" "$id"
	[[ $stderr == *"$place/folders.yaml:4: resources.pids: it was settled when the container started"* ]]
	[[ $stderr == *"filesystem.write without /work: mounts and Landlock were settled when the container started; what is to be shut while it runs is a pattern of filesystem.deny"* ]]
	sleep 0.2
	last yes yes
	zviz state "$id" | grep -q '"profile": "started"'
}

@test 'a container whose opens go on by themselves takes no pattern' {
	printf 'zviz: 1\nname: plain\nextends: ci-runner\nsyscalls: {tripwire: [listen]}\n' >"$place/plain.yaml"
	start plain "$reads"
	wait_for last yes yes
	printf 'zviz: 1\nname: late\nextends: plain.yaml\nfilesystem: {deny: {read: [/work/f]}}\n' >"$place/late.yaml"
	run -1 --separate-stderr zviz update --profile "$place/late.yaml" "$id"
	[[ $stderr == *"$place/late.yaml:4: filesystem.deny /work/f: this container's filter lets "*" go on by itself; start it with a pattern under filesystem.deny.read"* ]]
}

@test 'no such container, one that has ended, one without a broker, and no profile' {
	run -1 --separate-stderr zviz update --profile "$place/shut.yaml" nobody
	[[ $stderr == *'container does not exist: nobody'* ]]
	start started 'exit 0'
	wait_for sh -c "'$place/zviz' --root '$place/home/state' state '$id' | grep -q stopped"
	run -1 --separate-stderr zviz update --profile "$place/shut.yaml" "$id"
	[[ $stderr == *"container $id does not run"* ]]
	run -1 --separate-stderr zviz update "$id"
	[[ $stderr == *'update: nothing to change'* ]]
	run -1 --separate-stderr zviz update --profile "$place/none.yaml" "$id"
	[[ $stderr == *'none.yaml'* ]]
}

@test 'a damaged file changes nothing, and the broker says so once' {
	start started "$reads"
	wait_for last yes yes
	policy=$place/home/state/$id/policy
	[ "$(stat -c '%a' "$policy")" = 600 ]
	# Rubbish where the next image would be, and the count that makes it current.
	head -c 65536 /dev/urandom | dd of="$policy" bs=4096 seek=257 conv=notrunc status=none
	printf '\001\000\000\000' | dd of="$policy" bs=1 seek=4 conv=notrunc status=none
	sleep 0.3
	last yes yes
	[ "$(grep -c '"arguments":"change 1, which is damaged"' "$place/home/events")" = 1 ]
	# Nobody claims to know what is in force, and nothing is compared with it.
	run -1 --separate-stderr zviz explain "$id" read /work/f
	[[ $stderr == *'its policy file is damaged'* ]]
	run -1 --separate-stderr zviz update --profile "$place/shut.yaml" "$id"
	[[ $stderr == *'its policy file is damaged'* ]]
	run -0 zviz state "$id"
	[[ $output == *'"running"'* && $output != *'"profile"'* ]]
	last yes yes
}

@test 'a file that is not the one that zviz made is not written to' {
	start started "$reads"
	wait_for last yes yes
	policy=$place/home/state/$id/policy
	cp "$policy" "$place/home/other"
	echo precious >"$place/home/precious"
	mv "$policy" "$place/home/real"
	ln -s "$place/home/precious" "$policy"
	run -1 --separate-stderr zviz update --profile "$place/shut.yaml" "$id"
	[ "$(cat "$place/home/precious")" = precious ]
	rm "$policy"
	mkfifo "$policy"
	run -1 --separate-stderr zviz update --profile "$place/shut.yaml" "$id"
	[[ $stderr == *'the policy file is not what zviz made'* ]]
	rm "$policy"
	mv "$place/home/real" "$policy"
}

@test 'no call that both profiles permit fails while they are exchanged under load' {
	[ "$(id -u)" = 0 ] || skip 'needs root to go back'
	start started "exec python3 -c '
import threading
def go(n):
    while True:
        open(\"g\").close()
        open(\"out%d\" % n, \"w\").close()
        counts[n] += 1
counts = [0] * 4
failed = threading.Event()
threading.excepthook = lambda a: (open(\"failed\", \"w\").write(repr(a)), failed.set())
for n in range(4):
    threading.Thread(target=go, args=(n,), daemon=True).start()
while not failed.wait(0.05):
    open(\"counts\", \"w\").write(\" \".join(map(str, counts)))
'"
	wait_for grep -q '[1-9]' counts
	for _ in $(seq 10); do
		zviz update --profile "$place/shut.yaml" "$id"
		zviz update --widen --profile "$place/started.yaml" "$id"
	done
	[ ! -e failed ]
	zviz state "$id" | grep -q running
	before=$(cat counts)
	sleep 0.3
	[ "$(cat counts)" != "$before" ]
}

@test 'an update that is killed leaves the old profile or the new one, and the next one works' {
	[ "$(id -u)" = 0 ] || skip 'needs root to go back'
	start started "$reads"
	wait_for last yes yes
	for i in $(seq 25); do
		"$place/zviz" --root "$place/home/state" update --profile "$place/shut.yaml" "$id" >/dev/null 2>&1 3>&- &
		updater=$!
		sleep "0.0$((i * 3 % 90 + 10))"
		kill -KILL $updater 2>/dev/null || true # it may have done its work already
		wait $updater 2>/dev/null || true # it was killed
		state=$(zviz state "$id" | grep '"profile"')
		if [[ $state == *shut* ]]; then
			wait_for last no yes
			zviz update --widen --profile "$place/started.yaml" "$id"
			wait_for last yes yes
		else
			[[ $state == *started* ]]
		fi
	done
	run -1 grep -q damaged "$place/home/events"
	zviz update --profile "$place/shut.yaml" "$id"
	wait_for last no yes
}

@test 'of two updates at once both are whole, one after the other' {
	start started "$reads"
	wait_for last yes yes
	profile both shut.yaml '{deny: [getpriority]}' '[/work/g]'
	zviz update --profile "$place/shut.yaml" "$id" >"$place/one" 2>&1 &
	zviz update --profile "$place/both.yaml" "$id" >"$place/two" 2>&1 &
	wait
	# The stricter one always gets through; the other one if it was first.
	grep -q 'profile both is in force' "$place/two"
	grep -q 'profile shut is in force (change 1)\|permits more than both' "$place/one"
	wait_for last no no
}

@test 'a run that somebody waits for, without anything to cut off, has no policy file' {
	zviz run "$id" -- /bin/sh -c 'echo ready; sleep 5' >"$place/out" 2>/dev/null 3>&- &
	wait_for grep -q ready "$place/out"
	[ ! -e "$place/home/state/$id/policy" ]
	run -1 --separate-stderr zviz update --profile "$place/shut.yaml" "$id"
	[[ $stderr == *'nothing of its policy can be changed while it runs'* ]]
}

@test "a network that was started without rules gets none, and keeps its mode: both are named" {
	[ "$(id -u)" = 0 ] || skip 'more than before takes root'
	start started 'sleep 30'
	printf 'zviz: 1\nname: rows\nextends: started.yaml\nnetwork: {egress: {allow: [{cidr: 192.0.2.0/24}]}}\n' >"$place/rows.yaml"
	printf 'zviz: 1\nname: mode\nextends: started.yaml\nnetwork: {mode: host}\n' >"$place/mode.yaml"
	run -1 zviz update --widen --profile "$place/rows.yaml" "$id"
	[[ "$output" = *'rows of network: this container was started without rules of a network; start the container anew'* ]]
	run -1 zviz update --widen --profile "$place/mode.yaml" "$id"
	[[ "$output" = *'network.mode: it was settled when the container started'* ]]
	run -0 zviz state "$id"
	[[ "$output" = *'"profile": "started"'* ]]
	[[ "$output" != *'"updates"'* && "$output" != *'"updating"'* ]]
}
