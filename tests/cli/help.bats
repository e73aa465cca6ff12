# The help, the manual and the completion say the same, since the first makes the last.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
	zviz=${ZVIZ:-$top/build/release/src/cli/zviz}
}

# Long options of the help on stdin, a line each.
help_options() {
	grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | LC_ALL=C sort -u
}

# Long options that start a paragraph of a manual page.
manual_options() {
	grep -E '^\*-' "$1" | grep -oE -- '\*--[a-z-]+\*' | tr -d '*' | LC_ALL=C sort -u
}

@test "zviz alone, zviz help and zviz --help say the same" {
	a=$("$zviz")
	b=$("$zviz" help)
	c=$("$zviz" --help)
	[ "$a" = "$b" ]
	[ "$b" = "$c" ]
	[[ $a == *"commands:"* ]]
}

@test "every command has a help, by both ways" {
	commands=$("$zviz" | sed -n '/^commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
	[ "$(wc -w <<<"$commands")" -ge 5 ]
	for command in $commands; do
		a=$("$zviz" help "$command")
		b=$("$zviz" "$command" --help)
		[ "$a" = "$b" ]
		[[ $a == "usage: zviz $command"* ]]
	done
}

@test "the manual has every command" {
	for command in $("$zviz" | sed -n '/^commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
		grep -q "^\*$command\*" "$top/man/zviz.1.scd"
	done
}

@test "zviz(1) has the options of zviz --help, and no others" {
	diff <("$zviz" --help | help_options) <(manual_options "$top/man/zviz.1.scd")
}

@test "zviz-run(1) has the options of zviz run --help, and no others" {
	diff <("$zviz" run --help | help_options) <(manual_options "$top/man/zviz-run.1.scd")
}

@test "zviz-create(1) has the options of zviz create --help, and no others" {
	diff <("$zviz" create --help | help_options) <(manual_options "$top/man/zviz-create.1.scd")
}

@test "zviz-update(1) has the options of zviz update --help, and no others" {
	diff <("$zviz" update --help | help_options) <(manual_options "$top/man/zviz-update.1.scd")
}

@test "zviz-exec(1) has the options of zviz exec --help, and no others" {
	diff <("$zviz" exec --help | help_options) <(manual_options "$top/man/zviz-exec.1.scd")
}

@test "the manual pages are well-formed" {
	command -v scdoc || skip "no scdoc"
	for page in "$top"/man/*.scd; do
		scdoc <"$page" >"$BATS_TEST_TMPDIR/page"
		[ -s "$BATS_TEST_TMPDIR/page" ]
	done
}

@test "the completion offers commands and their options" {
	source <("$zviz" completion bash)
	complete_words() { # WORD…: what is offered for the last of them
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		COMPREPLY=()
		_zviz
		echo "${COMPREPLY[*]}"
	}
	[ "$(complete_words zviz prof)" = profiles ]
	[ "$(complete_words zviz --root /tmp prof)" = profiles ]
	[ "$(complete_words zviz --root = /tmp prof)" = profiles ]
	[ "$(complete_words zviz --log-)" = --log-format ]
	[ "$(complete_words zviz run --time)" = "--timeout" ]
	[ "$(complete_words zviz exec --cons)" = "--console-socket" ]
	[ "$(complete_words zviz --verbose profiles --exp)" = --expand ]
}
