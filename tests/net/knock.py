#!/usr/bin/env python3
"""knock.py ADDRESS PORT: connects again and again, with no pause, until somebody answers; "refused" when it first was, and the
answer, or "in vain" after two minutes."""
import socket
import sys
import time

where = sys.argv[1], int(sys.argv[2])
answer, told, end = b"", False, time.monotonic() + 120
while not answer.startswith(b"ok ") and time.monotonic() < end:
    with socket.socket() as s:
        s.settimeout(2)
        try:
            s.connect(where)
            s.send(b"x")
            answer = s.recv(100)
        except OSError:
            if not told:
                print("refused", flush=True)
            told = True
print(answer.decode().strip() or "in vain")
