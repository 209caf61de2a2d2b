"""Closes its listener and takes the same port again at once, three times, without SO_REUSEADDR."""
import socket
from serving import answer

port = 0
for time in range(3):
    server = socket.socket()
    server.bind(("127.0.0.1", port))
    server.listen()
    port = server.getsockname()[1]
    if time < 2:
        server.close()
answer(server.accept()[0], "ok")
