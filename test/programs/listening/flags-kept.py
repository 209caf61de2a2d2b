"""Descriptor and file flags, options and the address are after listen() as they were before."""
import fcntl, os, socket
from serving import answer, check

server = socket.socket()
os.set_inheritable(server.fileno(), True)
server.setblocking(False)
server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
server.bind(("127.0.0.1", 0))
before = server.getsockname(), fcntl.fcntl(server, fcntl.F_GETFD), fcntl.fcntl(server, fcntl.F_GETFL)
room = server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
server.listen(1)
server.listen(7)
after = server.getsockname(), fcntl.fcntl(server, fcntl.F_GETFD), fcntl.fcntl(server, fcntl.F_GETFL)
check("flags and address", after, before)
check("SO_RCVBUF", server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), room)
check("SO_ACCEPTCONN", server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1)
check("SO_DOMAIN", server.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN), socket.AF_INET)
try:
    server.accept()
    raise SystemExit("accept() did not fail")
except BlockingIOError:
    pass
server.setblocking(True)
connection, _ = server.accept()
check("TCP_NODELAY", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1)
check("SO_KEEPALIVE", connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)
answer(connection, "ok")
