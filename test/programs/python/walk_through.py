"""Everything that the socket protocol offers, against a running pool. Arguments: socket, CA file, a server's name."""

import socket
import ssl
import sys
import threading

from tlspool_client import *

path, ca_file, name = sys.argv[1:4]
SERVER = LOCALROLE_SERVER | REMOTEROLE_CLIENT
CLIENT = LOCALROLE_CLIENT | REMOTEROLE_SERVER


def tcp_pair():
    listener = socket.create_server(("127.0.0.1", 0))
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    listener.close()
    return one, other


def in_background(function, *arguments, **named):
    """Runs it in a thread; the returned function waits for its result."""
    outcome = []

    def run():
        try:
            outcome.append((function(*arguments, **named), None))
        except Exception as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(100)
        assert outcome, "it did not end"
        value, error = outcome[0]
        if error:
            raise error
        return value

    return result


def refused(index, function, *arguments, **named):
    """The pool must answer with this error of its table."""
    try:
        function(*arguments, **named)
    except PoolError as error:
        assert error.index == index, error
        return
    raise AssertionError("it was not refused")


def both_sides(server_pool, client_pool, server_flags=0, **client):
    ours, theirs = tcp_pair()
    server = in_background(server_pool.starttls, ours, SERVER | IGNORE_REMOTEID | server_flags, service="test")
    session = client_pool.starttls(theirs, CLIENT, remoteid=name, service="test", **client)
    return server(), session


def talk(one, other):
    one.sendall(b"there")
    assert other.recv(100) == b"there"
    other.sendall(b"and back")
    assert one.recv(100) == b"and back"


def ping():
    pool = Pool(path)
    assert pool.ping() == ("20151111api@tlspool.arpa2.net", 0x1)
    assert pool.ping(facilities=0x6) == ("20151111api@tlspool.arpa2.net", 0)
    pool.close()


def starttls_as_server_to_a_stranger():
    pool = Pool(path)
    ours, theirs = tcp_pair()
    server = in_background(pool.starttls, ours, SERVER | IGNORE_REMOTEID)
    context = ssl.create_default_context(cafile=ca_file)
    tls = context.wrap_socket(theirs, server_hostname=name)
    session = server()
    assert session.localid == name and session.remoteid == ""
    assert tls.version() == "TLSv1.3"
    tls.sendall(b"hello")
    assert session.plain.recv(100) == b"hello"
    session.plain.sendall(b"welcome")
    assert tls.recv(100) == b"welcome"
    session.plain.close()
    assert tls.recv(100) == b"", "the end must be told"
    pool.close()


def starttls_both_roles_prng_and_info():
    server_pool, client_pool = Pool(path), Pool(path)
    server, client = both_sides(server_pool, client_pool)
    assert client.remoteid == name and client.localid == ""
    assert server.flags & (LOCALROLE_SERVER | IGNORE_REMOTEID) == LOCALROLE_SERVER | IGNORE_REMOTEID
    talk(client.plain, server.plain)

    for context in (None, b"context"):
        material = server_pool.prng(server.ctlkey, "EXPERIMENTAL test", 48, context)
        assert len(material) == 48
        assert material == client_pool.prng(client.ctlkey, "EXPERIMENTAL test", 48, context)
    assert material != server_pool.prng(server.ctlkey, "EXPERIMENTAL other", 48, context)
    assert len(server_pool.prng(server.ctlkey, "EXPORTER-Channel-Binding", 32, b"")) == 32
    refused(25, server_pool.prng, server.ctlkey, "master secret", 48)
    refused(25, server_pool.prng, server.ctlkey, "mine", 48)

    subject = server_pool.info(server.ctlkey, MYCERT_SUBJECT)
    assert subject == client_pool.info(client.ctlkey, PEERCERT_SUBJECT)
    assert client_pool.info(client.ctlkey, PEERCERT_SUBJECT, subject) == subject
    refused(29, client_pool.info, client.ctlkey, PEERCERT_SUBJECT, subject[:-1])
    general_name = bytes([0x82, len(name)]) + name.encode()
    client_pool.info(client.ctlkey, PEERCERT_SUBJECTALTNAME, general_name)
    refused(29, client_pool.info, client.ctlkey, PEERCERT_SUBJECTALTNAME, general_name[:-1] + b"x")
    refused(29, client_pool.info, client.ctlkey, PEERCERT_SUBJECTALTNAME)
    exporter = client_pool.info(client.ctlkey, CHANBIND_TLS_EXPORTER)
    assert exporter == server_pool.prng(server.ctlkey, "EXPORTER-Channel-Binding", 32, b"")
    assert server_pool.info(server.ctlkey, CHANBIND_TLS_EXPORTER, exporter) == exporter
    binding = server_pool.info(server.ctlkey, CHANBIND_SERVER_END_POINT)
    assert len(binding) == 32 and binding == client_pool.info(client.ctlkey, CHANBIND_SERVER_END_POINT)
    refused(29, server_pool.info, server.ctlkey, CHANBIND_TLS_UNIQUE)
    refused(29, server_pool.info, server.ctlkey, PEERCERT_SUBJECT)
    refused(28, server_pool.info, server.ctlkey, 4711)
    refused(15, server_pool.info, client.ctlkey, MYCERT_SUBJECT)

    server.plain.close()
    assert client.plain.recv(100) == b""
    server_pool.close()
    client_pool.close()


def the_program_chooses_its_identity():
    asked = []

    def choose(proposal):
        asked.append(proposal)
        return name

    pool = Pool(path)
    ours, theirs = tcp_pair()
    server = in_background(pool.starttls, ours, SERVER | IGNORE_REMOTEID | LOCALID_CHECK, choose=choose)
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = False
    context.wrap_socket(theirs, server_hostname="alias.example.net")
    assert server().localid == name
    assert asked == ["alias.example.net"]

    ours, theirs = tcp_pair()
    server = in_background(pool.starttls, ours, SERVER | IGNORE_REMOTEID | LOCALID_CHECK, choose=lambda _: "")
    try:
        context.wrap_socket(theirs, server_hostname=name)
        raise AssertionError("it was not refused")
    except ssl.SSLError as error:
        assert "unrecognized name" in str(error), error
    refused(24, server)
    pool.close()


def detach_and_reattach():
    first, second, client_pool = Pool(path), Pool(path), Pool(path)
    server, client = both_sides(first, client_pool)
    refused(18, second.control, CMD_REATTACH, server.ctlkey)
    refused(16, second.control, CMD_DETACH, server.ctlkey)
    refused(15, second.control, CMD_DETACH, bytes(16))
    first.control(CMD_DETACH, server.ctlkey)
    refused(17, first.control, CMD_DETACH, server.ctlkey)
    refused(17, first.prng, server.ctlkey, "EXPERIMENTAL test", 16)
    talk(server.plain, client.plain)
    first.close()
    talk(server.plain, client.plain)
    second.control(CMD_REATTACH, server.ctlkey)
    assert len(second.prng(server.ctlkey, "EXPERIMENTAL test", 16)) == 16
    second.close()
    assert client.plain.recv(100) == b"", "without FORK the session ends with its connection"
    client_pool.close()


def fork_and_born_detached():
    client_pool = Pool(path)
    for flag in (FORK, DETACH):
        pool, later = Pool(path), Pool(path)
        server, client = both_sides(pool, client_pool, server_flags=flag)
        refused(16 if flag == FORK else 17, later.control, CMD_DETACH, server.ctlkey)
        pool.close()
        talk(server.plain, client.plain)
        wait_until_detached(later, server.ctlkey)
        later.control(CMD_DETACH, server.ctlkey)
        later.close()
        talk(server.plain, client.plain)
        server.plain.close()
        assert client.plain.recv(100) == b""
    client_pool.close()


def wait_until_detached(pool, ctlkey):
    """The pool learns of a closed connection in its own time."""
    for _ in range(6000):
        try:
            return pool.control(CMD_REATTACH, ctlkey)
        except PoolError as error:
            assert error.index == 18, error
            threading.Event().wait(0.01)
    raise AssertionError("it was never detached")


def renegotiate():
    pool = Pool(path)
    ours, theirs = tcp_pair()
    server = in_background(pool.starttls, ours, SERVER | IGNORE_REMOTEID)
    context = ssl.create_default_context(cafile=ca_file)
    context.post_handshake_auth = True
    tls = context.wrap_socket(theirs, server_hostname=name)
    session = server()

    # The client answers while it reads: it has nothing to show, and need not.
    reading = in_background(tls.recv, 100)
    again = pool.renegotiate(session, SERVER | REQUEST_REMOTEID)
    assert again.localid == name and again.remoteid == ""
    assert again.flags & RENEGOTIATE and again.flags & REQUEST_REMOTEID
    session.plain.sendall(b"with the same socket")
    assert reading() == b"with the same socket"
    # Nobody is asked: only the keys change.
    pool.renegotiate(session, SERVER | IGNORE_REMOTEID)
    reading = in_background(tls.recv, 100)
    session.plain.sendall(b"with new keys")
    assert reading() == b"with new keys"
    tls.sendall(b"in both directions")
    assert session.plain.recv(100) == b"in both directions"

    one, other = socket.socketpair()
    refused(5, pool.renegotiate, session, SERVER | IGNORE_REMOTEID, sockets=[one])
    stranger = Pool(path)
    refused(19, stranger.renegotiate, session, SERVER | IGNORE_REMOTEID)
    stranger.close()
    # It must show now who it is, and cannot.
    reading = in_background(tls.recv, 100)
    refused(24, pool.renegotiate, session, SERVER)
    try:
        reading()
        raise AssertionError("the session goes on")
    except ssl.SSLError as error:
        assert "CERTIFICATE_REQUIRED" in str(error), error
    pool.close()


def renegotiate_as_client():
    server_pool, client_pool = Pool(path), Pool(path)
    server, client = both_sides(server_pool, client_pool)
    assert client_pool.renegotiate(client, CLIENT).remoteid == name
    # The client has nothing to show, and says so.
    assert server_pool.renegotiate(server, SERVER | REQUEST_REMOTEID).remoteid == ""
    talk(client.plain, server.plain)
    server_pool.close()
    client_pool.close()


for scenario in (
    ping,
    starttls_as_server_to_a_stranger,
    starttls_both_roles_prng_and_info,
    the_program_chooses_its_identity,
    detach_and_reattach,
    fork_and_born_detached,
    renegotiate,
    renegotiate_as_client,
):
    scenario()
    print(scenario.__name__, flush=True)
