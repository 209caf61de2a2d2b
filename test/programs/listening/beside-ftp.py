"""Greets a client of FTP at the port that is its argument, and serves one of something else while that one is there."""
import socket, sys
from serving import answer, listener

control, _ = socket.create_server(("127.0.0.1", int(sys.argv[1]))).accept()
control.sendall(b"220 ready\r\n")
answer(listener().accept()[0], "ok")
