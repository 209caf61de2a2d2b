"""Has a child and a grandchild in sessions of their own, and serves; tells the three process ids."""
import os, time
from serving import answer, listener


def tell(who):
    # In one piece, as three write at once.
    os.write(2, f"{who} {os.getpid()}\n".encode())


server = listener()
child = os.fork()
if child == 0:
    os.setsid()
    grandchild = os.fork()
    tell("grandchild" if grandchild == 0 else "child")
    time.sleep(600)
tell("parent")
while True:
    answer(server.accept()[0], "ok")
