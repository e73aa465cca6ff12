# Hooks of a bundle: when they run, where, with what, and what becomes of one that fails.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir -p "$place/home" "$place/work/bundle/rootfs/bin" "$place/work/bundle/rootfs/proc" "$place/work/out"
	cp "$bin" "$(dirname "$bin")/../net/zviz-net" "$place/" # which loads the rules of a network that hooks may connect
	cd "$place/work"
	chmod 777 out
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	for name in sh sleep cat readlink tr; do ln -s busybox "bundle/rootfs/bin/$name"; done
	id=hooks-$BATS_TEST_NUMBER-$$
	# What a hook says of itself, a line in $OUT/log and its input in $OUT/NAME.
	cat >hook <<-'END'
	#!/bin/sh
	echo "$NAME $1 $(for kind in pid mnt net user; do readlink "/proc/self/ns/$kind"; done | tr '\n' ' ')" >>"$OUT/log"
	cat >"$OUT/$NAME"
	pwd >"$OUT/$NAME.pwd"
	END
	chmod 755 hook
	cp hook bundle/rootfs/bin/hook
}

teardown() {
	cd /
	zviz delete --force "$id" 2>/dev/null || true # most tests leave none
	rm -rf "$place"
}

config() { # HOOKS
	cat >bundle/config.json <<-END
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sh", "-c", "echo workload >>/out/log; exec sleep 1000"],
	             "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]},
	 "mounts": [{"destination": "/proc", "type": "proc"},
	            {"destination": "/out", "type": "bind", "source": "$place/work/out", "options": ["bind"]}],
	 "annotations": {"org.example/a": "b"},
	 "hooks": {$1},
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]}}
	END
}

hook() { # NAME [PATH OUT]
	echo "\"$1\": [{\"path\": \"${2:-$place/work/hook}\", \"args\": [\"hook\", \"word\"],
		\"env\": [\"NAME=$1\", \"OUT=${3:-$place/work/out}\", \"PATH=/usr/bin:/bin\"], \"timeout\": 20}]"
}

zviz() {
	"$place/zviz" --root "$place/home/state" "$@"
}

create() {
	zviz create --bundle bundle "$@" "$id" </dev/null >said 2>&1 3>&-
}

status() {
	zviz state "$id" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'
}

input() { # NAME EXPRESSION of the state d that it was given
	python3 -c "import json; d = json.load(open('out/$1')); assert ($2), d"
}

namespaces() { # NAME
	sed -n "s/^$1 word //p" out/log
}

nothing_left() {
	[ -z "$(ls -A "$place/home/state" 2>/dev/null)" ]
	for _ in {1..100}; do
		[ -n "$(pgrep -f "$place/zviz")" ] || break
		sleep 0.02
	done
	[ -z "$(pgrep -f "$place/zviz")" ]
	[ -z "$(find /sys/fs/cgroup -name "zviz-$id" 2>/dev/null)" ]
}

@test "each hook at its time, in its namespaces, with the state of that time" {
	config "$(hook prestart), $(hook createRuntime), $(hook createContainer), $(hook startContainer /bin/hook /out), $(hook poststart), $(hook poststop)"
	create || { cat said; false; }
	pid=$(zviz state "$id" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
	[ "$(cut -d' ' -f1 out/log | tr '\n' ' ')" = 'prestart createRuntime createContainer ' ]
	zviz start "$id"
	for _ in {1..100}; do ! grep -q workload out/log || break; sleep 0.05; done
	[ "$(grep -v workload out/log | cut -d' ' -f1 | tr '\n' ' ')" = 'prestart createRuntime createContainer startContainer poststart ' ]
	[ "$(grep -A1 startContainer out/log | tail -1 | cut -d' ' -f1)" != prestart ]
	inside=$(for kind in pid mnt net user; do readlink "/proc/$pid/ns/$kind"; done | tr '\n' ' ')
	outside=$(for kind in pid mnt net user; do readlink "/proc/self/ns/$kind"; done | tr '\n' ' ')
	zviz delete --force "$id"
	[ "$(tail -1 out/log | cut -d' ' -f1)" = poststop ]
	for name in prestart createRuntime poststart poststop; do
		[ "$(namespaces "$name")" = "$outside" ]
		[ "$(cat "out/$name.pwd")" = "$place/work/bundle" ]
	done
	[ "$(namespaces createContainer)" = "$inside" ]
	[ "$(namespaces startContainer)" = "$inside" ]
	for name in prestart createRuntime createContainer startContainer poststart poststop; do
		input "$name" "d['id'] == '$id' and d['bundle'] == '$place/work/bundle' and d['annotations'] == {'org.example/a': 'b'} and d['ociVersion']"
	done
	input prestart "d['status'] == 'creating' and d['pid'] == $pid"
	input createRuntime "d['status'] == 'creating' and d['pid'] == $pid"
	input createContainer "d['status'] == 'creating' and d['pid'] == 1"
	input startContainer "d['status'] == 'created' and d['pid'] == 1"
	input poststart "d['status'] == 'running' and d['pid'] == $pid"
	input poststop "d['status'] == 'stopped' and 'pid' not in d"
	nothing_left
}

@test "one that fails before the start ends the container, and poststop hears of it" {
	printf '#!/bin/sh\necho what is wrong >&2\nexit 3\n' >fails
	chmod 755 fails
	for name in prestart createRuntime createContainer; do
		rm -f out/*
		config "$(hook "$name" "$place/work/fails"), $(hook poststop)"
		run -1 create --pid-file pid
		grep -q "error running hook #0 ($name): $place/work/fails: exit status 3: what is wrong" said
		[ ! -e pid ]
		input poststop "d['status'] == 'stopped'"
		if grep -q workload out/log; then false; fi
		nothing_left
	done
	config "$(hook createRuntime "$place/work/none")"
	run -1 create
	grep -q "error running hook #0 (createRuntime): $place/work/none: No such file" said
	nothing_left
	rm -f out/*
	cp fails bundle/rootfs/bin/fails
	config "$(hook startContainer /bin/fails), $(hook poststart)"
	create
	run -1 zviz start "$id"
	[[ $output == *'error running hook #0 (startContainer): /bin/fails: exit status 3'* ]]
	for _ in {1..100}; do [ "$(status)" != stopped ] || break; sleep 0.05; done
	[ "$(status)" = stopped ]
	[ ! -e out/log ] # neither the workload nor poststart
	zviz delete "$id"
	nothing_left
}

@test "one that fails after the start ends the container; one that fails at the end is a warning" {
	config "$(hook poststart /bin/false), $(hook poststop /bin/false)"
	create
	run -1 zviz start "$id"
	[[ $output == *'error running hook #0 (poststart): /bin/false: exit status 1'* ]]
	for _ in {1..100}; do [ "$(status)" != stopped ] || break; sleep 0.05; done
	[ "$(status)" = stopped ]
	run -0 zviz delete "$id"
	[[ $output == *'warning: error running hook #0 (poststop): /bin/false'* ]]
	nothing_left
}

@test "a time limit, and a hook that does not read what it is told" {
	config "\"prestart\": [{\"path\": \"/bin/sleep\", \"args\": [\"sleep\", \"1000\"], \"timeout\": 1}]"
	run -1 create
	grep -q 'error running hook #0 (prestart): /bin/sleep: it took longer than 1 s' said
	nothing_left
	config "\"startContainer\": [{\"path\": \"/bin/sleep\", \"args\": [\"sleep\", \"1000\"], \"timeout\": 1}]"
	create
	run -1 zviz start "$id"
	[[ $output == *'(startContainer): /bin/sleep: it took longer than 1 s'* ]]
	zviz delete --force "$id"
	config "\"poststart\": [{\"path\": \"/bin/true\"}, {\"path\": \"/bin/true\"}]"
	create
	zviz start "$id"
	[ "$(status)" = running ]
	zviz delete --force "$id"
	nothing_left
}

@test "nothing of the caller's or of zviz's is open in a hook, and it says nothing in the container's name" {
	cat >fds <<-'END'
	#!/bin/sh
	echo loud
	ls /proc/$$/fd >"$OUT/fds"
	END
	chmod 755 fds
	config "$(hook createRuntime "$place/work/fds")"
	create
	[ ! -s said ]
	cat out/fds
	[[ $(tr '\n' ' ' <out/fds) =~ ^0\ 1\ (10\ )?(11\ )?2\ (3\ )?$ ]] # the shell itself has its script open
	zviz delete "$id"
}

# A hook of the container's own is a program that the image holds.
@test "startContainer is under what the workload is under" {
	printf '#!/bin/sh\ncat /proc/self/status >/out/status\nmount -t tmpfs none /bin 2>/dev/null && echo mounted >/out/mounted\nexit 0\n' >bundle/rootfs/bin/look
	chmod 755 bundle/rootfs/bin/look
	ln -s busybox bundle/rootfs/bin/mount
	config "$(hook startContainer /bin/look)"
	create
	zviz start "$id"
	grep -q '^Seccomp:.*2' out/status
	grep -q '^NoNewPrivs:.*1' out/status
	grep -q '^CapEff:.*0000000000000000' out/status
	[ ! -e out/mounted ]
	zviz delete --force "$id"
}

# "NAME…" of all that ran, in its order.
ran() {
	cut -d' ' -f1 out/log | tr '\n' ' '
}

@test "zviz --hooks run: each at its time, and poststop once, at the end" {
	config "$(hook prestart), $(hook createRuntime), $(hook createContainer), $(hook startContainer /bin/hook /out), $(hook poststart), $(hook poststop)"
	sed -i 's/exec sleep 1000/until [ -s out\/poststart ]; do sleep 0.05; done; exit 5/' bundle/config.json
	for words in '' --init --keep; do
		rm -f out/*
		run -5 zviz --hooks run $words --bundle bundle "$id"
		[ "$words" != --keep ] || zviz delete "$id"
		# The command and poststart are at work at once.
		[ "$(ran | sed 's/workload //')" = 'prestart createRuntime createContainer startContainer poststart poststop ' ]
		[[ $(ran) == *'startContainer '*workload*poststop* ]]
		input poststart "d['status'] == 'running' and d['pid'] > 1"
		input poststop "d['status'] == 'stopped' and 'pid' not in d"
		nothing_left
	done
	# One kind alone is as good.
	rm -f out/*
	config "$(hook poststop)"
	sed -i 's/exec sleep 1000/exit 6/' bundle/config.json
	run -6 zviz --hooks run --bundle bundle "$id"
	[ "$(ran)" = 'workload poststop ' ]
	nothing_left
}

@test "zviz --hooks run --detach: poststop is for delete; so it is when the launcher was killed" {
	config "$(hook prestart), $(hook poststart), $(hook poststop)"
	zviz --hooks run --detach --bundle bundle "$id" </dev/null >said 2>&1 3>&-
	[ "$(ran | sed 's/workload //')" = 'prestart poststart ' ]
	# It changes nothing for who looks later.
	run -0 zviz exec "$id" /bin/cat /proc/self/status
	zviz delete --force "$id"
	[ "$(tail -n 1 out/log | cut -d' ' -f1)" = poststop ]
	nothing_left
	for killed in '' launcher; do
		rm -f out/*
		"$place/zviz" --root "$place/home/state" --hooks run --bundle bundle "$id" </dev/null >said 2>&1 3>&- &
		launcher=$!
		for _ in {1..200}; do [ ! -s out/poststart.pwd ] || break; sleep 0.05; done
		[ -z "$killed" ] || kill -KILL "$launcher"
		run -0 zviz delete --force "$id"
		echo "# $killed: $(ran)"
		[ "$(ran | sed 's/workload //')" = 'prestart poststart poststop ' ]
		wait "$launcher" || true # it was killed, or its container was
		[ "$(grep -c poststop out/log)" = 1 ]
		nothing_left
	done
}

@test "zviz --hooks run: one that fails ends the container, and poststop hears of it" {
	for name in prestart createRuntime createContainer startContainer poststart; do
		rm -f out/*
		config "$(hook "$name" /bin/false), $(hook poststop)"
		[ "$name" != startContainer ] || cp /bin/false bundle/rootfs/bin/false
		run -1 zviz --hooks run --bundle bundle "$id"
		[[ $output == *"error running hook #0 ($name): /bin/false: "* ]]
		input poststop "d['status'] == 'stopped'"
		nothing_left
		rm -f out/*
		if "$place/zviz" --root "$place/home/state" --hooks run --detach --bundle bundle "$id" </dev/null >said 2>&1 3>&-; then false; fi
		grep -qF "error running hook #0 ($name): /bin/false: " said
		[ "$(grep -c poststop out/log)" = 1 ]
		nothing_left
	done
	# Neither does poststart hear of a command that is none.
	for words in '' --detach; do
		rm -f out/*
		config "$(hook poststart), $(hook poststop)"
		sed -i 's|"/bin/sh", "-c"|"/bin/none", "-c"|' bundle/config.json
		if "$place/zviz" --root "$place/home/state" --hooks run $words --bundle bundle "$id" </dev/null >said 2>&1 3>&-; then false; fi
		grep -q '/bin/none' said
		[ "$(ran)" = 'poststop ' ]
		nothing_left
	done
}

@test "zviz run runs none: a bundle of somebody else's is no program of ours" {
	for name in prestart createRuntime createContainer startContainer poststart poststop; do
		config "$(hook "$name")"
		run -1 zviz run --bundle bundle "$id"
		[[ $output == *"hooks.$name: they would run on this machine as the caller"* ]]
		[[ $output == *'use zviz --hooks run'* ]]
		[ -z "$(ls out)" ]
	done
	nothing_left
}
