# The format of profiles as a schema and as a manual page: both come from the table that reads them.

bats_require_minimum_version 1.5.0

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	zviz=$(realpath "${ZVIZ:-$top/build/release/src/cli/zviz}")
	place=$(mktemp -d)
}

teardown() {
	rm -rf "$place"
}

# Debian's own, which has the module.
check() {
	/usr/bin/python3 -c 'import jsonschema, yaml' || skip 'needs python3-jsonschema and python3-yaml'
	/usr/bin/python3 "$BATS_TEST_DIRNAME/schema.py" "$@"
}

@test "the schema accepts each profile that is shipped, and each that the tests read" {
	local files=("$top"/profiles/*.yaml "$top"/bench/*.yaml "$top"/tests/golden/profile-*/*.yaml
		"$top"/tests/golden/files-*/*.yaml)
	cp "$top/tests/fuzz/corpus/fuzz_profile/every-key" "$place/every-key.yaml"
	check accepts "$zviz" "${files[@]}" "$place/every-key.yaml"
}

@test "the schema accepts the profiles of the documentation" {
	local n
	# A block begins with the version, and ends with the first empty line.
	for file in "$top"/docs/*.md "$top"/README.md "$top"/profiles/*.md "$top"/man/*.scd*; do
		awk -v out="$place/$(basename "$file")" '
			/^[ \t]+zviz: 1(\+\+)?$/ { n++; on = 1 }
			/^$/ { on = 0 }
			on { sub(/^(    |\t)/, ""); sub(/\+\+$/, ""); gsub(/\\\*/, "*"); print > (out "." n ".yaml") }' "$file"
	done
	n=$(find "$place" -name '*.yaml' | wc -l)
	echo "$n profiles"
	[ "$n" -ge 4 ]
	# They extend built-in profiles, each other, or one that is shipped.
	cp "$top/deploy/podman/image.yaml" "$place/"
	check accepts "$zviz" "$place"/*.yaml
}

@test "what the schema refuses, zviz refuses: a wrong value for each key" {
	check refuses "$zviz" "$place"
}

@test "the manual page has each key of the schema" {
	page=$(dirname "$zviz")/../../man/zviz-profile.5.scd
	[ -e "$page" ]
	keys=$("$zviz" profiles schema | /usr/bin/python3 "$BATS_TEST_DIRNAME/schema.py" keys)
	[ "$(wc -l <<<"$keys")" -gt 50 ]
	while read -r key; do
		grep -qxF "*${key//_/\\_}*" "$page" || { echo "no $key"; false; }
	done <<<"$keys"
	for group in $(sed -n 's/^\t{ "\(@[a-z-]*\)",.*/\1/p' "$top/src/table/group.c"); do
		grep -qxF "*$group*" "$page" || { echo "no $group"; false; }
	done
}
