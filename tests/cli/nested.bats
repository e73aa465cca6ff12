# zviz where namespaces are not to be had: inside of somebody else's container. Every layer rests on them, so nothing runs, and what is
# in the way is said; a profile that merely prefers a user namespace changes nothing of that.

bats_require_minimum_version 1.5.0

setup() {
	bin=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	cp "$bin" "$place/zviz"
	mkdir "$place/work" "$place/state"
	chmod 777 "$place/work" "$place/state"
	cd "$place/work"
	cat >"$place/prefers.yaml" <<-END
	zviz: 1
	name: prefers
	extends: ci-runner
	requirements: {user_namespace: preferred, cgroup: preferred, landlock: preferred, seccomp_notify: preferred}
	END
	id=nested-$BATS_TEST_NUMBER-$$
}

teardown() {
	cd /
	rm -rf "$place"
}

refused() { # TEXT COMMAND…: in an outer container; nothing has run, and nothing is left
	local text=$1
	shift
	for profile in ci-runner "$place/prefers.yaml"; do
		run -1 "$@" "$place/zviz" --root "$place/state" run --profile "$profile" "$id" touch /work/ran
		[[ $output == *"$text"* ]]
		[[ $output == *hint:* ]]
	done
	[ ! -e "$place/work/ran" ]
	[ -z "$(ls -A "$place/state")" ]
}

outer() { # root|user COMMAND…: where user.max_user_namespaces is 0
	local who=$1
	shift
	local drop=()
	[ "$who" = root ] || drop=(setpriv --bounding-set=-all --inh-caps=-all --securebits=+noroot,+noroot_locked)
	unshare --user --map-root-user --mount --pid --fork --mount-proc sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' - \
		"${drop[@]}" "$@"
}

@test "max_user_namespaces is 0: for a user, and for root of the outer container" {
	unshare --user --map-root-user true || skip 'no user namespace can be made here'
	refused 'user namespace: this host does not let' outer user
	refused 'user namespace: this host does not let root make one' outer root
}

@test "an outer filter refuses clone3: what it is, and what to change" {
	[ -n "$(command -v bwrap)" ] || skip 'bubblewrap is not installed'
	"$bin" compile web-server -o "$place/compiled" >/dev/null
	filter=$place/compiled/seccomp-$(uname -m).bpf
	filtered() { bwrap --seccomp 9 --dev-bind / / "$@" 9<"$filter"; }
	refused 'refuses clone3' filtered
}
