"""Applications for servers with several worker processes: they tell which of them answers, and to whom."""
import os


def tell(address, port):
    return f"{os.getpid()} {address}:{port}".encode()


def application(environ, start_response):
    """WSGI (PEP 3333)."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [tell(environ["REMOTE_ADDR"], environ["REMOTE_PORT"])]


async def asgi(scope, receive, send):
    """ASGI 3."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": tell(*scope["client"])})
