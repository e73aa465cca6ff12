#!/usr/bin/env bats
# What the broker performs comes out as if the kernel had: the same operations (tests/same) under a profile that asks the
# broker about each, and under one that asks about none, must print the same lines. ZVIZ is the binary under test.
#
# ZVIZ_SAME_SEED (1) and ZVIZ_SAME_EPISODES (75, of 40 operations each) choose others.

bats_require_minimum_version 1.5.0

setup() {
	zviz=$(realpath "$ZVIZ")
	same=$(realpath "${SAME:-$(dirname "$zviz")/../../../check/tests/same/same}")
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir "$place/native" "$place/brokered" "$place/home"
	cd "$place"
	# Patterns that nothing meets, so that nothing is refused.
	printf 'zviz: 1\nname: own\nextends: ci-runner\naudit: none\n' | tee native.yaml >brokered.yaml
	printf 'filesystem: {deny: {read: ["**/.never"], write: ["**/.nowhere/**"]}}\n' >>brokered.yaml
	become=()
}

teardown() {
	cd /
	rm -rf "$place"
}

operations() { # native|brokered
	cp "$same" "$1/same"
	[ ${#become[@]} = 0 ] || chown -R 61500:61500 "$1"
	(
		cd "$1"
		timeout 300 ${become[@]+"${become[@]}"} "$zviz" --root "$place/home/state" --profile "../$1.yaml" run \
			"same-$1-$$" -- ./same "${ZVIZ_SAME_SEED:-1}" "${ZVIZ_SAME_EPISODES:-75}"
	) >"$1.out" </dev/null
}

# The first line of each episode that differs; those behind it may follow from it.
differences() {
	awk 'NR == FNR { native[FNR] = $0; n = FNR; next }
		/^episode/ { said = 0; episode = $0 }
		$0 != native[FNR] && !said { said = 1; print episode; print "  native:   " native[FNR]; print "  brokered: " $0 }
		END { if (n != FNR) print "native " n " lines, brokered " FNR }' native.out brokered.out
}

compare() {
	[[ $("$zviz" explain native.yaml rename /work/a /work/b) == *'allowed natively'* ]]
	[[ $("$zviz" explain brokered.yaml rename /work/a /work/b) == *'asked of the broker'* ]]
	[[ $("$zviz" explain native.yaml openat /work/a) == *'allowed natively'* ]]
	[[ $("$zviz" explain brokered.yaml openat /work/a) == *'asked of the broker'* ]]
	operations native
	operations brokered
	echo "seed ${ZVIZ_SAME_SEED:-1}"
	differences | head -n 12
	cmp native.out brokered.out
	# Of everything something: it was no run of errors alone, or of one.
	grep '^summary' native.out
	[ "$(sed -n 's/^summary: \([0-9]*\) good.*/\1/p' native.out)" -gt 1000 ]
	[ "$(sed -n 's/.*good, \([0-9]*\) kinds.*/\1/p' native.out)" -ge 15 ]
}

@test "operations: as started by root" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	compare
}

@test "operations: as started by a stranger" {
	if [ "$(id -u)" = 0 ]; then
		become=(setpriv --reuid 61500 --regid 61500 --clear-groups env "HOME=$place/home")
		chown 61500:61500 home
	fi
	compare
}
