"""Reads until the client has ended, answers then, and ends."""
from serving import listener

connection, _ = listener().accept()
with connection:
    total = 0
    while chunk := connection.recv(65536):
        total += len(chunk)
    connection.sendall(f"{total} bytes\n".encode())
