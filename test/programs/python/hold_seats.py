"""Holds both seats of a pool whose token needs its PIN. Arguments: socket, a server's name, file with the PIN."""

import json
import socket
import struct
import sys
import threading

from tlspool_client import *

path, name, pin_file = sys.argv[1:4]
PIN = open(pin_file).read().strip()

CMD_PINENTRY, CMD_LIDENTRY_REGISTER, CMD_LIDENTRY_CALLBACK = 0x29, 0x200, 0x201
PINENTRY = struct.Struct("=III128s128s36s20s20s36s")
LIDENTRY = struct.Struct("=IHI128s128s")
WANT_DBENTRY, DBENTRY, DBINSERT, DBAPPEND = 0x100, 0x1000, 0x2000, 0x4000


class Seat:
    """A private connection on which the pool asks."""

    def __init__(self, command, layout):
        self.pool = Pool(path)
        self.command, self.layout = command, layout

    def offer(self, *fields):
        self.pool.send(7, 0, self.command, self.layout.pack(*fields))

    def asked(self, command):
        reqid, cbid, got, data = self.pool.receive()
        assert (reqid, got) == (7, command) and cbid != 0, (reqid, cbid, got, data[:140])
        return cbid, self.layout.unpack_from(data)

    def answer(self, cbid, command, *fields):
        self.pool.send(7, cbid, command, self.layout.pack(*fields))

    def refused(self, index):
        try:
            self.pool.final(7, None)
        except PoolError as error:
            assert error.index == index or error.number == index, error
            return
        raise AssertionError("it was not refused")


def pin_entry(pin="", timeout_us=60_000_000):
    return (0, 0, timeout_us, pin.encode(), b"", b"", b"", b"", b"")


def lid_entry(flags=0, localid="", remoteid="", timeout=30):
    return (flags, 0, timeout, localid.encode(), remoteid.encode())


def background(function, *arguments, **named):
    outcome = []

    def run():
        try:
            outcome.append(function(*arguments, **named))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(100)
        assert outcome, "it did not end"
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    return result


def meeting():
    """Both ends of a session, begun: a server that asks, and a client."""
    ours, theirs = socket.socketpair()
    flags = LOCALROLE_SERVER | REMOTEROLE_CLIENT | REQUEST_REMOTEID
    server = background(Pool(path).starttls, ours, flags, localid=name)
    client = background(
        Pool(path).starttls, theirs, LOCALROLE_CLIENT | REMOTEROLE_SERVER, remoteid=name, service="imap"
    )
    return server, client


def the_pin_is_asked_for_and_given():
    pins = Seat(CMD_PINENTRY, PINENTRY)
    pins.offer(*pin_entry())
    another = Seat(CMD_PINENTRY, PINENTRY)
    another.offer(*pin_entry())
    another.refused(27)
    server, client = meeting()
    cbid, question = pins.asked(CMD_PINENTRY)
    assert question[1] == 0 and text(question[3]) == "", question
    assert name in text(question[4]) and "python3" in text(question[4]), question[4]
    assert text(question[8]) == "tlspool" and text(question[6]) == "SoftHSM v2", question
    another.offer(*pin_entry())
    another.refused(27)
    pins.answer(cbid, CMD_PINENTRY, *pin_entry("0000"))
    cbid, question = pins.asked(CMD_PINENTRY)
    assert question[1] == 1, question
    pins.answer(cbid, CMD_PINENTRY, *pin_entry(PIN))
    assert server().localid == name
    assert client().remoteid == name
    # The same answer again answers nothing, and is no offer either.
    pins.answer(cbid, CMD_PINENTRY, *pin_entry("0000"))
    pins.refused(22)


def identities_are_chosen():
    seat = Seat(CMD_LIDENTRY_REGISTER, LIDENTRY)
    seat.offer(*lid_entry(WANT_DBENTRY))
    another = Seat(CMD_LIDENTRY_REGISTER, LIDENTRY)
    another.offer(*lid_entry())
    another.refused(26)
    server, client = meeting()
    cbid, entry = seat.asked(CMD_LIDENTRY_CALLBACK)
    assert entry[0] == WANT_DBENTRY | DBENTRY and entry[1] == 1, entry
    assert (text(entry[3]), text(entry[4])) == ("work@example.com", ".example.com"), entry
    seat.answer(cbid, CMD_LIDENTRY_CALLBACK, *lid_entry())
    cbid, inquiry = seat.asked(CMD_LIDENTRY_CALLBACK)
    assert inquiry[0] == WANT_DBENTRY and inquiry[1] == 3, inquiry
    assert (text(inquiry[3]), text(inquiry[4])) == ("work@example.com", name), inquiry
    seat.answer(cbid, CMD_LIDENTRY_CALLBACK, *lid_entry(DBINSERT, "john@example.com", name))
    assert server().remoteid == "john@example.com"
    assert client().localid == "john@example.com"

    # Somebody whom we do not have: the handshake fails, and nothing is stored.
    server, client = meeting()
    while True:
        cbid, inquiry = seat.asked(CMD_LIDENTRY_CALLBACK)
        if not inquiry[0] & DBENTRY:
            break
    seat.answer(cbid, CMD_LIDENTRY_CALLBACK, *lid_entry(DBAPPEND, "nobody@example.com", ".example.com"))
    for end in (server, client):
        try:
            end()
            raise AssertionError("it went through")
        except PoolError as error:
            assert error.number in (2, ERROR_BASE + 24), error

    # What is no answer costs the seat; the handshake goes on with what is disclosed.
    server, client = meeting()
    while True:
        cbid, inquiry = seat.asked(CMD_LIDENTRY_CALLBACK)
        if not inquiry[0] & DBENTRY:
            break
    seat.pool.send(7, cbid, CMD_PING)
    seat.refused(10)
    assert server().remoteid == "john@example.com"
    another.offer(*lid_entry())
    another.pool.send(7, 0, CMD_ERROR, ERROR.pack(125, b""))
    another.pool.final(7, CMD_SUCCESS)


def a_stranger_gets_neither():
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(65_534)
            os.setuid(65_534)
            for command, layout, fields in (
                (CMD_PINENTRY, PINENTRY, pin_entry()),
                (CMD_LIDENTRY_REGISTER, LIDENTRY, lid_entry()),
            ):
                seat = Seat(command, layout)
                seat.offer(*fields)
                seat.refused(13)
            os._exit(0)
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def a_member_of_the_group_gets_seats_and_nothing_else():
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([4711])
            os.setgid(65_534)
            os.setuid(65_534)
            seat = Seat(CMD_LIDENTRY_REGISTER, LIDENTRY)
            seat.offer(*lid_entry())
            seat.pool.ping()
            admin = socket.socket(socket.AF_UNIX)
            admin.settimeout(100)
            admin.connect(path + ".admin")
            lines = admin.makefile("rw")

            def ask(what):
                lines.write(json.dumps({"do": what}) + "\n")
                lines.flush()
                return json.loads(lines.readline())

            mine = ask("my-choices")
            assert mine["holder"]["pid"] == os.getpid() and mine["needed"] == [], mine
            for what in ("status", "sessions", "choices", "pins", "my-pins"):
                assert ask(what)["error"]["code"] == "EACCES", what
            try:
                Pool(path).starttls(
                    socket.socketpair()[0], LOCALROLE_SERVER | REMOTEROLE_CLIENT, localid=name
                )
                raise AssertionError("it was allowed")
            except PoolError as error:
                assert error.number == 13, error
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


steps = [the_pin_is_asked_for_and_given, identities_are_chosen]
if os.geteuid() == 0:
    steps += [a_stranger_gets_neither, a_member_of_the_group_gets_seats_and_nothing_else]
for step in steps:
    step()
    print(step.__name__, flush=True)
