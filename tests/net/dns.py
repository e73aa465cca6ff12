#!/usr/bin/env python3
"""dns.py TABLE LOG ADDRESS: a name server on port 53 of an address, by UDP and TCP. Lines of TABLE, read anew at each question, are
"NAME TTL TYPE VALUE" with A, AAAA or CNAME; a CNAME is sent with what its end has. LOG gets "NAME TYPE" for each question."""
import selectors
import socket
import struct
import sys

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28}


def pack(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"


def data(kind, value):
    if kind == "CNAME":
        return pack(value)
    return socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, value)


def records(rows, name, want):
    for owner, ttl, kind, value in rows:
        if owner == name and (TYPES[kind] == want or kind == "CNAME"):
            body = data(kind, value)
            yield pack(owner) + struct.pack("!HHIH", TYPES[kind], 1, int(ttl), len(body)) + body
            if kind == "CNAME":
                yield from records(rows, value, want)


def answer(question):
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    name, want = ".".join(labels), struct.unpack("!H", question[at + 1 : at + 3])[0]
    with open(sys.argv[2], "a") as log:
        print(name, want, file=log)
    with open(sys.argv[1]) as table:
        rows = [line.split() for line in table if line.strip()]
    found = list(records(rows, name, want))
    code = 0 if any(row[0] == name for row in rows) else 3
    head = question[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(found), 0, 0)
    return head + question[12 : at + 5] + b"".join(found)


loop = selectors.DefaultSelector()
for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((sys.argv[3], 53))
    if kind == socket.SOCK_STREAM:
        s.listen(16)
    loop.register(s, selectors.EVENT_READ, kind)
while True:
    for key, _ in loop.select():
        if key.data == socket.SOCK_DGRAM:
            packet, peer = key.fileobj.recvfrom(4096)
            key.fileobj.sendto(answer(packet), peer)
            continue
        connection, _ = key.fileobj.accept()
        with connection:
            packet = connection.recv(4096)
            said = answer(packet[2:])
            connection.sendall(struct.pack("!H", len(said)) + said)
