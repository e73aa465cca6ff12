# Images as they are used: root inside prepares folders, becomes another account, and serves. Their roots are made of this machine's
# Debian packages; a service that is not installed is not tried.

bats_require_minimum_version 1.5.0
load podman

setup_file() {
	podman_lacks curl iptables setpriv /usr/lib/podman/netavark && return
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin # what Debian has brought
	podman_begin
	profile=$(realpath "$BATS_TEST_DIRNAME/../../deploy/podman/image.yaml")
	cat >"$place/profiles/service.yaml" <<-END
	zviz: 1
	name: service
	extends: $profile
	network:
	  mode: private
	  ingress: {allow: [{port: 80}, {port: 6379}, {port: 5432}, {port: 8000}]}
	END
}

teardown_file() { podman_end; }

teardown() {
	[ -n "${place:-}" ] || return 0
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then # what a service says of its failure
		pod ps --all --quiet | while read -r container; do pod logs --tail 20 "$container" 2>&1; done
	fi
	pod rm --all --force --time 0 --volumes >/dev/null
	nothing_runs
}

# What runs there needs no more than programs with their libraries and what a package brings, but for what people read.
root_of() { # FOLDER PROGRAM…
	local root=$1 program library
	shift
	mkdir -p "$root"/{bin,etc,tmp,root,dev,proc,sys,run,var/{lib,log,tmp}}
	chmod 1777 "$root/tmp" "$root/var/tmp"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for program in sh cat echo id mkdir chown chmod sleep stat ls test touch find grep rm env; do
		ln -sf busybox "$root/bin/$program"
	done
	for program in setpriv "$@"; do
		program=$(command -v "$program")
		cp --parents --dereference "$program" "$root"
		for library in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*'); do
			cp --parents --dereference "$library" "$root"
		done
	done
	printf 'root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\nservice:x:999:999::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nwww-data:x:33:\nservice:x:999:\nadm:x:4:\nnogroup:x:65534:\n' >"$root/etc/group"
}

package_files() { # FOLDER PACKAGE…: all but documentation
	local root=$1
	shift
	dpkg -L "$@" | grep -v -e /share/doc -e /share/man -e /share/locale -e /share/lintian | while read -r file; do
		if [ -f "$file" ]; then
			cp --parents --no-dereference --preserve=mode "$file" "$root"
		elif [ -d "$file" ]; then
			mkdir -p "$root$file"
		fi
	done
}

entrypoint() { # FOLDER: the script on standard input, as such images have it
	cat >"$1/entrypoint"
	chmod 755 "$1/entrypoint"
}

needs() {
	[ -n "$(command -v "$1")" ] || skip "$1 is not installed"
}

# The large ones are run where they lie: to store them takes longer than all else.
serving() { # NAME PORT [OPTION…] [--rootfs] IMAGE [COMMAND…]: the name's address in $at
	local name=$1 port=$2
	shift 2
	pod run --detach --name "$name" --annotation "zviz.io/profile=service" "$@" >/dev/null
	at=$(pod inspect -f '{{.NetworkSettings.IPAddress}}' "$name"):$port
}

owner_of_first() { # NAME: who the first process is, inside
	pod exec "$1" stat -c %u /proc/1
}

@test "redis: takes over its volume, becomes its account, keeps what it was told" {
	needs redis-server
	root_of "$place/redis" redis-server redis-cli
	entrypoint "$place/redis" <<-'END'
	#!/bin/sh -e
	mkdir -p /data
	chown -R service:service /data
	cd /data
	exec /usr/bin/setpriv --reuid service --regid service --clear-groups redis-server --bind 0.0.0.0 --protected-mode no --save ''
	END
	import "$place/redis" redis --change 'ENTRYPOINT ["/entrypoint"]' --change 'VOLUME /data'
	serving store 6379 localhost/redis
	until_true pod exec store redis-cli ping >/dev/null 2>&1
	[ "$(pod exec store redis-cli set key value)" = OK ]
	pod exec store redis-cli save
	[ "$(owner_of_first store)" = 999 ]
	[ "$(pod exec store stat -c %u /data/dump.rdb)" = 999 ]
	# From then on nothing of root is left, and nothing of it comes back.
	[ "$(pod exec store sh -c 'grep ^CapPrm /proc/1/status | cut -f2')" = 0000000000000000 ]
	inside redis-cli -h "${at%:*}" get key | grep -qx value
	pod stop --time 5 store
	[ "$(pod inspect -f '{{.State.ExitCode}}' store)" = 0 ]
}

@test "nginx: root listens at 80, workers are www-data, pages are served" {
	needs nginx
	root_of "$place/nginx" nginx
	package_files "$place/nginx" nginx-common
	mkdir -p "$place/nginx/srv" "$place/nginx/var/log/nginx"
	echo page >"$place/nginx/srv/index.html"
	cat >"$place/nginx/etc/nginx/nginx.conf" <<-END
	user www-data;
	worker_processes 2;
	pid /run/nginx.pid;
	error_log /dev/stderr;
	events { worker_connections 64; }
	http { access_log /dev/stdout; server { listen 80; root /srv; } }
	END
	entrypoint "$place/nginx" <<-'END'
	#!/bin/sh -e
	mkdir -p /var/cache/nginx
	chown www-data /var/cache/nginx
	exec nginx -g 'daemon off;'
	END
	import "$place/nginx" nginx --change 'ENTRYPOINT ["/entrypoint"]'
	serving web 80 -p 8080:80 localhost/nginx
	page() { [ "$(inside curl --silent --max-time 5 "$1")" = page ]; }
	until_true page "http://$at/"
	page http://127.0.0.1:8080/
	[ "$(pod top web user | sort -u | grep -c www-data)" = 1 ]
	pod logs web 2>/dev/null | grep -q 'GET / HTTP/1.1" 200'
	pod exec web nginx -s reload
	until_true page "http://$at/"
}

@test "postgres: a database is made, by an account that may not be root" {
	# Debian keeps each version in a folder of its own.
	server=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | tail -1)
	[ -x "$server" ] || skip 'postgresql is not installed'
	programs=${server%/postgres}
	PATH=$programs:$PATH
	root_of "$place/postgres" postgres initdb psql
	package_files "$place/postgres" "$(dpkg --search "$server" | cut -d: -f1)"
	entrypoint "$place/postgres" <<-END
	#!/bin/sh -e
	export PATH=$programs:\$PATH
	as='/usr/bin/setpriv --reuid service --regid service --clear-groups'
	mkdir -p /var/lib/db /run/postgresql
	chown service:service /var/lib/db /run/postgresql
	chmod 700 /var/lib/db
	[ -e /var/lib/db/PG_VERSION ] || \$as initdb --no-sync --auth=trust --locale=C --encoding=UTF8 --username=postgres /var/lib/db >/dev/null
	exec \$as postgres -D /var/lib/db -k /run/postgresql -c listen_addresses='*'
	END
	serving base 5432 --shm-size 64m --rootfs "$place/postgres" /entrypoint
	ask() { pod exec base "$programs/psql" -h /run/postgresql -U postgres -Atc "$1"; }
	until_true ask 'select 1' >/dev/null 2>&1
	ask 'create table t as select generate_series(1, 1000) as n'
	[ "$(ask 'select sum(n) from t')" = 500500 ]
	[ "$(owner_of_first base)" = 999 ]
}

@test "node and python serve, as another user from the start" {
	needs node
	root_of "$place/node" node
	# Debian's reads some of its own modules from files, whose names its library holds.
	for library in "$place"/node/usr/lib/*/libnode.so.*; do
		[ -e "$library" ] || continue # one that Debian has not built
		grep -aoh '/usr/share/nodejs/[a-zA-Z0-9/_.-]*' "$library" | sort -u | while read -r file; do
			[ ! -f "$file" ] || cp --parents --dereference "$file" "$place/node"
		done
	done
	cat >"$place/serve.js" <<-'END'
	require('http').createServer((q, a) => a.end('from ' + process.getuid())).listen(8000)
	END
	serving app 8000 --user 1000:1000 -v "$place/serve.js:/serve.js:ro" --rootfs "$place/node" /usr/bin/node /serve.js
	reply() { [ "$(inside curl --silent --max-time 5 "http://$at/")" = "$1" ]; }
	until_true reply 'from 1000'
	pod rm --force --time 0 app
	root_of "$place/python" python3
	library=lib$(readlink --canonicalize "$(command -v python3)" | xargs basename)
	package_files "$place/python" "$library-minimal" "$library-stdlib"
	mkdir -p "$place/pages"
	echo page >"$place/pages/index.html"
	serving app 8000 --user 1000:1000 -v "$place/pages:/pages:ro" -w /pages --rootfs "$place/python" \
		/usr/bin/python3 -m http.server 8000
	until_true reply page
}

@test "debian: its own shell, and its package tool installs a package" {
	needs dpkg-deb
	root_of "$place/debian" bash dpkg dpkg-deb tar dpkg-split rm
	mkdir -p "$place"/debian/var/lib/dpkg/{info,updates,triggers} "$place"/package/{DEBIAN,opt/thing}
	touch "$place"/debian/var/lib/dpkg/{status,available}
	printf 'Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a thing\n' >"$place/package/DEBIAN/control"
	printf '#!/bin/sh\nchown 33:33 /opt/thing/file\n' >"$place/package/DEBIAN/postinst"
	chmod 755 "$place/package/DEBIAN/postinst"
	echo thing >"$place/package/opt/thing/file"
	dpkg-deb --root-owner-group --build "$place/package" "$place/debian/thing.deb" >/dev/null
	for program in ldconfig start-stop-daemon diff; do ln -sf busybox "$place/debian/bin/$program"; done
	import "$place/debian" debian
	run -0 pod run --rm --network none --annotation "zviz.io/profile=service" localhost/debian \
		bash -c 'dpkg --force-not-root --install /thing.deb >&2 && stat -c %u /opt/thing/file'
	[ "${lines[-1]}" = 33 ]
}
