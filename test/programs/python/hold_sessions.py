"""Sets sessions up through the pool, both ends of each, and holds them. Arguments: socket, name, count, plain or fork."""

import signal
import socket
import sys
import threading

from tlspool_client import *

path, name, count, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
extra = FORK if kind == "fork" else 0
servers, clients = Pool(path), Pool(path)
held = []
for _ in range(count):
    ours, theirs = socket.socketpair()
    server = threading.Thread(
        target=lambda: held.append(
            servers.starttls(ours, LOCALROLE_SERVER | REMOTEROLE_CLIENT | IGNORE_REMOTEID | extra, localid=name)
        )
    )
    server.start()
    held.append(clients.starttls(theirs, LOCALROLE_CLIENT | REMOTEROLE_SERVER | extra, remoteid=name))
    server.join()


def disconnect(*_):
    servers.close()
    clients.close()
    print("disconnected", file=sys.stderr, flush=True)


signal.signal(signal.SIGUSR1, disconnect)
print("holding", file=sys.stderr, flush=True)
while True:
    signal.pause()
