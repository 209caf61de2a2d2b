"""Sends a byte of urgent data among others."""
import socket
from serving import listener

connection, _ = listener().accept()
with connection:
    connection.makefile("rb").readline()
    connection.sendall(b"a")
    connection.send(b"!", socket.MSG_OOB)
    connection.sendall(b"b\n")
