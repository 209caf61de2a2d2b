"""A program with a socket of its own: made as argv[1] says (JSON), registered with epoll before anything else, and
passed over the UNIX socket argv[2]. Tells what the kernel says about it in the end, as JSON."""
import json
import select
import socket
import sys

order = json.loads(sys.argv[1])
family = socket.AF_INET6 if order.get("ipv6") else socket.AF_INET
own = socket.socket(family, socket.SOCK_STREAM)
own.setblocking(not order.get("nonblocking", True))
for level, name, value in order.get("options", []):
    own.setsockopt(level, name, value.encode() if isinstance(value, str) else value)
if "bind" in order:
    own.bind((order["bind"], 0))
poll = select.epoll()
poll.register(own, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
# An unconnected socket says EPOLLHUP and EPOLLOUT at once; what counts comes after it.
poll.poll(0)

way = socket.socket(socket.AF_UNIX)
way.connect(sys.argv[2])
socket.send_fds(way, [b"x"], [own.fileno()])
way.recv(1)
early = poll.poll(0)
if order.get("leave"):
    own.close()
way.send(b"y")
events = [] if order.get("leave") else poll.poll(100)
result = {"early": early, "events": [event for _, event in events]}
if not order.get("leave"):
    result["error"] = own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    result["blocking"] = own.getblocking()
    if not result["error"]:
        own.setblocking(True)
        own.settimeout(100)
        own.sendall(b"ping")
        result["read"] = own.recv(4).decode()
print(json.dumps(result))
