"""Takes its listener from its service manager, and fails after each client."""
import os, socket, sys
from serving import answer, check

check("LISTEN_PID", os.environ["LISTEN_PID"], str(os.getpid()))
server = socket.socket(fileno=3)
check("its address", server.getsockname()[0], "127.0.0.1")
connection, peer = server.accept()
check("a client", peer[0], "127.0.0.1")
answer(connection, f"{os.environ['LISTEN_FDNAMES']} {os.getpid()}")
sys.exit(1)
