# Unix sockets beside patterns of filesystem.deny: who matches is not reached, and nothing else changes.

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$BATS_TEST_DIRNAME/sockets.py" "$place/"
	for deny in '' 'deny: {read: ["**/.secret"], write: ["**/docker.sock", "/work/locked/**"]}'; do
		cat >"$place/${deny:+deny}.yaml" <<-END
		zviz: 1
		name: own
		extends: ci-runner
		filesystem: {$deny}
		END
	done
	mv "$place/.yaml" "$place/plain.yaml"
	cd "$place/work"
	id=sockets-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true # it may have failed to start
	rm -rf "$place"
}

inside() { # PROFILE [OPTIONS…] -- COMMAND…
	local profile=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	"$zviz" --root "$place/home/state" --profile "$place/$profile.yaml" run --read "$place/sockets.py" \
		${options[@]+"${options[@]}"} "$id" "$@"
}

@test "every use of a socket comes to the same with patterns as without" {
	inside plain -- python3 "$place/sockets.py" >"$place/without" 2>&1
	rm -rf ./*
	inside deny -- python3 "$place/sockets.py" >"$place/with" 2>&1
	diff "$place/without" "$place/with"
	[ "$(wc -l <"$place/with")" -gt 50 ]
	if grep Traceback "$place/with"; then false; fi
}

@test "a socket that a pattern names is reached by no call, and none is made" {
	mkdir locked
	python3 -c '
import socket, time
a = socket.socket(socket.AF_UNIX); a.bind("docker.sock"); a.listen(9)
b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); b.bind("locked/log")
c = socket.socket(socket.AF_UNIX); c.bind(".secret"); c.listen(9)
open("../ready", "w")
time.sleep(60)' &
	server=$!
	while [ ! -e ../ready ]; do sleep 0.1; done
	chmod -R a+rwX .
	run -0 inside deny -- python3 -c '
import os, socket
def no(deed):
    try: deed()
    except PermissionError: return
    print("reached")
s, d = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for p in ("docker.sock", "/work/docker.sock", ".secret", "locked/../.secret", "/proc/self/cwd/docker.sock"):
    no(lambda: s.connect(p))
for p in ("locked/log", "/work/locked/log"):
    no(lambda: d.connect(p)); no(lambda: d.sendto(b"x", p)); no(lambda: d.sendmsg([b"x"], [], 0, p))
for p in ("locked/new", "/tmp/docker.sock"):
    no(lambda: s.bind(p))
for deed in (os.rename, os.link, os.symlink):
    try: deed("docker.sock", "d.sock"); s.connect("d.sock"); print("reached", deed)
    except OSError: pass
os.chdir("locked"); no(lambda: d.sendto(b"x", "log"))
print("the end")'
	echo "$output"
	[ "$output" = "the end" ]
	[ "$(ls locked)" = log ]
}

@test "a refusal is told with its path, its rule and what to change" {
	run --separate-stderr -1 inside deny --verbose -- python3 -c '
import socket; socket.socket(socket.AF_UNIX).bind("/tmp/docker.sock")'
	echo "$stderr"
	[[ $stderr == *'bind('*'"/tmp/docker.sock"'*'deny.yaml:4'* ]]
	[[ $stderr == *'take this pattern out of filesystem.deny.write'* ]]
}

@test "explain says of a socket what happens" {
	run -0 "$zviz" explain "$place/deny.yaml" connect /work/docker.sock
	[[ $output == *"refused with EACCES"*"take this pattern out of filesystem.deny.write"* ]]
	run -0 "$zviz" explain "$place/deny.yaml" bind /work/locked/x
	[[ $output == *"refused with EACCES"* ]]
	run -0 "$zviz" explain "$place/deny.yaml" sendto 3 0 0 0 /tmp/log
	[[ $output == *"which allows it"* ]]
	run -0 "$zviz" explain "$place/plain.yaml" connect /tmp/docker.sock
	[[ $output == *"allowed natively"* ]]
}
