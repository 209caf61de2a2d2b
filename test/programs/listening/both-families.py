"""One listener for IPv6 and IPv4, and one for IPv6 alone."""
import socket
from serving import answer, check

dual = socket.socket(socket.AF_INET6)
dual.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
dual.bind(("::", 0))
dual.listen()
connection, peer = dual.accept()
check("an IPv4 client", peer[0], "::ffff:127.0.0.1")
check("its server", connection.getsockname()[0], "::ffff:127.0.0.1")
answer(connection, "ok 4")
connection, peer = dual.accept()
check("an IPv6 client", peer[0], "::1")
answer(connection, "ok 6")
