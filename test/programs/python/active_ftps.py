"""Fetches and stores over FTPS in active mode, with Python's ftplib: active_ftps.py PORT NAME CA"""

import io
import socket
import ssl
import sys
from ftplib import FTP_TLS


class Client(FTP_TLS):
    """Data connections resume the session of the control connection."""

    def ntransfercmd(self, cmd, rest=None):
        conn, size = super(FTP_TLS, self).ntransfercmd(cmd, rest)
        session = self.sock.session
        return self.context.wrap_socket(conn, server_hostname=self.host, session=session), size


port, name, ca = int(sys.argv[1]), sys.argv[2], sys.argv[3]
plain_lookup = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: plain_lookup(
    "127.0.0.1" if host == name else host, *more, **named
)
client = Client(context=ssl.create_default_context(cafile=ca), timeout=100)
client.connect(name, port)
client.set_pasv(False)
client.login()
client.prot_p()
fetched = io.BytesIO()
client.retrbinary("RETR file", fetched.write)
client.storbinary("STOR in/python", io.BytesIO(fetched.getvalue()))
print(len(fetched.getvalue()), client.size("in/python"))
client.quit()
