#!/usr/bin/env bats
# Private networks on kernels that lack some of what they use. Runs inside the guest of tests/vm/run, which loads no module
# by itself.

bats_require_minimum_version 1.5.0

@test "a kernel without nf_tables or veth: what it lacks is said, and nothing is left" {
	place=$(mktemp -d)
	cd "$place"
	mkdir -p bundle/rootfs/{bin,dev,proc,sys}
	cp "$(command -v busybox)" bundle/rootfs/bin
	cat >bundle/config.json <<-'END'
	{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["/bin/busybox", "true"], "env": ["PATH=/bin"],
	    "user": {"uid": 0, "gid": 0}}, "mounts": [{"destination": "/proc", "type": "proc"}],
	 "hooks": {"createRuntime": [{"path": "/bin/true"}]}, "linux": {"namespaces": [{"type": "network"}]}}
	END
	run -1 "$ZVIZ" --root state create --bundle bundle one
	[[ $output == *'nftables: Protocol not supported'*'hint: the kernel needs nf_tables'* ]]
	run -1 "$ZVIZ" --root state run --network private --work bundle two true
	[[ $output == *'network device zviz0: Operation not supported'*'hint: the kernel needs veth'* ]]
	modprobe nf_tables
	run -1 "$ZVIZ" --root state create --bundle bundle one
	[[ $output == *'nftables, in the container: '*'hint: the kernel needs nf_tables'* ]]
	[ -z "$(ls -A state)" ]
	cd /
	rm -rf "$place"
}

@test "a kernel that cannot log: refusals are counted, and --verbose says so" {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	place=$(mktemp -d)
	export zviz=$ZVIZ place
	for module in nf_tables nft_ct nft_nat nft_chain_nat nft_masq nft_reject_inet nft_objref nft_fib_inet veth; do
		modprobe "$module" 2>/dev/null || true # some are part of others, or of the kernel
	done
	mkdir "$place/work"
	cp "$top/tests/net/reach.py" "$place/work"
	cd "$place/work"
	run -0 unshare --net --mount "$top/tests/net/world" "$zviz" --root "$place/state" --verbose run --network private one -- \
		python3 reach.py tcp/203.0.113.2/81
	echo "$output"
	[[ "$output" == *'zviz: missing: network: what its rules refuse is only counted: the kernel has no nfnetlink_log'* ]]
	[[ "$output" == *'tcp/203.0.113.2/81 refused'* ]]
	[[ "$output" == *'zviz: 1 operation was refused'* ]]
	[[ "$output" != *'too fast'* ]]
	cd /
	rm -rf "$place"
}
