"""Binds once; each of two workers listens on the same socket, and so does one that is started in the place of another."""
import os, signal, socket
from serving import answer, check

server = socket.socket()
server.bind(("127.0.0.1", 0))


def worker(name):
    """Returns its process, once it listens, and what lets it accept a client."""
    listens, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        server.listen(16)
        os.write(listens[1], b".")
        while os.read(go[0], 1):
            answer(server.accept()[0], name)
            os.write(listens[1], b".")
        os._exit(0)
    check(f"{name} listens", os.read(listens[0], 1), b".")
    return child, listens[0], go[1]


def serve(child, done, go):
    os.write(go, b".")
    check("a client was served", os.read(done, 1), b".")


def end(child, *_):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


first, second = worker("first"), worker("second")
serve(*first)
serve(*second)
end(*first)
serve(*second)
third = worker("third")
serve(*third)
end(*second)
end(*third)
# Nobody listens any more.
fourth = worker("fourth")
serve(*fourth)
end(*fourth)
