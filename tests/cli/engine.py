"""What an engine does around `zviz create`, `zviz start` and `zviz run`: engine.py SCENARIO ZVIZ-WORDS…, exit code 0 when all was as expected.

The words are the program and its global options; the bundle is in ./bundle, and the container is called as $ID says.
"""
import array
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

PATIENCE_S = 20
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ID = os.environ["ID"]
libc = ctypes.CDLL(None, use_errno=True)


def expect(got, wanted, what):
    assert got == wanted, "%s: %r, not %r" % (what, got, wanted)


def die_with_us():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def zviz(*words, **more):
    return subprocess.run(sys.argv[2:] + list(words), check=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S, **more)


def said(*words):
    return zviz(*words, stdout=subprocess.PIPE).stdout.decode()


def state():
    return json.loads(said("state", ID))


def configure(**process):
    with open("bundle/config.json") as f:
        config = json.load(f)
    config["process"].update(process)
    with open("bundle/config.json", "w") as f:
        json.dump(config, f)


def fields(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rpartition(")")[2].split()


def create(*options, words=("create",), **more):
    """Runs it as a shim does, which is a subreaper: the first process's number."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    subprocess.run(sys.argv[2:] + list(words) + ["--bundle", "bundle", "--pid-file", "pid", *options, ID], check=True,
                   timeout=PATIENCE_S, preexec_fn=die_with_us, **more)
    with open("pid") as f:
        text = f.read()
    assert text.isdigit(), text
    return int(text)


def exit_code(pid):
    """Waits for that child, and reaps whatever else was left to us."""
    while True:
        got, status = os.waitpid(-1, 0)
        if got == pid:
            return os.waitstatus_to_exitcode(status)


def read_all(fd, until=b""):
    """All up to the end, or up to a text."""
    out = b""
    deadline = time.monotonic() + PATIENCE_S
    while not until or until not in out:
        assert select.select([fd], [], [], max(0, deadline - time.monotonic()))[0], "waited in vain after %r" % out
        try:
            more = os.read(fd, 4096)
        except OSError:  # EIO: the other side of a terminal is gone
            return out
        if not more:
            return out
        out += more
    return out


def fds_of(pid):
    try:
        return os.listdir("/proc/%s/fd" % pid)
    except OSError:  # it has ended
        return []


def holders(inode):
    """Who has a pipe open."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for fd in fds_of(pid):
            try:
                if os.stat("/proc/%s/fd/%s" % (pid, fd)).st_ino == inode:
                    found.add(int(pid))
            except OSError:  # it was closed meanwhile
                continue
    return found


def shim():
    """The first process is the shim's child, outlives the runtime, and alone holds the shim's pipes."""
    configure(args=["/bin/sh", "-c", "echo out; echo err >&2; exit 7"])
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    inodes = os.fstat(out).st_ino, os.fstat(err).st_ino
    pid = create(stdin=subprocess.DEVNULL, stdout=out_end, stderr=err_end)
    os.close(out_end)
    os.close(err_end)
    expect(int(fields(pid)[1]), os.getpid(), "its parent")
    expect(state()["status"], "created", "status")
    expect(state()["pid"], pid, "pid")
    for inode in inodes:
        expect(holders(inode), {pid, os.getpid()}, "who has the pipe")
    with open("/proc/%d/cgroup" % pid) as f:
        before = f.read()
    zviz("start", ID)
    expect(read_all(out), b"out\n", "output")
    expect(read_all(err), b"err\n", "errors")
    assert ID in before or not os.path.exists("/proc/self/cgroup"), before
    expect(exit_code(pid), 7, "exit code")
    expect(state()["status"], "stopped", "status")
    expect(state()["pid"], 0, "pid")
    zviz("delete", ID)


class Socket:
    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen(1)
        self.socket.settimeout(PATIENCE_S)

    def receive(self):
        """One message with one descriptor and a name, and then the end."""
        peer, _ = self.socket.accept()
        data, control, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(64))
        assert data, "no name"
        fds = array.array("i")
        for level, kind, content in control:
            expect((level, kind), (socket.SOL_SOCKET, socket.SCM_RIGHTS), "control message")
            fds.frombytes(content)
        expect(len(fds), 1, "descriptors")
        expect(peer.recv(1), b"", "what follows")
        return fds[0]


def console():
    """The terminal's other end comes over the socket; nobody else has it."""
    configure(terminal=True, args=["/bin/sh", "-c", "read line; echo [$line]; exit 3"])
    at = Socket("console")
    pid = create("--console-socket", "console", stdin=subprocess.DEVNULL)
    master = at.receive()
    assert os.isatty(master)
    zviz("start", ID)
    os.write(master, b"word\n")
    read_all(master, b"[word]")
    expect(exit_code(pid), 3, "exit code")
    read_all(master)
    zviz("delete", ID)


def console_run():
    """The same of one that is run and left."""
    at = Socket("console")
    pid = create("--detach", "--console-socket", "console", words=("run",), stdin=subprocess.DEVNULL)
    master = at.receive()
    os.write(master, b"word\n")
    read_all(master, b"[word]")
    expect(exit_code(pid), 3, "exit code")
    read_all(master)
    zviz("delete", ID)


def pidfd():
    """A descriptor of the first process: what ends it, before it was started."""
    configure(terminal=False)
    at = Socket("pidfd")
    pid = create("--pidfd-socket", "pidfd", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    fd = at.receive()
    signal.pidfd_send_signal(fd, signal.SIGTERM)
    assert select.select([fd], [], [], PATIENCE_S)[0], "it goes on"
    expect(exit_code(pid), 128 + signal.SIGTERM, "exit code")
    zviz("delete", ID)


def preserve():
    """Descriptors from 3 on, and the sockets of the caller's before them."""
    configure(args=["/bin/sh", "-c", "echo $LISTEN_FDS $LISTEN_PID >&3; echo four >&4; ls -l /proc/self/fd >&4"], env=["PATH=/bin"])
    (three, three_end), (four, four_end) = os.pipe(), os.pipe()

    def place():
        # Both at their places, whatever numbers they have.
        a, b = os.dup(three_end), os.dup(four_end)
        os.dup2(a, 3)
        os.dup2(b, 4)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execvpe(words[0], words, os.environ)

    words = sys.argv[2:] + ["create", "--bundle", "bundle", "--pid-file", "pid", "--preserve-fds", "1", ID]
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    pid = os.fork()
    if pid == 0:
        place()
    os.close(three_end)
    os.close(four_end)
    expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "create")
    zviz("start", ID)
    expect(read_all(three), b"1 1\n", "LISTEN_FDS and LISTEN_PID")
    text = read_all(four).decode()
    assert text.startswith("four\n"), text
    numbers = [line.split(" -> ")[0].split()[-1] for line in text.splitlines() if " -> " in line]
    expect([n for n in numbers if n not in ("0", "1", "2", "5")], ["3", "4"], "descriptors")
    with open("pid") as f:
        exit_code(int(f.read()))
    zviz("delete", ID)


def joined():
    """exec --detach as conmon calls it: a child of ours that outlives the runtime, with its code."""
    configure(args=["/bin/sleep", "1000"])
    create(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    zviz("start", ID)
    with open("process.json", "w") as f:
        json.dump({"user": {"uid": 0, "gid": 0}, "args": ["/bin/sh", "-c", "read word; echo [$word]; exit 9"],
                   "env": ["PATH=/bin"], "cwd": "/"}, f)
    (out, out_end), (into_end, into) = os.pipe(), os.pipe()
    subprocess.run(sys.argv[2:] + ["exec", "--pid-file", "pid", "--process", "process.json", "--detach", ID], check=True,
                   timeout=PATIENCE_S, preexec_fn=die_with_us, stdin=into_end, stdout=out_end)
    os.close(out_end)
    with open("pid") as f:
        pid = int(f.read())
    expect(int(fields(pid)[1]), os.getpid(), "its parent")
    time.sleep(0.3)
    os.write(into, b"word\n")
    expect(read_all(out), b"[word]\n", "output")
    expect(exit_code(pid), 9, "exit code")
    zviz("delete", "--force", ID)


def joined_pidfd():
    """exec --detach as containerd's shim calls it: a descriptor of the process that joined, which ends it alone."""
    configure(args=["/bin/sleep", "1000"])
    create(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    zviz("start", ID)
    with open("process.json", "w") as f:
        json.dump({"user": {"uid": 0, "gid": 0}, "args": ["/bin/sleep", "1000"], "env": ["PATH=/bin"], "cwd": "/"}, f)
    at = Socket("pidfd")
    zviz("exec", "--process", "process.json", "--pidfd-socket", "pidfd", "--detach", "--pid-file", "pid", ID, stdout=subprocess.DEVNULL)
    fd = at.receive()
    with open("pid") as f:
        pid = int(f.read())
    signal.pidfd_send_signal(fd, signal.SIGKILL)
    assert select.select([fd], [], [], PATIENCE_S)[0], "it goes on"
    expect(exit_code(pid), -signal.SIGKILL, "exit code")
    expect(state()["status"], "running", "status")
    zviz("delete", "--force", ID)


def hold_lock(fd):
    """As whoever has the pipe can: by an opening of its own."""
    own = os.open("/proc/self/fd/%d" % fd, os.O_RDONLY)
    fcntl.flock(own, fcntl.LOCK_EX)


def pipe_between(ends, order):
    """A writer and a reader are created in this order; the writer tries to read what others have written."""
    read, write = os.pipe()
    for who in order:
        if who == "lock":
            hold_lock(read)
            continue
        own = {"stdout": write, "stdin": subprocess.DEVNULL} if who == "writer" else {"stdin": read, "stdout": subprocess.DEVNULL}
        subprocess.run(sys.argv[2:] + ["create", "--bundle", "bundle", ends[who]], check=True, timeout=PATIENCE_S,
                       stderr=subprocess.DEVNULL, **own)
    os.write(write, b"secret\n")
    zviz("start", ends["writer"])
    end = time.monotonic() + PATIENCE_S
    while not os.path.exists("out/done") and not os.path.exists("out/heard"):
        assert time.monotonic() < end, "it neither reads nor fails"
        time.sleep(0.02)
    assert not os.path.exists("out/heard"), "it has read what others wrote"
    expect(os.read(read, 100), b"secret\nmine\n", "what was written")
    os.remove("out/done")


def pipeline():
    """A pipe from one container to another: the one that writes cannot read, whoever came first and whoever has it locked."""
    configure(args=["/bin/sh", "-c", "echo mine >>/proc/self/fd/1; read x </proc/self/fd/1 && echo $x >/out/heard; echo done >/out/done; sleep 100"])
    ends = {"writer": ID + "w", "reader": ID + "r"}
    for order in (["writer", "reader"], ["reader", "writer"], ["reader", "lock", "writer"], ["lock", "writer", "reader"]):
        try:
            pipe_between(ends, order)
        finally:
            for name in ends.values():
                subprocess.run(sys.argv[2:] + ["delete", "--force", name], timeout=PATIENCE_S)


def race():
    """Of many who start it, one does; the others hear that it runs, or has run."""
    create(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    starters = [subprocess.Popen(sys.argv[2:] + ["start", ID], stderr=subprocess.PIPE) for _ in range(12)]
    texts = [s.communicate(timeout=PATIENCE_S)[1].decode() for s in starters]
    expect(sorted(s.returncode for s in starters), [0] + [1] * 11, "exit codes")
    for text in filter(None, texts):
        assert "already running" in text, text
    expect(state()["status"], "running", "status")
    zviz("delete", "--force", ID)


def race_create():
    """Of many who create it, one does; the others hear that it exists."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    makers = [subprocess.Popen(sys.argv[2:] + ["create", "--bundle", "bundle", ID], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=()) for _ in range(8)]
    codes = [m.wait(PATIENCE_S) for m in makers]
    expect(sorted(codes), [0] + [1] * 7, "exit codes")
    for m in makers:
        if m.returncode != 0:
            text = m.stderr.read().decode()
            assert "container with given ID already exists" in text, text
    expect(state()["status"], "created", "status")
    enders = [subprocess.Popen(sys.argv[2:] + ["delete", "--force", ID]) for _ in range(6)]
    expect([e.wait(PATIENCE_S) for e in enders], [0] * 6, "exit codes of delete")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
