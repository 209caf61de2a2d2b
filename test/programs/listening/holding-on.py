"""Tells each client where it sees it, and keeps its connections for good."""
from serving import listener

server = listener(host="0.0.0.0")
held = []
while True:
    connection, (host, port) = server.accept()
    connection.recv(100)
    connection.sendall(f"{host}:{port}\n".encode())
    held.append(connection)
