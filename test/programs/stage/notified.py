"""A service manager's socket: says on stderr what it is told, a message a line."""
import socket
import sys

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print("bound", file=sys.stderr, flush=True)
while True:
    print(manager.recv(4096).decode().replace("\n", " "), file=sys.stderr, flush=True)
