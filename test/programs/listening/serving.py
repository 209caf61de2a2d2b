"""What the programs of this folder have alike: an answer to one client after the other."""
import socket


def answer(connection, text):
    """Reads a line of the client and answers with one."""
    with connection:
        connection.makefile("rb").readline()
        connection.sendall(text.encode() + b"\n")


def check(name, value, expected):
    if value != expected:
        raise SystemExit(f"{name} is {value!r}, not {expected!r}")


def listener(family=socket.AF_INET, host="127.0.0.1", **options):
    return socket.create_server((host, 0), family=family, **options)
