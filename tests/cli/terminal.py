"""What terminal.bats does at a keyboard: terminal.py SCENARIO ZVIZ-RUN-WORDS…, exit code 0 when all was as expected.

The words end in the container's ID; each scenario adds options in front of it and a command behind it.
"""
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_S = 20  # a busy machine; nothing here takes longer than a moment on an idle one


class Terminal:
    """A pseudoterminal with a program at it, and everything that the program has shown."""

    def __init__(self, words, rows=24, columns=80):
        self.shown = bytearray()
        self.seen = 0  # where the next wait starts
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvp(words[0], words)

    def more(self, deadline):
        """Reads what is shown next; False at the end."""
        if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError("waited in vain; shown: %r" % bytes(self.shown[-500:]))
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:  # EIO: nobody has the other side open any more
            return False
        self.shown += data
        return data != b""

    def wait_for(self, text):
        """Waits until `text` is shown behind what was waited for before."""
        deadline = time.monotonic() + PATIENCE_S
        while self.shown.find(text, self.seen) < 0:
            assert self.more(deadline), "ended without %r; shown: %r" % (text, bytes(self.shown[-500:]))
        self.seen = self.shown.find(text, self.seen) + len(text)

    def type(self, keys):
        os.write(self.fd, keys)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def ended(self):
        """The exit code, None as long as there is none."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid != 0 else None

    def local_modes(self):
        return termios.tcgetattr(self.fd)[3]

    def end(self):
        """The exit code, once everything has been shown."""
        deadline = time.monotonic() + PATIENCE_S
        while self.more(deadline):
            pass
        while (code := self.ended()) is None:
            assert time.monotonic() < deadline, "its terminal is closed, and it does not end"
            time.sleep(0.01)
        return code


def zviz(*words, options=()):
    """A whole command line: the ID is the last of the words that we were given."""
    return [*ZVIZ[:-1], *options, ZVIZ[-1], *words]


def quoted(words):
    return " ".join("'" + w.replace("'", "'\\''") + "'" for w in words)


@contextlib.contextmanager
def quickly(seconds):
    begin = time.monotonic()
    yield
    took = time.monotonic() - begin
    assert took < seconds, "took %.1f s" % took


def expect(got, wanted):
    assert got == wanted, "%r instead of %r" % (got, wanted)


def shell():
    """A shell with job control, and no line editor that would change what is typed."""
    t = Terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"])
    t.type(b"PS1='host''> '\n")
    t.wait_for(b"host> ")
    return t


# ---- scenarios ----


def size():
    t = Terminal(zviz("sh", "-c", "stty size; tty; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.1; done"),
                 rows=33, columns=111)
    t.wait_for(b"33 111")
    t.wait_for(b"/dev/pts/0")
    t.wait_for(b"ready")
    t.resize(44, 122)
    t.wait_for(b"44 122")
    expect(t.end(), 4)


def exit_codes():
    for command, code in (("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)):
        expect(Terminal(zviz("sh", "-c", command)).end(), code)
    t = Terminal(zviz("no-such-program"))
    t.wait_for(b"executable file not found")
    expect(t.end(), 1)


def interrupt():
    t = Terminal(zviz("sh", "-c", "echo ready; exec sleep 100"))
    t.wait_for(b"ready")
    with quickly(5):
        t.type(b"\x03")
        expect(t.end(), 130)


def interrupt_at_once():
    """Ctrl-C before anything has been shown, when zviz may still be at the launch."""
    for delay_ms in range(0, 20, 2):
        t = Terminal(zviz("sleep", "100"))
        time.sleep(delay_ms / 1000)
        with quickly(PATIENCE_S):
            # A key may be lost while the terminal is made raw, as before any program: press again.
            t.type(b"\x03")
            while (code := t.ended()) is None:
                time.sleep(0.1)
                t.type(b"\x03")
        assert code in (130, -signal.SIGINT), code


def quit_key():
    t = Terminal(zviz("sh", "-c", "ulimit -c 0; echo ready; exec sleep 100"))
    t.wait_for(b"ready")
    t.type(b"\x1c")
    expect(t.end(), 131)


def interrupt_in_shell():
    t = Terminal(zviz("sh", "-i", options=["--env", "PS1=inside> "]))
    t.wait_for(b"inside> ")
    t.type(b"sleep 100\n")
    t.wait_for(b"sleep 100")
    time.sleep(0.3)
    t.type(b"\x03")
    t.wait_for(b"inside> ")
    t.type(b"echo still-$((1 + 1))\n")
    t.wait_for(b"still-2")
    t.type(b"exit 6\n")
    expect(t.end(), 6)


def jobs_in_shell():
    """Job control of a shell inside: zviz itself does not stop."""
    t = Terminal(zviz("bash", "--norc", "--noediting", "-i", options=["--env", "PS1=inside> "]))
    t.wait_for(b"inside> ")
    assert b"no job control" not in t.shown, t.shown
    t.type(b"sleep 100\n")
    time.sleep(0.3)
    t.type(b"\x1a")
    t.wait_for(b"Stopped")
    t.type(b"kill -KILL %1; fg; exit 3\n")
    expect(t.end(), 3)


def stop_and_go():
    """Ctrl-Z, the shell's prompt, fg."""
    t = shell()
    before = t.local_modes()
    t.type(quoted(zviz("sh", "-c", "echo rea''dy; read x; echo got-$x; exit 9")).encode() + b"\n")
    t.wait_for(b"ready")
    t.type(b"\x1a")
    t.wait_for(b"Stopped")
    t.wait_for(b"host> ")
    expect(t.local_modes() & (termios.ECHO | termios.ICANON), before & (termios.ECHO | termios.ICANON))
    t.type(b"echo shell-$((20 + 1))\n")
    t.wait_for(b"shell-21")
    t.wait_for(b"host> ")
    t.type(b"fg\n")
    time.sleep(0.5)
    t.type(b"hello\n")
    t.wait_for(b"got-hello")
    t.wait_for(b"host> ")  # what is typed earlier may still be the workload's
    t.type(b"echo code=$?\n")
    t.wait_for(b"code=9")
    t.type(b"exit 0\n")
    expect(t.end(), 0)


def background():
    """`zviz run … &` shows its output, leaves the shell its keys, and takes them after fg."""
    t = shell()
    t.type(quoted(zviz("sh", "-c", "echo b''g-ready; read x; echo got-$x; exit 8")).encode() + b" &\n")
    t.wait_for(b"bg-ready")
    t.type(b"echo shell-$((30 + 1))\n")
    t.wait_for(b"shell-31")
    t.wait_for(b"host> ")
    t.type(b"fg\n")
    time.sleep(0.5)
    t.type(b"hello\n")
    t.wait_for(b"got-hello")
    t.wait_for(b"host> ")  # what is typed earlier may still be the workload's
    t.type(b"echo code=$?\n")
    t.wait_for(b"code=8")
    t.type(b"exit 0\n")
    expect(t.end(), 0)


def background_ends():
    """One that never asks for keys runs to its end in the background."""
    t = shell()
    t.type(quoted(zviz("sh", "-c", "sleep 0.2; echo d''one; exit 5")).encode() + b" & wait $!; echo code=$?\n")
    t.wait_for(b"done")
    t.wait_for(b"code=5")
    t.type(b"exit 0\n")
    expect(t.end(), 0)


def end_of_input():
    t = Terminal(zviz("cat"))
    t.type(b"line\n")
    t.wait_for(b"line\r\nline\r\n")  # echoed, then by cat
    t.type(b"\x04")
    expect(t.end(), 0)


def modes_restored():
    """After the workload's end, its death and a timeout, even if it left its own terminal raw."""
    for command, options, code in (("stty raw -echo; exit 2", (), 2), ("kill -KILL $$", (), 137),
                                   ("stty raw -echo; sleep 60", ("--timeout", "300ms"), 124)):
        t = shell()
        t.type(b"stty -g; " + quoted(zviz("sh", "-c", command, options=options)).encode() +
               b"; echo code=$?; stty -g; exit\n")
        t.wait_for(b"code=%d\r\n" % code)
        expect(t.end(), 0)
        settings = [line for line in t.shown.replace(b"\r", b"\n").split(b"\n") if line.count(b":") > 20]
        expect(len(settings), 2)
        expect(settings[0], settings[1])


def large_output():
    """Ten million bytes through the terminal: none lost, none twice."""
    t = Terminal(zviz("seq", "1", "1400000"))
    expect(t.end(), 0)
    expect(t.shown.replace(b"\r\n", b"\n"), b"".join(b"%d\n" % n for n in range(1, 1400001)))


def large_input():
    """Typed faster than it is read, as a paste is."""
    lines = [b"%06d %s\n" % (n, b"x" * 60) for n in range(3000)]
    t = Terminal(zviz("sh", "-c", "stty -echo; echo ready; cat >pasted; echo saved"))
    t.wait_for(b"ready")
    for line in lines:
        deadline = time.monotonic() + PATIENCE_S
        while line:
            if select.select([], [t.fd], [], deadline - time.monotonic())[1]:
                line = line[os.write(t.fd, line):]
    time.sleep(0.2)
    t.type(b"\x04")
    t.wait_for(b"saved")
    expect(t.end(), 0)
    with open("pasted", "rb") as f:
        expect(f.read(), b"".join(lines))


def no_tty():
    """The caller's own terminal, but no control over it; signals still arrive."""
    t = Terminal(zviz("sh", "-c", "test -c /dev/pts/0 && echo own; sh -c ': </dev/tty' || echo no-tty; exec sleep 100",
                      options=["--no-tty"]))
    t.wait_for(b"no-tty")
    assert b"own" not in t.shown, t.shown
    with quickly(5):
        t.type(b"\x03")
        expect(t.end(), 130)


def hang_up():
    """The terminal is closed, as a window is: nothing goes on behind it."""
    t = Terminal(zviz("sh", "-c", "echo ready; exec sleep 100"))
    t.wait_for(b"ready")
    os.close(t.fd)
    with quickly(5):
        expect(os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1]), 129)


def signals():
    """Those that are sent to zviz are the workload's, with a terminal as without."""
    for options in ((), ("--no-tty",)):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            t = Terminal(zviz("sh", "-c", "echo ready; exec sleep 100", options=options))
            t.wait_for(b"ready")
            os.kill(t.pid, number)
            expect(t.end(), 128 + number)


def ask():
    """Questions, with a program that paints one itself, writes all the time, and reads the keyboard."""
    t = Terminal(zviz("sh", "-c", """
        echo ready
        (while :; do echo noise; sleep 0.01; done) & noise=$!
        cat .env; cat .env; id; echo x >config/a; cat .env
        kill $noise
        sed s/^/read:/
        """))
    t.wait_for(b"ready")
    t.wait_for(b"wants to read /work/.env")
    t.wait_for(b"is no)\r\n> ")
    time.sleep(0.3)
    while select.select([t.fd], [], [], 0)[0]:
        t.more(time.monotonic() + 1)
    shown = len(t.shown)
    time.sleep(0.5)
    assert not select.select([t.fd], [], [], 0)[0], "something is painted over the question: %r" % bytes(t.shown[shown:])
    t.type(b"what\r")  # no answer
    t.wait_for(b"> ")
    t.type(b"nox\x7f\r")
    t.wait_for(b"refused, this time")
    t.wait_for(b"wants to read /work/.env")
    t.type(b"yes\r")
    t.wait_for(b"allowed, this time")
    t.wait_for(b"wants to execute /usr/bin/id")
    t.type(b"\x03")
    t.wait_for(b"refused, this time")
    t.wait_for(b"wants to write /work/config/a")
    t.type(b"a\r")
    t.wait_for(b'ask: {always: {write: ["/work/config/a"]}}')
    t.wait_for(b"wants to read /work/.env")
    t.type(b"d\r")
    t.wait_for(b"refused for this run")
    time.sleep(0.5)
    t.type(b"mine\n\x04")
    t.wait_for(b"read:mine")
    expect(t.end(), 0)
    expect(t.shown.count(b"secret"), 1)
    assert b"uid=" not in t.shown, t.shown
    assert b"read:y" not in t.shown and b"read:n" not in t.shown, t.shown


def ask_connect():
    """An address: what is asked, and the line that is to be kept."""
    t = Terminal(zviz("python3", "-c", """
import socket
for host in ("127.0.0.2", "127.0.0.3"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.connect((host, 7))
        print("connected")
    except OSError as e:
        print("error", e.errno)
"""))
    t.wait_for(b"wants to connect to udp 127.0.0.2:7")
    t.wait_for(b"127.0.0.0/8:7")
    t.type(b"a\r")
    t.wait_for(b'ask: {always: {connect: [{cidr: "127.0.0.2", ports: [7]}]}}')
    t.wait_for(b"connected")
    t.wait_for(b"wants to connect to udp 127.0.0.3:7")
    t.type(b"n\r")
    t.wait_for(b"error 13")
    expect(t.end(), 0)


if __name__ == "__main__":
    ZVIZ = sys.argv[2:]
    globals()[sys.argv[1]]()
