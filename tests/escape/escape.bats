#!/usr/bin/env bats
# What the host sees of a sandbox, and the few attacks that need a folder or a run of their own; the table of
# tests/escape/run has the rest. ZVIZ is the binary under test.

setup() {
	PROBE=${PROBE:-$(dirname "$ZVIZ")/../../tests/probe/probe}
	work=$BATS_TEST_TMPDIR/work
	mkdir -p "$work"
	cp "$PROBE" "$work/probe"
	cd "$work"
	id=escape-$BATS_TEST_NUMBER-$$
}

zviz() {
	"$ZVIZ" --root "$BATS_TEST_TMPDIR/state" "$@"
}

teardown() {
	[ -z "${launcher:-}" ] || { kill -TERM "$launcher" && wait "$launcher"; } 2>/dev/null || true
	zviz delete --force "$id" 2>/dev/null || true
}

# Starts a workload that waits. Sets `launcher`, `init` (the container's first process), `workload` and `broker`.
start_waiting() { # run options…
	zviz run "$@" "$id" -- /bin/sleep 30 >/dev/null 2>&1 3>&- &
	launcher=$!
	for _ in {1..100}; do
		init=$(zviz state "$id" 2>/dev/null | sed -n 's/^ *"pid": \([0-9]*\).*/\1/p')
		workload=
		[ -z "$init" ] || workload=$(children "$init")
		[ -z "$workload" ] || [ "$(cat "/proc/$workload/comm")" != sleep ] || break
		sleep 0.05
	done
	[ -n "$workload" ]
	broker=$(children "$(field "$init" PPid)" | grep -vx "$init")
	[ -n "$broker" ]
}

children() { # PID
	cat /proc/"$1"/task/*/children | tr ' ' '\n' | sed '/^$/d'
}

field() { # PID NAME: the first word of a field of its status
	awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"
}

@test "probe: tries nothing outside a sandbox" {
	run "$PROBE" all
	[ "$status" -eq 2 ]
	[[ "$output" == *"nothing was tried"* ]]
}

@test "table: each probe has one row and each row a probe" {
	rows=$(awk -F ' *[|] *' '/^#/ || /^[ \t]*$/ || /^probe / { next } { print $1 }' "$BATS_TEST_DIRNAME/table" | sort)
	diff <("$PROBE" list | sort) <(echo "$rows")
}

@test "host: the workload is neither root nor any account" {
	[ "$(id -u)" = 0 ] || skip 'an ordinary user has one id, its own'
	start_waiting
	for pid in $workload $init; do
		uid=$(field "$pid" Uid)
		[ "$uid" -ge 65536 ]
		run getent passwd "$uid"
		[ "$status" -ne 0 ]
	done
}

@test "host: two workloads do not share an id" {
	[ "$(id -u)" = 0 ] || skip 'an ordinary user has one id, its own'
	start_waiting
	first=$(field "$workload" Uid)
	run zviz run "$id-b" -- /bin/cat /proc/self/uid_map
	[ "$status" -eq 0 ]
	other=$(awk '{ print $2 }' <<<"$output")
	[ "$other" != "$first" ]
}

@test "host: every namespace is another than the host's" {
	start_waiting
	for kind in user pid mnt net ipc uts cgroup; do
		echo "$kind"
		[ "$(readlink "/proc/$workload/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ]
	done
}

@test "host: the first process keeps nothing of the host or the caller open" {
	exec 7</etc/passwd
	start_waiting
	exec 7<&-
	run ls -l "/proc/$init/fd"
	echo "$output"
	[ "$status" -eq 0 ]
	# The way to the launcher, and nothing else: no listener, no state, no fd 7.
	[ -z "$(sed -n '/->/{/-> socket:/!p}' <<<"$output")" ]
	[ "$(grep -c -- '->' <<<"$output")" -le 1 ]
}

@test "host: the broker is no root, holds CAP_SYS_PTRACE at most, and has its own filter" {
	start_waiting
	[ "$(id -u)" != 0 ] || [ "$(field "$broker" Uid)" -ge 65536 ]
	for set in CapInh CapEff CapBnd CapAmb; do
		echo "$set"
		[ "$(field "$broker" $set)" = 0000000000000000 ]
	done
	[[ "$(field "$broker" CapPrm)" =~ ^0000000000080000$|^0000000000000000$ ]]
	[ "$(field "$broker" NoNewPrivs)" = 1 ]
	[ "$(field "$broker" Seccomp)" = 2 ]
	# Whatever it may do, it may do it in the container's user namespace alone.
	[ "$(readlink "/proc/$broker/ns/user")" = "$(readlink "/proc/$workload/ns/user")" ]
}

@test "host: the broker sees the container's files and not the host's, from its folder neither" {
	start_waiting
	for kind in mnt net ipc uts; do
		echo "$kind"
		[ "$(readlink "/proc/$broker/ns/$kind")" = "$(readlink "/proc/$workload/ns/$kind")" ]
	done
	[ "$(readlink "/proc/$broker/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]
	root=$(stat -L -c %d:%i "/proc/$workload/root/")
	[ "$(stat -L -c %d:%i "/proc/$broker/root/")" = "$root" ]
	[ "$(stat -L -c %d:%i "/proc/$broker/cwd/")" = "$root" ]
}

@test "host: the broker holds no file of the caller" {
	exec 7</etc/passwd
	start_waiting
	exec 7<&-
	run ls -l "/proc/$broker/fd"
	echo "$output"
	# Descriptors without a path: the listener, sockets, and what holds the place of stdio.
	[ -z "$(sed -n '/->/{/-> \(socket:\|anon_inode:\|pipe:\)/!{/-> \/$/!p}}' <<<"$output")" ]
}

@test "host: the broker's death is the container's" {
	start_waiting
	kill -KILL "$broker"
	for _ in {1..100}; do
		[ -e "/proc/$workload" ] || break
		sleep 0.05
	done
	[ ! -e "/proc/$workload" ]
	[ ! -e "/proc/$init" ]
	run wait "$launcher"
	[ "$status" -ne 0 ]
	launcher=
}

@test "git: nothing that the host's git reads or runs can be changed, nor .git moved out of the way" {
	git init -q .
	before=$(find .git -printf '%p %y %m %s %T@\n' | sort)
	run zviz run "$id" -- /bin/sh -c '
		echo x >.git/hooks/pre-commit; echo x >>.git/config; rm -f .git/config
		mv .git .git2; mv .git/hooks .git/h2; rm -rf .git/hooks
		ln -sf /tmp .git/hooks; mv .git/config .git/c2; cp /bin/true .git/config
		mkdir x && mv x .git/hooks; chmod 777 .git/hooks; echo ref: refs/heads/x >.git/HEAD
		mkdir .git/modules; echo reached the end'
	echo "$output"
	[[ "$output" == *"reached the end"* ]]
	[ ! -e .git2 ]
	[ "$(find .git -printf '%p %y %m %s %T@\n' | sort)" = "$before" ]
}

# .git/commondir sends git to another folder for its configuration, and core.fsmonitor there is a command.
@test "git: the host's git runs no command that the workload left" {
	git init -q .
	run zviz run "$id" -- /bin/sh -c '
		cp -r .git evil
		printf "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = \"touch ran; false\"\n" >evil/config
		echo ../evil >.git/commondir; echo reached the end'
	echo "$output"
	[[ "$output" == *"reached the end"* ]]
	git -c safe.directory='*' status
	[ ! -e ran ]
}

@test "git: a repository without hooks does not get any" {
	git init -q .
	rm -rf .git/hooks
	run zviz run "$id" -- /bin/sh -c 'mkdir -p .git/hooks && echo x >.git/hooks/post-checkout'
	echo "$output"
	[ ! -e .git/hooks ]
}

@test "git: a .git that is a file cannot be pointed elsewhere" {
	git init -q --separate-git-dir "$BATS_TEST_TMPDIR/elsewhere" .
	cp .git before
	run zviz run "$id" -- /bin/sh -c 'echo gitdir: evil >.git; mv -f before .git; rm -f .git; echo reached the end'
	echo "$output"
	[[ "$output" == *"reached the end"* ]]
	grep -q "^gitdir: .*/elsewhere$" .git
}

@test "git: history is readable" {
	git init -q .
	git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m "the first"
	run zviz run "$id" -- /bin/sh -c 'git log --oneline && git status --short'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"the first"* ]]
}

@test "work: a link in the work folder leads nowhere on the host" {
	echo outside >"$BATS_TEST_TMPDIR/outside"
	ln -s "$BATS_TEST_TMPDIR/outside" link
	ln -s /etc/shadow shadow
	ln -s ../../../../../../../../../etc/shadow up
	run zviz run "$id" -- /bin/sh -c 'cat link; cat shadow; cat up; echo changed >link'
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" != *outside$'\n'* ]]
	[[ "$output" != *root:* ]]
	[ "$(cat "$BATS_TEST_TMPDIR/outside")" = outside ]
}

@test "work: what was made inside belongs to the folder's owner, and no set-uid bit helps it" {
	run zviz run "$id" -- /bin/sh -c 'cp /bin/true made && chmod 4755 made'
	[ "$status" -eq 0 ]
	[ "$(stat -c %u made)" = "$(stat -c %u .)" ]
}

@test "memory: the limit ends the child that passes it, and the run goes on" {
	[ "$(id -u)" = 0 ] || skip 'needs a memory cgroup'
	run zviz run --memory 64M "$id" -- /work/probe memory-300M cap-effective
	echo "$output"
	[[ "$output" == *"memory-300M killed:SIGKILL"* ]]
	[[ "$output" == *"cap-effective 0000000000000000"* ]]
}

@test "processes: --pids-limit bounds a fork bomb" {
	run zviz run --pids-limit 32 "$id" -- /work/probe fork-bomb
	echo "$output"
	[[ "$output" == *"fork-bomb EAGAIN:32"* ]]
}

@test "terminal: no character can be typed for whoever sits there" {
	command -v script >/dev/null || skip 'script is not installed'
	cat >"$work/type" <<-'END'
		import fcntl, sys
		for request in (0x5412, 0xdeadbeef00005412 - (1 << 64)):
		    try:
		        fcntl.ioctl(0, request & 0xffffffff, b"x")
		        print("typed")
		    except OSError as e:
		        print("refused", e.errno)
	END
	run script -qec "'$ZVIZ' --root '$BATS_TEST_TMPDIR/state' run '$id' -- python3 /work/type" /dev/null
	echo "$output"
	[[ "$output" == *"refused 1"* ]]
	[[ "$output" != *typed* ]]
}

@test "--hide: what is hidden is not there" {
	mkdir secret && echo key >secret/key
	run zviz run --hide /work/secret "$id" -- /bin/cat /work/secret/key
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" != key* ]]
}
