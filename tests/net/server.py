#!/usr/bin/env python3
"""server.py PORT...: answers TCP and UDP, IPv4 and IPv6, on every address: "ok OWN PEER BYTES"."""
import selectors
import socket
import sys


def plain(address):
    return address[7:] if address.startswith("::ffff:") else address


loop = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        # One for each family: an answer to a datagram has to leave from the address that it was sent to.
        for family, every in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            elif kind == socket.SOCK_DGRAM:
                s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
            s.bind((every, port))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            loop.register(s, selectors.EVENT_READ, kind)

held = []
while True:
    for key, _ in loop.select():
        s = key.fileobj
        if key.data == socket.SOCK_DGRAM:
            data, control, _, peer = s.recvmsg(65536, 256)
            s.sendmsg([f"ok {plain(peer[0])} {len(data)}\n".encode()], control, 0, peer)
            continue
        connection, peer = s.accept()
        try:
            connection.sendall(f"ok {plain(connection.getsockname()[0])} {plain(peer[0])}\n".encode())
        except OSError:
            pass
        # Debian 12's pasta now and then loses what is sent by an end that closes at once.
        held.append(connection)
        if len(held) > 64:
            held.pop(0).close()
