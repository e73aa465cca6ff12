# What the files of tests beside it share. Each test stands in a network namespace that nothing else is in, and has a second one behind
# it that plays the rest of the world (tests/net/world). No packet leaves the machine.

setup() {
	[ "$(id -u)" = 0 ] || skip 'making hosts of its own takes root'
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	built=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
	mkdir "$place/work" "$place/bin"
	# Where an ordinary user may execute them.
	cp "$built" "$(dirname "$built")/../net/zviz-net" "$place/bin"
	zviz=$place/bin/zviz
	cp "$BATS_TEST_DIRNAME/reach.py" "$place/work"
	cd "$place/work" || return 1
	export zviz place top way=root
}

teardown() {
	cd /
	rm -rf "$place"
}

# in_world COMMAND…: between a host of its own and the world behind it
in_world() {
	timeout 900 unshare --net --mount "$BATS_TEST_DIRNAME/world" "$@"
}

# The same by pasta and by slirp4netns.
each_program() { # COMMAND…
	for way in pasta slirp4netns; do
		rm -rf "$place"/{state,listener,www,package,one} "$place/work"/{killed,asked,changed,ran}
		in_world "$@" || { echo "with $way"; return 1; }
	done
}
