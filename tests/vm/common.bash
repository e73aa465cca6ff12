# What the tests of tests/vm share: a folder, on a tmpfs of the guest, for each.

# An id that no account has.
stranger=61500

setup() {
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cp "$ZVIZ" "$place/zviz"
	cd "$place/work"
	id=vm-$BATS_TEST_NUMBER
	become=()
}

zviz() {
	${become[@]+"${become[@]}"} "$place/zviz" --root "$place/home/state" "$@"
}

become_stranger() {
	chown -R $stranger:$stranger "$place"
	become=(setpriv --reuid $stranger --regid $stranger --clear-groups env "HOME=$place/home")
}

teardown() {
	cd /
	rm -rf "$place"
}
