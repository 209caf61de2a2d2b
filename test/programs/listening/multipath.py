"""Listens with Multipath TCP, as runtimes do by themselves."""
import socket
from serving import answer

server = socket.socket(proto=262)
server.bind(("127.0.0.1", 0))
server.listen()
answer(server.accept()[0], "ok")
