# What zviz says when it cannot do what it was told: one line, a hint, exit code 1, nothing on stdout.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=${ZVIZ:-$top/build/release/src/cli/zviz}
	cd "$BATS_TEST_TMPDIR"
}

# refused TEXT ARGUMENTS…: zviz fails, and its message has TEXT in it.
refused() {
	local text=$1
	shift
	run --separate-stderr -1 "$zviz" "$@"
	[ -z "$output" ]
	[[ $stderr == "zviz: "* ]]
	[[ $stderr == *"$text"* ]]
}

@test "unknown commands and options name the nearest" {
	refused "nearest known command is 'check'" chek
	refused "unknown command 'checkpoint'" checkpoint --help
	refused "nearest known option is --profile" --profil x run
	refused "nearest known option is --memory" run --memroy 1G id true
	refused "unknown option --nonsense" check --nonsense
}

@test "options in the wrong place say where they belong" {
	refused "it goes before the command" run --root /tmp id true
	refused "options go in front of the ID" run id --memory 1G true
}

@test "values say what they should be" {
	refused "--memory: '1X' is not a size" run --memory 1X id true
	refused "--memory needs a value: SIZE" run --memory
	refused "--log-format: 'xml' is not text or json" --log-format xml check
	refused "--root: '/'" --root / check
	refused "--root: '/'" --root=// check
}

@test "too few and too many words" {
	refused "too few words" completion
	refused "'b' is one word too many" help a b
	refused "one word too many" check extra
}

@test "unknown profiles list the known, and name the nearest" {
	refused "ci-runner" profiles show ci-runer
	[[ $stderr == *"the nearest is 'ci-runner'"* ]]
	refused "web-server" profiles show nonsense
}

@test "what needs a network that is not there is refused, not ignored" {
	refused "--allow needs a network with a way out" run --allow 10.0.0.0/8 id true
	refused "--publish needs a network with a way out" run --publish 80 id true
}

@test "a profile in a file: missing, too large, malformed, a folder" {
	refused "no.yaml" profiles show --expand no.yaml
	head -c 1100000 /dev/zero | tr '\0' '#' >large.yaml
	refused "larger than 1048576 bytes" profiles show --expand ./large.yaml
	printf 'zviz: 1\nname: [\n' >bad.yaml
	refused "bad.yaml:" profiles show --expand bad.yaml
	mkdir folder
	refused "folder" profiles show --expand ./folder
}

@test "control characters of the command line do not reach the terminal" {
	refused '\x1b[31m' $'\033[31mred'
	[[ $stderr != *$'\033'* ]]
}

@test "--log-format json: exactly one object" {
	run -1 "$zviz" --log log --log-format json chekc
	[ "$(wc -l <log)" -eq 1 ]
	[[ $(<log) =~ ^\{\"level\":\"error\",\"msg\":\"unknown\ command\ \'chekc\'\;\ hint:\ [a-z\ \'\?]+\",\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\"\}$ ]]
}

@test "--log: a line of text, appended" {
	run -1 "$zviz" --log log chekc
	run -1 "$zviz" --log log chekc
	[ "$(grep -c '^time="[^"]*" level=error msg="unknown command' log)" -eq 2 ]
}

@test "--log: success writes nothing; a file that cannot be written is told" {
	"$zviz" --log log version
	[ ! -s log ]
	run -1 "$zviz" --log /nonexistent/log chekc
	[[ $output == *"the log file /nonexistent/log: No such file or directory"* ]]
}

@test "a full disk is an error" {
	[ -c /dev/full ] || skip "no /dev/full"
	run -1 bash -c '"$0" help >/dev/full' "$zviz"
	[[ $output == *"standard output: No space left on device"* ]]
}
