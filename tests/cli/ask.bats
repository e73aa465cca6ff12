# The section ask: as who is asked sees it, and as who wants to get around it does.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	command -v python3 >/dev/null || skip 'needs python3'
	place=$(mktemp -d)
	mkdir -p "$place/work/config"
	cd "$place/work"
	echo secret >.env
	id=ask-$BATS_TEST_NUMBER-$$
	asked=
	cat >../ask.yaml <<-END
	zviz: 1
	name: careful
	extends: ci-runner
	ask:
	  read: ["**/.env"]
	  write: ["/work/config/**"]
	  execute: [/usr/bin/id, "/work/**"]
	  timeout: 20s
	END
}

teardown() {
	cd /
	[ -z "$asked" ] || kill "$asked" 2>/dev/null || true # it ends with its container
	left=$(ls -A "$place/state" 2>/dev/null || true) # most tests of the command line make none
	rm -rf "$place"
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

answers() { # RULE…: somebody is there who answers so
	python3 -B "$BATS_TEST_DIRNAME/ask.py" "$place/socket" "$place/heard" "$@" 3>&- &
	asked=$!
	for _ in $(seq 500); do
		[ ! -S "$place/socket" ] || return 0
		sleep 0.02
	done
	return 1
}

careful() { # OPTION… -- COMMAND…
	timeout 120 "$zviz" --root "$place/state" run --profile "$place/ask.yaml" "$@"
}

questions() { # KIND OBJECT: how many there were
	grep -c "\"kind\":\"$1\",\"object\":\"$2\"" "$place/heard" || true # none is an answer, too
}

@test "without anybody to be asked each question is a no, and zviz says so" {
	run ! careful --events "$place/events" "$id" -- sh -c 'cat .env; echo x >config/a; id; exec cat .env'
	grep -q 'warning: nobody can be asked' <<<"$output"
	if grep -q 'secret\|uid=' <<<"$output"; then false; fi
	[ ! -e config/a ]
	grep -q '"rule":"[^"]*ask.yaml:5".*"fix":"run it at a terminal or with --ask-socket' "$place/events"
	[ "$(grep -c '"verdict":"deny"' "$place/events")" -ge 4 ]
}

@test "yes is for once, and a second call asks again" {
	answers read:=allow write:=allow execute:=allow
	run -0 careful --ask-socket "$place/socket" "$id" -- sh -c 'cat .env; cat .env; echo x >config/a; id; id'
	[ "$(grep -c '^secret' <<<"$output")" = 2 ]
	[ "$(grep -c '^uid=' <<<"$output")" = 2 ]
	[ "$(questions read /work/.env)" = 2 ]
	[ "$(questions write /work/config/a)" = 1 ]
	[ "$(questions execute /usr/bin/id)" = 2 ]
}

@test "for the run is asked once, of this file alone; the rule covers all that it is about" {
	answers read:=allow,run write:=allow,rule
	mkdir other
	echo second >other/.env
	run -0 careful --ask-socket "$place/socket" "$id" -- sh -c '
		cat .env .env; cat .env other/.env; for i in 1 2 3; do echo $i >config/$i; done; rm config/2; ls config'
	[ "$(questions read /work/.env)" = 1 ]
	[ "$(questions read /work/other/.env)" = 1 ]
	[ "$(questions write /work/config/1)" = 1 ]
	[ "$(grep -c '"kind":"write"' "$place/heard")" = 1 ]
	[ ! -e config/2 ]
	[ "$(cat config/3)" = 3 ]
}

@test "no, this time and for the run" {
	answers read:=deny write:=deny,run execute:=deny,rule
	run -0 careful --ask-socket "$place/socket" "$id" -- sh -c '
		cat .env; cat .env; echo x >config/a; sleep 1; echo x >config/a; mkdir config/d; id; id; id; true'
	if grep -q 'secret\|uid=' <<<"$output"; then false; fi
	[ "$(questions read /work/.env)" = 2 ]
	[ "$(questions write /work/config/a)" = 1 ]
	[ "$(questions write /work/config/d)" = 1 ]
	[ "$(questions execute /usr/bin/id)" = 1 ]
	[ -z "$(ls config)" ]
}

@test "a shell that tries a program's other name at once is not asked about twice" {
	answers execute:=deny
	run ! careful --ask-socket "$place/socket" "$id" -- sh -c 'PATH=/usr/bin:/bin:/usr/bin; id'
	[ "$(questions execute /usr/bin/id)" = 1 ]
}

@test "the line of always, added to the profile, answers the question" {
	answers read:=allow,always
	careful --ask-socket "$place/socket" "$id" -- cat .env
	line=$(sed -n 's/.*"always":"\(ask: .*\)"}$/\1/p' "$place/heard" | sed 's/\\"/"/g')
	[ "$line" = 'ask: {always: {read: ["/work/.env"]}}' ]
	printf 'zviz: 1\nextends: ask.yaml\n%s\n' "$line" >../more.yaml
	run -0 timeout 60 "$zviz" --root "$place/state" run --profile ../more.yaml "$id" -- cat .env
	grep -q secret <<<"$output"
}

@test "an answer that does not come is a no, after the time" {
	sed -i 's/20s/500ms/' ../ask.yaml
	answers read:=silence
	run ! careful --events "$place/events" --ask-socket "$place/socket" "$id" -- cat .env
	grep -q 'Permission denied' <<<"$output"
	grep -q '"over":"late"' "$place/heard"
	grep -q 'nobody answered in time' "$place/events"
}

@test "who asks and dies takes the question back" {
	answers read:=silence
	careful --ask-socket "$place/socket" "$id" -- sh -c 'cat .env & sleep 1; kill -9 $!; wait; sleep 1' || true # killed
	grep -q '"over":"gone"' "$place/heard"
}

@test "whoever leaves answers nothing any more" {
	answers read:=leave
	run ! careful --ask-socket "$place/socket" "$id" -- sh -c 'cat .env; cat .env'
	if grep -q secret <<<"$output"; then false; fi
	[ "$(grep -c 'Permission denied' <<<"$output")" = 2 ]
}

@test "words that are no answer change nothing" {
	answers read:=rubbish
	run -0 careful --ask-socket "$place/socket" "$id" -- cat .env
	grep -q secret <<<"$output"
	[ "$(grep -c '"over":"answered"' "$place/heard")" = 1 ]
}

@test "a question holds up nobody but who asked it" {
	answers read:=allow,once,3
	run -0 careful --ask-socket "$place/socket" "$id" -- sh -c '
		cat .env & for i in $(seq 50); do cat /etc/passwd >/dev/null || exit 3; done; echo first; wait'
	[ "$(grep -n 'first\|secret' <<<"$output" | sed 's/.*://' | tr '\n' ' ')" = "first secret " ]
}

@test "more questions than anybody could read are no" {
	sed -i 's/20s/2s/' ../ask.yaml
	answers read:=silence
	run ! careful --ask-socket "$place/socket" "$id" -- python3 -c '
import threading
errors = []
def read():
    try:
        open(".env").read()
    except OSError as e:
        errors.append(e.errno)
threads = [threading.Thread(target=read) for _ in range(50)]
[t.start() for t in threads]
[t.join() for t in threads]
raise SystemExit(1 if errors == [13] * 50 else 0)'
	[ "$(grep -c '"kind":"read"' "$place/heard")" = 32 ]
}

@test "moving a file away is asked about as well, before it is done" {
	answers read:/work/.env=deny
	run ! careful --ask-socket "$place/socket" "$id" -- sh -c 'mv .env seen; ln .env seen; cat seen'
	[ "$(questions read /work/.env)" -ge 2 ]
	[ ! -e seen ]
	[ "$(cat .env)" = secret ]
}

@test "what is refused anyway is not asked about" {
	printf 'zviz: 1\nextends: ask.yaml\nfilesystem: {deny: {read: ["/work/.*"]}}\n' >../more.yaml
	answers read:=allow
	run ! timeout 60 "$zviz" --root "$place/state" run --profile ../more.yaml --ask-socket "$place/socket" "$id" -- cat .env
	[ "$(questions read /work/.env)" = 0 ]
}

@test "programs: refused with EACCES, and those that are not asked about just run" {
	answers execute:/usr/bin/id=deny
	run -0 careful --ask-socket "$place/socket" "$id" -- python3 -c '
import os, subprocess
for _ in range(20):
    subprocess.run(["/usr/bin/true"], check=True)
try:
    subprocess.run(["/usr/bin/id"])
except PermissionError as e:
    print(e.errno, flush=True)
for wrong, errno in (("/nowhere", 2), ("/etc/passwd", 13), ("/usr", 13), ("/etc/passwd/x", 20)):
    try:
        os.execv(wrong, ["x"])
    except OSError as e:
        assert e.errno == errno, (wrong, e)
os.execv("/bin/sh", ["sh", "-c", "trap \"echo heard\" USR1; kill -USR1 $$; echo end"])'
	[ "$output" = "13
heard
end" ]
}

@test "programs: by descriptor, from a thread, by a script's interpreter" {
	cp /usr/bin/id tool
	printf '#!/usr/bin/id\n' >script
	chmod +x script
	answers execute:=deny
	run -0 careful --ask-socket "$place/socket" "$id" -- python3 -c '
import os, threading
def child(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except PermissionError:
            os._exit(77)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def by_descriptor():
    os.execve(os.open("tool", os.O_RDONLY), ["tool"], {})
def deleted():
    fd = os.open("tool", os.O_RDONLY)
    os.rename("tool", "was")
    os.unlink("was")
    os.execve(fd, ["tool"], {})
def thread():
    def act():
        try:
            os.execv("/usr/bin/id", ["id"])
        except PermissionError:
            os._exit(77)
    t = threading.Thread(target=act)
    t.start()
    t.join()
def good_thread():
    t = threading.Thread(target=lambda: os.execv("/usr/bin/true", ["true"]))
    t.start()
    t.join()
    os._exit(1)
assert child(by_descriptor) == 77
assert child(thread) == 77
assert child(good_thread) == 0
assert child(lambda: os.execv("script", ["script"])) == 77
assert child(deleted) == 77'
	if grep -q uid= <<<"$output"; then false; fi
}

@test "programs: the interpreter of a script is asked about when it is the one that starts" {
	printf '#!/usr/bin/id\n' >/"$place"/work/script
	chmod +x script
	sed -i 's|, "/work/\*\*"||' ../ask.yaml
	answers execute:/usr/bin/id=deny
	run -137 careful --ask-socket "$place/socket" "$id" -- sh -c './script; exit $?'
	if grep -q uid= <<<"$output"; then false; fi
	[ "$(questions execute /usr/bin/id)" = 1 ]
}

@test "programs: a path that changes under the question starts nothing that was not permitted" {
	answers execute:/usr/bin/id=deny,rule
	run -0 careful --events "$place/events" --ask-socket "$place/socket" "$id" -- python3 -c '
import ctypes, mmap, os, signal
libc = ctypes.CDLL(None, use_errno=True)
page = mmap.mmap(-1, 4096)
where = ctypes.addressof(ctypes.c_char.from_buffer(page))
names = (b"/usr/bin/true\0", b"/usr/bin/id\0\0\0")
flipper = os.fork()
while flipper == 0:
    for name in names:
        ctypes.memmove(where, name, len(name))
out = {}
argv = (ctypes.c_char_p * 2)(b"x", None)
for i in range(400):
    pid = os.fork()
    if pid == 0:
        libc.execve(ctypes.c_void_p(where), argv, None)
        os._exit(77)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    out[code] = out.get(code, 0) + 1
os.kill(flipper, signal.SIGKILL)
os.waitpid(flipper, 0)
print(sorted(out.items()))
assert set(out) <= {0, 77, -9}, out
assert out.get(0, 0) > 10 and out.get(77, 0) > 10, out'
	echo "$output"
	if grep -q uid= <<<"$output"; then false; fi
	# The flips hit the moment between look and start: a broker that went by the path would have started it.
	grep -q '(-9, ' <<<"$output"
}

first() { # STATUS OPTION… -- COMMAND…: with somebody who refuses id and tool, and permits the rest
	local status=$1
	shift
	rm -f "$place/socket"
	answers execute:/usr/bin/id=deny execute:/work/tool=deny execute:=allow
	run "-$status" careful --ask-socket "$place/socket" "$@"
	wait "$asked"
	asked=
	if grep -q uid= <<<"$output"; then false; fi
}

@test "programs: the first of a container is asked about as every other" {
	cp /usr/bin/id tool
	printf '#!/usr/bin/id\n' >script
	chmod +x script
	first 1 "$id" -- id
	grep -q 'exec: "id": permission denied' <<<"$output"
	grep -q '"comm":"zviz","syscall":"execve","arguments":"\\"/usr/bin/id\\"' "$place/heard"
	[ "$(questions execute /usr/bin/id)" = 1 ]
	first 1 --no-init "$id" -- /usr/bin/id
	first 1 --detach "$id" -- id
	first 1 "$id" -- ./tool
	[ "$(questions execute /work/tool)" = 1 ]
	# Its interpreter is another program, which is asked about when it is the one that starts.
	first 137 "$id" -- ./script
	[ "$(questions execute /usr/bin/id)" = 1 ]
}

@test "programs: the first, with a yes, is as it would be without the section" {
	sed '/execute:/d' ../ask.yaml >../plain.yaml
	# Left out is what differs between any two runs: FDSize is the room in the kernel's table, which follows from
	# what the parent had open at its fork, not from what the program has (listed from /proc/self/fd).
	cat >show <<-'END'
	#!/usr/bin/python3
	import os, signal, sys
	print(sys.argv, sorted(os.environ), os.getcwd(), os.getpid(), os.getppid(), sorted(os.listdir("/proc/self/fd")))
	print(open("/proc/self/comm").read(), open("/proc/self/cmdline").read().split("\0"), os.umask(0), signal.pthread_sigmask(signal.SIG_BLOCK, []))
	print([l for l in open("/proc/self/status") if not l.startswith(("Vm", "Rss", "voluntary", "nonvoluntary", "Hugetlb", "Mems", "Cpus", "SigQ", "FDSize"))])
	END
	chmod +x show
	first 0 "$id" -- ./show a 'b c' ''
	[ "$(questions execute /work/show)" = 1 ]
	local asked_about=$output
	run -0 timeout 120 "$zviz" --root "$place/state" run --profile "$place/plain.yaml" "$id" -- ./show a 'b c' ''
	diff <(echo "$asked_about") <(grep -v 'warning: nobody' <<<"$output")
	first 7 "$id" -- sh -c 'exit 7'
	echo text >text
	chmod +x text
	first 1 "$id" -- ./text
	grep -q 'exec: "./text": Exec format error' <<<"$output"
}

@test "programs: a profile that refuses what starts the first one says so" {
	for call in execveat fcntl; do
		printf 'zviz: 1\nextends: ask.yaml\nsyscalls: {deny: [%s]}\n' "$call" >../more.yaml
		run -1 timeout 60 "$zviz" --root "$place/state" run --profile ../more.yaml "$id" -- true
		grep -q "does not allow $call" <<<"$output"
	done
}

said() { # WORDS…: what came of the next round that is begun from now on
	rm -f out
	for _ in $(seq 500); do
		if [ "$(cat out 2>/dev/null | wc -l)" -ge 2 ]; then # the first may have been begun before
			[ "$(sed -n 2p out)" = "$*" ]
			return
		fi
		sleep 0.02
	done
	return 1
}

# Files and programs; each kind, and all of them.
@test "an update that takes every row away is wider; from then on nothing is asked, until there are rows again" {
	answers read:=deny write:=deny execute:=deny
	timeout 120 "$zviz" --root "$place/state" run --profile ../ask.yaml --ask-socket "$place/socket" "$id" -- sh -c '
		while [ ! -e end ]; do
			r=no w=no x=no
			read -r _ <.env && r=yes
			true >config/a && w=yes
			id -u >config/../id && x=yes
			rm -f config/a
			echo "$r $w $x" >>out
		done 2>/dev/null' 3>&- &
	local started=$! before
	said no no no
	printf 'zviz: 1\nextends: ask.yaml\nremove: {ask: {execute: [/usr/bin/id, "/work/**"]}}\n' >../runs.yaml
	printf 'zviz: 1\nname: none\nextends: ci-runner\n' >../none.yaml
	for next in runs none; do
		run -1 "$zviz" --root "$place/state" update --profile ../$next.yaml "$id"
		grep -q 'execute /usr/bin/id without asking' <<<"$output"
	done
	said no no no
	run -0 "$zviz" --root "$place/state" update --widen --profile ../runs.yaml "$id"
	said no no yes
	run -0 "$zviz" --root "$place/state" exec "$id" id -u
	run -0 "$zviz" --root "$place/state" update --widen --profile ../none.yaml "$id"
	said yes yes yes
	before=$(grep -c '"kind"' "$place/heard")
	said yes yes yes
	run -0 "$zviz" --root "$place/state" exec "$id" sh -c 'cat .env; id -u; exec id'
	grep -q '^secret' <<<"$output"
	grep -q '^uid=' <<<"$output"
	[ "$(grep -c '"kind"' "$place/heard")" = "$before" ]
	run -0 "$zviz" --root "$place/state" update --profile ../ask.yaml "$id"
	said no no no
	[ "$(grep -c '"kind"' "$place/heard")" -gt "$before" ]
	run -255 "$zviz" --root "$place/state" exec "$id" id -u
	touch end
	wait "$started"
}

@test "programs: who is traced by somebody else cannot be asked about, and starts nothing" {
	command -v strace >/dev/null || skip 'needs strace'
	sed 's/ci-runner/development/' ../ask.yaml >../dev.yaml
	answers execute:=allow
	run ! timeout 60 "$zviz" --root "$place/state" run --profile ../dev.yaml --ask-socket "$place/socket" "$id" -- \
		strace -f -o /dev/null sh -c '/usr/bin/id; /usr/bin/true'
	if grep -q uid= <<<"$output"; then false; fi
}

@test "a socket where nobody listens, a time that is none, and a file asked about and denied" {
	run -1 careful --ask-socket "$place/none" "$id" -- true
	grep -q -- "--ask-socket .*No such file" <<<"$output"
	for wrong in 0 never 25h -1 '[1]'; do
		printf 'zviz: 1\nextends: ci-runner\nask: {timeout: %s}\n' "$wrong" >../wrong.yaml
		run -1 "$zviz" --root "$place/state" run --profile ../wrong.yaml "$id" -- true
		grep -q 'wrong.yaml:3:.*ask.timeout' <<<"$output"
	done
	printf 'zviz: 1\nextends: ci-runner\nfilesystem: {deny: {read: ["/work/x"]}}\nask: {read: ["/work/x"]}\n' >../wrong.yaml
	run -1 "$zviz" --root "$place/state" run --profile ../wrong.yaml "$id" -- true
	grep -q 'wrong.yaml:4:' <<<"$output"
}

@test "explain, diff and compile know what is asked about" {
	run -0 "$zviz" explain ../ask.yaml openat /work/.env O_RDONLY
	grep -q 'it asks.*' <<<"$output"
	run -0 "$zviz" explain ../ask.yaml execve /usr/bin/id
	grep -q 'it asks' <<<"$output"
	run -0 "$zviz" compile --explain ../ask.yaml
	grep -q 'ask.execute /usr/bin/id .*broker' <<<"$output"
	run -0 "$zviz" diff --subset ../ask.yaml ci-runner
	run ! "$zviz" diff --subset ci-runner ../ask.yaml
	grep -q 'read \*\*/.env without asking' <<<"$output"
	run -0 "$zviz" verify ../ask.yaml
}

@test "at a terminal a person is asked, and the program gets neither the answer nor a say" {
	run -0 timeout 120 python3 -B "$BATS_TEST_DIRNAME/terminal.py" ask "$zviz" --root "$place/state" run \
		--profile "$place/ask.yaml" "$id"
}
