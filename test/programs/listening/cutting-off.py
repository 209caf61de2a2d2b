"""Answers a line in the manner that it asks for, and leaves: properly, by a reset, or with input unread."""
import socket
import struct

from serving import listener

accepting = listener()
for _ in range(3):
    connection, _ = accepting.accept()
    with connection:
        manner = connection.recv(5)
        connection.sendall(b"x" * 50000)
        if manner == b"reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif manner == b"whole":
            while connection.recv(65536):
                pass
        else:
            # Something is there, and stays unread.
            connection.recv(1, socket.MSG_PEEK)
