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
	pod shared ci-runner 'shareProcessNamespace: true,' 'command: [sleep, "1000"]'
	in_time 60 event_says nosuch "no profile is called 'nosuch'"
	in_time 60 event_says shared 'a pid namespace is not shared'
	k delete pod nosuch shared --timeout 60s
}
