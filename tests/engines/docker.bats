# Docker with zviz as its runtime: the daemon's own commands, through containerd and its shim, with an image made here. Both daemons, their
# network and what they mount are in namespaces of the test's own; what they keep is below a folder of its own.

bats_require_minimum_version 1.5.0
load docker

@test "what is in deploy: a configuration that the daemon takes, and a profile" {
	deploy=$BATS_TEST_DIRNAME/../../deploy/docker
	[ "$(jq -r '.runtimes | keys | join(" ")' "$deploy/daemon.json")" = 'zviz zviz-build zviz-web' ]
	[ "$(dock info --format '{{range $name, $r := .Runtimes}}{{$name}}={{$r.Path}}{{"\n"}}{{end}}' | grep -c "^zviz.*=$place/zviz$")" = 6 ] # and this test's own
	for name in docker-build docker-web; do
		"$place/zviz" --profile "$deploy/$name.yaml" explain x -- true | grep -q "profile: $name"
	done
}

@test "what is in deploy, by the daemon's own check" {
	dockerd --help | grep -q -- --validate || skip 'this dockerd cannot validate a configuration alone (before 23.0)'
	dockerd --validate --config-file "$BATS_TEST_DIRNAME/../../deploy/docker/daemon.json"
}

@test "run: output, exit codes, and those that Docker takes from our words" {
	[ "$(small small echo hello)" = hello ]
	run -5 small small sh -c 'exit 5'
	run -127 small small nosuch
	[[ $output == *'exec: "nosuch": executable file not found in $PATH'* ]]
	run -127 small small /bin/nosuch
	run -126 small small /etc/passwd
	[[ $output == *'permission denied'* ]]
	if is_old; then
		run -125 dock run --rm --runtime zviz --network host small true
		[[ $output == *'the network namespace zviz itself is in'* ]]
	else # it names no network, and the container gets one of its own
		[ "$(dock run --rm --runtime zviz --network host small ls /sys/class/net)" = lo ]
	fi
	[ "$(echo in | small -i small cat)" = in ]
	[ "$(small small sh -c 'echo err >&2' 2>&1 >/dev/null)" = err ]
}

@test "run: user, environment, folder, host name, entrypoint, groups, limits of the process, a first process" {
	[ "$(small -u 1000:1000 -e A=b -w /tmp --hostname here small sh -c 'echo $(id -u):$(id -g) $A $(pwd) $(hostname)')" = '1000:1000 b /tmp here' ]
	[ "$(small --entrypoint /bin/echo small word)" = word ]
	[ "$(small --group-add 5 --ulimit nofile=99:100 --oom-score-adj 300 small sh -c 'id -G; ulimit -n; cat /proc/self/oom_score_adj')" = $'0 5\n99\n300' ]
	small --init small cat /proc/1/cmdline | grep -qa docker-init
	[ "$(small --sysctl net.core.somaxconn=100 small cat /proc/sys/net/core/somaxconn)" = 100 ]
}

@test "run: volumes, a read-only root, a tmpfs, what docker changes in it" {
	mkdir -p "$place/volume"
	echo data >"$place/volume/file"
	[ "$(small -v "$place/volume:/v:ro" small cat /v/file)" = data ]
	run ! small -v "$place/volume:/v:ro" small touch /v/new
	[[ $output == *'Read-only'* ]]
	small -v "$place/volume:/v" small touch /v/new
	[ "$(stat -c %u "$place/volume/new")" = 0 ]
	small -v kept:/root small sh -c 'echo kept >/root/file'
	[ "$(small -v kept:/root small cat /root/file)" = kept ]
	dock volume rm kept >/dev/null
	small --runtime zviz-build small touch /etc/new
	run ! small --runtime zviz-build --read-only small touch /etc/new
	small --tmpfs /mnt:size=1m small sh -c 'df /mnt | grep -q " 1024 "'
}

@test "run: limits that hold" {
	run -137 small --memory 32m small sh -c 'x=$(head -c 100m /dev/zero | tr "\0" a)'
	run ! small --pids-limit 6 small sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait'
	[[ $output == *"can't fork"* ]]
	[ "$(small --cpuset-cpus 0 small nproc)" = 1 ]
}

# In cgroup v2 all of it ends at once, and containerd may hear of the end before it hears why: not in the guest.
@test "the daemon is told of memory that ran out, where the container lives on" {
	dock run --detach --runtime zviz --name one --network none --memory 32m small sh -c '(x=$(head -c 100m /dev/zero | tr "\0" a)); sleep 5' >/dev/null
	until_is '{{.State.OOMKilled}}' true
}

@test "exec: its output, its codes, at a terminal" {
	begin one
	[ "$(dock exec one echo inside)" = inside ]
	run -9 dock exec one sh -c 'exit 9'
	# Which Docker makes of the same words.
	if is_old; then run -126 dock exec one nosuch; else run -127 dock exec one nosuch; fi
	[[ $output == *'executable file not found in $PATH'* ]]
	[ "$(dock exec -e A=b -w /tmp -u 7 one sh -c 'echo $A $(pwd) $(id -u)')" = 'b /tmp 7' ]
	[ "$(echo word | dock exec -i one cat)" = word ]
	run -4 timeout 60 script -qec "$client exec -it one sh -c 'test -t 0 && tty; exit 4'" /dev/null </dev/null
	[[ $output == */dev/pts/* ]]
	dock exec --detach one sh -c 'sleep 0.1; touch /tmp/there'
	for _ in {1..50}; do ! dock exec one test -e /tmp/there || break; sleep 0.1; done
	dock exec one test -e /tmp/there
}

@test "run at a terminal" {
	run -3 timeout 60 script -qec "$client run --rm -it --runtime zviz --network none small sh -c 'test -t 0 && test -t 1 && echo terminal; exit 3'" /dev/null </dev/null
	[[ $output == *terminal* ]]
}

@test "logs, ps, top, inspect, stats, and a limit that is changed" {
	begin one --memory 128m
	for _ in {1..50}; do [ -z "$(dock logs one)" ] || break; sleep 0.1; done
	[ "$(dock logs one | head -1)" = tick ]
	dock ps | grep -q 'Up.*one'
	dock top one | grep -q 'sh -c while'
	[ "$(dock inspect -f '{{.State.Status}} {{.HostConfig.Runtime}}' one)" = 'running zviz' ]
	kill -0 "$(dock inspect -f '{{.State.Pid}}' one)"
	dock stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' one | grep -qE '^one [0-9.]+[KM]iB / 128MiB [1-9]'
	dock update --memory 64m --memory-swap 64m one
	[ "$(of_group | while read -r dir; do cat "$dir/memory.limit_in_bytes" "$dir/memory.max" 2>/dev/null || true; done | tail -1)" = 67108864 ]
	dock stats --no-stream --format '{{.MemUsage}}' one | grep -q '/ 64MiB'
}

@test "pause and unpause" {
	begin one
	dock pause one
	[ "$(dock inspect -f '{{.State.Status}}' one)" = paused ]
	[ "$("$place/zviz" --root "$place/exec/runtime-runc/moby" state "$(dock inspect -f '{{.Id}}' one)" | jq -r .status)" = paused ]
	before=$(dock logs one | wc -l)
	sleep 0.5
	[ "$(dock logs one | wc -l)" = "$before" ]
	dock unpause one
	for _ in {1..50}; do [ "$(dock logs one | wc -l)" = "$before" ] || break; sleep 0.1; done
	[ "$(dock logs one | wc -l)" -gt "$before" ]
	dock pause one
	dock kill one
	until_is '{{.State.Status}} {{.State.ExitCode}}' 'exited 137'
}

@test "kill, stop, start again, restart, and by the daemon when the first process was killed" {
	begin one --restart on-failure:3
	dock stop --time 1 one
	[ "$(dock inspect -f '{{.State.Status}} {{.State.ExitCode}}' one)" = 'exited 137' ]
	run ! dock exec one true
	dock start one
	dock restart --time 0 one
	[ "$(dock inspect -f '{{.State.Status}}' one)" = running ]
	pid=$(dock inspect -f '{{.State.Pid}}' one)
	kill -KILL "$pid"
	until_is '{{.State.Status}} {{.RestartCount}}' 'running 1'
	run -0 dock inspect -f '{{.State.Pid}}' one
	[ "$output" -gt 0 ]
	[ "$output" != "$pid" ]
	dock kill --signal TERM one # the shell has no handler, and is a first process: nothing happens
	dock kill one
	until_is '{{.State.Status}}' exited
	dock rm one
	run ! dock inspect one
}

# Servers on the host, which is at the first addresses of the bridge.
serve_beside() {
	mkdir -p "$place/served"
	echo beside >"$place/served/index.html"
	servers=()
	for port in 81 82; do
		nsenter --net="/proc/$(cat "$place/dockerd.pid")/ns/net" busybox httpd -f -h "$place/served" -p "$port" 3>&- &
		servers+=($!)
	done
}

# A line for each of the four: what came, or how it was refused.
ask_beside() { # OPTION…
	# shellcheck disable=SC2016 # the container's shell
	dock run --rm "$@" small sh -c 'for at in 172.17.0.1:81 172.17.0.1:82 "[2001:db8:1::1]:81" "[2001:db8:1::1]:82"; do
		echo "$at $(timeout 20 wget -qO - "http://$at/" 2>&1)"
	done'
}

@test "networks: on the bridge rows lead out, under the default profile nothing does" {
	serve_beside
	for _ in {1..50}; do ! ask_beside --runtime runc >"$place/said" || [ "$(grep -c ' beside$' "$place/said")" != 4 ] || break; done
	[ "$(grep -c ' beside$' "$place/said")" = 4 ] # so that a refusal below is the rules'
	began=$SECONDS
	ask_beside --runtime zviz >"$place/said"
	[ "$(grep -c 'Connection refused$' "$place/said")" = 4 ]
	[ $((SECONDS - began)) -lt 20 ] # at once
	ask_beside --runtime zviz-rows >"$place/said"
	[ "$(grep ' beside$' "$place/said")" = $'172.17.0.1:81 beside\n[2001:db8:1::1]:81 beside' ]
	[ "$(grep -c 'Connection refused$' "$place/said")" = 2 ]
	kill "${servers[@]}"
	dock run --detach --name one --runtime zviz small sh -c 'wget -qO - http://172.17.0.1:81/; sleep 1000' >/dev/null
	id=$(dock inspect -f '{{.Id}}' one)
	told() { "$place/zviz" --root "$place/exec/runtime-runc/moby" explain "$id"; }
	for _ in {1..50}; do ! told | grep -qE '^  refused so far, in packets: [1-9][0-9]* out' || break; sleep 0.1; done
	told | grep -qE '^  refused so far, in packets: [1-9][0-9]* out'
	told | grep -qx '  network: loopback, and what hooks of the bundle or its engine bring, by rules'
}

begin_page() { # RUNTIME: a server at port 80 and one at 81, of which Docker publishes both
	dock run --detach --name one --runtime "$1" -p 8080:80 -p 8081:81 small \
		sh -c 'echo page >/tmp/index.html; httpd -h /tmp -p 81; exec httpd -f -h /tmp -p 80' >/dev/null
	address=$(dock inspect -f '{{.NetworkSettings.IPAddress}}' one)
	address6=$(dock inspect -f '{{.NetworkSettings.GlobalIPv6Address}}' one)
	for _ in {1..50}; do [ "$(dock exec one wget -qO - http://127.0.0.1/ 2>&1)" != page ] || break; sleep 0.1; done
}

page_at() { in_its_network timeout 20 busybox wget -qO - "http://$1/"; }

@test "networks: a published port, where a row leads in; another container's, none" {
	begin_page zviz-web
	# By the bridge, by DNAT and by docker-proxy, from the host's loopback.
	for at in "$address" "[$address6]" 172.17.0.1:8080 127.0.0.1:8080; do [ "$(page_at "$at")" = page ]; done
	[ "$(dock exec one wget -qO - http://127.0.0.1:81/)" = page ]
	for at in "$address:81" "[$address6]:81" 172.17.0.1:8081; do
		run ! page_at "$at"
		[[ $output == *'Connection refused'* ]]
	done
	run ! page_at 127.0.0.1:8081 # docker-proxy takes the connection, and gets no further
	[[ $output != *page* ]]
	[ "$(dock run --rm --runtime zviz --network container:one small wget -qO - http://127.0.0.1/)" = page ]
	dock rm --force one >/dev/null
	begin_page zviz # no row
	run ! page_at "$address"
	[[ $output == *'Connection refused'* ]]
	[ "$(dock exec one wget -qO - http://127.0.0.1/)" = page ]
	[ "$(small small ls /sys/class/net)" = lo ]
	dock run --rm --runtime zviz small sh -c 'cat /proc/sys/net/ipv4/ping_group_range /etc/hosts' >"$place/said"
	grep -q 65535 "$place/said"
}

@test "networks: names, asked of zviz-net; whichever server Docker names; without such rows its own resolver asks from outside" {
	echo 'example.org 60 A 11.0.0.2' >"$place/zone"
	: >"$place/asked"
	nsenter --mount="/proc/$(cat "$place/dockerd.pid")/ns/mnt" sh -c 'echo nameserver 127.0.0.53 >/etc/resolv.conf'
	# Not by the function: of that, $! would be a shell, and the server would outlive it.
	nsenter --net="/proc/$(cat "$place/dockerd.pid")/ns/net" python3 "$BATS_TEST_DIRNAME/../net/dns.py" "$place/zone" "$place/asked" \
		127.0.0.53 3>&- &
	dns=$!
	dock network create own >/dev/null
	for _ in {1..50}; do
		dock run --rm --runtime zviz --network own small nslookup example.org >"$place/said" 2>&1 || true # it may not serve yet
		! grep -q 11.0.0.2 "$place/said" || break
	done
	cat "$place/said" "$place/asked"
	grep -q example.org "$place/asked"
	# Whatever Docker writes into /etc/resolv.conf: its own resolver, the host's servers, or one that was asked for.
	ask() { dock run --rm --runtime zviz-names "${@:2}" small nslookup "$1"; }
	for words in '--network own' '' '--dns 192.0.2.1' '--dns 127.0.0.1'; do
		# shellcheck disable=SC2086 # words of an option, or none
		ask example.org $words >"$place/said"
		grep 11.0.0.2 "$place/said"
		: >"$place/asked"
		# shellcheck disable=SC2086
		run ! ask www.example.org $words
		[[ $output == *NXDOMAIN* ]]
		[ ! -s "$place/asked" ]
	done
	dock network rm own >/dev/null
	kill "$dns"
}

@test "build: steps run by zviz, under a profile that lets them change the image" {
	mkdir -p "$place/context"
	cat >"$place/context/Dockerfile" <<-'END'
	FROM small
	ENV A=b
	RUN echo "$A" >/etc/built && chown 7:8 /etc/built && cat /proc/self/uid_map
	RUN mkdir /out && chown 1000 /out && echo someone:x:1000:1000::/:/bin/sh >>/etc/passwd
	USER someone
	RUN id -u >/out/who
	CMD ["cat", "/etc/built", "/out/who"]
	END
	dock build --tag built "$place/context" >"$place/said" 2>&1 || { cat "$place/said" && false; }
	grep -qE '^ +0 +[1-9][0-9]* +65536$' "$place/said" # who is root there is nobody here
	[ "$(small built)" = $'b\n1000' ]
	[ "$(small built stat -c '%u:%g' /etc/built)" = 7:8 ]
	printf 'FROM small\nRUN exit 7\n' >"$place/context/Dockerfile"
	run ! dock build "$place/context"
	[[ $output == *'returned a non-zero code: 7'* ]]
	dock image rm built >/dev/null
}

@test "build: BuildKit's steps, by a runc that is zviz" {
	mkdir -p "$place/kit"
	cat >"$place/kit/Dockerfile" <<-'END'
	FROM small
	RUN echo b >/etc/built && chown 7:8 /etc/built && cat /proc/self/uid_map && cat /proc/self/status
	RUN mkdir /out && chown 1000 /out && echo someone:x:1000:1000::/:/bin/sh >>/etc/passwd
	USER someone
	COPY given /given
	RUN id -u >/out/who && cat /given
	CMD ["cat", "/etc/built", "/out/who", "/given"]
	END
	echo given >"$place/kit/given"
	DOCKER_BUILDKIT=1 dock build --progress plain --tag kit "$place/kit" >"$place/said" 2>&1 || { cat "$place/said" && false; }
	grep -qE '^#[0-9]+ [0-9.]+ +0 +[1-9][0-9]* +65536$' "$place/said" # who is root there is nobody here
	grep -qE 'Seccomp:.*2$' "$place/said"
	grep -qE 'NoNewPrivs:.*1$' "$place/said"
	[ "$(small kit)" = $'b\n1000\ngiven' ]
	[ "$(small kit stat -c '%u:%g' /etc/built)" = 7:8 ]
	printf 'FROM small\nRUN exit 7\n' >"$place/kit/Dockerfile"
	DOCKER_BUILDKIT=1 run ! dock build "$place/kit"
	[[ $output == *'exit code: 7'* ]]
	dock image rm kit >/dev/null
}

@test "docs/docker.md: what was refused, and what gives nothing" {
	guide=$BATS_TEST_DIRNAME/../../docs/docker.md
	begin one --runtime zviz-web
	id=$(dock inspect -f '{{.Id}}' one)
	for question in mount 'read /etc/shadow'; do
		# shellcheck disable=SC2086 # a word each
		"$place/zviz" --root "$place/exec/runtime-runc/moby" explain "$id" $question >"$place/said"
		[ "$(wc -l <"$place/said")" -gt 3 ]
		while IFS= read -r line; do
			grep -qxF -- "    $line" "$guide" || { echo "not in the guide: $line" && false; }
		done <"$place/said"
	done
	"$place/zviz" --root "$place/exec/runtime-runc/moby" explain "$id" >"$place/plan"
	sed "s|$place/|/etc/zviz/|; s/: [0-9]* connections*$//" "$place/plan" | grep -E '^  (network: |in to |refused so far)' >"$place/said"
	[ "$(wc -l <"$place/said")" = 3 ]
	while IFS= read -r line; do
		grep -qF -- "    $line" "$guide" || { echo "not in the guide: $line" && false; }
	done <"$place/said"
	sed '/^#/d; s/^/    /' "$BATS_TEST_DIRNAME/../../deploy/docker/docker-web.yaml" >"$place/said"
	while IFS= read -r line; do grep -qxF -- "$line" "$guide"; done <"$place/said"
	run -0 small --privileged --cap-add ALL --pid host --ipc host --security-opt seccomp=unconfined --device /dev/fuse \
		small sh -c 'cat /proc/self/status; ls /dev; echo pids /proc/[0-9]*'
	grep -qE '^CapEff:.0{16}$' <<<"$output"
	grep -qE '^Seccomp:.2$' <<<"$output"
	grep -qx 'pids /proc/1' <<<"$output"
	if grep -qx fuse <<<"$output"; then false; fi
}

@test "--device: what the profile lists is there, with rules of the group; what it does not list is not" {
	[ -c /dev/fuse ] || skip 'this machine has no /dev/fuse'
	local open='for f in fuse net/tun; do (exec 3<>/dev/$f) 2>/dev/null && echo "$f opened"; done; ls /dev/net 2>/dev/null; true'
	run -0 small --runtime zviz-device --device /dev/fuse --device /dev/net/tun small sh -c "$open"
	[ "$output" = 'fuse opened' ]
	run -0 small --runtime zviz-device small sh -c "$open"
	[ -z "$output" ]
}

@test "--pid container:NAME: one sees the other, and ends with it, or before it" {
	begin one
	run -0 small --pid container:one small sh -c 'ps; kill -0 1 && echo reached; ls /proc/1/root/ 2>/dev/null || echo shut'
	[[ $output == *'echo tick'*reached*shut* ]]
	[ "$(dock inspect -f '{{.State.Running}}' one)" = true ]
	dock run --detach --name two --runtime zviz --network none --pid container:one small sleep 1000 >/dev/null
	run -0 dock exec two ps
	[[ $output == *'echo tick'*'sleep 1000'* ]]
	dock kill one >/dev/null
	[ "$(dock wait two)" = 137 ]
}

@test "five at once" {
	for n in {1..5}; do small small sh -c "echo $n" >"$place/out$n" & done
	wait
	for n in {1..5}; do [ "$(cat "$place/out$n")" = "$n" ]; done
}

@test "nothing is left: processes, mounts, groups, networks, states" {
	run -0 dock ps -aq
	[ -z "$output" ]
	for _ in {1..100}; do
		[ -n "$(pgrep -f "containerd-shim.*$place/|^$place/zviz")" ] || break
		sleep 0.05
	done
	[ -z "$(pgrep -af "containerd-shim.*$place/|^$place/zviz")" ]
	[ -z "$(of_group)" ]
	[ -z "$(ls -A "$place/exec/runtime-runc/moby")" ]
	for _ in {1..50}; do [ "$(in_its_network ip -o link | wc -l)" != 2 ] || break; sleep 0.1; done
	[ "$(in_its_network ip -o link | wc -l)" = 2 ] # lo and docker0
	[ "$(grep -c "$place.*/rootfs " "/proc/$(cat "$place/containerd.pid")/mountinfo")" = 0 ]
	[ "$(grep -c "$place" /proc/self/mountinfo)" = 0 ]
}
