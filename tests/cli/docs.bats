# What the guides say is what the commands print.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	guide=$top/docs/profiles.md
	place=$(mktemp -d)
	cd "$place"
	# The last redis.yaml of the guide.
	awk '/^    \$ cat redis.yaml$/ {text = ""; on = 1; next}
	     on && /^    / {text = text substr($0, 5) "\n"; next}
	     on {on = 0}
	     END {printf "%s", text}' "$guide" >redis.yaml
}

teardown() {
	cd /
	rm -rf "$place"
}

# shown STATUS COMMAND…: it ends so, and every line that it prints stands in the guide, indented, behind the command
shown() {
	local line status=$1
	shift
	run "-$status" "$zviz" "$@"
	[ -n "$output" ]
	grep -qxF "    \$ zviz $*" "$guide"
	while IFS= read -r line; do
		grep -qxF "    $line" "$guide" || { echo "not in the guide: $line"; return 1; }
	done <<<"$output"
}

@test "README.md: rows of compile --explain" {
	[ "$(uname -m)" = x86_64 ] || skip "instructions are counted for x86_64"
	run -0 "$zviz" compile --explain ci-runner
	awk '/^    \$ zviz compile --explain/ {on = 1; next} on && !/^    / {exit} on {print substr($0, 5)}' "$top/README.md" >rows
	[ "$(wc -l <rows)" -ge 6 ]
	while IFS= read -r row; do
		grep -qxF -- "$row" <<<"$output" || { echo "not printed: $row"; return 1; }
	done <rows
}

@test "profiles.md: the profile is whole, and proved" {
	grep -q '^extends: hostile-tenant$' redis.yaml
	run -0 "$zviz" verify ./redis.yaml
	grep -qxF "    $(head -n 1 <<<"$output")" "$guide"
	grep -qxF "    $(grep '^files:' <<<"$output")" "$guide"
}

@test "profiles.md: the answers of explain" {
	shown 0 explain ./redis.yaml socket inet stream
	shown 0 explain ./redis.yaml socket inet dgram
}

@test "profiles.md: the mistake" {
	printf 'zviz: 1\nname: redis\nextends: hostile-tenant\nsyscalls:\n  allow: ["@socket"]\n' >bad.yaml
	shown 1 explain ./bad.yaml
}

@test "profiles.md: what diff says" {
	run -0 "$zviz" diff ./redis.yaml hostile-tenant
	for line in "  syscalls: socket where arg0 = inet, arg1 & 0xf = stream" "  syscalls: connect" \
		"  syscalls: prctl where arg0 = PR_CAPBSET_READ" \
		"hostile-tenant permits, and ./redis.yaml does not: nothing"; do
		grep -qxF -- "$line" <<<"$output"
		grep -qxF -- "    $line" "$guide"
	done
}

# guide_file NAME: what the guide says that it holds
guide_file() {
	awk -v "cat=    \$ cat ./$1" '$0 == cat {on = 1; next} on && !/^    / {exit} on {print substr($0, 5)}' "$guide" >"$1"
	[ -s "$1" ]
}

@test "docs/profiles.md: changed while it runs" {
	local line out refused=0
	guide_file service.yaml
	guide_file shut.yaml
	printf 'zviz: 1\nextends: ./shut.yaml\nsyscalls: {deny: [getpid]}\n' >deaf.yaml
	"$zviz" --root "$place/state" run --detach --profile ./service.yaml my-service -- /bin/sleep 60
	for name in shut service deaf; do
		out+=$("$zviz" --root "$place/state" update --profile "./$name.yaml" my-service 2>&1) || refused=$((refused + 1))
		out+=$'\n'
		grep -qxF "    \$ zviz update --profile ./$name.yaml my-service" "$guide"
	done
	"$zviz" --root "$place/state" delete --force my-service
	[ "$refused" = 2 ]
	[ "$(wc -l <<<"$out")" -ge 9 ]
	while IFS= read -r line; do
		[ -z "$line" ] || grep -qxF "    $line" "$guide" || { echo "not in the guide: $line"; return 1; }
	done <<<"$out"
}

@test "docs/hosts.md: what is checked, refused, cut" {
	[ "$(id -u)" = 0 ] || skip "needs root, to show another /etc"
	guide=$top/docs/hosts.md
	cp -a /etc etc
	rm -rf etc/zviz
	mkdir etc/zviz
	cp "$top/deploy/floor.yaml" etc/zviz/
	awk '/^    \$ cat \/etc\/zviz\/config.yaml$/ {on = 1; next} on && !/^    / {exit} on {print substr($0, 5)}' "$guide" >etc/zviz/config.yaml
	mkdir -p bundle/rootfs/bin bundle/rootfs/proc
	cp "$(command -v busybox)" bundle/rootfs/bin/sleep
	config() { # PROFILE
		cat >bundle/config.json <<-END
		{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "annotations": {"zviz.io/profile": "$1"},
		 "process": {"cwd": "/", "args": ["/bin/sleep", "9"], "noNewPrivileges": true, "capabilities": {"bounding": ["CAP_SYS_ADMIN"]}},
		 "linux": {"namespaces": [{"type": "mount"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "cgroup"}],
		           "maskedPaths": ["/proc/kcore"], "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]}}
		END
	}
	config development
	cat >all <<-END
	mount --bind etc /etc
	zviz() { "$zviz" --root state "\$@"; }
	zviz check | sed -n '/^profiles/,/on_excess/p'
	zviz run --bundle bundle shop 2>&1 || echo code \$?
	sed -i s/development/ci-runner/ bundle/config.json
	zviz --log log create --bundle bundle shop </dev/null 3>&-
	zviz state shop | sed -n '/"cut"/,\$p'
	zviz delete --force shop
	echo 'on_excess: refuse' >>/etc/zviz/config.yaml
	zviz create --bundle bundle shop 2>&1 || echo code \$?
	END
	run -0 unshare --mount bash -e all
	echo "$output"
	[ "$(grep -c 'cut' log)" = 3 ]
	[ "$(grep -cx 'code 1' <<<"$output")" = 2 ]
	[ "$(wc -l <<<"$output")" -ge 16 ]
	while IFS= read -r line; do
		[ "$line" != 'code 1' ] || continue
		grep -qxF -- "    $line" "$guide" || { echo "not in the guide: $line"; return 1; }
	done <<<"$output"
}
