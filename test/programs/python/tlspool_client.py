"""A client of the TLS Pool socket protocol, version 2, written from its description alone: struct and socket."""

import array
import os
import socket
import struct

MESSAGE = 388
HEADER = struct.Struct("=HHI")
STARTTLS = struct.Struct("=IIBxH128s128s16s16sI")
PING = struct.Struct("=136sI")
ERROR = struct.Struct("=i128s")
CONTROL = struct.Struct("=I16s128s")
PRNG = struct.Struct("=hhh350s")
INFO = struct.Struct("=16sIH334s")

CMD_SUCCESS = 0x00
CMD_ERROR = 0x01
CMD_PING = 0x10
CMD_STARTTLS = 0x24
CMD_LOCALID = 0x28
CMD_PLAINTEXT = 0x2A
CMD_PRNG = 0x2B
CMD_INFO = 0x2C
CMD_DETACH = 0x100
CMD_REATTACH = 0x101

LOCALROLE_CLIENT, LOCALROLE_SERVER = 0x1, 0x2
REMOTEROLE_CLIENT, REMOTEROLE_SERVER = 0x4, 0x8
REQUEST_REMOTEID, IGNORE_REMOTEID = 0x800, 0x1000
DTLS = 0x100
DETACH, FORK, LOCALID_CHECK, RENEGOTIATE = 0x2000, 0x4000, 0x10000, 0x20000

PEERCERT_SUBJECT, MYCERT_SUBJECT = 0x52800000, 0x52800100
PEERCERT_SUBJECTALTNAME = 0x52800002
CHANBIND_TLS_UNIQUE, CHANBIND_SERVER_END_POINT = 0x59290000, 0x59290001
CHANBIND_TLS_EXPORTER = 0x92660000

ERROR_BASE = -1167372288


class PoolError(Exception):
    def __init__(self, number, text):
        super().__init__(f"{number}: {text}")
        self.number = number
        self.index = number - ERROR_BASE if number < 0 else None


def text(field):
    return field.split(b"\0", 1)[0].decode()


class Session:
    def __init__(self, ctlkey, fields, plain, proposals):
        self.ctlkey = ctlkey
        self.flags, self.local = fields[0], fields[1]
        self.localid, self.remoteid = text(fields[4]), text(fields[5])
        self.plain = plain
        self.proposals = proposals


class Pool:
    """One connection; one request at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.reqid = 0

    def close(self):
        self.socket.close()

    def send(self, reqid, cbid, command, data=b"", fds=()):
        message = (HEADER.pack(reqid, cbid, command) + data).ljust(MESSAGE, b"\0")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        assert self.socket.sendmsg([message], rights) == MESSAGE

    def receive(self):
        message = b""
        while len(message) < MESSAGE:
            piece = self.socket.recv(MESSAGE - len(message))
            if not piece:
                raise EOFError("the pool closed the connection")
            message += piece
        reqid, cbid, command = HEADER.unpack_from(message)
        return reqid, cbid, command, message[HEADER.size :]

    def final(self, reqid, expected):
        """The final response; asserts that it belongs to the request."""
        got, cbid, command, data = self.receive()
        assert (got, cbid) == (reqid, 0), (got, cbid, command)
        if command == CMD_ERROR:
            number, message = ERROR.unpack_from(data)
            raise PoolError(number, text(message))
        assert command == expected, hex(command)
        return data

    def request(self, command, data, expected, fds=()):
        self.reqid = self.reqid % 0xFFFF + 1
        self.send(self.reqid, 0, command, data, fds)
        return self.final(self.reqid, expected)

    def ping(self, facilities=0x7):
        me = b"20200202client@example.com"
        data = self.request(CMD_PING, PING.pack(me, facilities), CMD_PING)
        producer, agreed = PING.unpack_from(data)
        assert data[PING.size :] == bytes(len(data) - PING.size), "unused bytes must be zero"
        return text(producer), agreed

    def starttls(self, cipher, flags, localid="", remoteid="", service="", timeout=0, choose=None, plain=None):
        """Hands a socket over. `choose(proposal)` answers STARTTLS_LOCALID with a name."""
        self.reqid = self.reqid % 0xFFFF + 1
        reqid, ctlkey = self.reqid, os.urandom(16)
        names = (localid.encode(), remoteid.encode(), ctlkey, service.encode())
        protocol = socket.IPPROTO_UDP if flags & DTLS else socket.IPPROTO_TCP
        self.send(reqid, 0, CMD_STARTTLS, STARTTLS.pack(flags, 0xC0FFEE, protocol, 0, *names, timeout), [cipher.fileno()])
        kept, proposals = None, []
        while True:
            got, cbid, command, data = self.receive()
            cipher.close()
            assert got == reqid
            if command == CMD_ERROR:
                number, message = ERROR.unpack_from(data)
                raise PoolError(number, text(message))
            fields = STARTTLS.unpack_from(data)
            if command == CMD_STARTTLS:
                assert cbid == 0 and fields[1] == 0xC0FFEE and fields[6] == ctlkey
                return Session(ctlkey, fields, kept, proposals)
            assert cbid != 0
            if command == CMD_LOCALID:
                proposals.append(text(fields[4]))
                chosen = choose(text(fields[4])).encode()
                self.send(reqid, cbid, command, STARTTLS.pack(*fields[:4], chosen, *fields[5:]))
                continue
            assert command == CMD_PLAINTEXT
            kept, given = (plain, plain) if plain else socket.socketpair()
            self.send(reqid, cbid, command, STARTTLS.pack(*fields), [given.fileno()])
            given.close()

    def renegotiate(self, session, flags, remoteid="", timeout=0, sockets=()):
        """Exchanges identities anew; the session as it is then."""
        self.reqid = self.reqid % 0xFFFF + 1
        names = (b"", remoteid.encode(), session.ctlkey, b"")
        message = STARTTLS.pack(flags | RENEGOTIATE, 0xC0FFEE, 6, 0, *names, timeout)
        self.send(self.reqid, 0, CMD_STARTTLS, message, [each.fileno() for each in sockets])
        got, cbid, command, data = self.receive()
        assert got == self.reqid and cbid == 0
        if command == CMD_ERROR:
            number, message = ERROR.unpack_from(data)
            raise PoolError(number, text(message))
        assert command == CMD_STARTTLS
        fields = STARTTLS.unpack_from(data)
        assert fields[1] == 0xC0FFEE and fields[6] == session.ctlkey
        return Session(session.ctlkey, fields, session.plain, [])

    def control(self, command, ctlkey):
        self.request(command, CONTROL.pack(0, ctlkey, b""), CMD_SUCCESS)

    def prng(self, ctlkey, label, length, context=None):
        buffer = ctlkey + label.encode() + (context or b"")
        in2 = -1 if context is None else len(context)
        answer = self.request(CMD_PRNG, PRNG.pack(len(label), in2, length, buffer), CMD_PRNG)
        _, _, got, material = PRNG.unpack_from(answer)
        return material[:got]

    def info(self, ctlkey, kind, value=None):
        length = 0xFFFF if value is None else len(value)
        answer = self.request(CMD_INFO, INFO.pack(ctlkey, kind, length, value or b""), CMD_INFO)
        _, got_kind, got, buffer = INFO.unpack_from(answer)
        assert got_kind == kind
        return buffer[:got]
