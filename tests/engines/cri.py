"""What a kubelet does around a Pod: cri.py SCENARIO SOCKET ZVIZ GROUP, exit code 0 when all was as expected.

The calls are those of the container runtime interface (runtime.v1), encoded by cri_wire.py. Runs in the folder of the test, in the
daemon's namespaces.
"""
import json
import os
import socket
import subprocess
import sys
import threading
import time

import grpc

sys.dont_write_bytecode = True
from cri_wire import CALLS, decode, encode

PATIENCE_S = 30
CRIO = os.environ.get("ENGINE") == "crio"
STATE = "/run/zviz" if CRIO else "/run/containerd/runc/k8s.io"  # where its runtime keeps states
RUNNING, EXITED = 1, 2
POD, CONTAINER, NODE, TARGET = 0, 1, 2, 3  # whose a namespace is

channel = grpc.insecure_channel("unix:" + sys.argv[2])


def cri(name, **request):
    shapes = CALLS[name]
    method = channel.unary_unary("/runtime.v1.RuntimeService/" + name, lambda m: encode(shapes[0], m), lambda data: decode(shapes[1], data))
    return method(request, timeout=PATIENCE_S)


def refused(name, **request):
    """The words of a call that fails."""
    try:
        cri(name, **request)
    except grpc.RpcError as e:
        return e.details()
    raise AssertionError(name + " did not fail")


# ---- what scenarios are made of ----

def expect(got, wanted, what):
    assert got == wanted, "%s: %r, not %r" % (what, got, wanted)


def until(what, condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain: " + what
        time.sleep(0.05)


def zviz(*words):
    return subprocess.run([sys.argv[3], "--root", STATE, *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=PATIENCE_S).stdout.decode()


class Pod:
    def __init__(self, security=None, server="192.0.2.53", **annotations):
        name = "pod-%d" % os.getpid()
        self.config = {"metadata": {"name": name, "uid": name + "-uid", "namespace": "default"}, "hostname": "the-pod",
                       "log_directory": os.path.join(os.getcwd(), "logs"), "annotations": annotations, "dns": {"servers": [server]},
                       "linux": {"cgroup_parent": sys.argv[4], "security": {"namespaces": {"pid": CONTAINER}, **(security or {})}}}
        os.makedirs("logs", exist_ok=True)
        self.id = cri("RunPodSandbox", config=self.config, handler="zviz")["id"]

    def create(self, name, *command, security=None, resources=None, **more):
        linux = {"security": {"namespaces": {"pid": CONTAINER}, **(security or {})}, "resources": resources or {}}
        config = {"metadata": {"name": name}, "image": {"image": "localhost/small:latest"}, "command": command, "log": name + ".log",
                  "linux": linux, **more}
        return cri("CreateContainer", pod=self.id, config=config, sandbox=self.config)["id"]

    def start(self, name, *command, **more):
        made = self.create(name, *command, **more)
        cri("StartContainer", id=made)
        return made

    def refused(self, name, *command, **more):
        """Why it does not start: containerd's runtime makes it when it is started, CRI-O's when it is created."""
        try:
            made = self.create(name, *command, **more)
        except grpc.RpcError as e:
            assert CRIO, e.details()
            return e.details()
        words = refused("StartContainer", id=made)
        expect(status(made)["state"], EXITED, "state")
        return words

    def ip(self):
        return cri("PodSandboxStatus", id=self.id)["status"]["network"]["ip"]

    def end(self):
        cri("StopPodSandbox", id=self.id)
        cri("RemovePodSandbox", id=self.id)
        expect(zviz("list", "-q"), "", "containers of zviz that are left")


def status(container):
    return cri("ContainerStatus", id=container)["status"]


def ended(container):
    until("the end", lambda: status(container)["state"] == EXITED)
    return status(container)


def inside(container, *command):
    """Its output; it has to succeed."""
    got = cri("ExecSync", id=container, command=command, timeout=PATIENCE_S)
    expect(got["code"], 0, "%r said %r" % (command, got["stderr"]))
    return got["stdout"].decode().strip()


def log(name):
    """What it said, without the time and the stream that containerd puts before each line."""
    with open("logs/%s.log" % name) as f:
        return [line.split(" ", 3)[3].rstrip("\n") for line in f]


def pods_own(p):
    """The container that holds the Pod's namespaces: CRI-O has none where files hold them."""
    return [] if CRIO else [p.id]


def namespace(container, kind):
    return os.readlink("/proc/%d/ns/%s" % (json.loads(zviz("state", container))["pid"], kind))


# ---- scenarios ----

def version():
    print(cri("Version"))


def ready():
    for condition in cri("Status")["status"]["conditions"]:
        assert condition["status"], condition


def pod():
    """A Pod of two containers, from its sandbox to nothing."""
    p = Pod()
    assert p.ip().startswith("10.98."), p.ip()
    first = p.start("first", "sh", "-c", "echo began; echo bad >&2; trap 'exit 9' TERM; while :; do sleep 0.1; done",
                    env=[{"key": "WORD", "value": "a b"}], cwd="/tmp")
    second = p.start("second", "sleep", "1000", security={"user": {"value": 1000}, "group": {"value": 1000}})
    expect(status(first)["state"], RUNNING, "state")
    expect(inside(first, "sh", "-c", "echo $WORD; pwd; hostname"), "a b\n/tmp\nthe-pod", "environment, folder, host name")
    expect(inside(second, "id", "-u"), "1000", "user")
    expect(inside(first, "cat", "/etc/resolv.conf"), "nameserver 192.0.2.53", "resolv.conf")
    every = [first, second, *pods_own(p)]
    for kind in "net", "ipc", "uts":
        expect(len({namespace(c, kind) for c in every}), 1, kind)
        assert namespace(first, kind) != os.readlink("/proc/self/ns/" + kind), kind
    for kind in "user", "pid", "mnt":
        expect(len({namespace(c, kind) for c in every}), len(every), kind)
    assert p.ip() in inside(second, "ip", "-4", "addr", "show", "dev", "eth0")
    got = cri("ExecSync", id=first, command=["sh", "-c", "echo out; echo err >&2; exit 5"], timeout=PATIENCE_S)
    expect((got["stdout"], got["stderr"], got["code"]), (b"out\n", b"err\n", 5), "exec")
    until("the log", lambda: sorted(log("first")) == ["bad", "began"])
    cri("StopContainer", id=first, timeout=10)
    expect(ended(first)["exit_code"], 9, "exit code")
    cri("StopContainer", id=second, timeout=0)
    expect(ended(second)["exit_code"], 137, "exit code")
    for container in first, second:
        cri("RemoveContainer", id=container)
    p.end()
    expect(cri("ListPodSandbox")["items"], [], "Pods")


def annotations():
    """Those that the handler lists reach each container's bundle, and nothing else that the Pod says; CRI-O passes all."""
    p = Pod(**{"zviz.io/profile": "hostile-tenant", "example.org/x": "y"})
    container = p.start("one", "sleep", "1000")
    for one in [container, *pods_own(p)]:
        with open(os.path.join(json.loads(zviz("state", one))["bundle"], "config.json")) as f:
            given = json.load(f)["annotations"]
        if CRIO:
            expect((given["zviz.io/profile"], given["example.org/x"]), ("hostile-tenant", "y"), "annotations")
        else:
            expect({k: v for k, v in given.items() if not k.startswith("io.kubernetes.cri.")},
                   {"zviz.io/profile": "hostile-tenant"}, "annotations")
        expect(json.loads(zviz("state", one))["profile"], "hostile-tenant", "profile")
    p.end()


def resources():
    """Limits, what is used, a change of them, and the end of one that takes too much."""
    p = Pod()
    container = p.start("one", "sh", "-c", "while :; do :; done", resources={"memory": 64 << 20, "cpu_quota": 20000, "cpu_period": 100000})
    until("time is counted", lambda: cri("ContainerStats", id=container)["stats"]["cpu"]["ns"]["value"] > 10 ** 8)
    assert 0 < cri("ContainerStats", id=container)["stats"]["memory"]["working_set"]["value"] < 64 << 20

    def limit():
        name = "crio-" + container if CRIO else container
        found = subprocess.run(["find", "/sys/fs/cgroup", "-path", "*/%s/memory.*" % name, "(", "-name", "memory.max", "-o", "-name",
                                "memory.limit_in_bytes", ")"], check=True, stdout=subprocess.PIPE).stdout.decode().split()
        return {int(open(f).read()) for f in found}

    expect(limit(), {64 << 20}, "limit")
    cri("UpdateContainerResources", id=container, linux={"memory": 32 << 20})
    expect(limit(), {32 << 20}, "limit")
    cri("StopContainer", id=container, timeout=0)
    greedy = p.start("greedy", "sh", "-c", "x=x; while :; do x=$x$x; done", resources={"memory": 16 << 20})
    expect(ended(greedy)["exit_code"], 137, "exit code")
    expect(status(greedy)["reason"], "OOMKilled", "reason")
    p.end()


def volumes():
    """Folders of the node, writable or not, and a root that is not."""
    os.makedirs("volume", exist_ok=True)
    with open("volume/file", "w") as f:
        f.write("data\n")
    here = os.path.realpath("volume")
    p = Pod()
    container = p.start("one", "sleep", "1000", mounts=[{"inside": "/var/a/deep", "host": here}, {"inside": "/ro", "host": here, "readonly": 1}])
    expect(inside(container, "cat", "/var/a/deep/file", "/ro/file"), "data\ndata", "file")
    inside(container, "sh", "-c", "echo new >/var/a/deep/new; ! touch /ro/new; ! touch /new")
    expect(sorted(os.listdir("volume")), ["file", "new"], "files")
    expect(os.stat("volume/new").st_uid, 0, "owner")
    p.end()


def write_profile(name, words):
    os.makedirs("/etc/zviz/profiles", exist_ok=True)  # the test's own, as all of /etc
    with open("/etc/zviz/profiles/%s.yaml" % name, "w") as f:
        f.write("zviz: 1\nname: %s\n%s" % (name, words))


def answer(p, port):
    """What comes from a port of the Pod, or why nothing does."""
    try:
        with socket.create_connection((p.ip(), port), timeout=5) as s:
            return s.recv(64)
    except OSError as e:
        return type(e).__name__


def network():
    """A profile of the node's own: what comes into the Pod from beside it, and what does not."""
    write_profile("served", "extends: web-server\nnetwork: {mode: private, ingress: {allow: [{port: 8080}]}}\n")
    p = Pod(**{"zviz.io/profile": "served"})
    container = p.start("one", "sh", "-c", "nc -ll -p 8080 -e echo served & nc -ll -p 8081 -e echo hidden & wait")
    until("an answer", lambda: answer(p, 8080) == b"served\n")
    expect(inside(container, "sh", "-c", "nc 127.0.0.1 8081 </dev/null"), "hidden", "over the loopback")
    expect(answer(p, 8081), "ConnectionRefusedError", "a port without a rule")
    p.end()


def serve(at, word):
    """Whoever connects is told a word."""
    listener = socket.create_server(at)

    def answer():
        while True:
            with listener.accept()[0] as s:
                s.sendall(word)

    threading.Thread(target=answer, daemon=True).start()


def names():
    """A Pod of two containers under one profile with a row about a name, which each of them asks for itself."""
    write_profile("named", "extends: ci-runner\n"
                  "network: {mode: private, egress: {allow: [{domain: node.example, allow_private: true, ports: [8085]}]}}\n")
    with open("zone", "w") as f:
        f.write("node.example 60 A 10.98.0.1\nother.example 60 A 10.98.0.1\n")
    with open("resolv.conf", "w") as f:
        f.write("nameserver 127.0.0.53\n")
    subprocess.run(["mount", "--bind", "resolv.conf", "/etc/resolv.conf"], check=True)
    server = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "../net/dns.py"), "zone", "asked", "127.0.0.53"])
    try:
        p = Pod(server="10.98.0.1", **{"zviz.io/profile": "named"})  # there is a way to it, and nobody listens
        serve(("10.98.0.1", 8085), b"there\n")
        serve(("10.98.0.1", 8086), b"hidden\n")
        containers = [p.start(name, "sleep", "1000") for name in ("one", "two")]
        for container in containers:
            expect(inside(container, "sh", "-c", "nc 10.98.0.1 8085 </dev/null || echo refused"), "refused", "before the name was asked for")
            expect(inside(container, "sh", "-c", "nc node.example 8085 </dev/null"), "there", "a name that a row has")
            expect(inside(container, "sh", "-c", "nc other.example 8085 </dev/null || echo refused"), "refused", "a name that none has")
            expect(inside(container, "sh", "-c", "nc node.example 8086 </dev/null || echo refused"), "refused", "a port that none has")
            plan = zviz("explain", container)
            assert "out to node.example port 8085 (private addresses too)" in plan and ": 1 connection" in plan, plan
            assert "refused so far, in packets: 2 out that no row names" in plan, plan
        cri("StopContainer", id=containers[0], timeout=1)
        expect(inside(containers[1], "sh", "-c", "nc node.example 8085 </dev/null"), "there", "when the other has gone")
        p.end()
    finally:
        server.kill()
        server.wait()
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)


def privileged():
    """Whatever a Pod asks for of the node: a profile does not give way."""
    asked = {"privileged": 1, "namespaces": {"pid": CONTAINER, "network": NODE}}
    p = Pod(security=asked)
    if CRIO:  # it has no process of a Pod's own unless the Pod has asked for it
        words = p.refused("shared", "true", security={"namespaces": {"pid": POD}})
        assert "pod level PID namespace requested" in words, words
    container = p.start("one", "sleep", "1000", security=asked)
    expect({line.split()[1] for line in inside(container, "grep", "Cap", "/proc/self/status").splitlines()}, {"0" * 16}, "capabilities")
    for kind in "net", "pid", "user":
        assert namespace(container, kind) != os.readlink("/proc/self/ns/" + kind), kind
    expect(set(inside(container, "ls", "/dev").split()) - {"fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
                                                           "stdout", "tty", "urandom", "zero"}, set(), "devices")
    inside(container, "sh", "-c", "! mount -t tmpfs none /mnt")
    p.end()


def devices():
    """What a device plugin gives: there if the profile lists it."""
    write_profile("fused", "extends: ci-runner\ndevices: [/dev/fuse]\n")
    p = Pod(**{"zviz.io/profile": "fused"})
    given = [{"inside": at, "host": at, "allowed": "rwm"} for at in ("/dev/fuse", "/dev/kmsg")]
    container = p.start("one", "sleep", "1000", devices=given)
    expect(inside(container, "sh", "-c", "stat -c %t:%T /dev/fuse; exec 3<>/dev/fuse && echo open").splitlines(),
           ["a:e5", "open"], "the device that the profile lists")
    expect(inside(container, "sh", "-c", "[ -e /dev/kmsg ] || echo none"), "none", "the one that it does not")
    assert any("/dev/kmsg" in cut for cut in json.loads(zviz("state", container))["cut"]), zviz("state", container)
    p.end()


def users():
    """A Pod with users of its own (hostUsers: false): the kubelet has chosen ids for it, and its network is the runtime's to make."""
    write_profile("served", "extends: web-server\nnetwork: {mode: private, ingress: {allow: [{port: 8080}]}}\n")
    ids = [{"host": 1 << 20, "inside": 0, "length": 65536}]
    asked = {"namespaces": {"pid": CONTAINER, "user": {"mode": POD, "uids": ids, "gids": ids}}}
    for profile, reached in (("ci-runner", "ConnectionRefusedError"), ("served", b"served\n")):
        p = Pod(security=asked, **{"zviz.io/profile": profile})
        first = p.start("first", "sh", "-c", "nc -ll -p 8080 -e echo served & nc -ll -p 8081 -e echo hidden & wait", security=asked)
        second = p.start("second", "sleep", "1000", security=asked)
        expect(inside(first, "stat", "-c", "%u:%g", "/", "/etc/passwd"), "0:0\n0:0", "owners")
        expect(len({namespace(c, "net") for c in [first, second, *pods_own(p)]}), 1, "network")
        assert p.ip() in inside(second, "ip", "-4", "addr", "show", "dev", "eth0")
        until("those who listen", lambda: inside(second, "sh", "-c", "nc 127.0.0.1 8080 </dev/null; nc 127.0.0.1 8081 </dev/null") == "served\nhidden")
        expect(answer(p, 8080), reached, "from beside the Pod, under " + profile)
        expect(answer(p, 8081), "ConnectionRefusedError", "a port without a rule")
        p.end()


def failures():
    """What is wrong is said in the words that a kubelet shows."""
    p = Pod()
    words = p.refused("one", "nosuch")
    assert 'executable file not found in $PATH' in words, words
    words = p.refused("two", "/etc/passwd").lower()
    assert "permission denied" in words, words
    p.end()
    for name, value, words in (("profile", "nosuch", "no profile is called 'nosuch'"), ("profil", "ci-runner", "zviz has no annotation of that name"),
                               ("profile", "/etc/passwd", "is no name of a profile")):
        try:
            p = Pod(**{"zviz.io/" + name: value})
        except grpc.RpcError as e:
            assert words in e.details(), e.details()
        else:  # without a process of its own
            assert CRIO, "a Pod of no profile"
            said = p.refused("one", "true")
            assert words in said, said
            p.end()
    expect(zviz("list", "-q"), "", "containers of zviz that are left")


def answers():
    try:
        return cri("Version")["name"]
    except grpc.RpcError:
        return ""


def restart():
    """The daemon ends and starts anew (a program of the test's): its containers go on, and are its own afterwards."""
    p = Pod()
    container = p.start("one", "sh", "-c", "trap 'exit 3' TERM; while :; do echo tick; sleep 0.1; done")
    over = p.start("over", "sh", "-c", "exit 4")
    subprocess.run([os.environ["RESTART"]], check=True, stdin=subprocess.DEVNULL)
    until("the daemon", answers)
    expect([pod["id"] for pod in cri("ListPodSandbox")["items"]], [p.id], "Pods")
    expect(status(container)["state"], RUNNING, "state")
    expect(ended(over)["exit_code"], 4, "exit code of one that ended meanwhile")
    expect(inside(container, "echo", "inside"), "inside", "exec")
    ticks = len(log("one"))
    until("its output", lambda: len(log("one")) > ticks)
    cri("StopContainer", id=container, timeout=10)
    expect(ended(container)["exit_code"], 3, "exit code")
    p.end()


def infra():
    """A container of the Pod's own, where CRI-O is told to keep one: it is zviz's as well."""
    p = Pod()
    expect(zviz("list", "-q").split(), [p.id], "containers")
    container = p.start("one", "sleep", "1000")
    for kind in "net", "ipc", "uts":
        expect(namespace(container, kind), namespace(p.id, kind), kind)
    expect(inside(container, "hostname"), "the-pod", "host name")
    p.end()


def alive(container):
    return status(container)["state"] == RUNNING


def seen(container):
    """The command lines of whom it sees."""
    lines = inside(container, "sh", "-c", "for at in /proc/[0-9]*; do tr '\\0' ' ' <$at/cmdline; echo; done").split("\n")
    return [line.strip() for line in lines]


def processes():
    """One pid namespace for a Pod (shareProcessNamespace), and a container that looks at another's (kubectl debug --target)."""
    shared = {"namespaces": {"pid": POD}}
    p = Pod(security=shared)
    one = p.start("one", "sh", "-c", "(sleep 1001 &); sleep 1002", security=shared)
    two = p.start("two", "sleep", "1003", security=shared)
    for container in one, two:
        expect(namespace(container, "pid"), namespace(p.id, "pid"), "pid namespace")
        lines = seen(container)
        for line in "sleep 1001", "sleep 1002", "sleep 1003":
            assert line in lines, lines
        assert not any("--bundle" in line for line in lines), lines
        assert namespace(container, "user") != namespace(p.id, "user")
    inside(two, "sh", "-c", "kill -0 1; ! cat /proc/1/environ; ! ls /proc/1/root/")
    # A signal of the neighbour's, as Pods reload each other; what its first process leaves behind goes with it.
    inside(two, "sh", "-c", """for at in /proc/[0-9]*; do [ "$(tr '\\0' ' ' <$at/cmdline)" != 'sleep 1002 ' ] || kill ${at#/proc/}; done""")
    expect(ended(one)["exit_code"] != 0, True, "whether it was killed")
    until("the end of what it left", lambda: not any("1001" in line for line in seen(two)))
    assert alive(two)
    cri("StopContainer", id=two, timeout=0)
    p.end()
    p = Pod()
    looked_at = p.start("looked-at", "sleep", "1004")
    looks = p.start("looks", "sleep", "1005", security={"namespaces": {"pid": TARGET, "target": looked_at}})
    expect(namespace(looks, "pid"), namespace(looked_at, "pid"), "pid namespace")
    assert "sleep 1004" in seen(looks), seen(looks)
    cri("StopContainer", id=looked_at, timeout=0)
    expect(ended(looks)["exit_code"], 137, "the end with the one that it looks at")
    p.end()
    # The node's are never there: a Pod that asks for them has its own.
    hosts = {"namespaces": {"pid": NODE}}
    p = Pod(security=hosts)
    container = p.start("one", "sleep", "1006", security=hosts)
    assert namespace(container, "pid") != os.readlink("/proc/self/ns/pid")
    expect({line for line in seen(container) if "sleep" in line}, {"/bin/sleep 1000000", "sleep 1006"} if not CRIO else {"sleep 1006"}, "processes")
    p.end()


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    finally:  # what failed leaves nothing to those that follow
        for left in cri("ListPodSandbox")["items"]:
            cri("StopPodSandbox", id=left["id"])
            cri("RemovePodSandbox", id=left["id"])
