# Prints what each use of a socket comes to: the same with and without a broker in between.
import array
import ctypes
import errno
import os
import signal
import socket
import sys
import threading

UNIX, STREAM, DGRAM = socket.AF_UNIX, socket.SOCK_STREAM, socket.SOCK_DGRAM
signal.alarm(60)


def said(name, deed):
    try:
        result = deed()
    except OSError as e:
        result = errno.errorcode.get(e.errno, e.errno)
    print(name, result, flush=True)


def made(path, kind=STREAM):
    s = socket.socket(UNIX, kind)
    s.bind(path)
    if kind != DGRAM:
        s.listen(5)
    return s


def talk(path, server):
    c = socket.socket(UNIX)
    c.connect(path)
    c.sendall(b"hello")
    peer, _ = server.accept()
    return peer.recv(10), c.getpeername(), c.getsockname()


os.makedirs("d/shut", exist_ok=True)
server = made("s")
said("names itself", server.getsockname)
deep = made(os.path.abspath("d/deep"))
said("names itself by all of its path", lambda: deep.getsockname() == os.path.abspath("d/deep"))
said("relative", lambda: talk("s", server))
said("from below", lambda: talk("d/../s", server))
os.symlink("s", "link")
said("through a link", lambda: talk("link", server))
said("/proc/self/cwd", lambda: talk("/proc/self/cwd/s", server))
for path in ("missing", "d", "d/missing/x", "s/x", "", "x" * 107, "x" * 108, "\0no such name"):
    said(f"connect to {path[:20]!r}", lambda p=path: socket.socket(UNIX).connect(p))
    said(f"send to {path[:20]!r}", lambda p=path: socket.socket(UNIX, DGRAM).sendto(b"x", p))
open("file", "w").close()
said("a file", lambda: socket.socket(UNIX).connect("file"))
said("the wrong type", lambda: socket.socket(UNIX, DGRAM).connect("s"))
for path in ("s", "file", "link", "d", "d/", "d/new/", "missing/x", "/usr/x", "x" * 108, "/dev/null/x"):
    said(f"bind {path[:20]!r}", lambda p=path: made(p).getsockname())
said("twice", lambda: server.bind("other"))
os.chmod("d/shut", 0)
said("in a folder that is shut", lambda: made("d/shut/x") if os.getuid() else "for root it is not")
os.chmod("d/shut", 0o700)
os.umask(0o027)
said("mode", lambda: (made("moded"), oct(os.stat("moded").st_mode))[1])

one, two = made("one", DGRAM), made(os.path.abspath("two"), DGRAM)
said("send", lambda: (one.sendto(b"ask", os.path.abspath("two")), two.recvfrom(9)))
said("answer", lambda: (two.sendto(b"yes", "one"), one.recvfrom(9)[0]))
read, write = os.pipe()
said("descriptors", lambda: one.sendmsg([b"a", b"bc"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                        array.array("i", [write]))], 0, two.getsockname()))
message, control, _, _ = two.recvmsg(9, 99)
os.write(int.from_bytes(control[0][2], sys.byteorder), b"through")
said("arrive", lambda: (message, os.read(read, 9)))
said("too long", lambda: one.sendto(b"x" * 10_000_000, "one"))
abstract = made("\0here")
said("abstract", lambda: talk("\0here", abstract)[0])
unnamed = socket.socket(UNIX, DGRAM)
said("bind to nothing", lambda: (unnamed.bind(""), len(unnamed.getsockname()))[1])

tcp = socket.socket()
tcp.bind(("127.0.0.1", 0))
tcp.listen(5)


def tcp_talk():
    c = socket.create_connection(tcp.getsockname())
    peer, _ = tcp.accept()
    peer.sendall(b"tcp")
    return c.recv(9)


said("tcp", tcp_talk)
said("refused", lambda: socket.create_connection(("127.0.0.1", 1)))
quick = socket.socket()
quick.setblocking(False)
said("without waiting", lambda: errno.errorcode.get(quick.connect_ex(tcp.getsockname())))
udp = socket.socket(socket.AF_INET, DGRAM)
udp.bind(("127.0.0.1", 0))
said("udp", lambda: (unnamed and socket.socket(socket.AF_INET, DGRAM).sendto(b"u" * 60000, udp.getsockname()),
                     len(udp.recv(70000))))
said("bound elsewhere", lambda: socket.socket().bind(("192.0.2.1", 1)))
said("of another family", lambda: socket.socket(socket.AF_INET6).connect(("::1", 1)))



def several():
    """sendmmsg(2), which tells in the caller's memory how much of each message was sent."""
    class Part(ctypes.Structure):
        _fields_ = [("at", ctypes.c_char_p), ("len", ctypes.c_size_t)]

    class Header(ctypes.Structure):
        _fields_ = [("name", ctypes.c_char_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Part)),
                    ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                    ("flags", ctypes.c_int)]

    class Message(ctypes.Structure):
        _fields_ = [("header", Header), ("len", ctypes.c_uint)]

    parts = [Part(t, len(t)) for t in (b"one", b"three", b"")]
    messages = (Message * 3)(*[Message(Header(iov=ctypes.pointer(p), iovlen=1), 77) for p in parts])
    a, b = socket.socketpair(UNIX, DGRAM)
    sent = ctypes.CDLL(None, use_errno=True).sendmmsg(a.fileno(), messages, 3, 0)
    return sent, [m.len for m in messages], [b.recv(10) for _ in range(max(sent, 0))]


said("several at once", several)
left, right = socket.socketpair()
got = []
reader = threading.Thread(target=lambda: got.append(sum(iter(lambda: len(right.recv(65536)), 0))))
reader.start()
left.sendall(b"z" * 5_000_000)
left.close()
reader.join()
said("much", lambda: got)
left, right = socket.socketpair()
right.close()
said("broken", lambda: left.sendmsg([b"x"]))
said("in a thread", lambda: [t.join() for t in [threading.Thread(target=lambda: said("there", lambda: talk("s", server)))]
                             if not t.start()])
