#!/usr/bin/env bats
# The Debian package, as `make deb` builds it: what it depends on, what it brings, and that it can be installed, used and removed.

bats_require_minimum_version 1.5.0

setup_file() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	export top
	"$top/tools/need" build deb
	run "$top/tools/deb" "$BATS_FILE_TMPDIR/built"
	echo "$output"
	[ "$status" -eq 0 ]
	deb=$(echo "$BATS_FILE_TMPDIR"/built/zviz_*.deb)
	export deb
	dpkg-deb -x "$deb" "$BATS_FILE_TMPDIR/root"
}

field() {
	dpkg-deb -f "$deb" "$1"
}

@test "it depends on what its programs are linked to, and on nothing else" {
	root=$BATS_FILE_TMPDIR/root
	run -0 readelf -d "$root/usr/bin/zviz"
	[[ $output == *FLAGS* && $output != *NEEDED* ]]
	needed=$(readelf -d "$root"/usr/libexec/zviz/* | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u)
	echo "$needed"
	[ "$needed" = $'libc.so.6\nlibmd.so.0\nlibmnl.so.0\nlibnftables.so.1\nlibresolv.so.2\nlibsystemd.so.0' ]
	named=$(field Depends | sed 's/ ([^)]*)//g')
	echo "$named"
	[ "$named" = 'libc6, libmd0, libmnl0, libnftables1, libsystemd0' ]
	[ "$(field Recommends)" = uidmap ]
	[[ $(field Built-Using) == *musl* && $(field Built-Using) == *libyaml* ]]
}

@test "it brings the programs, a page for each command that has options, completion and examples" {
	cd "$BATS_FILE_TMPDIR/root/usr"
	[ -x bin/zviz ]
	[ -x libexec/zviz/zviz-net ]
	[ -x libexec/zviz/zviz-scope ]
	for page in "$top"/man/*.scd*; do
		page=${page##*/} page=${page%%.scd*}
		[ -s "share/man/man${page##*.}/$page.gz" ]
	done
	bash -n share/bash-completion/completions/zviz
	(cd "$top/deploy" && find . -type f) | while read -r file; do
		cmp "$top/deploy/$file" "share/doc/zviz/examples/$file" ||
			zcmp "$top/deploy/$file" "share/doc/zviz/examples/$file.gz"
	done
	[ -z "$(find . -perm /6022 ! -type l)" ]
}

@test "of a slim image, which leaves documents out, the installer has those that it puts in place" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	image=$top/deploy/kubernetes/installer/Dockerfile
	script=$(sed -n 's/^CMD .*"\(\/[^"]*install.sh\)".*/\1/p' "$image")
	slim() { # OPTION…: whether the script is there
		rm -rf "$BATS_TEST_TMPDIR/slim"
		mkdir -p "$BATS_TEST_TMPDIR"/slim/var/lib/dpkg/{info,updates}
		touch "$BATS_TEST_TMPDIR"/slim/var/lib/dpkg/{status,available}
		dpkg --root "$BATS_TEST_TMPDIR/slim" --force-depends --path-exclude='/usr/share/doc/*' --path-include='/usr/share/doc/*/copyright' "$@" --unpack "$deb"
		[ -s "$BATS_TEST_TMPDIR/slim$script" ]
	}
	if slim; then false; fi
	slim "$(sed -n 's/^RUN .* -o Dpkg::Options::=\(--path-include=[^ ]*\) .*/\1/p' "$image" | tr -d '\\')"
	[ -s "$BATS_TEST_TMPDIR/slim/usr/share/doc/zviz/examples/containerd/config-2.toml" ]
}

@test "nothing is known against it" {
	# It leaves files of its own behind.
	TMPDIR=$BATS_TEST_TMPDIR run lintian --fail-on error,warning "$deb"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "installed in a guest it runs, and its removal leaves nothing" {
	[ "$(uname -m)" = x86_64 ] || skip 'the guest is for x86-64'
	[ "$(id -u)" = 0 ] || skip 'needs root'
	"$top/tools/need" vm
	# A guest has its own /tmp.
	here=$(mktemp -d "$top/build/deb-XXXXXX")
	cp "$deb" "$here/zviz.deb"
	cat >"$here/inside" <<-'END'
		set -eux
		cd "$1"
		dpkg --no-triggers -i zviz.deb # the index of manual pages takes minutes here
		[ "$(command -v zviz)" = /usr/bin/zviz ]
		cd "$(mktemp -d)" # of a kind that can be shown with other owners
		zviz run packaged -- sh -c 'echo it ran; ! cat /etc/shadow'
		ldd /usr/libexec/zviz/* | grep 'not found' && exit 1
		dpkg -L zviz >/tmp/paths
		dpkg --no-triggers -P zviz
		while read -r path; do
			[[ $path != *zviz* ]] || [ ! -e "$path" ]
		done </tmp/paths
		[ ! -e /run/zviz ] || [ -z "$(ls /run/zviz)" ]
	END
	run "$top/tests/vm/run" --timeout 600 -- bash "$here/inside" "$here"
	rm -rf "$here"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'it ran'* ]]
}
