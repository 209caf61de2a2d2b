"""Watches its socket with epoll before it listens, and a duplicate of it too."""
import select, socket, os
from serving import answer, check

server = socket.socket()
server.bind(("127.0.0.1", 0))
twin = os.dup(server.fileno())
events = select.epoll()
events.register(server.fileno(), select.EPOLLIN)
server.listen(5)
check("ready before anybody came", [e for e in events.poll(0) if e[1] & select.EPOLLIN], [])
check("what is ready", events.poll(100), [(server.fileno(), select.EPOLLIN)])
events.unregister(server.fileno())
duplicate = socket.socket(fileno=twin)
connection, _ = duplicate.accept()
answer(connection, "ok")
