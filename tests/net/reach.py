#!/usr/bin/env python3
"""reach.py PROTOCOL/ADDRESS/PORT[/BYTES]...: a line for each: "ok", "refused" (at once) or what else came of it."""
import errno
import socket
import sys
import time

REFUSED = {errno.ECONNREFUSED, errno.EACCES, errno.EPERM, errno.EHOSTUNREACH, errno.ENETUNREACH}


def reach(protocol, address, port, size):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as s:
        s.settimeout(5)
        s.connect((address, port))
        if size:
            s.send(b"x" * size)
        return s.recv(100).decode().strip() or "closed"


for word in sys.argv[1:]:
    protocol, address, port, *size = word.split("/")
    began = time.monotonic()
    try:
        said = reach(protocol, address, int(port), int(size[0]) if size else protocol == "udp")
    except OSError as e:
        said = "refused" if e.errno in REFUSED else f"failed: {e}"
        if time.monotonic() - began > 2:
            said = f"late: {e}"
    print(word, said, flush=True)
