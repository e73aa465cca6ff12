# What deploy/ has for containerd, CRI-O and Kubernetes: it can be read by what it is for, as far as that is here, and fits what zviz has.

bats_require_minimum_version 1.5.0

setup() {
	deploy=$(realpath "$BATS_TEST_DIRNAME/../../deploy")
	zviz=$(realpath "${ZVIZ:-$BATS_TEST_DIRNAME/../../build/release/src/cli/zviz}")
	cd "$BATS_TEST_TMPDIR"
}

# What each section says, without the words that come before it in each version's plugin.
handler() { # FILE KEY…: of the TOML file, as JSON
	/usr/bin/python3 -c 'import functools, json, sys, tomllib
print(json.dumps(functools.reduce(lambda d, k: d[k], sys.argv[2:], tomllib.load(open(sys.argv[1], "rb")))))' "$@"
}

yaml() { # EXPRESSION of d, the documents of all files in deploy/kubernetes
	/usr/bin/python3 -c "import glob, sys, yaml
d = [x for f in sorted(glob.glob('$deploy/kubernetes/*.yaml')) for x in yaml.safe_load_all(open(f))]
of = lambda kind: [x for x in d if x['kind'] == kind]
assert ($1), d"
}

@test "containerd: the sections of both versions say the same, and the one that is here reads its own" {
	one=$(handler "$deploy/containerd/config-1.7.toml" plugins io.containerd.grpc.v1.cri containerd runtimes zviz)
	[ "$one" = "$(handler "$deploy/containerd/config-2.toml" plugins io.containerd.cri.v1.runtime containerd runtimes zviz)" ]
	[ "$(handler "$deploy/containerd/config-2.toml" version)" = 3 ]
	command -v containerd >/dev/null || skip 'containerd is not installed'
	if containerd --version | grep -qE ' v?2\.'; then # imported, beside what names runc by itself
		printf 'version = 3\nimports = ["%s"]\n' "$deploy/containerd/config-2.toml" >config.toml
		containerd --config config.toml config dump >dump
		runtimes=$(handler dump plugins io.containerd.cri.v1.runtime containerd runtimes)
	else
		# Behind a node's own, which goes on naming runc.
		cat - "$deploy/containerd/config-1.7.toml" >config.toml <<-'END2'
		version = 2
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		  runtime_type = "io.containerd.runc.v2"
		END2
		containerd --config config.toml config dump >dump
		runtimes=$(handler dump plugins io.containerd.grpc.v1.cri containerd runtimes)
	fi
	[ "$(jq -rc 'keys' <<<"$runtimes")" = '["runc","zviz"]' ]
	[ "$(jq -rc '.zviz | [.runtime_type, .pod_annotations, .options.BinaryName, .options.SystemdCgroup]' <<<"$runtimes")" = \
		'["io.containerd.runc.v2",["zviz.io/*"],"/usr/local/bin/zviz",true]' ]
}

@test "containerd: what 1.6 imports replaces the other runtimes, as the file says" {
	command -v containerd >/dev/null || skip 'containerd is not installed'
	containerd --version | grep -q ' 1\.6\.' || skip 'another version'
	printf 'version = 2\nimports = ["%s"]\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]\n' "$PWD/more.toml" >config.toml
	(echo version = 2 && cat "$deploy/containerd/config-1.7.toml") >more.toml
	containerd --config config.toml config dump >dump
	[ "$(handler dump plugins io.containerd.grpc.v1.cri containerd runtimes | jq -c keys)" = '["zviz"]' ]
}

@test "CRI-O: the handler, its program and a folder of states of its own" {
	[ "$(handler "$deploy/crio/10-zviz.conf" crio runtime runtimes zviz | jq -rc '[.runtime_path, .runtime_type, .runtime_root]')" = \
		'["/usr/local/bin/zviz","oci","/run/zviz"]' ]
}

@test "Kubernetes: all is YAML, of kinds and versions that there are, and names one handler" {
	yaml "{(x['kind'], x['apiVersion']) for x in d} == {('RuntimeClass', 'node.k8s.io/v1'), ('Pod', 'v1'), ('DaemonSet', 'apps/v1'),
		('ValidatingAdmissionPolicy', 'admissionregistration.k8s.io/v1'), ('ValidatingAdmissionPolicyBinding', 'admissionregistration.k8s.io/v1')}"
	yaml "[x['handler'] for x in of('RuntimeClass')] == ['zviz'] and of('RuntimeClass')[0]['overhead']['podFixed'] == {'memory': '32Mi'}"
	yaml "{x['spec']['runtimeClassName'] for x in of('Pod')} == {of('RuntimeClass')[0]['metadata']['name']}"
	yaml "of('ValidatingAdmissionPolicyBinding')[0]['spec']['policyName'] == of('ValidatingAdmissionPolicy')[0]['metadata']['name']"
}

@test "Kubernetes: a Pod for each built-in profile, and a policy that names those for others' code" {
	profiles=$("$zviz" profiles | awk '{ print $1 }' | sort | jq -Rnc '[inputs]')
	yaml "sorted(x['metadata']['annotations']['zviz.io/profile'] for x in of('Pod')) == $profiles"
	yaml "all(repr(p) in of('ValidatingAdmissionPolicy')[0]['spec']['validations'][2]['expression'] for p in $profiles if p != 'development')"
	yaml "'development' not in of('ValidatingAdmissionPolicy')[0]['spec']['validations'][2]['expression']"
}

@test "Kubernetes: the installer puts all in place, twice, and says what is left to do" {
	mkdir -p image/usr/{bin,libexec/zviz,share/doc/zviz/examples} node/usr/local/bin node/usr/libexec/zviz node/etc/containerd/conf.d
	for program in bin/zviz libexec/zviz/zviz-net libexec/zviz/zviz-scope; do echo "$program" >"image/usr/$program"; done
	cp -r "$deploy/containerd" image/usr/share/doc/zviz/examples/
	for shell in sh 'busybox sh'; do
		# shellcheck disable=SC2086
		run -0 $shell "$deploy/kubernetes/installer/install.sh" image node
		[[ $output == *'has to import it'*'systemctl restart containerd'* ]]
		[ "$(cat node/usr/local/bin/zviz node/usr/libexec/zviz/zviz-net node/usr/libexec/zviz/zviz-scope)" = $'bin/zviz\nlibexec/zviz/zviz-net\nlibexec/zviz/zviz-scope' ]
		[ "$(stat -c %a node/usr/local/bin/zviz)" = 755 ]
		cmp "$deploy/containerd/config-2.toml" node/etc/containerd/conf.d/zviz.toml
		[ -z "$(find node -name '*.new')" ]
	done
	rm -r node/etc/containerd/conf.d
	run -0 sh "$deploy/kubernetes/installer/install.sh" image node
	[[ $output == *'add the sections of config-1.7.toml'* ]]
	[ ! -e node/etc/containerd/conf.d ]
	rm image/usr/libexec/zviz/zviz-net
	run ! sh "$deploy/kubernetes/installer/install.sh" image node
	# What it writes to is what the DaemonSet mounts.
	yaml "sorted(m['mountPath'] for m in of('DaemonSet')[0]['spec']['template']['spec']['initContainers'][0]['volumeMounts']) ==
		['/node/etc/containerd', '/node/usr/libexec/zviz', '/node/usr/local/bin']"
	yaml "all(m['mountPath'] == '/node' + v['hostPath']['path'] for c in of('DaemonSet')[0]['spec']['template']['spec']['initContainers']
		for m in c['volumeMounts'] for v in of('DaemonSet')[0]['spec']['template']['spec']['volumes'] if v['name'] == m['name'])"
}
