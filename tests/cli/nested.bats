# zviz where namespaces are not to be had: inside of somebody else's container. A profile that requires them is refused, and told what is
# in the way; under one that does without, the layers run that need none. ARCHITECTURE.md, "Without namespaces", has a table of
# what each of them gave; nested_attack.py tries its rows.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	cp "$bin" "$place/zviz"
	mkdir "$place/work" "$place/state"
	chmod 777 "$place/work"
	cd "$place/work"
	cat >"$place/prefers.yaml" <<-END
	zviz: 1
	name: prefers
	extends: ci-runner
	requirements: {user_namespace: preferred, cgroup: preferred}
	END
	id=nested-$BATS_TEST_NUMBER-$$
	mark=9$BATS_TEST_NUMBER$$
}

teardown() {
	cd /
	rm -rf "$place"
}

outer() { # root|user COMMAND…: where user.max_user_namespaces is 0
	local who=$1
	shift
	local drop=()
	[ "$who" = root ] || drop=(setpriv --bounding-set=-all --inh-caps=-all --securebits=+noroot,+noroot_locked)
	unshare --user --map-root-user --mount --pid --fork --mount-proc sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' - \
		"${drop[@]}" "$@"
}

need() {
	unshare --user --map-root-user true || skip 'no user namespace can be made here'
	"$bin" check | grep -q 'ABI \([6-9]\|[1-9][0-9]\):' || skip 'Landlock keeps no signals apart here'
	[ ! -e /proc/sys/kernel/yama/ptrace_scope ] || [ "$(cat /proc/sys/kernel/yama/ptrace_scope)" = 0 ] ||
		skip 'Yama lets ancestors alone read memory'
}

bare() { # OPTION… COMMAND…: a run without namespaces
	outer user "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" "$@"
}

refused() { # TEXT COMMAND…: in an outer container; nothing has run, and nothing is left
	local text=$1
	shift
	run -1 "$@"
	[[ $output == *"$text"* ]]
	[[ $output == *hint:* ]]
	[ ! -e "$place/work/ran" ]
	[ -z "$(ls -A "$place/state")" ]
}

gone() { # within some seconds: processes with the mark in their command line
	for _ in $(seq 100); do
		pgrep -f "sleep $mark" >/dev/null || return 0
		sleep 0.05
	done
	pgrep -af "sleep $mark"
	return 1
}

@test "who requires namespaces is refused where none can be made" {
	unshare --user --map-root-user true || skip 'no user namespace can be made here'
	for who in user root; do
		refused 'user namespace: this host does not let' \
			outer $who "$place/zviz" --root "$place/state" run --profile ci-runner "$id" touch ran
	done
}

@test "root with CAP_SYS_ADMIN, a bundle, and what takes a namespace are refused, whatever the profile prefers" {
	need
	refused 'this host does not let root make one' \
		outer root "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" "$id" touch ran
	mkdir -p "$place/bundle/rootfs"
	echo '{"ociVersion": "1.0.0", "root": {"path": "rootfs"}, "process": {"args": ["true"], "cwd": "/"}}' >"$place/bundle/config.json"
	refused 'cannot be entered without a mount namespace' \
		outer user "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" "$id" "$place/bundle"
	refused 'network mode private takes' bare --network private "$id" touch ran
	refused '--detach leaves nobody' bare --detach "$id" touch ran
	refused '--rootfs takes' bare --rootfs "$place/bundle/rootfs" "$id" touch ran
	refused '--user names other ids' bare --user 7:7 "$id" touch ran
	sed 's/cgroup: preferred/cgroup: required/' "$place/prefers.yaml" >"$place/groups.yaml"
	refused 'requires the' outer user "$place/zviz" --root "$place/state" run --profile "$place/groups.yaml" "$id" touch ran
	{ cat "$place/prefers.yaml"; echo 'capabilities: {keep: [CAP_CHOWN]}'; } >"$place/keeps.yaml"
	refused 'CAP_CHOWN would be over all' outer user "$place/zviz" --root "$place/state" run --profile "$place/keeps.yaml" "$id" touch ran
	{ cat "$place/prefers.yaml"; echo 'filesystem: {hide: ["/work/*.key"]}'; } >"$place/pattern.yaml"
	refused 'cannot be hidden by a pattern' outer user "$place/zviz" --root "$place/state" run --profile "$place/pattern.yaml" "$id" touch ran
	{ cat "$place/prefers.yaml"; echo 'filesystem: {deny: {read: ["/*/key"]}}'; } >"$place/wild.yaml"
	refused 'cannot be told' outer user "$place/zviz" --root "$place/state" run --profile "$place/wild.yaml" "$id" touch ran
	mkdir keys
	ln -s keys .ssh
	refused 'leads through a link' bare "$id" touch ran
	rm .ssh
	ln -s "$place/bundle" out
	{ cat "$place/prefers.yaml"; echo 'filesystem: {write: [/work/out]}'; } >"$place/out.yaml"
	refused 'leads through a link' outer user "$place/zviz" --root "$place/state" run --profile "$place/out.yaml" "$id" touch ran
	"$bin" compile "$place/prefers.yaml" -o "$place/compiled" >/dev/null
	refused 'other rules hold' outer user "$place/zviz" --root "$place/state" run --compiled "$place/compiled" "$id" touch ran
}

@test "an outer filter that refuses clone3, but not user namespaces, is told from one that refuses them" {
	[ -n "$(command -v bwrap)" ] || skip 'bubblewrap is not installed'
	"$bin" compile web-server -o "$place/compiled" >/dev/null
	filter=$place/compiled/seccomp-$(uname -m).bpf
	filtered() { bwrap --seccomp 9 --dev-bind / / "$@" 9<"$filter"; }
	refused 'refuses clone3' filtered "$place/zviz" --root "$place/state" run --profile ci-runner "$id" touch ran
}

@test "without namespaces: sh, python3 and git work on a work folder" {
	need
	git init -q .
	run -0 bare "$id" sh -c 'set -e
		echo one >file; mkdir sub; mv file sub/; cp -p sub/file copy; chmod 755 copy; touch -d 2001-01-01 copy
		test -x copy; ln -s copy link; cat link; rm link; (echo a; echo b) | sort -r; test "$HOME" = "$PWD"
		mktemp >/dev/null; find . -name copy; tar cf sub.tar sub; mkdir out; tar xf sub.tar -C out; test -s out/sub/file'
	[[ $output == *one* ]]
	[ "$(stat -c %a copy)" = 755 ]
	[ "$(stat -c %Y copy)" = "$(date -d 2001-01-01 +%s)" ]
	run -0 bare "$id" python3 -c 'import tempfile, subprocess, threading, socket, os, shutil
with tempfile.NamedTemporaryFile() as f: f.write(b"x")
assert subprocess.run(["sh", "-c", "exit 3"]).returncode == 3
t = threading.Thread(target=lambda: None); t.start(); t.join()
s = socket.socket(socket.AF_UNIX); s.bind("own"); s.listen()
c = socket.socket(socket.AF_UNIX); c.connect("own"); a = s.accept()[0]; c.send(b"hello"); assert a.recv(9) == b"hello"
shutil.copy2("copy", "copy2"); os.utime("copy2"); os.kill(os.getpid(), 0)
print("fine")'
	[[ $output == *fine* ]]
	# What is not to be read is there all the same, and git minds that of its system's file.
	run -0 bare --env GIT_CONFIG_NOSYSTEM=1 "$id" git -c safe.directory='*' status --short
	[[ $output == *copy* ]]
	run -0 bare --env GIT_CONFIG_NOSYSTEM=1 "$id" sh -c 'git init -q repo && cd repo && git config user.email a@b && git config user.name n && echo x >f && git add f &&
		git commit -qm first && git log --oneline && git clone -q . ../second'
	[[ $output == *first* ]]
	[ -e second/f ]
}

@test "without namespaces: it is said at each start, in the state, by explain, under --verbose and in the log" {
	need
	run -0 --separate-stderr bare "$id" sh -c true
	[[ $stderr == *'warning: no namespace can be made here'* ]]
	run -0 --separate-stderr outer user "$place/zviz" --verbose --log "$place/log" --root "$place/state" run \
		--profile "$place/prefers.yaml" "$id" true
	for layer in namespaces mounts processes ids ipc network; do
		[[ $stderr == *"missing: $layer: "* ]]
		grep -q "missing: $layer: " "$place/log"
	done
	run -1 --separate-stderr outer user "$place/zviz" --verbose --root "$place/state" run --profile "$place/prefers.yaml" "$id" \
		python3 -c 'import socket; socket.socket()'
	[[ $stderr == *'to permit it: use network mode host'* ]]
	run -0 outer user sh -c '
		"$0" --root "$1" run --profile "$2" "$3" sleep 20 & launcher=$!
		for _ in $(seq 100); do "$0" --root "$1" state "$3" 2>/dev/null | grep -q running && break; sleep 0.05; done
		"$0" --root "$1" state "$3"; "$0" --root "$1" explain "$3"; "$0" --root "$1" exec "$3" true; "$0" --root "$1" pause "$3"
		"$0" --root "$1" update --memory 1G "$3"
		"$0" --root "$1" kill "$3" KILL; wait' "$place/zviz" "$place/state" "$place/prefers.yaml" "$id"
	[[ $output == *'none can be made here'* ]]
	[[ $output == *'new: none'* ]]
	[[ $output == *'has no namespaces that a process could join'* ]]
	[[ $output == *'pause'* ]]
	[ -z "$(ls -A "$place/state")" ]
}

@test "without namespaces: ps and kill --all are about its processes alone" {
	need
	run -0 outer user sh -c '
		sleep 60 & other=$!
		"$0" --root "$1" run --profile "$2" "$3" sh -c "setsid sleep '"$mark"' & sleep '"$mark"'" & launcher=$!
		for _ in $(seq 200); do "$0" --root "$1" ps "$3" 2>/dev/null | grep -c "sleep" | grep -qx 4 && break; sleep 0.05; done
		echo "listed: $("$0" --root "$1" ps "$3" | grep -c sleep)"
		"$0" --root "$1" kill --all "$3" KILL; wait $launcher; echo "status $?"
		kill -0 $other && echo "outside lives"; kill $other' "$place/zviz" "$place/state" "$place/prefers.yaml" "$id"
	[[ $output == *'listed: 4'* ]]
	[[ $output == *'status 137'* ]]
	[[ $output == *'outside lives'* ]]
	gone
}

# The workload's outer container: a process of the same user, files, sockets, an address.
attacked() { # OPTION… -- ARGUMENT…: nested_attack.py, with all that it is not to reach
	cp "$BATS_TEST_DIRNAME/nested_attack.py" "$place/work/attack.py"
	rm -f "$place/sock" "$place/dgram"
	mkdir -p "$place/outside/empty" "$place/shared" .ssh private .git/hooks
	for file in "$place/secret" "$place/outside/old" "$place/shared/file" .ssh/id private/key .git/config; do
		echo kept >"$file"
	done
	chmod 600 "$place/secret" .ssh/id
	chmod 777 "$place/outside"
	echo mine >mine
	cat >"$place/around.py" <<-'END'
	import os, socket, subprocess, sys
	place, argv = sys.argv[1], sys.argv[2:]
	listens = []
	for family, kind, name in ((socket.AF_UNIX, 1, place + "/sock"), (socket.AF_UNIX, 2, place + "/dgram"),
	                           (socket.AF_UNIX, 1, "\0zviz-" + str(os.getpid())), (socket.AF_UNIX, 2, "\0zviz-%dd" % os.getpid()),
	                           (socket.AF_INET, 1, ("127.0.0.1", 0))):
	    s = socket.socket(family, kind); s.bind(name); listens.append(s)
	    if kind == 1: s.listen()
	before = os.environ.copy()
	other = subprocess.Popen(["sleep", "600"], env={"TOKEN": "secret"}, stdin=subprocess.PIPE, start_new_session=True)
	i = argv.index("--")
	opts = ["--env", "PLACE=" + place, "--env", "OUTSIDE=%d" % other.pid, "--env", "ABSTRACT=zviz-%d" % os.getpid(),
	        "--env", "PORT=%d" % listens[-1].getsockname()[1]]
	r = subprocess.run(argv[:i] + opts + argv[i + 1:], timeout=200)
	limits, nice = open("/proc/%d/limits" % other.pid).read(), os.getpriority(os.PRIO_PROCESS, other.pid)
	print("outside lives" if other.poll() is None and nice == os.getpriority(os.PRIO_PROCESS, 0) else "HOLE outside", flush=True)
	for s in listens[:4]:
	    s.setblocking(False)
	    try: (s.accept if s.type == 1 else lambda: s.recv(9))(); print("HOLE reached", s.getsockname())
	    except BlockingIOError: pass
	other.kill()
	sys.exit(r.returncode)
	END
	[ -z "$owner" ] || chown -R "$owner:$owner" "$place"
	before=$(cd "$place" && find secret outside shared work/.ssh work/private work/.git -printf '%p %m %s %T@ %u\n' | sort)
	run -0 "$@"
	[[ $output != *HOLE* ]]
	[[ $output == *end* ]]
	[[ $output == *'outside lives'* ]]
	[ "$(cd "$place" && find secret outside shared work/.ssh work/private work/.git -printf '%p %m %s %T@ %u\n' | sort)" = "$before" ]
	! ls /tmp/zviz-nested /dev/shm/zviz-nested /var/tmp/zviz-nested 2>/dev/null || false
}

@test "without namespaces: nothing outside is reached" {
	need
	attacked outer user python3 "$place/around.py" "$place" "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" \
		--read "$place/shared" --hide /work/private -- "$id" python3 attack.py
	# Where somebody listens, the broker has a pipe open, which "self" in /proc could lead to.
	attacked outer user python3 "$place/around.py" "$place" "$place/zviz" --verbose --root "$place/state" run \
		--profile "$place/prefers.yaml" -- "$id" python3 attack.py processes
}

# As under engines' default filters: clone3 is not there; namespaces, mounts and keyrings are refused. No_new_privs is not set.
filtered() { # UID COMMAND…
	cat >"$place/filtered.py" <<-'END'
	import ctypes, os, struct, sys
	clone3, clone, unshare, mount, setns, keyctl = {"x86_64": (435, 56, 272, 165, 308, 250),
	                                                "aarch64": (435, 220, 97, 40, 268, 219)}[os.uname().machine]
	load, equal, bits, answer = 0x20, 0x15, 0x45, 0x06
	code = [(load, 0, 0, 0),
	        (equal, 10, 0, clone3), (equal, 4, 0, clone), (equal, 3, 0, unshare), (equal, 6, 0, mount), (equal, 5, 0, setns),
	        (equal, 4, 3, keyctl), (load, 0, 0, 16), (bits, 2, 0, 0x7e020000), (answer, 0, 0, 0x7fff0000),
	        (answer, 0, 0, 0x7fff0000), (answer, 0, 0, 0x50001), (answer, 0, 0, 0x50026)]
	text = b"".join(struct.pack("=HBBI", *i) for i in code)
	buf = ctypes.create_string_buffer(text)
	prog = struct.pack("@HP", len(code), ctypes.addressof(buf))
	libc = ctypes.CDLL(None, use_errno=True)
	if libc.prctl(22, 2, ctypes.create_string_buffer(prog)) < 0:
	    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
	uid = int(sys.argv[1])
	for cap in range(64):
	    libc.prctl(24, cap, 0, 0, 0)
	os.setgroups([])
	os.setresgid(uid, uid, uid)
	if uid != 0:
	    os.setresuid(uid, uid, uid)
	os.environ["HOME"] = "/nonexistent"
	os.execvp(sys.argv[2], sys.argv[2:])
	END
	python3 "$place/filtered.py" "$@"
}

@test "without namespaces: of /dev a listed device can be opened, and asked what the profile permits" {
	need
	[ "$(stat -c %a /dev/fuse 2>/dev/null)" = 666 ] || skip 'no /dev/fuse that is for everybody'
	cat >"$place/device.yaml" <<-END
	zviz: 1
	name: device
	extends: $place/prefers.yaml
	devices: [/dev/fuse, "/dev/zviz-none*"]
	ioctl: {allow: [0x8004e500]}
	END
	local ask='import errno, fcntl, os
for name in "fuse", "net/tun":
	try: fd = os.open("/dev/" + name, os.O_RDWR); print(name, "opened")
	except OSError as e: print(name, errno.errorcode[e.errno]); continue
	try: fcntl.ioctl(fd, 0x8004e500, b"\xff\xff\xff\x7f")
	except OSError as e: print(errno.errorcode[e.errno])'
	local outside
	outside=$(python3 -c "$ask" | sed -n 2p)
	run -0 outer user "$place/zviz" --root "$place/state" run --profile "$place/device.yaml" a -- python3 -c "$ask"
	[[ $output == *"fuse opened"$'\n'"$outside"$'\n'"net/tun EACCES" ]]
	run -0 bare a -- python3 -c "$ask"
	[[ $output == *'fuse EACCES'$'\n''net/tun EACCES' ]]
	# Words are held to the same as where there are mounts, and a pattern opens no terminal of the caller's.
	refused '/dev/zviz-none is not there' bare --device /dev/zviz-none a -- touch ran
	refused '/dev/net is no device node' bare --device /dev/net a -- touch ran
	refused 'wildcards are * and ?' bare --device '/dev/**' a -- touch ran
	run -0 bare --device '/dev/tt*' a -- sh -c '(exec 3<>/dev/tty) 2>&1 || echo shut'
	[[ $output == *'Permission denied'*shut ]]
}

@test "without namespaces: under a filter that refuses them, for a user; a set-uid program gains nothing" {
	need
	[ "$(id -u)" = 0 ] || skip 'not root, who may load a filter without no_new_privs'
	run -1 filtered 61500 unshare --user true
	mkdir "$place/suid"
	cp "$(command -v id)" "$place/suid/id"
	chown 65534:65534 "$place/suid/id"
	chmod 6755 "$place/suid/id"
	chown 61500:61500 "$place/state" .
	run -0 filtered 61500 "$place/suid/id" -u
	[[ $output == 65534 ]]
	run -0 --separate-stderr filtered 61500 "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" --read "$place/suid" \
		"$id" sh -c '"$0" -u; "$0" -g; ps -o pid= 2>/dev/null; true' "$place/suid/id"
	[[ $output == $'61500\n61500'* ]]
	owner=61500 attacked filtered 61500 python3 "$place/around.py" "$place" "$place/zviz" --root "$place/state" run \
		--profile "$place/prefers.yaml" --read "$place/shared" --hide /work/private -- "$id" python3 attack.py
}

@test "without namespaces: for root without capabilities, who owns the machine's files" {
	need
	[ "$(id -u)" = 0 ] || skip 'not root'
	run -0 --separate-stderr filtered 0 "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" "$id" \
		sh -c 'id -u; chmod 755 /usr/bin/env; touch /usr/bin/env; chown 0:0 /etc/hosts; echo "$?"; exec id -G'
	[[ $output == $'0\n1\n0' ]]
	attacked filtered 0 python3 "$place/around.py" "$place" "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" \
		--read "$place/shared" --hide /work/private -- "$id" python3 attack.py
}

# A chain: each process makes one and ends, so nobody who looks for them finds more than a past one. And sessions of their own.
runaway='import os, sys, time
mark = sys.argv[1]
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        os.execvp("sleep", ["sleep", mark])
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            if os.fork(): os._exit(0)
            open("chain", "w").write(str(time.time()))
time.sleep(0.5)
print("made", flush=True)
if len(sys.argv) > 2: time.sleep(100)'

still() { # the chains write no more
	local before
	sleep 0.3
	before=$(cat chain)
	sleep 0.5
	[ "$(cat chain)" = "$before" ]
}

@test "without namespaces: nothing is left when it ends, whatever has left its session and its parent" {
	need
	run -0 bare "$id" python3 -c "$runaway" "$mark"
	[[ $output == *made* ]]
	gone
	still
	run -124 bare --timeout 1s "$id" python3 -c "$runaway" "$mark" stay
	gone
	still
}

@test "without namespaces: nothing is left when zviz, its broker or a guard is killed" {
	need
	for whom in launcher broker guard other init; do
		rm -f "$place/out"
		# The outer container stays for as long as somebody in it lives: then what is gone is gone by zviz alone.
		outer user sh -c '"$@" & sleep 30' - "$place/zviz" --root "$place/state" run --profile "$place/prefers.yaml" "$id" \
			python3 -c "$runaway" "$mark" stay >"$place/out" 2>&1 3>&- &
		outside=$!
		for _ in $(seq 200); do
			! grep -qs made "$place/out" || ! pgrep -f "^sleep $mark" >/dev/null || break
			sleep 0.05
		done
		grep -q made "$place/out"
		echo "# $whom: $(cat "$place/out")"; pgrep -af "sleep $mark"
		launcher=$(pgrep -f -o "^$place/zviz --root $place/state run")
		mapfile -t children < <(pgrep -P "$launcher" -f "^$place/zviz")
		case $whom in
			launcher) victim=$launcher ;;
			broker) victim=${children[0]} ;;
			guard) victim=${children[1]} ;;
			other) victim=$(pgrep -P "${children[1]}") ;;
			init) victim=${children[2]} ;;
		esac
		echo "# $whom $victim of $launcher: ${children[*]}"
		kill -KILL "$victim"
		gone
		still
		! pgrep -f "^$place/zviz --root $place/state run" || false
		pkill -KILL -P "$(pgrep -P "$outside")" || true # whoever of it still waits
		wait "$outside" || true                         # it was killed
		"$bin" --root "$place/state" delete --force "$id" || true # only a killed launcher leaves a state
		rm -f chain
	done
}
