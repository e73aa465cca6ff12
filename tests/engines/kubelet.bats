# A Pod's life under a kubelet, by kubectl and the API server; containerd runs it with zviz, by the files in deploy/ (kube.bash).

bats_require_minimum_version 1.5.0
load absent
load cri
load kube

setup_file() {
	local why
	why=$(no_kube)
	[ -z "$why" ] || { absent "$why" && return; }
	kube_up
	k apply -f "$BATS_TEST_DIRNAME/../../deploy/kubernetes/runtimeclass.yaml" >/dev/null
	k label node node zviz.io/runtime=true >/dev/null
}

teardown_file() { kube_down; }

pod() { # NAME PROFILE SPEC CONTAINER
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, annotations: {zviz.io/profile: %s}}\nspec: {runtimeClassName: zviz, terminationGracePeriodSeconds: 1, %s
  containers: [{name: c, image: "localhost/small:latest", imagePullPolicy: Never, %s}]}\n' "$@" | enter kubectl apply -f - >/dev/null
}
event_says() { k get events --field-selector "involvedObject.name=$1" -o 'jsonpath={.items[*].message}' | grep -qF "$2"; }

@test "kubelet: a Pod becomes ready, is entered, and says what it says" {
	pod one ci-runner '' 'command: [sh, -c, "echo began; sleep 1000"], readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}'
	k wait --for condition=Ready pod/one --timeout 60s
	[ "$(k logs one)" = began ]
	[ "$(k exec one -- id -u)" = 0 ]
	run -3 k exec one -- sh -c 'exit 3'
	[[ "$(enter "$place/zviz" --root /run/containerd/runc/k8s.io list)" == *running*ci-runner* ]]
	k delete pod one --timeout 60s
}

@test "kubelet: the events say why a Pod cannot be" {
	pod nosuch nosuch '' 'command: [sleep, "1000"]'
	in_time 60 event_says nosuch "no profile is called 'nosuch'"
	k delete pod nosuch --timeout 60s
}

@test "kubelet: one pid namespace for a Pod, and one that debugs another" {
	pod shared ci-runner 'shareProcessNamespace: true,' 'command: [sleep, "1001"]'
	k wait --for condition=Ready pod/shared --timeout 60s
	list='for at in /proc/[0-9]*; do tr "\0" " " <$at/cmdline; echo; done'
	run -0 k exec shared -- sh -c "$list"
	[[ $output == *'sleep 1001 '* ]]
	[ "$(k exec shared -- readlink /proc/1/exe || echo no)" = no ] # the Pod's own, which nobody may look into
	k delete pod shared --timeout 60s
	pod looked ci-runner '' 'command: [sleep, "1002"]'
	k wait --for condition=Ready pod/looked --timeout 60s
	k debug looked --image localhost/small:latest --image-pull-policy Never --target c --container looks --profile general -- sleep 1003 >/dev/null
	sees() { [[ "$(k exec looked -c looks -- sh -c "$list")" == *'sleep 1002 '* ]]; }
	in_time 60 sees
	k delete pod looked --timeout 60s
}

@test "kubelet: limits below the profile's are the Pod's, and a change of them in place is the container's" {
	pod small ci-runner '' 'command: [sleep, "1000"], resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}'
	k wait --for condition=Ready pod/small --timeout 60s
	id=$(k get pod small -o 'jsonpath={.status.containerStatuses[0].containerID}')
	limit=$(find /sys/fs/cgroup -path "*/$here/*${id#*://}*" \( -name memory.limit_in_bytes -o -name memory.max \))
	[ "$(cat "$limit")" = $((64 << 20)) ]
	k patch pod small --subresource resize --patch '{"spec": {"containers": [{"name": "c", "resources": {"limits": {"memory": "96Mi"}}}]}}' >/dev/null
	grown() { [ "$(cat "$limit")" = $((96 << 20)) ]; }
	in_time 60 grown
	k delete pod small --timeout 60s
}

@test "kubelet: a terminal, a file in and out, a connection, and the end by SIGTERM" {
	printf 'zviz: 1\nname: served\nextends: web-server\nnetwork: {mode: private, ingress: {allow: [{port: 8080}]}}\n' >"$place/served.yaml"
	enter sh -c "mkdir -p /etc/zviz/profiles && cp '$place/served.yaml' /etc/zviz/profiles/served.yaml"
	pod web served '' 'command: [sh, -c, "trap \"echo told; exit 0\" TERM; mkdir /tmp/www; echo served >/tmp/www/index.html; httpd -p 8080 -h /tmp/www; while :; do sleep 0.1; done"],
    readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}, livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}'
	k wait --for condition=Ready pod/web --timeout 60s
	run -4 enter timeout 60 script -qec "kubectl exec -it web -- sh -c 'test -t 0 && exit 4'" /dev/null </dev/null 3>&-
	[ "$(k exec web -- cat /tmp/www/index.html)" = served ]
	enter timeout 60 kubectl port-forward pod/web 18080:8080 >"$place/forward" 2>&1 3>&- &
	in_time 30 grep -q Forwarding "$place/forward"
	[ "$(enter curl -s -m 10 http://127.0.0.1:18080/)" = served ]
	kill %1
	k logs -f web >"$place/logs" 2>&1 &
	k delete pod web --grace-period 30 --timeout 25s
	in_time 10 grep -qx told "$place/logs"
}

@test "kubelet: it starts anew, and its Pods go on" {
	pod goes-on ci-runner '' 'command: [sleep, "1000"]'
	k wait --for condition=Ready pod/goes-on --timeout 60s
	before=$(k get pod goes-on -o 'jsonpath={.status.containerStatuses[0].containerID}')
	kubelet_down
	kubelet_up
	in_time 60 k exec goes-on -- true # the node has been Ready all the time, for all that the API server knows
	[ "$(k get pod goes-on -o 'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}')" = "$before 0" ]
	k delete pod goes-on --timeout 60s
}

@test "kubelet: a namespace that requires zviz" {
	k apply -f "$BATS_TEST_DIRNAME/../../deploy/kubernetes/policy.yaml" >/dev/null
	k create namespace untrusted >/dev/null
	k label namespace untrusted zviz.io/required=true >/dev/null
	in_time 60 k -n untrusted get serviceaccount default
	refused() { # WORDS SPEC [ANNOTATIONS]
		printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: untrusted, annotations: {%s}}\nspec: {%s, containers: [{name: c, image: "localhost/small:latest"}]}\n' \
			"${3:-}" "$2" | enter kubectl apply -f - >"$place/refusal" 2>&1 && return 1
		grep -qF "$1" "$place/refusal"
	}
	in_time 30 refused 'Pods of this namespace need `runtimeClassName: zviz`' 'hostNetwork: false'
	refused "have no part of the node's own network, processes or ipc" 'runtimeClassName: zviz, hostNetwork: true'
	refused "have no part of the node's own network, processes or ipc" 'runtimeClassName: zviz, hostPID: true'
	refused 'zviz.io/profile has to be' 'runtimeClassName: zviz' 'zviz.io/profile: development'
}

@test "kubelet: a folder that is read-only with all that is mounted in it; what comes from an attached input" {
	mkdir -p "$place/folder/inner"
	enter mount -t tmpfs tmpfs "$place/folder/inner"
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: ro}\nspec: {runtimeClassName: zviz, terminationGracePeriodSeconds: 1, volumes: [{name: v, hostPath: {path: %s}}],
  containers: [{name: c, image: "localhost/small:latest", imagePullPolicy: Never, stdin: true, command: [sh, -c, "while read -r line; do echo got $line; done; sleep 1000"],
    volumeMounts: [{name: v, mountPath: /v, readOnly: true, recursiveReadOnly: Enabled}]}]}\n' "$place/folder" | enter kubectl apply -f - >/dev/null
	k wait --for condition=Ready pod/ro --timeout 60s
	[ "$(k get pod ro -o 'jsonpath={.status.containerStatuses[0].volumeMounts[0].recursiveReadOnly}')" = Enabled ]
	run -1 k exec ro -- touch /v/inner/new
	[[ $output == *'Read-only file system'* ]]
	echo words | enter timeout 10 kubectl attach -i ro >"$place/attached" 2>&1 3>&- || true # it is ended while the container goes on
	heard() { k logs ro | grep -qx 'got words'; }
	in_time 20 heard || { cat "$place/attached"; return 1; }
	k delete pod ro --timeout 60s
}
