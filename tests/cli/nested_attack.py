"""What a workload without namespaces may not do, tried by one: a line "ok NAME" or "HOLE NAME: what happened" for each.

The environment says where: PLACE is a folder outside of its own with `secret`, `outside/`, `shared/file` (which may be read),
`sock`; OUTSIDE the number of a process of the same user; ABSTRACT the name of a socket.
"""
import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
import sys

place, outside, abstract = os.environ["PLACE"], int(os.environ["OUTSIDE"]), os.environ["ABSTRACT"]
libc = ctypes.CDLL(None, use_errno=True)
NR = {"x86_64": {"keyctl": 250, "add_key": 248, "request_key": 249, "shmget": 29, "semget": 64, "msgget": 68,
                 "mq_open": 240, "ioprio_set": 251, "io_uring_setup": 425, "pidfd_getfd": 438, "process_vm_readv": 310,
                 "process_vm_writev": 311, "ptrace": 101, "tkill": 200, "tgkill": 234, "rt_sigqueueinfo": 129,
                 "pidfd_open": 434, "inotify_init1": 294, "bpf": 321, "perf_event_open": 298, "clone": 56, "unshare": 272,
                 "migrate_pages": 256, "kcmp": 312, "open_by_handle_at": 304, "clone3": 435, "fchmodat2": 452},
      "aarch64": {"keyctl": 219, "add_key": 217, "request_key": 218, "shmget": 194, "semget": 190, "msgget": 186,
                  "mq_open": 180, "ioprio_set": 30, "io_uring_setup": 425, "pidfd_getfd": 438, "process_vm_readv": 270,
                  "process_vm_writev": 271, "ptrace": 117, "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138,
                  "pidfd_open": 434, "inotify_init1": 26, "bpf": 280, "perf_event_open": 241, "clone": 220, "unshare": 97,
                  "migrate_pages": 238, "kcmp": 272, "open_by_handle_at": 265, "clone3": 435,
                  "fchmodat2": 452}}[os.uname().machine]


def call(name, *args):
    r = libc.syscall(NR[name], *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if r < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return r


REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EXDEV)


def refused(name, deed, *also):
    """`also`: other errors that are as good."""
    try:
        got = deed()
    except OSError as e:
        good = e.errno in REFUSALS + also
        print("ok" if good else "HOLE", name + ("" if good else ": " + os.strerror(e.errno)), flush=True)
    else:
        print("HOLE", name + ": done,", got, flush=True)


def path(*parts):
    return os.path.join(place, *parts)


def files():
    refused("read outside", lambda: open(path("secret")).read())
    refused("list outside", lambda: os.listdir(place))
    refused("make outside", lambda: open(path("outside", "new"), "w"))
    refused("unnamed outside", lambda: os.open(path("outside"), os.O_TMPFILE | os.O_RDWR))
    refused("append outside", lambda: open(path("outside", "old"), "a"))
    refused("truncate outside", lambda: os.truncate(path("outside", "old"), 0))
    refused("mkdir outside", lambda: os.mkdir(path("outside", "d")))
    refused("mkfifo outside", lambda: os.mkfifo(path("outside", "f")))
    refused("symlink outside", lambda: os.symlink("x", path("outside", "l")))
    refused("unlink outside", lambda: os.unlink(path("outside", "old")))
    refused("rmdir outside", lambda: os.rmdir(path("outside", "empty")))
    refused("move out", lambda: os.rename("mine", path("outside", "mine")))
    refused("move in", lambda: os.rename(path("outside", "old"), "old"))
    refused("link in", lambda: os.link(path("outside", "old"), "old"))
    refused("link in what may be read", lambda: os.link(path("shared", "file"), "file"))
    os.symlink(path("secret"), "to-secret")
    refused("read through a link", lambda: open("to-secret").read())
    os.symlink(path("outside"), "to-outside")
    refused("make through a link", lambda: open("to-outside/new", "w"))
    refused("chmod through a link", lambda: os.chmod("to-outside/old", 0o777))
    here = os.open(".", os.O_PATH)
    there = os.open(place, os.O_PATH)
    refused("read below a descriptor", lambda: os.open("secret", os.O_RDONLY, dir_fd=there))
    refused("read up from here", lambda: os.open("../secret", os.O_RDONLY, dir_fd=here))
    refused("make below a descriptor", lambda: os.open("outside/n", os.O_CREAT | os.O_WRONLY, dir_fd=there))
    secret = os.open(path("secret"), os.O_PATH)
    refused("open again by number", lambda: os.open("/proc/self/fd/%d" % secret, os.O_RDONLY))
    os.chdir(path("outside"))
    refused("make in another working folder", lambda: open("new", "w"))
    refused("read in another working folder", lambda: open("old").read())
    os.fchdir(here)
    for name in ("/tmp/zviz-nested", "/var/tmp/zviz-nested", "/dev/shm/zviz-nested", "/run/zviz-nested", "/zviz-nested"):
        refused("make " + name, lambda: open(name, "w"), errno.ENOENT)
    for name in ("/etc/shadow", "/root", "/dev/mem", "/dev/pts", "/dev/ptmx", "/dev/kmsg", "/dev/tty", "/dev/console"):
        refused("open " + name, lambda: os.open(name, os.O_RDONLY), errno.ENOENT, errno.ENXIO)
    refused("write a setting", lambda: open("/proc/sys/kernel/hostname", "w"))
    refused("write a program", lambda: open("/usr/bin/env", "r+"))


def attributes():
    shared = path("shared", "file")
    fd = os.open(shared, os.O_RDONLY)
    refused("chmod what is read", lambda: os.chmod(shared, 0o777))
    refused("fchmod what is read", lambda: os.fchmod(fd, 0o777))
    refused("fchmodat2 what is read", lambda: call("fchmodat2", -100, ctypes.c_char_p(shared.encode()), 0o777, 0))
    refused("fchmodat2 of the descriptor", lambda: call("fchmodat2", fd, ctypes.c_char_p(b""), 0o777, 0x1000))
    refused("chmod by number", lambda: os.chmod("/proc/self/fd/%d" % fd, 0o777))
    refused("times of what is read", lambda: os.utime(shared, (1, 1)))
    refused("times of the descriptor", lambda: os.utime(fd, (1, 1)))
    refused("chown what is read", lambda: os.chown(shared, os.getuid(), os.getgid()))
    refused("fchown what is read", lambda: os.fchown(fd, os.getuid(), os.getgid()))
    refused("an attribute of what is read", lambda: os.setxattr(shared, "user.a", b"1"))
    refused("an attribute of the descriptor", lambda: os.setxattr(fd, "user.a", b"1"))
    refused("flags of what is read", lambda: fcntl.ioctl(fd, 0x40086602, b"\x10\0\0\0\0\0\0\0"))
    refused("chmod a device", lambda: os.chmod("/dev/null", 0o666))
    refused("times of a device", lambda: os.utime("/dev/null"))
    refused("chmod outside", lambda: os.chmod(path("secret"), 0o777))
    refused("chmod a folder outside", lambda: os.chmod(path("outside"), 0o700))
    refused("watch outside", lambda: call("inotify_init1", 0))
    refused("open by handle", lambda: call("open_by_handle_at", -100, 0, 0), errno.EFAULT)


def hidden():
    refused("read what is hidden", lambda: open(".ssh/id").read())
    refused("list what is hidden", lambda: os.listdir(".ssh"))
    refused("write what is hidden", lambda: open(".ssh/id", "w"))
    refused("move what is hidden", lambda: os.rename(".ssh", "ssh"))
    refused("move out of what is hidden", lambda: os.rename(".ssh/id", "id"))
    refused("link what is hidden", lambda: os.link(".ssh/id", "id"))
    refused("chmod what is hidden", lambda: os.chmod(".ssh/id", 0o777))
    refused("hidden on the command line", lambda: open("private/key").read())
    refused("the folder's own name", lambda: open(os.path.join(os.getcwd(), ".ssh/id")).read())
    refused("a guarded file", lambda: open(".git/config", "a"))
    refused("a new hook", lambda: open(".git/hooks/post-checkout", "w"))
    refused("another .git", lambda: os.rename(".git", "git"))
    refused("a link in .git", lambda: os.symlink("/", ".git/link"))


def signals():
    own = {os.getpid(), os.getppid()}
    for number in [outside, 1] + list(range(2, 400)):
        if number in own:
            continue
        for name, deed in (("signal", lambda: os.kill(number, 0)), ("tkill", lambda: call("tkill", number, 0)),
                           ("limits", lambda: resource.prlimit(number, resource.RLIMIT_NOFILE))):
            try:
                deed()
            except OSError as e:
                if e.errno in REFUSALS + (errno.ESRCH,):
                    continue
            print("HOLE", name, number, flush=True)
    refused("kill", lambda: os.kill(outside, signal.SIGTERM))
    refused("tgkill", lambda: call("tgkill", outside, outside, 15))
    refused("sigqueue", lambda: call("rt_sigqueueinfo", outside, 15, ctypes.byref(ctypes.create_string_buffer(128))))
    pidfd = os.pidfd_open(outside)
    refused("by pidfd", lambda: signal.pidfd_send_signal(pidfd, signal.SIGTERM))
    refused("copy a descriptor", lambda: call("pidfd_getfd", pidfd, 0, 0))
    refused("a group's", lambda: os.killpg(os.getpgid(outside) or outside, signal.SIGTERM), errno.ESRCH)
    ends = os.pipe()
    try:
        fcntl.fcntl(ends[0], fcntl.F_SETOWN, outside)
        fcntl.fcntl(ends[0], 10, signal.SIGTERM)  # F_SETSIG
        fcntl.fcntl(ends[0], fcntl.F_SETFL, os.O_ASYNC)
        os.write(ends[1], b"x")
    except OSError:
        pass
    print("ok tried SIGIO", flush=True)


def processes():
    refused("trace", lambda: call("ptrace", 16, outside, 0, 0))
    refused("seize", lambda: call("ptrace", 0x4206, outside, 0, 0))
    buf = ctypes.create_string_buffer(16)
    iov = (ctypes.c_uint64 * 2)(ctypes.addressof(buf), 16)
    refused("read memory", lambda: call("process_vm_readv", outside, iov, 1, iov, 1, 0))
    refused("write memory", lambda: call("process_vm_writev", outside, iov, 1, iov, 1, 0))
    refused("kcmp", lambda: call("kcmp", outside, os.getpid(), 0, 0, 0))
    refused("move its pages", lambda: call("migrate_pages", outside, 0, 0, 0))
    refused("limits", lambda: resource.prlimit(outside, resource.RLIMIT_NOFILE, (3, 3)))
    refused("priority", lambda: os.setpriority(os.PRIO_PROCESS, outside, 19))
    refused("priority of the user", lambda: os.setpriority(os.PRIO_USER, 0, 19))
    refused("processors", lambda: os.sched_setaffinity(outside, {0}))
    refused("scheduler", lambda: os.sched_setscheduler(outside, os.SCHED_IDLE, os.sched_param(0)))
    refused("io priority", lambda: call("ioprio_set", 1, outside, 3 << 13))
    for number in [outside, 1, os.getppid()] + list(range(2, 200)):
        for name in ("environ", "mem", "maps", "cmdline", "fd/0", "fd/3", "fd/5", "cwd/secret", "root/etc/shadow", "comm"):
            if number == os.getpid():
                continue
            try:
                os.close(os.open("/proc/%d/%s" % (number, name), os.O_RDONLY | os.O_NONBLOCK))
            except OSError:
                continue
            print("HOLE /proc/%d/%s" % (number, name), flush=True)
    for name in ("environ", "exe", "cwd", "root"):
        refused("look at " + name, lambda: os.readlink("/proc/%d/%s" % (outside, name)), errno.EINVAL)
    folder = os.open("/proc/%d" % outside, os.O_PATH)
    refused("below its folder", lambda: os.open("environ", os.O_RDONLY, dir_fd=folder))
    refused("a number below its folder", lambda: os.open("fd/1", os.O_WRONLY, dir_fd=folder))
    refused("oom score", lambda: open("/proc/%d/oom_score_adj" % outside, "w"))
    # What "self" means must not be the broker, in the place of whom opens.
    for number in range(3, 40):
        for how in (os.O_RDONLY, os.O_RDWR | os.O_CREAT):
            try:
                fd = os.open("/proc/self/fd/%d" % number, how | os.O_NONBLOCK)
            except OSError:
                continue
            try:
                mine = os.fstat(number)
            except OSError:
                mine = None
            if mine is None or not os.path.samestat(mine, os.fstat(fd)):
                print("HOLE descriptor %d is another's" % number, flush=True)
    refused("maps of self", lambda: open("/proc/self/maps").read())


def sockets():
    s = socket.socket(socket.AF_UNIX)
    refused("a socket outside", lambda: s.connect(path("sock")))
    d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    refused("a datagram outside", lambda: d.sendto(b"x", path("dgram")))
    refused("a message outside", lambda: d.sendmsg([b"x"], [], 0, path("dgram")))
    refused("a datagram by connecting", lambda: d.connect(path("dgram")))
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    refused("a datagram of a pair", lambda: one.sendto(b"x", path("dgram")), errno.EISCONN)
    refused("an abstract socket", lambda: s.connect("\0" + abstract))
    refused("an abstract datagram", lambda: d.sendto(b"x", "\0" + abstract + "d"))
    refused("an abstract name", lambda: socket.socket(socket.AF_UNIX).bind("\0zviz-nested-mine"))
    refused("a socket made outside", lambda: socket.socket(socket.AF_UNIX).bind(path("outside", "s")))
    for name in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"):
        refused(name, lambda: socket.socket(getattr(socket, name), socket.SOCK_DGRAM if name != "AF_ALG" else 5),
                errno.EAFNOSUPPORT)
    refused("TCP", lambda: socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))))
    refused("io_uring", lambda: call("io_uring_setup", 1, ctypes.byref(ctypes.create_string_buffer(256))))


def shared():
    refused("System V memory", lambda: call("shmget", 0x7a, 4096, 0o1666))
    refused("System V semaphores", lambda: call("semget", 0x7a, 1, 0o1666))
    refused("System V queues", lambda: call("msgget", 0x7a, 0o1666))
    refused("POSIX queues", lambda: call("mq_open", ctypes.c_char_p(b"zviz-nested"), 0o102, 0o600, 0))
    for key in (-3, -4, -5):  # session, user, user session
        refused("keyring %d" % key, lambda: call("keyctl", 0, key, 1))
    refused("a key", lambda: call("add_key", ctypes.c_char_p(b"user"), ctypes.c_char_p(b"n"), ctypes.c_char_p(b"v"), 1, -4))
    refused("a user namespace", lambda: call("unshare", 0x10000000))
    refused("a namespace by clone", lambda: call("clone", 0x10000000 | 17, 0, 0, 0, 0))
    refused("clone3", lambda: call("clone3", 0, 0))
    refused("bpf", lambda: call("bpf", 0, 0, 0))
    refused("perf", lambda: call("perf_event_open", 0, outside, -1, -1, 0))


for what in (files, attributes, hidden, signals, processes, sockets, shared):
    if len(sys.argv) < 2 or what.__name__ in sys.argv[1:]:
        print("#", what.__name__, flush=True)
        what()
print("end", flush=True)
