# filesystem.hide: what it names is not there, in an image as on this machine.

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	root=$place/bundle/rootfs
	mkdir -p "$place/work" "$root"/{bin,proc,tmp,home/{a,b/deep,.c}}
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cat >"$place/bundle/config.json" <<-'END'
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
	 "process": {"cwd": "/", "args": ["/bin/sh"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
	 "mounts": [{"destination": "/proc", "type": "proc"}], "linux": {"namespaces": []}}
	END
	cd "$place/work"
	id=hide-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	rm -rf "$place"
}

profile() { # FILESYSTEM
	printf 'zviz: 1\nname: own\nextends: ci-runner\nfilesystem: %s\n' "$1" >own.yaml
}

zviz_run() { # run options… -- COMMAND
	"$zviz" --root "$place/state" "${global[@]}" run "$@"
}

@test "a pattern masks what matches in an image, files and folders, and nothing else" {
	mkdir "$root/home/a/.ssh" "$root/home/.c/.ssh" "$root/home/b/deep/.ssh" "$root/home/elsewhere"
	echo secret | tee "$root/home/a/.ssh/key" "$root/home/.c/.ssh/key" "$root/home/a/.netrc" \
		"$root/home/elsewhere/key" >/dev/null
	echo plain | tee "$root/home/a/plain" "$root/home/b/deep/.ssh/key" >/dev/null
	ln -s ../elsewhere "$root/home/b/.ssh"
	global=(--profile ci-runner)
	run -0 zviz_run --bundle "$place/bundle" "$id" -- /bin/sh -c '
		busybox cat /home/*/.ssh/key /home/.c/.ssh/key /home/a/.netrc /home/elsewhere/key
		busybox cat /home/a/plain /home/b/deep/.ssh/key; busybox ls /home/a/.ssh; echo end' 2>/dev/null
	echo "$output"
	[[ $output != *secret* && $output == *"plain"*"plain"*"end" ]]
}

@test "a volume that is mounted on a matching path is shown" {
	mkdir "$root/home/a/.ssh" "$place/volume"
	echo meant >"$place/volume/key"
	sed -i "s|\"mounts\": \[|&{\"destination\": \"/home/a/.ssh\", \"type\": \"bind\", \"source\": \"$place/volume\", \"options\": [\"bind\", \"ro\"]}, |" \
		"$place/bundle/config.json"
	global=(--profile ci-runner)
	run -0 zviz_run --bundle "$place/bundle" "$id" -- /bin/sh -c 'busybox cat /home/a/.ssh/key'
	[ "$output" = meant ]
}

@test "a folder that cannot be made out is an error, not a gap" {
	profile '{hide: ["/data/?/x"]}'
	ln -s data "$root/data"
	global=(--profile own.yaml)
	run -1 zviz_run --bundle "$place/bundle" "$id" -- /bin/sh -c 'echo ran'
	echo "$output"
	[[ $output == *"pattern /data/?/x: look into /data: "* && $output != *ran* ]]
}

@test "what the direct form shows of /etc can be hidden, and what --read names cannot" {
	profile '{hide: [/etc/ssl/certs, /etc/ld.so.cache, "/srv/*/key"]}'
	mkdir -p "$place/shown"
	echo meant >"$place/shown/key"
	global=(--profile own.yaml)
	run -0 zviz_run "$id" -- /bin/sh -c 'ls /etc/ssl/certs | wc -l; wc -c </etc/ld.so.cache'
	[ "$output" = $'0\n0' ]
	profile "{hide: [\"$(dirname "$place")/*/shown/key\"]}"
	run -0 zviz_run --read "$place/shown/key" "$id" -- /bin/cat "$place/shown/key"
	[ "$output" = meant ]
	run -0 zviz_run --read "$place/shown" "$id" -- /bin/cat "$place/shown/key" # an empty file lies over it
	[ -z "$output" ]
}

@test "a pattern of any depth has no place to mask" {
	profile '{hide: ["/home/**/key"]}'
	run -1 "$zviz" explain ./own.yaml
	[[ $output == *"own.yaml:4:"*"a mask needs a place, and ** is any depth"*"filesystem.deny.read"* ]]
}

@test "hidden paths are proved hidden" {
	profile '{hide: ["/home/*/x?", /etc/ssl/certs], write: [/home]}'
	run -0 "$zviz" verify ./own.yaml
	run -0 "$zviz" explain ./own.yaml read /etc/ssl/certs/x
	[[ $output == *masked*own.yaml:4* ]]
}
