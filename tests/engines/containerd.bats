# containerd with zviz as its runtime: through its own shim for runc, by ctr and by the calls that a kubelet makes (cri.py), with images made
# here. Daemon, shims and networks are in namespaces of the test's own; storage, sockets and state are below a folder of its own.

bats_require_minimum_version 1.5.0
load absent
load cri

setup_file() {
	[ "$(id -u)" = 0 ] || { absent 'needs root' && return; }
	for program in containerd ctr containerd-shim-runc-v2 script; do
		command -v "$program" >/dev/null || { absent "$program is not installed" && return; }
	done
	/usr/bin/python3 -c 'import grpc' 2>/dev/null || { absent 'python3-grpcio is not installed' && return; }
	[ -x /usr/lib/cni/bridge ] || { absent 'containernetworking-plugins is not installed' && return; }
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	place=$(mktemp -d)
	here=zviz-$$ # containerd's namespace, and the folder of its groups
	export place here
	chmod 755 "$place"
	# Containers of others have this folder's program on no command line.
	cp "$zviz" "$(dirname "$zviz")/../net/zviz-net" "$place/"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/image.py" "$(command -v busybox)" >"$place/images.tar"
	configure
	mkdir -p "$place"/etc/{own,work}
	# All of /run is the test's own there: the shim's sockets, its runtime's states, and the networks that CNI makes. So is what is written to /etc.
	unshare --net --mount bash -c 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && mkdir /run/containerd &&
		mount -t overlay none /etc -o "lowerdir=/etc,upperdir=$place/etc/own,workdir=$place/etc/work" &&
		ip link set lo up && echo up && exec sleep infinity' >"$place/said" 2>&1 3>&- &
	echo $! >"$place/holder"
	until_true grep -qx up "$place/said"
	daemon
	c images import "$place/images.tar" >/dev/null
	within ctr --address "$place/sock" --namespace k8s.io images import "$place/images.tar" >/dev/null
}

# The section of deploy/ for this version, behind what a node's own configuration says in that version's words.
configure() {
	local deploy=$BATS_TEST_DIRNAME/../../deploy/containerd
	mkdir "$place/cni"
	case $(containerd --version) in
	*' '1.* | *' 'v1.*) configure_1 && own "$deploy/config-1.7.toml" >>"$place/config.toml" ;;
	*) configure_2 && own "$deploy/config-2.toml" >"$place/conf.d/zviz.toml" ;;
	esac
	cni_network
}

# A file of deploy/ with this test's program, and without a systemd.
own() { sed -e "s|/usr/local/bin/zviz|$place/zviz|" -e 's/SystemdCgroup = true/SystemdCgroup = false/' "$1"; }

configure_1() {
	cat >"$place/config.toml" <<-END
	version = 2
	root = "$place/root"
	state = "$place/state"
	[grpc]
	  address = "$place/sock"
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "localhost/pause:latest"
	  disable_apparmor = true
	  tolerate_missing_hugetlb_controller = true
	  restrict_oom_score_adj = true # a root without CAP_SYS_RESOURCE can protect no Pod from the kernel
	[plugins."io.containerd.grpc.v1.cri".cni]
	  bin_dir = "/usr/lib/cni"
	  conf_dir = "$place/cni"
	[plugins."io.containerd.grpc.v1.cri".containerd]
	  default_runtime_name = "zviz"
	END
}

configure_2() {
	mkdir "$place/conf.d"
	cat >"$place/config.toml" <<-END
	version = 3
	imports = ["$place/conf.d/*.toml"]
	root = "$place/root"
	state = "$place/state"
	[grpc]
	  address = "$place/sock"
	[plugins.'io.containerd.cri.v1.images'.pinned_images]
	  sandbox = "localhost/pause:latest"
	[plugins.'io.containerd.cri.v1.runtime']
	  disable_apparmor = true
	  tolerate_missing_hugetlb_controller = true
	  restrict_oom_score_adj = true # a root without CAP_SYS_RESOURCE can protect no Pod from the kernel
	[plugins.'io.containerd.cri.v1.runtime'.cni]
	  bin_dirs = ["/usr/lib/cni"]
	  conf_dir = "$place/cni"
	[plugins.'io.containerd.cri.v1.runtime'.containerd]
	  default_runtime_name = "zviz"
	END
}

answers() { c version >/dev/null 2>&1; }
daemon() {
	enter containerd --config "$place/config.toml" >>"$place/log" 2>&1 3>&- &
	until_true answers
	[ -n "$(daemon_pid)" ]
}
daemon_pid() { pgrep -f "^containerd --config $place/config.toml"; }
enter() { nsenter --net --mount --wd="$place" --target "$(cat "$place/holder")" "$@"; }
within() { enter timeout 60 "$@"; }
c() { within ctr --address "$place/sock" --namespace "$here" "$@" 3>&-; }
small() { c run --runc-binary "$place/zviz" "$@"; } # OPTION… localhost/small:latest ID COMMAND…
image=localhost/small:latest

none_of_zviz() { [ -z "$(pgrep -f "$place/zviz")" ]; }
no_shims() { [ -z "$(pgrep -f "containerd-shim-runc-v2.*$place/sock")" ]; }
# The group that is containerd's namespace is found there by those that start later, and so is none of theirs to remove.
no_groups() { [ -z "$(find /sys/fs/cgroup -mindepth 3 -path "*/$here*" -type d)" ]; }
no_mounts() {
	local mounts
	mounts=$(within cat /proc/mounts) || return 1
	[ -n "$mounts" ] || return 1
	if grep "$place/state/.*rootfs" <<<"$mounts"; then return 1; fi
}
# Before the first container there is no folder.
no_states() {
	local states
	states=$(within sh -c '[ ! -e /run/containerd/runc ] || find /run/containerd/runc -mindepth 2') || return 1
	[ -z "$states" ]
}

teardown() {
	[ -n "${place:-}" ] || return 0
	local ids id check left=0
	ids=$(c task ls -q) || left=1
	for id in $ids; do c task delete --force "$id" 2>/dev/null || true; done # it may have ended
	ids=$(c containers ls -q) || left=1
	for id in $ids; do c containers delete "$id" || left=1; done
	# Whatever the test has done.
	for check in none_of_zviz no_shims no_groups no_mounts no_states; do
		until_true "$check" || { echo "after the test it is not so: $check" && left=1; }
	done
	return "$left"
}

teardown_file() {
	[ -n "${place:-}" ] || return 0
	for pid in $(daemon_pid) $(pgrep -f "containerd-shim-runc-v2.*$place/sock") $(pgrep -f "$place/zviz") $(cat "$place/holder"); do
		kill -9 "$pid" 2>/dev/null || true # with the one before it, it may have ended
	done
	local left=0
	until_true no_daemon || left=1
	until_true groups_removed || left=1
	rm -rf "$place" || left=1
	return "$left"
}
no_daemon() { [ -z "$(daemon_pid)" ]; }
# With what the last of its processes leaves a moment later.
groups_removed() {
	find /sys/fs/cgroup -depth -path "*/$here*" -type d -exec rmdir {} + 2>/dev/null || true # what is left is said below
	[ -z "$(find /sys/fs/cgroup -path "*/$here*" -type d)" ]
}

begin() { # ID OPTION…: in the background
	small --detach "${@:2}" "$image" "$1" sh -c 'while :; do sleep 0.1; done'
}
state_of() { c task ls | awk -v id="$1" '$1 == id { print $3 }'; }
is() { [ "$(state_of "$1")" = "$2" ]; }
has_no_task() { # ID: the daemon answers, and knows of none
	local tasks
	tasks=$(c task ls) || return 1
	[ -z "$(awk -v id="$1" '$1 == id' <<<"$tasks")" ]
}
pid_of() { c task ls | awk -v id="$1" '$1 == id { print $2 }'; }

@test "run: output, exit codes, and nothing of it afterwards" {
	[ "$(small --rm "$image" one echo hello)" = hello ]
	run -5 small --rm "$image" one sh -c 'echo err >&2; exit 5'
	[[ $output == *err* ]]
	run -0 c containers ls -q
	[ -z "$output" ]
}

@test "run: what fails says why" {
	run -1 small --rm "$image" one nosuch
	[[ $output == *'executable file not found in $PATH'* ]]
	run -1 small --rm "$image" one /etc/passwd
	[[ ${output,,} == *'permission denied'* ]]
	run -1 small --rm --annotation zviz.io/profile=nosuch "$image" one true
	[[ $output == *"no profile is called 'nosuch'"* ]]
	run -1 small --rm --mount "type=bind,src=$place/nosuch,dst=/m,options=rbind" "$image" one true
	[[ $output == *"$place/nosuch: No such file or directory"* ]]
}

@test "run: environment, folder, profile, the root" {
	[ "$(small --rm --env A=b --cwd /tmp "$image" one sh -c 'echo $(id -u):$(id -g) $A $(pwd)')" = '0:0 b /tmp' ]
	small --rm --annotation zviz.io/profile=hostile-tenant "$image" one true
	# Owners are the container's, on storage that is an overlay.
	[ "$(small --rm "$image" one stat -c %u:%g / /etc/passwd /bin/busybox)" = $'0:0\n0:0\n0:0' ]
	[ "$(small --rm --read-only "$image" one sh -c 'touch /etc/new 2>/dev/null || touch /tmp/new && echo ro')" = ro ]
}

@test "run: mounts of folders, of a tmpfs" {
	mkdir -p "$place/volume"
	echo data >"$place/volume/file"
	options=("--mount" "type=bind,src=$place/volume,dst=/v/deep,options=rbind:rw" "--mount" "type=bind,src=$place/volume,dst=/r,options=rbind:ro"
		"--mount" "type=tmpfs,src=tmpfs,dst=/mnt,options=size=1m")
	run -0 small --rm "${options[@]}" "$image" one sh -c 'cat /r/file; touch /v/deep/new; touch /r/no; df -k /mnt'
	[[ $output == data* && $output == *'touch: /r/no: Read-only file system'* && $output == *' 1024 '* ]]
	[ "$(stat -c %u "$place/volume/new")" = 0 ]
}

@test "run --device: a profile that lists it gives it" {
	[ -e /dev/fuse ] || skip 'no /dev/fuse'
	within sh -c "mkdir -p /etc/zviz/profiles && printf 'zviz: 1\nname: fused\nextends: ci-runner\ndevices: [/dev/fuse]\n' >/etc/zviz/profiles/fused.yaml"
	run -0 small --rm --device /dev/fuse --annotation zviz.io/profile=fused "$image" one sh -c 'stat -c %t:%T /dev/fuse && exec 3<>/dev/fuse && echo open'
	[ "$output" = $'a:e5\nopen' ]
	run -0 small --rm --device /dev/fuse "$image" one sh -c '[ -e /dev/fuse ] || echo none'
	[ "$output" = none ]
}

@test "run: a memory limit, and a bundle's own" {
	small --detach --memory-limit 67108864 "$image" one sleep 1000
	group=$(find /sys/fs/cgroup -path "*/$here/one/memory.*" \( -name memory.max -o -name memory.limit_in_bytes \))
	[ "$(cat "$group")" = 67108864 ]
	mkdir -p "$place/root2/bin"
	cp "$(command -v busybox)" "$place/root2/bin/busybox"
	jq -n --arg root "$place/root2" --arg group "/$here/two" '{ociVersion: "1.0.2", root: {path: $root},
		process: {cwd: "/", args: ["/bin/busybox", "sh", "-c", "i=0; while /bin/busybox sleep 9 & do i=$((i+1)); [ $i -lt 60 ] || exit 3; done"], user: {uid: 0, gid: 0}},
		linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "network"}], cgroupsPath: $group, resources: {pids: {limit: 20}}}}' >"$place/spec.json"
	run c run --rm --runc-binary "$place/zviz" --config "$place/spec.json" two
	[ "$status" != 0 ]
	[ "$status" != 3 ]
	[[ $output == *"can't fork"* ]]
}

@test "run at a terminal" {
	run -3 within script -qec "ctr --address $place/sock --namespace $here run -t --rm --runc-binary $place/zviz $image one sh -c 'test -t 0 && tty; exit 3'" /dev/null </dev/null
	[[ $output == */dev/* ]]
}

@test "in the background: exec, ps, metrics, kill, delete" {
	small --detach "$image" one sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
	is one RUNNING
	[ "$(c task exec --exec-id e one echo inside)" = inside ]
	run -9 c task exec --exec-id e one sh -c 'exit 9'
	run -1 c task exec --exec-id e one nosuch
	[[ $output == *'executable file not found in $PATH'* ]]
	[ "$(c task exec --exec-id e --user 1000 --cwd /tmp one sh -c 'echo $(id -u) $(pwd)')" = '1000 /tmp' ]
	run -4 within script -qec "ctr --address $place/sock --namespace $here task exec -t --exec-id e one sh -c 'test -t 0 && exit 4'" /dev/null </dev/null
	c task ps one | grep -q "^$(pid_of one) "
	c task metrics one >"$place/metrics"
	grep -qE 'memory.usage|memory.current' "$place/metrics"
	grep -qE '^pids.current +[1-9]' "$place/metrics"
	c task kill one
	until_true is one STOPPED
	run -0 c task delete one
	[[ $output == *'exit code 7'* ]]
	c containers delete one
	run -1 c task kill one
}

@test "metrics are of the container alone" {
	begin one
	before=$(c task metrics one | grep -oP '^(cpuacct.usage|cpu.usage_usec) +\K[0-9]+')
	[ "$before" -lt 2000000000 ]
	[ "$(c task metrics one | awk '/^pids.current/ { print $2 }')" -le 3 ]
}

@test "pause and resume" {
	[ -n "$(findmnt -n -t cgroup2)" ] || skip 'without cgroup v2 there is nothing to hold all processes by'
	begin one
	c task pause one
	is one PAUSED
	c task resume one
	is one RUNNING
	c task pause one
	c task kill --signal 9 one
	until_true is one STOPPED
}

@test "kill --all, and of a task that has ended" {
	begin one
	c task kill --all --signal 9 one
	until_true is one STOPPED
	[ "$(c task ls | awk '$1 == "one" { print $2 }')" -gt 0 ]
	run -0 c task delete one
	[[ $output == *'exit code 137'* ]]
	c containers delete one
	run -1 c task delete one
	[[ $output == *'not found'* ]]
}

@test "the shim is killed: containerd cleans up by our delete" {
	begin one
	pid=$(pid_of one)
	kill -9 "$(pgrep -f "containerd-shim-runc-v2.*$here.*$place/sock")"
	until_true eval '! kill -0 $pid 2>/dev/null'
	until_true none_of_zviz
	until_true has_no_task one
}

@test "the daemon starts anew: its containers go on" {
	begin one
	kill "$(daemon_pid)"
	until_true no_daemon
	daemon
	is one RUNNING
	[ "$(c task exec --exec-id e one echo inside)" = inside ]
}

layer_of() { # ID: what containerd keeps of it
	within cat /proc/mounts | grep "$place/state/.*/$1/rootfs overlay" | grep -o 'upperdir=[^,]*' | cut -d= -f2
}

@test "what is written is in containerd's layer with its owners; of a read-only root nothing" {
	small --detach "$image" one sh -c 'touch /tmp/x; echo kept >/root/kept; sleep 1000'
	until_true test -s "$(layer_of one)/root/kept"
	[ "$(find "$(layer_of one)" -type f -printf '%P %U:%G\n')" = 'root/kept 0:0' ]
	small --detach --read-only --mount "type=tmpfs,src=tmpfs,dst=/not/there" "$image" two sh -c 'touch /tmp/x; touch /x; sleep 1000'
	[ -d "$(layer_of two)" ]
	[ -z "$(ls -A "$(layer_of two)")" ]
}

@test "ten at once" {
	for n in {1..10}; do small --rm "$image" "many$n" echo "$n" >"$place/out$n" 2>&1 & done
	wait
	for n in {1..10}; do [ "$(cat "$place/out$n")" = "$n" ]; done
	run -0 c containers ls -q
	[ -z "$output" ]
}

cri() { within /usr/bin/python3 "$BATS_TEST_DIRNAME/cri.py" "$1" "$place/sock" "$place/zviz" "/$here-pod"; }

@test "CRI: the runtime and its network are ready" { cri ready; }
@test "CRI: a Pod of two containers, from its sandbox to nothing" { cri pod; }
@test "CRI: the Pod's annotations reach each container, and choose the profile" { cri annotations; }
@test "CRI: limits, what is used, a change of them, and the end of one that takes too much" { cri resources; }
@test "CRI: folders of the node" { cri volumes; }
@test "CRI: a profile's rules of the network, in the Pod's" { cri network; }
@test "CRI: rows about names hold for each container of a Pod" { cri names; }
@test "CRI: a privileged Pod, on the node's network, gets none of it" { cri privileged; }
@test "CRI: one pid namespace for a Pod, and one container that looks at another's" { cri processes; }
@test "CRI: devices, as a plugin gives them" { cri devices; }
@test "CRI: a Pod with users of its own (hostUsers: false)" { cri users; }
@test "CRI: failures in the words that a kubelet shows" { cri failures; }
