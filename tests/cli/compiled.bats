# --compiled: what was compiled runs as it was compiled, and a folder that is not what it says runs nothing.

bats_require_minimum_version 1.5.0

# An id that no account has.
stranger=61500

setup() {
	top=$BATS_TEST_DIRNAME/../..
	# Not below bats' own folder, which is closed to the stranger.
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "${ZVIZ:-$top/build/release/src/cli/zviz}" "$place/zviz"
	cd "$place/work"
	id=compiled-$BATS_TEST_NUMBER-$$
	become=()
	cat >own.yaml <<-END
	zviz: 1
	extends: base.yaml
	syscalls: {where: [{syscall: kill, arg: 1, in: [9], then: deny}]}
	END
	cat >base.yaml <<-END
	zviz: 1
	extends: ci-runner
	filesystem: {deny: {write: ["**/keep"]}}
	END
}

teardown() {
	cd /
	rm -rf "$place"
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" "$@"
}

compile() { # PROFILE: into $place/compiled
	rm -rf "$place/compiled"
	zviz compile "$1" -o "$place/compiled" >/dev/null
}

# The folder runs nothing, and the error has all of these words.
refused() { # WORD…
	rm -f ran
	run --separate-stderr -1 zviz run --compiled "$place/compiled" "$id" -- /bin/touch /work/ran
	[ ! -e ran ]
	[[ $stderr == *"--compiled $place/compiled: "* ]]
	for word; do
		[[ $stderr == *"$word"* ]] || { echo "'$word' is not in: $stderr"; return 1; }
	done
	[ -z "$(ls -A "$place/home/state" 2>/dev/null)" ]
	run --separate-stderr -1 zviz explain --compiled "$place/compiled"
}

# Makes the manifest agree with FILE as it is now.
agree() { # FILE
	python3 - "$place/compiled" "$1" <<-'END'
	import hashlib, json, re, sys
	folder, name = sys.argv[1:]
	text = open(folder + "/manifest.json").read()
	m = json.loads(text)
	was = next(f["sha256"] for f in m["inputs"] + m["outputs"] if f.get("file") == name)
	now = hashlib.sha256(open(folder + "/" + name, "rb").read()).hexdigest()
	open(folder + "/manifest.json", "w").write(re.sub(r'("file": "%s",\s*"sha256": ")%s' % (re.escape(name), was),
	                                                  lambda found: found.group(1) + now, text))
	END
}

works() {
	compile ./own.yaml
	rm own.yaml base.yaml # what is compiled needs them no more
	run -0 zviz run --compiled "$place/compiled" "$id" -- /bin/sh -c 'echo in; echo x >/work/keep || echo kept; kill -9 $$ || echo alive'
	[[ $output == *$'in\n'* && $output == *$'\nkept\n'* && $output == *$'\nalive'* ]]
	run -0 --separate-stderr zviz --verbose run --compiled "$place/compiled" "$id" -- /bin/sh -c 'kill -9 $$ || echo alive'
	[ "$output" = alive ]
	[[ $stderr == *"SIGKILL) refused with EPERM by seccomp"* ]]
	run -0 zviz run --compiled "$place/compiled" --events "$place/home/events" "$id" -- /bin/sh -c 'kill -9 $$ || echo alive'
	[[ $output == *alive* ]]
	grep -q '"kill"' "$place/home/events"
	run -0 zviz explain --compiled "$place/compiled" kill 1 9
	[[ $output == *"refused with EPERM"*"[own.yaml:3]"* ]]
	run -0 zviz explain --compiled "$place/compiled"
	[[ $output == *"never written: **/keep"* ]]
}

@test "a compiled profile confines as the profile does" {
	works
}

@test "an ordinary user's, too" {
	[ "$(id -u)" = 0 ] || skip 'only root becomes somebody else'
	become=(setpriv --reuid $stranger --regid $stranger --clear-groups env "HOME=$place/home")
	chown -R $stranger:$stranger "$place/home" "$place/work"
	chown $stranger "$place"
	works
}

@test "a bundle under a compiled profile, whatever its annotation asks for" {
	mkdir -p bundle/rootfs/bin bundle/rootfs/proc
	cp "$(command -v busybox)" bundle/rootfs/bin/busybox
	ln -s busybox bundle/rootfs/bin/sh
	cat >bundle/config.json <<-'END'
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "annotations": {"zviz.io/profile": "development"},
	 "process": {"cwd": "/", "args": ["/bin/sh", "-c", "echo in; kill -9 $$ || echo alive"],
	             "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]},
	 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
	 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}]}}
	END
	compile ./own.yaml
	run -0 zviz run --compiled "$place/compiled" "$id" bundle
	[[ $output == $'in\n'*$'alive' ]]
}

@test "--profile beside --compiled, and a folder that is none" {
	compile ci-runner
	run --separate-stderr -1 zviz run --profile ci-runner --compiled "$place/compiled" "$id" -- /bin/true
	[[ $stderr == *"--profile ci-runner and --compiled "*"both name a profile"* ]]
	run --separate-stderr -1 zviz run --compiled "$place/nothing" "$id" -- /bin/true
	[[ $stderr == *"--compiled $place/nothing: No such file"* ]]
	run --separate-stderr -1 zviz run --compiled "$place/work" "$id" -- /bin/true
	[[ $stderr == *"manifest.json: No such file"* ]]
}

@test "a flipped byte of any file, a missing one, one too many: refused by name" {
	compile ./own.yaml
	cp -r "$place/compiled" "$place/good"
	for file in $(ls "$place/good"); do
		size=$(stat -c %s "$place/good/$file")
		python3 - "$place/compiled/$file" "$((RANDOM % size))" <<-'END'
		import sys
		name, at = sys.argv[1], int(sys.argv[2])
		data = bytearray(open(name, "rb").read())
		data[at] ^= 1
		open(name, "wb").write(data)
		END
		if [ "$file" = manifest.json ]; then refused; else refused "$file: its SHA-256 is "; fi
		rm "$place/compiled/$file"
		refused "$file: No such file"
		ln -s "$place/good/$file" "$place/compiled/$file"
		refused "$file: a link"
		rm "$place/compiled/$file"
		cp "$place/good/$file" "$place/compiled/$file"
	done
	mkfifo "$place/compiled/more"
	refused 'more: not in the manifest'
	rm "$place/compiled/more"
	rm "$place/compiled/landlock.json"
	mkfifo "$place/compiled/landlock.json"
	refused 'landlock.json: no regular file'
	rm "$place/compiled/landlock.json"
	cp "$place/good/landlock.json" "$place/compiled"
	run -0 zviz run --compiled "$place/compiled" "$id" -- /bin/true
}

@test "files that agree with an edited manifest are still compared with the profile" {
	[ "$(uname -m)" = x86_64 ] || skip 'the filter of x86_64'
	compile ./own.yaml
	cp -r "$place/compiled" "$place/good"
	restore() { rm -rf "$place/compiled" && cp -r "$place/good" "$place/compiled"; }

	# A filter that allows everything: the proof says which call it is about.
	printf '\x06\0\0\0\0\0\xff\x7f' >"$place/compiled/seccomp-x86_64.bpf"
	agree seccomp-x86_64.bpf
	refused 'seccomp: ' ' on x86_64: the profile says ' ', the filter does ALLOW'

	# Filters that this run does not load, and tables.
	for file in seccomp-aarch64.bpf landlock.json seccomp-x86_64.txt network.nft; do
		restore
		printf 'x%.0s' {1..8} >>"$place/compiled/$file"
		agree "$file"
		refused "$file: not what this zviz compiles the profile to" 'compile the profile again'
	done

	# Another profile beside the same filters.
	restore
	sed -i 's/\[9\]/[15]/' "$place/compiled/profile-1.yaml"
	agree profile-1.yaml
	refused 'the profile says '
	restore
	sed -i 's/keep/other/' "$place/compiled/profile-2.yaml"
	agree profile-2.yaml
	refused 'not what this zviz compiles the profile to'

	# Words of the manifest itself.
	restore
	sed -i '0,/"layer": "namespaces"/s//"layer": "landlock"/' "$place/compiled/manifest.json"
	refused 'manifest.json: not what'
	sed -i 's/"format": 1/"format": 2/' "$place/compiled/manifest.json"
	refused 'format 2' 'a newer zviz made it'
	restore
	sed -i 's/"zviz": "[^"]*"/"zviz": "9.9"/' "$place/compiled/manifest.json"
	refused 'manifest.json: not what' 'zviz 9.9 compiled it'
	restore
	python3 - "$place/compiled/manifest.json" <<-'END'
	import re, sys
	text = open(sys.argv[1]).read()
	i = text.index('"name": "ci-runner"')
	text = text[:i] + re.sub(r'"sha256": "[0-9a-f]{8}', '"sha256": "00000000', text[i:], count=1)
	open(sys.argv[1], "w").write(text)
	END
	refused 'the built-in profile of this zviz is another one' 'compile the profile again'
}
