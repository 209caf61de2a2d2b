"""Serves one client of FTP at the port that is its argument; when asked for a passive listener, it opens another one before."""
import socket, sys, threading
from serving import answer, listener

control, _ = socket.create_server(("127.0.0.1", int(sys.argv[1]))).accept()
control.sendall(b"220 ready\r\n")
for line in control.makefile("rb"):
    if line.strip().upper() != b"PASV":
        control.sendall(b"200 fine\r\n")
        continue
    more = listener()
    threading.Thread(target=lambda: answer(more.accept()[0], "ok")).start()
    data = listener()
    high, low = divmod(data.getsockname()[1], 256)
    control.sendall(b"227 Entering Passive Mode (127,0,0,1,%d,%d)\r\n" % (high, low))
