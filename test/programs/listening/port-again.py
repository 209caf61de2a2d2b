"""Closes its listener and takes the same port again at once, three times, without SO_REUSEADDR. Argument: the port."""
import socket, sys
from serving import answer

for time in range(3):
    server = socket.socket()
    server.bind(("127.0.0.1", int(sys.argv[1])))
    server.listen()
    if time < 2:
        server.close()
answer(server.accept()[0], "ok")
