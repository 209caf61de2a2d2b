"""Has a child and a grandchild in sessions of their own, and serves; tells the three process ids."""
import os, sys, time
from serving import answer, listener

server = listener()
child = os.fork()
if child == 0:
    os.setsid()
    grandchild = os.fork()
    print(f"{'grandchild' if grandchild == 0 else 'child'} {os.getpid()}", file=sys.stderr, flush=True)
    time.sleep(600)
print(f"parent {os.getpid()}", file=sys.stderr, flush=True)
while True:
    answer(server.accept()[0], "ok")
