"""A workload that connects and sends in each way there is: connect.py WAY [ADDRESS] [PORT]. Prints what came of it: "passed",
or the name of the error. Ways that listen need no address.
"""
import ctypes
import errno
import os
import select
import socket
import struct
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def sockaddr(host, port, as_family=None):
    if ":" in host:
        return struct.pack("=HHI16sI", as_family or socket.AF_INET6, socket.htons(port), 0,
                           socket.inet_pton(socket.AF_INET6, host), 0)
    return struct.pack("=HH4s8x", socket.AF_INET if as_family is None else as_family, socket.htons(port),
                       socket.inet_aton(host))


def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), "")


def tcp(host, port):
    with socket.socket(family(host)) as s:
        s.connect((host, port))


def tcp_nonblocking(host, port):
    with socket.socket(family(host)) as s:
        s.setblocking(False)
        error = s.connect_ex((host, port))
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, "")
        select.select([], [s], [])
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "")


def udp_connect(host, port):
    with socket.socket(family(host), socket.SOCK_DGRAM) as s:
        s.connect((host, port))
        s.send(b"x")


def udp_sendto(host, port):
    with socket.socket(family(host), socket.SOCK_DGRAM) as s:
        s.sendto(b"x", (host, port))


def udp_sendmsg(host, port):
    with socket.socket(family(host), socket.SOCK_DGRAM) as s:
        s.sendmsg([b"x"], [], 0, (host, port))


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("name_len", ctypes.c_uint), ("iov", ctypes.POINTER(Iovec)),
                ("niov", ctypes.c_size_t), ("control", ctypes.c_char_p), ("control_len", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("pad", ctypes.c_int), ("len", ctypes.c_uint)]


def udp_sendmmsg(host, port):
    """The second message goes where it may not: the first has gone, and the answer says so."""
    with socket.socket(family(host), socket.SOCK_DGRAM) as s:
        messages = (Mmsghdr * 2)()
        for m, to in zip(messages, (sockaddr("127.0.0.77", port), sockaddr(host, port))):
            m.name, m.name_len, m.niov = to, len(to), 1
            m.iov = ctypes.pointer(Iovec(b"x", 1))
        sent = libc.sendmmsg(s.fileno(), messages, 2, 0)
        if sent == 1:
            assert messages[0].len == 1
            sent = libc.sendmmsg(s.fileno(), ctypes.byref(messages[1]), 1, 0)
        if sent < 0:
            raise OSError(ctypes.get_errno(), "")


def udp_unspec(host, port):
    """UDP takes AF_UNSPEC in a send for AF_INET."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        to = sockaddr(host, port, socket.AF_UNSPEC)
        call("sendto", s.fileno(), b"x", 1, 0, to, len(to))


def mapped(host, port):
    with socket.socket(socket.AF_INET6) as s:
        s.connect(("::ffff:" + host, port))


def mapped_udp(host, port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("::ffff:" + host, port))


def v4_on_v6(host, port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        to = sockaddr(host, port)
        call("connect", s.fileno(), to, len(to))


def fastopen(host, port):
    with socket.socket(family(host)) as s:
        s.sendto(b"x", socket.MSG_FASTOPEN, (host, port))


def disconnect(host, port):
    """What is let go of is not asked about, and the next address is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.77", port))
        none = bytes(16)
        call("connect", s.fileno(), none, len(none))
        try:
            s.send(b"x")
        except OSError as e:
            assert e.errno == errno.EDESTADDRREQ
        to = sockaddr(host, port)
        call("connect", s.fileno(), to, len(to))


def twice(host, port):
    tcp(host, port)
    tcp(host, port)


def interrupted(host, port):
    """A handler's signal while the question waits, and while the connection does."""
    import signal
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        tcp(host, port)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def slow(host, port):
    """A connection that nobody takes holds up nobody else, and ends when its own time is over."""
    listener = socket.socket()
    listener.bind((host, port))
    listener.listen(0)
    filling = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, port))
        filling.append(s)
    time.sleep(0.2)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 3, 0))
    begun = time.monotonic()
    results = []

    def wait():
        results.append(s.connect_ex((host, port)))
        results.append(time.monotonic() - begun)

    waiting = threading.Thread(target=wait)
    waiting.start()
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"x", ("127.0.0.77", port))
    quick = time.monotonic() - begun
    waiting.join()
    assert quick < 2, quick
    assert results[0] == errno.EINPROGRESS and results[1] > 2.5, results


def routed(host, port):
    """Source routes: none may be set, or sent with a datagram."""
    lsrr = bytes([131, 7, 4]) + socket.inet_aton("127.0.0.99") + b"\0"
    segments = bytes([0, 2, 4, 0, 0, 0, 0, 0]) + socket.inet_pton(socket.AF_INET6, "::1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, \
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s6:
        tries = [lambda: s.setsockopt(socket.IPPROTO_IP, 4, lsrr)]
        for option in (5, 6, 32, 57):
            tries.append(lambda option=option: s6.setsockopt(socket.IPPROTO_IPV6, option, segments))
        tries.append(lambda: s.sendmsg([b"x"], [(socket.IPPROTO_IP, 7, lsrr)], 0, ("127.0.0.77", port)))
        tries.append(lambda: s6.sendmsg([b"x"], [(socket.IPPROTO_IPV6, 57, segments)], 0, ("::1", port)))
        for i, attempt in enumerate(tries):
            try:
                attempt()
            except OSError as e:
                assert e.errno == errno.EACCES, (i, e)
            else:
                raise AssertionError(i)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)
        s6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 3)
        s.sendmsg([b"x"], [(socket.IPPROTO_IP, socket.IP_TTL, struct.pack("i", 5))], 0, ("127.0.0.77", port))


class Narrow:
    """Calls of i386 by int 0x80, with all that they point at below 4 GiB."""

    CODE = bytes.fromhex("5355488b07488b5f08488b4f10488b5718488b7720488b6f30488b7f28cd805d5b4898c3")
    SETSOCKOPT, CONNECT, SENDTO, SENDMSG, SENDMMSG, SOCKETCALL = 366, 362, 369, 370, 345, 102

    def __init__(self):
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        self.at = libc.mmap(None, 65536, 7, 0x62, -1, 0)  # MAP_32BIT
        assert self.at < 1 << 32
        ctypes.memmove(self.at, self.CODE, len(self.CODE))
        self.used = self.at + 4096
        self.run = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(self.at)

    def put(self, data):
        at = self.used
        ctypes.memmove(at, data, len(data))
        self.used += (len(data) + 15) // 16 * 16
        return at

    def call(self, *args):
        result = self.run(self.put(struct.pack("=7Q", *args, *[0] * (7 - len(args)))))
        if result < 0:
            raise OSError(-result, "")
        return result

    def message(self, to):
        part = self.put(struct.pack("=II", self.put(b"x"), 1))
        return self.put(struct.pack("=IiIIIIII", self.put(to), len(to), part, 1, 0, 0, 0, 0))


def narrow(which, host, port):
    n, to = Narrow(), sockaddr(host, port)
    with socket.socket(family(host), socket.SOCK_DGRAM) as s:
        if which == "connect":
            n.call(n.CONNECT, s.fileno(), n.put(to), len(to))
        elif which == "sendto":
            assert n.call(n.SENDTO, s.fileno(), n.put(b"x"), 1, 0, n.put(to), len(to)) == 1
        elif which == "sendmsg":
            assert n.call(n.SENDMSG, s.fileno(), n.message(to), 0) == 1
        elif which == "sendmmsg":
            m = n.message(to)
            assert n.call(n.SENDMMSG, s.fileno(), m, 1, 0) == 1
            assert ctypes.string_at(m + 28, 4) == b"\1\0\0\0"
        elif which == "socketcall":
            n.call(n.SOCKETCALL, 3, n.put(struct.pack("=III", s.fileno(), n.put(to), len(to))))
        elif which == "option":
            n.call(n.SETSOCKOPT, s.fileno(), 41, 57, n.put(bytes(24)), 24)


def narrow_connect(host, port):
    narrow("connect", host, port)


def narrow_sendto(host, port):
    narrow("sendto", host, port)


def narrow_sendmsg(host, port):
    narrow("sendmsg", host, port)


def narrow_sendmmsg(host, port):
    narrow("sendmmsg", host, port)


def narrow_socketcall(host, port):
    narrow("socketcall", host, port)


def narrow_option(host, port):
    narrow("option", host, port)


def own_loopback(host, port):
    listener = socket.socket()
    listener.bind((host, port))
    listener.listen()
    tcp(host, port)
    listener.accept()


def others(host, port):
    """Sockets of other families go on as before."""
    a, b = socket.socketpair()
    a.sendall(b"x")
    a.sendmsg([b"y"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", 0))])
    assert b.recv(1) == b"x"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("there")
    listener.listen()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("there")
    os.unlink("there")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.bind((0, 0))
        s.sendto(struct.pack("=IHHIIB7x", 24, 18, 0x301, 1, 0, 0), (0, 0))
        assert len(s.recv(65536)) > 16


def main():
    way, host, port = sys.argv[1], *sys.argv[2:4]
    try:
        globals()[way](host, int(port))
    except OSError as e:
        print(errno.errorcode[e.errno])
    else:
        print("passed")


main()
