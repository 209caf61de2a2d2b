"""Watches its socket under a number that wrap itself may not have, and hears that it cannot listen."""
import errno, fcntl, os, resource, select, socket
from serving import check


def parent(process):
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("PPid:"))


def attempt(server):
    try:
        server.listen()
        return 0
    except OSError as error:
        return error.errno


wrap = parent(os.getppid())
plain = socket.socket()
plain.bind(("127.0.0.1", 0))
server = socket.socket(fileno=fcntl.fcntl(plain, fcntl.F_DUPFD_CLOEXEC, 400))
plain.close()
events = select.epoll()
events.register(server.fileno(), select.EPOLLIN)
soft, hard = resource.prlimit(wrap, resource.RLIMIT_NOFILE)
resource.prlimit(wrap, resource.RLIMIT_NOFILE, (300, hard))
check("listen()", attempt(server), errno.EACCES)
check("listen() again", attempt(server), errno.EACCES)
resource.prlimit(wrap, resource.RLIMIT_NOFILE, (soft, hard))
check("listen() at last", attempt(server), 0)
