# A cluster of one node for kubelet.bats: etcd, the API server, its controllers and scheduler, a kubelet and containerd with zviz, all in a network
# and a mount namespace of the test's own. What they write is below a folder of its own, but for what a kubelet and containerd have in /run, /var/lib,
# /var/log and /etc: these are the test's own there.

node=192.0.2.1

# Says why, where a cluster cannot be.
no_kube() {
	local program
	[ "$(id -u)" = 0 ] || { echo 'needs root' && return; }
	for program in kubelet kube-apiserver kube-controller-manager kube-scheduler etcd kubectl containerd ctr runc openssl jq script; do
		command -v "$program" >/dev/null || { echo "$program is not installed" && return; }
	done
	containerd --version | grep -qE ' v?2\.' || { echo 'needs containerd 2' && return; }
	[ -x /usr/lib/cni/bridge ] || { echo 'containernetworking-plugins is not installed' && return; }
}

kube_up() {
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	here=zviz-$$ # the folder of its groups
	export place here KUBECONFIG=$place/admin.conf
	chmod 755 "$place"
	# Containers of others have this folder's program on no command line.
	cp "$zviz" "$(dirname "$zviz")/../net/zviz-net" "$place/"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/image.py" "$(command -v busybox)" >"$place/images.tar"
	mkdir -p "$place"/{pki,conf.d,cni,etc/own,etc/work}
	keys
	configure
	unshare --net --mount bash -c 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && mount --make-shared /var/lib && mount -t tmpfs none /var/log &&
		mkdir /run/containerd && mount -t overlay none /etc -o "lowerdir=/etc,upperdir=$place/etc/own,workdir=$place/etc/work" &&
		ip link set lo up && ip link add node0 type bridge && ip address add '"$node"'/24 dev node0 && ip link set node0 up &&
		ip route add default via 192.0.2.254 && echo up && exec sleep infinity' >"$place/said" 2>&1 3>&- &
	echo $! >"$place/holder"
	until_true grep -qx up "$place/said"
	make_groups
	begin etcd --data-dir "$place/etcd" --unsafe-no-fsync --log-level error
	begin kube-apiserver --etcd-servers http://127.0.0.1:2379 --advertise-address "$node" --service-cluster-ip-range 10.96.0.0/16 \
		--tls-cert-file "$place/pki/cert" --tls-private-key-file "$place/pki/key" --token-auth-file "$place/pki/tokens" --authorization-mode Node,RBAC \
		--service-account-issuer https://kubernetes.default.svc --service-account-key-file "$place/pki/key" \
		--service-account-signing-key-file "$place/pki/key" --kubelet-preferred-address-types InternalIP --allow-privileged
	begin containerd --config "$place/config.toml"
	in_time 120 k get --raw /readyz
	begin kube-controller-manager --kubeconfig "$place/admin.conf" --service-account-private-key-file "$place/pki/key" \
		--root-ca-file "$place/pki/cert" --use-service-account-credentials --leader-elect=false
	begin kube-scheduler --kubeconfig "$place/admin.conf" --leader-elect=false
	in_time 30 enter ctr version
	enter ctr --namespace k8s.io images import "$place/images.tar" >/dev/null
	kubelet_up
	in_time 120 k get serviceaccount default
}

keys() {
	local who
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$place/pki/key" -out "$place/pki/cert" -days 2 -subj /CN=test \
		-addext "subjectAltName=IP:127.0.0.1,IP:$node,IP:10.96.0.1,DNS:kubernetes.default.svc" 2>/dev/null
	printf 'admin-token,admin,admin,system:masters\nnode-token,system:node:node,node,system:nodes\n' >"$place/pki/tokens"
	for who in admin node; do
		cat >"$place/$who.conf" <<-END2
		apiVersion: v1
		kind: Config
		current-context: test
		contexts: [{name: test, context: {cluster: test, user: $who}}]
		clusters: [{name: test, cluster: {server: "https://127.0.0.1:6443", certificate-authority: $place/pki/cert}}]
		users: [{name: $who, user: {token: $who-token}}]
		END2
	done
}

configure() {
	cat >"$place/config.toml" <<-END2
	version = 3
	root = "$place/root"
	imports = ["$place/conf.d/*.toml"]
	[plugins.'io.containerd.cri.v1.images'.pinned_images]
	  sandbox = "localhost/pause:latest"
	[plugins.'io.containerd.cri.v1.runtime']
	  disable_apparmor = true
	  restrict_oom_score_adj = true # a root without CAP_SYS_RESOURCE can protect no Pod from the kernel
	[plugins.'io.containerd.cri.v1.runtime'.cni]
	  bin_dirs = ["/usr/lib/cni"]
	  conf_dir = "$place/cni"
	[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
	  runtime_type = "io.containerd.runc.v2"
	END2
	# The file that is shipped, with this zviz for the installed one.
	sed "s|/usr/local/bin/zviz|$place/zviz|; s/SystemdCgroup = true/SystemdCgroup = false/" "$BATS_TEST_DIRNAME/../../deploy/containerd/config-2.toml" \
		>"$place/conf.d/zviz.toml"
	cat >"$place/kubelet.yaml" <<-END2
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
	authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
	authorization: {mode: AlwaysAllow}
	cgroupDriver: cgroupfs
	cgroupRoot: /$here
	cgroupsPerQOS: true
	enforceNodeAllocatable: [none]
	failCgroupV1: false
	protectKernelDefaults: true
	evictionHard: {memory.available: 1Mi}
	syncFrequency: 5s
	resolvConf: ""
	volumePluginDir: $place/plugins
	END2
	cni_network
}

# The kubelet makes its groups below one that has to be there.
make_groups() {
	local from
	for from in $(findmnt -n -l -t cgroup,cgroup2 -o TARGET); do mkdir -p "$from/$here"; done
	for from in cpus mems; do
		[ ! -e "/sys/fs/cgroup/cpuset/cpuset.$from" ] || cat "/sys/fs/cgroup/cpuset/cpuset.$from" >"/sys/fs/cgroup/cpuset/$here/cpuset.$from"
	done
}

# A kubelet sets these of the kernel for the whole machine: here it finds them as it wants them, and sets none.
kubelet_up() {
	cat >"$place/kubelet.sh" <<-'END2'
	for set in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
		file=$place/sysctl/${set%%=*}
		mkdir -p "${file%/*}" && echo "${set#*=}" >"$file" && mount --bind "$file" "/proc/sys/${set%%=*}" || exit
	done
	exec kubelet "$@"
	END2
	begin unshare --mount --propagation unchanged bash "$place/kubelet.sh" --config "$place/kubelet.yaml" --kubeconfig "$place/node.conf" --hostname-override node --node-ip "$node"
	mv "$place/unshare.pid" "$place/kubelet.pid"
	in_time 120 k wait --for condition=Ready node/node --timeout 1s
}
kubelet_down() {
	kill "$(cat "$place/kubelet.pid")"
	in_time 30 ended "$place/kubelet.pid"
}

begin() { # PROGRAM ARGUMENT…: a daemon
	enter sh -c 'echo $$ >"$0" && exec "$@"' "$place/$1.pid" "$@" >>"$place/$1.log" 2>&1 3>&- &
	until_true test -s "$place/$1.pid"
}
ended() { ! kill -0 "$(cat "$1")" 2>/dev/null; }
enter() { nsenter --net --mount --wd="$place" --target "$(cat "$place/holder")" "$@"; }
k() { enter timeout "${patience_s:-120}" kubectl "$@" 3>&-; }
in_time() { # SECONDS COMMAND…: what it says is not shown
	local deadline=$((SECONDS + $1))
	until "${@:2}" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || { echo "waited in vain: ${*:2}" && return 1; }
		sleep 0.3
	done
}

kube_down() {
	[ -n "${place:-}" ] || return 0
	local left=0 pid
	for pid in $(cat "$place"/*.pid 2>/dev/null) $(pgrep -f "containerd-shim-runc-v2.*-address /run/containerd/containerd.sock" --ns "$(cat "$place/holder")" --nslist mnt) \
		$(pgrep -f "$place/zviz"); do
		kill -9 "$pid" 2>/dev/null || true # with the one before it, it may have ended
	done
	# What is left of runc's, and the one that holds the namespaces.
	for pid in $(find /sys/fs/cgroup -path "*/$here*" -name cgroup.procs -exec cat {} + | sort -u) $(pgrep --ns "$(cat "$place/holder")" --nslist net); do
		kill -9 "$pid" 2>/dev/null || true # as above
	done
	until_true groups_removed || left=1
	[ -n "${KEEP:-}" ] || rm -rf "$place" || left=1
	return "$left"
}
groups_removed() {
	find /sys/fs/cgroup -depth -path "*/$here*" -type d -exec rmdir {} + 2>/dev/null || true # what is left is said below
	[ -z "$(find /sys/fs/cgroup -path "*/$here*" -type d)" ]
}
