# stalled.py MOUNTPOINT LOG - a file system that answers nothing but the first exchange, and gives up what it is told
# to give up: each opcode goes to LOG as a line. It ends with its mount.
import ctypes
import errno
import os
import struct
import sys

FUSE_GETATTR, FUSE_INIT, FUSE_INTERRUPT = 3, 26, 36

where, log = sys.argv[1:3]
fd = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fd},rootmode=40777,user_id=0,group_id=0,allow_other"
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"stalled", where.encode(), b"fuse", 0, options.encode()) != 0:
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")


def answer(unique, error, body=b""):
    try:
        os.write(fd, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
    except OSError as e:
        if e.errno != errno.ENOENT:  # whoever asked may have given up
            raise


while True:
    try:
        request = os.read(fd, 1 << 17)
    except OSError:  # ENODEV: the mount is gone
        break
    _, opcode, unique = struct.unpack_from("<IIQ", request)
    with open(log, "a", encoding="ascii") as out:
        print(opcode, file=out)
    if opcode == FUSE_INIT:
        answer(unique, 0, struct.pack("<IIIIHHI", 7, 31, 0, 0, 0, 0, 4096) + bytes(40))
    elif opcode == FUSE_GETATTR:
        attr = struct.pack("<QQQQQQIIIIIIIIII", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40777, 2, 0, 0, 0, 0, 0)
        answer(unique, 0, struct.pack("<QII", 1, 0, 0) + attr)
    elif opcode == FUSE_INTERRUPT:
        answer(struct.unpack_from("<Q", request, 40)[0], errno.EINTR)
