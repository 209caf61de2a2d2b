"""Forks, passes its listener on over exec, and drops what it may do: each time a client is served."""
import os, socket, sys, threading
from serving import answer, check, listener


def in_child(action):
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    check("the child's end", os.waitpid(child, 0)[1], 0)


def serve(server, text):
    answer(server.accept()[0], text)


def drop_and_serve():
    os.chroot("/var/empty" if os.path.isdir("/var/empty") else "/proc/self/fdinfo")
    os.chdir("/")
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    serve(server, "unprivileged")


if len(sys.argv) > 1:
    serve(socket.socket(fileno=int(sys.argv[1])), "executed")
    raise SystemExit
server = listener()
in_child(lambda: serve(server, "forked"))
thread = threading.Thread(target=serve, args=(server, "threaded"))
thread.start()
thread.join()
if os.geteuid() == 0:
    in_child(drop_and_serve)
else:
    serve(server, "unprivileged")
os.set_inheritable(server.fileno(), True)
os.execv(sys.executable, [sys.executable, __file__, str(server.fileno())])
