# filesystem.deny: no program, and no trick with names, gets around a pattern; and nothing else breaks.

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/work" "$place/home"
	cat >"$place/own.yaml" <<-'END'
	zviz: 1
	name: own
	extends: ci-runner
	filesystem: {deny: {read: ["**/.env", "/work/keys/**"], write: ["**/.git/hooks/**", /work/locked]}}
	END
	cd "$place/work"
	id=names-$BATS_TEST_NUMBER-$$
	become=()
}

teardown() {
	cd /
	rm -rf "$place"
}

inside() { # [OPTIONS…] -- COMMAND…
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	${become[@]+"${become[@]}"} "$zviz" --root "$place/home/state" --profile "$place/own.yaml" run \
		${options[@]+"${options[@]}"} "$id" "$@"
}

attack() {
	mkdir -p .git/hooks keys/deep
	echo secret | tee .env >keys/deep/key
	echo '#!/bin/sh' | tee .git/hooks/pre-commit >locked
	chmod -R a+rwX .
	run -0 inside -- /bin/sh -c '
		cat .env; mv .env e && cat e; ln .env e; cat e; ln -s .env s; cat s; cp .env e2; cat e2
		mv keys k && cat k/deep/key; mv keys/deep d && cat d/key; ln keys/deep/key k3; cat k3
		mkdir keys2; ln -s ../keys keys2/k; cat keys2/k/deep/key
		python3 -c "import os; os.rename(\"keys/deep\", \"d2\"); print(open(\"d2/key\").read())"
		cd keys/deep && cat key; cd ../..
		echo "evil" >>.git/hooks/pre-commit; rm -f .git/hooks/pre-commit; mv .git .git2; mv .git/hooks h
		mkdir h2 && echo evil >h2/pre-commit; mv h2 .git/hooks; rm -rf .git/hooks; ln -s h2 .git/hooks
		ln .git/hooks/pre-commit p && echo evil >>p; ln h2/pre-commit .git/hooks/post-commit
		truncate -s 0 .git/hooks/pre-commit; mkdir .git/hooks/x; mkfifo .git/hooks/y
		mv locked unlocked; echo evil >locked; rm -f locked; sed -i s/sh/evil/ locked
		echo reached the end' 2>/dev/null
	echo "$output"
	[[ $output == *"reached the end"* && $output != *secret* ]]
	[ "$(cat .git/hooks/pre-commit)" = '#!/bin/sh' ]
	[ "$(cat locked)" = '#!/bin/sh' ]
	[ "$(ls .git/hooks)" = pre-commit ]
	[ -d keys/deep ]
}

@test "no way around a pattern: as started by root" {
	attack
}

@test "no way around a pattern: as started by a stranger" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	chown -R 61500:61500 "$place"
	become=(setpriv --reuid 61500 --regid 61500 --clear-groups env "HOME=$place/home")
	attack
}

@test "a folder moves with what is protected in it to where it is protected, and stays where it is named itself" {
	printf 'zviz: 1\nname: own\nextends: ci-runner\nfilesystem: {deny: {write: ["**/hooks/**"]}}\n' >"$place/own.yaml"
	mkdir hooks other
	echo one >hooks/file
	chmod -R a+rwX .
	run -0 inside -- /bin/sh -c 'mv hooks aside; mv hooks other/hooks; rm -f other/hooks/file; echo x >other/hooks/file
		mkdir hooks; echo x >hooks/file; mv other/hooks out; mv other moved; cat moved/hooks/file'
	[[ $output == *$'\none' ]]
	[ "$(cat moved/hooks/file)" = one ]
	[ -z "$(ls hooks)" ]
	printf 'zviz: 1\nname: own\nextends: ci-runner\nfilesystem: {deny: {write: ["**/hooks", "**/hooks/**"]}}\n' >"$place/own.yaml"
	run inside -- mv moved/hooks hooks/inside
	[ "$status" != 0 ]
	run inside -- mv hooks gone
	[ "$status" != 0 ]
	[ "$(ls hooks moved/hooks)" = "$(printf 'hooks:\n\nmoved/hooks:\nfile')" ]
}

@test "a refusal names the pattern's line, the paths and the change" {
	mkdir -p .git/hooks keys
	run -0 inside -- /bin/sh -c 'mv keys k; mv .git .git2; true'
	run -0 "$zviz" --root "$place/home/state" --profile "$place/own.yaml" --verbose run "$id" -- \
		/bin/sh -c 'mv keys k; mv .git .git2; true'
	echo "$output"
	[[ $output == *'"keys", '*'"k"'*'refused with EACCES by broker, rule '*own.yaml:4*'take this pattern out of filesystem.deny.read'* ]]
	[[ $output == *'".git", '*'".git2"'*'take this pattern out of filesystem.deny.write'* ]]
}

@test "programs that change many names work as they do without patterns" {
	cat >job.sh <<-'END'
	set -e
	mkdir -p a/b/c && mkdir -p a/b/c /tmp/x/y
	for i in $(seq 50); do echo $i >a/b/f$i; done
	mv a/b a/d && cp -r a e && ln e/d/f1 e/twin && ln -s d/f2 e/soft && sed -i s/1/one/ e/d/f1
	tar cf t.tar e && rm -rf e && tar xf t.tar && cat e/soft e/d/f1
	mv t.tar /tmp/x/y/ && mv /tmp/x/y/t.tar . && rm t.tar
	python3 - <<'PY'
	import os, tempfile, shutil
	d = tempfile.mkdtemp(dir="."); open(d + "/x", "w").write("x"); os.replace(d + "/x", d + "/y")
	os.truncate(d + "/y", 0); os.rename(d, "done"); shutil.rmtree("done")
	PY
	git init -q --template= r && cd r && echo text >file && git add file
	git -c user.name=n -c user.email=e@x commit -qm first && git mv file file2 && git status --short
	END
	run -0 inside --env GIT_CONFIG_NOSYSTEM=1 -- /bin/sh job.sh
	with=$output
	echo "$with"
	cd "$place" && rm -rf work/* && mkdir plain && cd plain
	[[ $with == *"2"*"one"*"R  file -> file2" ]]
}

@test "patterns and io_uring do not go together" {
	printf 'syscalls: {allow: [io_uring_setup]}\n' >>"$place/own.yaml"
	run -1 inside -- /bin/true
	[[ $output == *own.yaml:4*"cannot be kept while io_uring_setup is allowed"*own.yaml:5* ]]
}

@test "rows that would let a call past the broker are refused beside patterns" {
	printf 'zviz: 1\nextends: ci-runner\nfilesystem: {deny: {read: ["**/.env"]}}\n%s\n' \
		'syscalls: {where: [{syscall: openat, arg: 2, in: [0x80000], then: allow}]}' >"$place/row.yaml"
	run -1 "$zviz" verify "$place/row.yaml"
	[[ $output == *row.yaml:4*"openat cannot be let past the broker"* ]]
	printf 'zviz: 1\nextends: ci-runner\nask: {execute: [/usr/bin/id]}\n%s\n' \
		'syscalls: {where: [{syscall: execve, arg: 3, in: [0], then: allow}]}' >"$place/row.yaml"
	run -1 "$zviz" verify "$place/row.yaml"
	[[ $output == *row.yaml:4*"execve cannot be let past the broker"* ]]
}

@test "explain: who changes names" {
	run -0 "$zviz" explain "$place/own.yaml" rename /work/a /work/b
	[[ $output == *"asked of the broker"* ]]
	run -0 "$zviz" explain "$place/own.yaml" unlink /work/sub/.git/hooks/x
	[[ $output == *"refused with EACCES"*own.yaml:4* ]]
	run -0 "$zviz" explain "$place/own.yaml" rename /work/.env /work/b
	[[ $output == *"refused with EACCES"*own.yaml:4*"filesystem.deny.read"* ]]
	run -0 "$zviz" explain "$place/own.yaml" rename /work/a /work/.env
	[[ $output == *"asked of the broker, which allows it"* ]]
	run -0 "$zviz" explain "$place/own.yaml" symlink /x /work/a/.git
	[[ $output == *"refused with EACCES"*"filesystem.deny.write"* ]]
	run -0 "$zviz" explain "$place/own.yaml" unlink /usr/bin/cc
	[[ $output == *"refused with EROFS"* ]]
	run -0 "$zviz" explain ci-runner rename /work/a /work/b
	[[ $output == *"allowed natively"* ]]
}
