"""Two processes listen on one port (SO_REUSEPORT); both are served until each had a client."""
import os, socket
from serving import answer, check

first = socket.socket()
first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
first.bind(("127.0.0.1", 0))
second = socket.socket()
second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
second.bind(first.getsockname())
first.listen()
second.listen()
child = os.fork()
mine, name = (second, "second") if child == 0 else (first, "first")
(first if child == 0 else second).close()
answer(mine.accept()[0], name)
if child == 0:
    os._exit(0)
mine.close()
check("the child's end", os.waitpid(child, 0)[1], 0)
