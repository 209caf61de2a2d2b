"""A server of TLS 1.3 that echoes lines; at `who` it asks its client, after the handshake, for a certificate, and at `you` it says whom it has seen. Where it is to ask `twice`, it asks in the handshake, too."""
import socket
import ssl
import sys

port, cert, key, ca, demand = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_cert_chain(cert, key)
context.load_verify_locations(ca)
context.post_handshake_auth = demand != "twice"
context.verify_mode = ssl.CERT_REQUIRED if demand == "required" else ssl.CERT_OPTIONAL


def seen(tls):
    names = (tls.getpeercert() or {}).get("subjectAltName", ())
    return ",".join(value for _, value in names) or "nobody"


def converse(tls):
    for line in tls.makefile("rb"):
        word = line.decode().strip()
        if word == "who":
            # Goes out in front of the answer.
            tls.verify_client_post_handshake()
            tls.sendall(b"asked\n")
        elif word == "you":
            tls.sendall(f"you are {seen(tls)}\n".encode())
        else:
            tls.sendall(line)


with socket.create_server(("127.0.0.1", int(port))) as listener:
    while True:
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                converse(tls)
        except OSError as error:
            print(error, flush=True)
