"""A server as socket activation expects it: takes its listening sockets from descriptor 3 on.

Answers every connection with one line of JSON that tells which socket it came in by, then echoes until the
other side stops sending, then says how many bytes those were.
"""

import json
import os
import socket
import sys
import threading

FIRST_FD = 3


def activated_sockets():
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        sys.exit("LISTEN_PID is not ours")
    count = int(os.environ["LISTEN_FDS"])
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    return [(socket.socket(fileno=FIRST_FD + index), names[index]) for index in range(count)]


def serve(listener, name):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection, name), daemon=True).start()


def echo(connection, name):
    with connection:
        family = socket.AddressFamily(connection.family).name
        connection.sendall(json.dumps({"name": name, "family": family}).encode() + b"\n")
        total = 0
        while data := connection.recv(65536):
            total += len(data)
            connection.sendall(data)
        connection.sendall(f"\n{total} bytes\n".encode())


threads = [threading.Thread(target=serve, args=pair) for pair in activated_sockets()]
for thread in threads:
    thread.start()
