# zviz compile: the files, that they are the same everywhere, and that nothing half-made is ever left.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	place=$(mktemp -d)
	zviz=$place/zviz
	cp "${ZVIZ:-$top/build/release/src/cli/zviz}" "$zviz"
	mkdir "$place/at"
	cd "$place/at"
}

teardown() {
	cd /
	rm -rf "$place"
}

# own.yaml in folder $1, which extends a file beside it, which extends a built-in profile
own_profile() {
	mkdir -p "$1"
	cat >"$1/own.yaml" <<-END
	zviz: 1
	extends: base.yaml
	syscalls: {where: [{syscall: kill, arg: 1, in: [9], then: deny}]}
	filesystem: {deny: {write: ["**/keep"]}}
	END
	cat >"$1/base.yaml" <<-END
	zviz: 1
	extends: web-server
	resources: {pids: 99}
	END
}

nothing_beside() { # waits for the second process, if there still is one
	for _ in {1..200}; do
		[ -n "$(find /proc -maxdepth 2 -name exe -lname "$place/zviz" 2>/dev/null)" ] || break
		sleep 0.02
	done
	[ -z "$(find "$place" -name '*.zviz-new')" ]
}

@test "every built-in profile: the files, and the hash of each" {
	for profile in $("$zviz" profiles | cut -d' ' -f1); do
		run -0 "$zviz" compile "$profile" -o "$profile"
		[[ $output == "$profile: 18 files, every filter proved equal to the profile" ]]
		[ "$(ls "$profile" | wc -l)" = 18 ]
		python3 - "$profile" <<-'END'
		import hashlib, json, os, sys
		folder = sys.argv[1]
		m = json.load(open(folder + "/manifest.json"))
		assert m["format"] == 1 and m["profile"] == folder
		assert m["inputs"][0]["name"] == folder
		listed = {o["file"]: o["sha256"] for o in m["outputs"]}
		assert set(os.listdir(folder)) == set(listed) | {"manifest.json"}
		for name, digest in listed.items():
		    assert hashlib.sha256(open(folder + "/" + name, "rb").read()).hexdigest() == digest
		    if name.endswith(".json"):
		        json.load(open(folder + "/" + name))
		assert len(m["rules"]) > 50 and all(":" in r["from"] and r["layer"] != "none" for r in m["rules"])
		END
		run -0 "$zviz" verify --filter "$profile/seccomp-x86_64.bpf" --arch x86_64 "$profile"
		run -0 "$zviz" verify --filter "$profile/seccomp-aarch64.bpf" --arch aarch64 "$profile"
	done
	nothing_beside
}

@test "the same profile gives the same bytes, from two places and two working folders" {
	own_profile one/sub
	own_profile two
	"$zviz" compile one/sub/own.yaml -o a
	(cd two && "$zviz" compile own.yaml -o "$place/at/b")
	(cd / && "$zviz" --profile "$place/at/two/own.yaml" compile -o "$place/at/c/")
	diff -r a b
	diff -r a c
	if grep -rq "$place" a; then false; fi
	diff one/sub/own.yaml a/profile-1.yaml
	diff one/sub/base.yaml a/profile-2.yaml
}

@test "what a profile extends lies beside it, wherever one stands" {
	own_profile sub
	run -0 "$zviz" explain sub/own.yaml
	[[ $output == *"pids.max = 99 (v"*"[sub/base.yaml:3]"* ]]
	cd sub
	run -0 "$zviz" explain ./own.yaml
	cd /
	run -0 "$zviz" explain "$place/at/sub/own.yaml"
	[[ $output == *"[$place/at/sub/base.yaml:3]"* ]]
}

@test "a folder that is in the way" {
	mkdir full empty
	echo mine >full/file
	echo mine >plain
	ln -s empty link
	run --separate-stderr -1 "$zviz" compile ci-runner -o full --force
	[[ $stderr == *"full is not empty, and not what an earlier compile made"*"hint: "* ]]
	run --separate-stderr -1 "$zviz" compile ci-runner -o plain
	[[ $stderr == *"plain is there, and no folder"* ]]
	run --separate-stderr -1 "$zviz" compile ci-runner -o link --force
	[[ $stderr == *"link is there, and no folder"* ]]
	run --separate-stderr -1 "$zviz" compile ci-runner -o no/such
	[[ $stderr == *"no/: No such file or directory"* ]]
	for dir in . .. / sub/..; do
		run --separate-stderr -1 "$zviz" compile ci-runner -o "$dir"
		[[ $stderr == *"does not name a folder"* || $stderr == *"No such file"* ]]
	done
	[ "$(ls)" = "$(printf 'empty\nfull\nlink\nplain')" ]
	[ "$(cat full/file plain)" = "$(printf 'mine\nmine')" ]
	[ -z "$(ls empty)" ]
	run -0 "$zviz" compile ci-runner -o empty
	[ -f empty/manifest.json ]
}

@test "an earlier compile is replaced with --force alone, and only as it was made" {
	"$zviz" compile ci-runner -o out
	before=$(ls -i out/manifest.json)
	run --separate-stderr -1 "$zviz" compile web-server -o out
	[[ $stderr == *"out holds an earlier compile"*"--force replaces it"* ]]
	[ "$(ls -i out/manifest.json)" = "$before" ]
	run -0 "$zviz" compile web-server -o out --force
	grep -q '"profile": "web-server"' out/manifest.json
	echo mine >out/mine
	run --separate-stderr -1 "$zviz" compile ci-runner -o out --force
	[[ $stderr == *"mine is not of that compile"* ]]
	[ "$(cat out/mine)" = mine ]
	rm out/mine
	echo '{"format": 7}' >out/manifest.json
	run --separate-stderr -1 "$zviz" compile ci-runner -o out --force
	[[ $stderr == *"format 7"* ]]
	[ "$(ls)" = out ]
}

@test "the rules of a private network are text that nft takes" {
	[ "$(id -u)" = 0 ] || skip 'nft looks at a network of its own'
	printf 'zviz: 1\nextends: ci-runner\nnetwork: {mode: private, egress: {allow: [{cidr: 192.0.2.0/24, ports: [443]}, {domain: a.b, ports: [80]}]}}\n' >private.yaml
	"$zviz" compile private.yaml -o out
	grep -q '192.0.2.0/24 meta l4proto { tcp, udp } th dport { 443 }' out/network.nft
	grep -q 'ip daddr @domain2_ipv4 meta l4proto { tcp, udp } th dport { 80 }' out/network.nft
	unshare --net nft --check --file out/network.nft
}

@test "what cannot be compiled leaves nothing" {
	printf 'zviz: 1\nsyscalls: {allow: [opent]}\n' >bad.yaml
	printf 'zviz: 1\nextends: none.yaml\n' >lost.yaml
	printf 'zviz: 1\nextends: ci-runner\ncapabilities: {keep: [CAP_NET_ADMIN]}\nnetwork: {mode: private}\n' >private.yaml
	cp bad.yaml noending
	run --separate-stderr -1 "$zviz" compile bad.yaml -o out
	[[ $stderr == *"bad.yaml:2:20: "*"opent"* ]]
	run --separate-stderr -1 "$zviz" compile lost.yaml -o out
	[[ $stderr == *"none.yaml: No such file"* ]]
	run --separate-stderr -1 "$zviz" compile private.yaml -o out
	[[ $stderr == *"private.yaml:3"* ]]
	run --separate-stderr -1 "$zviz" compile no-such -o out
	sed -i 's/opent/open/' noending
	run --separate-stderr -1 "$zviz" compile ./noending -o out
	run --separate-stderr -1 "$zviz" compile ci-runner
	[[ $stderr == *"neither -o nor --explain"* ]]
	run --separate-stderr -1 "$zviz" compile -o out
	run --separate-stderr -1 "$zviz" compile --explain --force ci-runner
	run --separate-stderr -1 "$zviz" --profile ci-runner compile ci-runner -o out
	[ ! -e out ]
	nothing_beside
}

@test "killed at any moment: the whole folder or none, and nothing beside it" {
	for i in {1..60}; do
		rm -rf out
		"$zviz" compile hostile-tenant -o out >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.0$((i % 5))$((RANDOM % 10))"
		kill -KILL "$pid" 2>/dev/null || true # it may have done its work already
		wait "$pid" || [ $? = 137 ]
		nothing_beside
		[ ! -e out ] || [ "$(ls out | wc -l)" = 18 ]
	done
	# The same where an earlier one is replaced.
	"$zviz" compile hostile-tenant -o out --force
	for i in {1..40}; do
		"$zviz" compile hostile-tenant -o out --force >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.0$((i % 5))$((RANDOM % 10))"
		kill -KILL "$pid" 2>/dev/null || true # it may have done its work already
		wait "$pid" || [ $? = 137 ]
		nothing_beside
		[ "$(ls out | wc -l)" = 18 ]
	done
}

@test "--explain: a row for each rule, with the line that says it" {
	run -0 "$zviz" compile --explain ci-runner
	[[ ${lines[0]} =~ ^RULE\ +FROM\ +LAYER\ +COST$ ]]
	for rule in 'syscalls.allow @basic-io' 'syscalls.deny @dangerous' 'ioctl.allow TCGETS' 'filesystem.write /work' \
		'resources.memory'; do
		grep -qE "^$rule  +ci-runner:[0-9]+ +[a-z, ]+" <<<"$output"
	done
	grep -qE '^syscalls.allow @memory +ci-runner:[0-9]+ +seccomp +13 calls: cached by the kernel$' <<<"$output"
	grep -qE '^ioctl.allow TCGETS +ci-runner:[0-9]+ +seccomp +[0-9]+ instructions$' <<<"$output"
	grep -qE '^filesystem.write /work +ci-runner:[0-9]+ +mounts, landlock ' <<<"$output"
	[[ ${lines[-1]} == "(times of the broker: measured on "*")" ]]
	# The line is the one that has the word.
	while read -r rule word from _; do
		case $rule in syscalls.allow | ioctl.allow | filesystem.hide)
			"$zviz" profiles show ci-runner | sed -n "${from#ci-runner:}p" | grep -qF -- "${word#\*}" ;;
		esac
	done <<<"$output"
	own_profile sub
	run -0 "$zviz" compile --explain sub/own.yaml
	grep -qE '^syscalls.where kill arg 1 +sub/own.yaml:3 ' <<<"$output"
	grep -qE '^filesystem.deny.write \*\*/keep +sub/own.yaml:4 +broker ' <<<"$output"
	grep -qE '^resources.pids +sub/base.yaml:3 +cgroup ' <<<"$output"
}

@test "device rules are among the limits where the profile requires them, and only there" {
	printf 'zviz: 1\nname: ours\nextends: ci-runner\nrequirements: {cgroup: [devices]}\n' >ours.yaml
	run -0 "$zviz" compile ./ours.yaml -o with
	run -0 "$zviz" compile ci-runner -o without
	[ "$(jq -r '.devices[0].allow' with/cgroup.json)" = 'c 1:3 rw' ]
	[ "$(jq -r 'has("devices")' without/cgroup.json)" = false ]
}
