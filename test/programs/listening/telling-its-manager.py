"""Tells its service manager that it is ready, and what it should not know; then waits for its end."""
import os, signal, socket

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
manager.send(f"MAINPID={os.getpid()}\nREADY=1\nSTATUS=at work".encode())
ours, theirs = os.pipe()
socket.send_fds(manager, [b"BARRIER=1"], [theirs])
os.close(theirs)
os.read(ours, 1)
manager.send(b"STATUS=the barrier is over")
signal.pause()
