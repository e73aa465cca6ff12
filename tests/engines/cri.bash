# What the tests of daemons with a CRI share.

until_true() { # COMMAND…
	for _ in {1..200}; do
		if "$@"; then return 0; fi
		sleep 0.05
	done
	return 1
}

# The network of their Pods, in $place/cni.
cni_network() {
	cat >"$place/cni/net.conflist" <<-END
	{"cniVersion": "0.4.0", "name": "test", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true,
	 "ipam": {"type": "host-local", "dataDir": "$place/ipam", "ranges": [[{"subnet": "10.98.0.0/24"}]]}}]}
	END
}
