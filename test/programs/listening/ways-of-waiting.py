"""Waits for clients by select, poll and epoll, and in accept() with a time-out and without."""
import select, socket
from serving import answer, check, listener

server = listener()
poll = select.poll()
poll.register(server, select.POLLIN)
events = select.epoll()
events.register(server, select.EPOLLIN | select.EPOLLET)


def by_timeout():
    server.settimeout(100)


waits = [
    lambda: select.select([server], [], [], 100)[0],
    lambda: poll.poll(100_000),
    lambda: events.poll(100),
    by_timeout,
    lambda: server.settimeout(None),
]
for index, wait in enumerate(waits):
    wait()
    connection, peer = server.accept()
    check("getpeername()", connection.getpeername(), peer)
    check("getsockname()", connection.getsockname(), server.getsockname())
    answer(connection, f"ok {index}")
