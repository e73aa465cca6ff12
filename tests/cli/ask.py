"""The program behind --ask-socket: ask.py SOCKET LOG RULE…, until the container has ended.

A rule is KIND:OBJECT=ANSWER[,FOR][,SECONDS]; OBJECT may have stars, and an empty one stands for every one; ANSWER may also be
"silence", "leave" or "rubbish". The first rule that fits answers; without one nobody does. What is heard goes to LOG.
"""
import json
import os
import socket
import sys
import time
from fnmatch import fnmatchcase

RUBBISH = [b"", b"{", b"[]", b"null", b'{"question":1}', b'{"question":"1","answer":"allow"}',
           b'{"question":99,"answer":"allow"}', b'{"question":1,"answer":"maybe"}',
           b'{"question":1,"answer":"deny","for":"always"}', b"\xff\x00\xfe", b"x" * 5000,
           b'{"question":18446744073709551616,"answer":"allow"}', b"[" * 2000]


def find(rules, question):
    for rule in rules:
        about, answer = rule.split("=", 1)
        kind, thing = about.split(":", 1)
        asked = question["object"]
        if kind == question["kind"] and (thing in ("", asked) or fnmatchcase(asked, thing)):
            return answer.split(",")
    return ["silence"]


def main():
    path, log, rules = sys.argv[1], sys.argv[2], sys.argv[3:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen(1)
    os.rename(path + ".new", path)  # there when somebody listens
    connection, _ = listener.accept()
    with open(log, "w") as heard:
        for line in connection.makefile("r"):
            heard.write(line)
            heard.flush()
            question = json.loads(line)
            if "over" in question:
                continue
            answer, *more = find(rules, question)
            scope = more[0] if more else "once"
            if len(more) > 1:
                time.sleep(float(more[1]))
            if answer == "silence":
                continue
            if answer == "leave":
                connection.shutdown(socket.SHUT_RDWR)
                return
            if answer == "rubbish":
                for text in RUBBISH:
                    connection.sendall(text + b"\n")
                answer = "allow"
            connection.sendall(json.dumps({"question": question["question"], "answer": answer, "for": scope,
                                           "by": "a test"}).encode() + b"\n")


main()
