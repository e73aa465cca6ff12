#!/usr/bin/env bats
# What the host sees of a sandbox, and the few attacks that need a folder or a run of their own; the table of
# tests/escape/run has the rest. ZVIZ is the binary under test.

bats_require_minimum_version 1.5.0

# An id that no account has.
stranger=61500

setup() {
	PROBE=${PROBE:-$(dirname "$ZVIZ")/../../../check/tests/probe/probe}
	# Not below bats' own folder, which is closed to the stranger.
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$ZVIZ" "$place/zviz"
	cp "$PROBE" "$place/work/probe"
	cd "$place/work"
	id=escape-$BATS_TEST_NUMBER-$$
	become=()
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" "$@"
}

teardown() {
	stop_waiting
	cd /
	rm -rf "$place"
}

stop_waiting() {
	if [ -n "${launcher:-}" ]; then
		# Tests end some of the three themselves; what is left of them is no matter here.
		kill -KILL "$init" 2>/dev/null || true # it may have ended
		wait "$launcher" || true # it was killed
		zviz delete --force "$id" 2>/dev/null || true # there may be none left
	fi
	launcher=
}

# Starts a workload that waits. Sets `launcher`, `init` (the container's first process), `workload` and `broker`.
start_waiting() { # run options…
	zviz run "$@" "$id" -- /bin/sleep 30 >/dev/null 2>&1 3>&- &
	launcher=$!
	workload=
	for _ in {1..100}; do
		init=$(zviz state "$id" 2>/dev/null | sed -n 's/^ *"pid": \([1-9][0-9]*\).*/\1/p')
		[ -z "$init" ] || workload=$(children "$init")
		[ -z "$workload" ] || [ "$(cat "/proc/$workload/comm")" != sleep ] || break
		sleep 0.05
	done
	[ -n "$workload" ]
	broker=$(children "$(field "$init" PPid)" | grep -vx "$init")
	[ -n "$broker" ]
}

# A check of what a waiting workload looks like, once as started by root and once as started by a stranger. Only
# root sees that much of either.
for_root_and_stranger() { # CHECK
	[ "$(id -u)" = 0 ] || skip 'only root can look into these processes'
	exec 7</etc/shadow
	start_waiting
	exec 7<&-
	"$1"
	stop_waiting
	chown -R $stranger:$stranger "$place"
	become=(setpriv --reuid $stranger --regid $stranger --clear-groups env "HOME=$place/home")
	exec 7</etc/passwd
	start_waiting
	exec 7<&-
	"$1"
}

gone() { # PID: waits until it is
	for _ in {1..200}; do
		[ -e "/proc/$1" ] || return 0
		sleep 0.05
	done
	return 1
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

is_not_ours() { # PID KIND: its namespace can be read, and is another one
	local its
	its=$(readlink "/proc/$1/ns/$2")
	[[ $its == "$2:["*"]" ]]
	[ "$its" != "$(readlink "/proc/self/ns/$2")" ]
}

own_namespaces() {
	for kind in user pid mnt net ipc uts cgroup; do
		echo "$kind"
		is_not_ours "$workload" "$kind"
	done
}

@test "host: every namespace is another than the host's" {
	for_root_and_stranger own_namespaces
}

first_process_is_bare() {
	local open
	open=$(ls -l "/proc/$init/fd")
	echo "$open"
	# The way to the launcher, and nothing else: no listener, no state, no fd 7.
	[ "$(grep -c -- '->' <<<"$open")" -le 1 ]
	[ -z "$(sed -n '/->/{/-> socket:/!p}' <<<"$open")" ]
}

@test "host: the first process keeps nothing of the host or the caller open" {
	for_root_and_stranger first_process_is_bare
}

broker_is_weak() {
	local set
	[ "$(field "$broker" Uid)" -gt 0 ]
	for set in CapInh CapEff CapBnd CapAmb; do
		echo "$set"
		[ "$(field "$broker" $set)" = 0000000000000000 ]
	done
	echo "$(field "$broker" CapPrm)"
	[[ "$(field "$broker" CapPrm)" =~ ^0000000000080000$|^0000000000000000$ ]]
	[ "$(field "$broker" NoNewPrivs)" = 1 ]
	[ "$(field "$broker" Seccomp)" = 2 ]
	# Whatever it may do, it may do it in the container's user namespace alone.
	[ "$(readlink "/proc/$broker/ns/user")" = "$(readlink "/proc/$workload/ns/user")" ]
}

@test "host: the broker is no root, holds CAP_SYS_PTRACE at most, and has its own filter" {
	for_root_and_stranger broker_is_weak
}

broker_sees_the_container() {
	local kind root
	for kind in mnt net ipc uts; do
		echo "$kind"
		[ "$(readlink "/proc/$broker/ns/$kind")" = "$(readlink "/proc/$workload/ns/$kind")" ]
	done
	is_not_ours "$broker" pid
	root=$(stat -L -c %d:%i "/proc/$workload/root/")
	[ "$(stat -L -c %d:%i "/proc/$broker/root/")" = "$root" ]
	[ "$(stat -L -c %d:%i "/proc/$broker/cwd/")" = "$root" ]
}

@test "host: the broker sees the container's files and not the host's, from its folder neither" {
	for_root_and_stranger broker_sees_the_container
}

broker_holds_no_file() {
	local fd to n=0
	for fd in "/proc/$broker/fd/"*; do
		to=$(readlink "$fd")
		echo "$fd -> $to"
		n=$((n + 1))
		case $to in
		# Descriptors without a path: the listener, sockets, and what holds the place of stdio.
		socket:* | anon_inode:* | pipe:*) ;;
		# What its own group uses, to be read.
		*/"zviz-$id"/*) [ $((0$(awk '/^flags/ {print $2}' "/proc/$broker/fdinfo/${fd##*/}") & 3)) -eq 0 ] ;;
		# A file that shows that inside, of a tmpfs that is mounted nowhere else.
		/[0-2]) [ "$(stat -L -f -c %T "$fd")" = tmpfs ] ;;
		# Its own procfs.
		*) [ "$(stat -L -f -c %T "$fd")" = proc ] ;;
		esac
	done
	[ "$n" -ge 4 ]
}

@test "host: the broker holds no file of the caller" {
	for_root_and_stranger broker_holds_no_file
}

@test "host: the broker's death is the container's" {
	start_waiting
	kill -KILL "$broker"
	# One after the other: init stays a zombie until the launcher has waited for it.
	gone "$workload"
	gone "$init"
	run wait "$launcher"
	[ "$status" -ne 0 ]
	launcher=
}

@test "git: nothing that the host's git reads or runs can be changed, nor .git moved out of the way" {
	git init -q .
	before=$(find .git -printf '%p %y %m %s %T@\n' | sort)
	run -0 zviz run "$id" -- /bin/sh -c '
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
	run -0 zviz run "$id" -- /bin/sh -c '
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
	run ! zviz run "$id" -- /bin/sh -c 'mkdir -p .git/hooks && echo x >.git/hooks/post-checkout'
	echo "$output"
	[ ! -e .git/hooks ]
}

@test "git: a .git that is a file cannot be pointed elsewhere" {
	git init -q --separate-git-dir "$place/elsewhere" .
	cp .git before
	run -0 zviz run "$id" -- /bin/sh -c 'echo gitdir: evil >.git; mv -f before .git; rm -f .git; echo reached the end'
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
	echo outside >"$place/outside"
	ln -s "$place/outside" link
	ln -s /etc/shadow shadow
	ln -s ../../../../../../../../../etc/shadow up
	run zviz run "$id" -- /bin/sh -c 'cat link; cat shadow; cat up; echo changed >link'
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" != *outside$'\n'* ]]
	[[ "$output" != *root:* ]]
	[ "$(cat "$place/outside")" = outside ]
}

@test "work: what was made inside belongs to the folder's owner, and no set-uid bit helps it" {
	run zviz run "$id" -- /bin/sh -c 'cp /bin/true made && chmod 4755 made'
	[ "$status" -eq 0 ]
	[ "$(stat -c %u made)" = "$(stat -c %u .)" ]
}

@test "memory: the limit ends the child that passes it, and the run goes on" {
	[ "$(id -u)" = 0 ] || skip 'needs a memory cgroup'
	run -0 zviz run --memory 64M "$id" -- /work/probe memory-300M cap-effective
	echo "$output"
	[[ "$output" == *"memory-300M killed:SIGKILL"* ]]
	[[ "$output" == *"cap-effective 0000000000000000"* ]]
}

@test "processes: --pids-limit bounds a fork bomb" {
	run -0 zviz run --pids-limit 32 "$id" -- /work/probe fork-bomb
	echo "$output"
	[[ "$output" == *"fork-bomb EAGAIN:32"* ]]
}

@test "terminal: no character can be typed for whoever sits there" {
	command -v script >/dev/null || skip 'script is not installed'
	cat >type <<-'END'
		import fcntl
		try:
		    fcntl.ioctl(0, 0x5412, b"x")  # TIOCSTI
		    print("typed")
		except OSError as e:
		    print("refused", e.errno)
	END
	run -0 script -qec "'$place/zviz' --root '$place/home/state' run '$id' -- python3 /work/type" /dev/null
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
