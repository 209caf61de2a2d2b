"""Is in a network namespace of its own, and may listen nowhere but at the port that was given to it."""
import errno, socket, sys

plain = socket.create_server(("", int(sys.argv[1])))
other = socket.socket()
other.bind(("", 0))
try:
    other.listen()
except OSError as error:
    assert error.errno == errno.EACCES, error
else:
    sys.exit("it listens")
assert socket.socket().connect_ex(("192.0.2.1", 443)) == errno.ENETUNREACH
