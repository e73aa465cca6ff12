# The stream of --events, line by line against its schema.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir "$place/work"
	cd "$place/work"
	id=events-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	rm -rf "$place"
}

# Debian's own, which has the module.
valid() { # FILE…
	/usr/bin/python3 -c 'import jsonschema' || skip 'needs python3-jsonschema'
	run -0 /usr/bin/python3 "$BATS_TEST_DIRNAME/events.py" "$top/docs/event.schema.json" "$@"
	echo "$output"
}

events() { # FILE OPTION… -- COMMAND…
	local to=$1
	shift
	"$zviz" --root "$place/state" run --events "$to" "$@" || true # some of what is tried ends with an error
}

@test "of a detached container events are written whatever its launcher was to show" {
	for verbose in '' --verbose; do
		rm -f "$place/events"
		# shellcheck disable=SC2086 # none, or one word
		"$zviz" --root "$place/state" $verbose run --detach --events "$place/events" "$id" sleep 60 >out 2>&1
		run ! "$zviz" --root "$place/state" exec "$id" unshare -U true
		for _ in $(seq 200); do
			grep -q unshare "$place/events" && break
			sleep 0.02
		done
		grep -q '"syscall":"unshare".*"verdict":"deny"' "$place/events"
		"$zviz" --root "$place/state" delete --force "$id"
	done
}

@test "refusals of every layer are events by the schema" {
	cat >../own.yaml <<-END
	zviz: 1
	extends: ci-runner
	filesystem: {deny: {read: ["/work/secret*"], write: ["/work/kept"]}}
	syscalls: {where: [{syscall: kill, arg: 1, in: [12], then: deny}]}
	END
	touch secret kept
	events "$place/events" --profile "$place/own.yaml" "$id" -- sh -c '
		unshare -U true; kill -12 $$; cat secret; mv kept gone; echo x >/usr/x; cat /etc/shadow
		touch "$(printf "bad\tname\033[31m\\\"quoted\\\"\377")"; cat "secret$(printf "\n%0200d" 7)"'
	[ -s "$place/events" ]
	valid "$place/events"
	grep -q '^deny seccomp' <<<"$output"
	grep -q '^deny broker' <<<"$output"
}

@test "with audit: all, what is allowed, too" {
	printf 'zviz: 1\nextends: ci-runner\naudit: all\n' >../own.yaml
	events "$place/events" --profile "$place/own.yaml" "$id" -- sh -c '
		cat /etc/passwd; cat /etc/shadow; echo x >made; chmod 0 made; cat made; ls /nowhere'
	valid "$place/events"
	grep -q '^allow broker' <<<"$output"
	grep -q '^deny mount' <<<"$output"
	grep -q '^deny permissions' <<<"$output"
}

@test "a caller that writes rubbish into its name, its paths and its flags" {
	command -v python3 >/dev/null || skip 'needs python3'
	printf 'zviz: 1\nextends: ci-runner\naudit: all\n' >../own.yaml
	events "$place/events" --profile "$place/own.yaml" "$id" -- python3 -c '
import ctypes, os, random
libc = ctypes.CDLL(None, use_errno=True)
draw = random.Random(1)
for i in range(400):
    libc.prctl(15, bytes(draw.randrange(1, 256) for _ in range(15)), 0, 0, 0)
    path = bytes(draw.randrange(1, 256) for _ in range(draw.randrange(1, 300)))
    libc.syscall(257, ctypes.c_long(draw.choice([-100, 0, 99, 1 << 40])), path,
                 ctypes.c_long(draw.getrandbits(24) & ~0o2000000), 0)
    libc.syscall(draw.choice([165, 101, 321, 16, 157, 41]), *(ctypes.c_long(draw.getrandbits(63)) for _ in range(5)))
'
	valid "$place/events"
	[ "$(wc -l <"$place/events")" -gt 400 ]
}

@test "the manual page has every key of the schema, and no other" {
	local page=$top/man/zviz-events.5.scd
	diff <(sed -n 's/^\*\([a-z]*\)\* (.*)$/\1/p' "$page" | sort) \
		<(python3 -c 'import json, sys; print("\n".join(json.load(open(sys.argv[1]))["properties"]))' \
			"$top/docs/event.schema.json" | sort)
}
