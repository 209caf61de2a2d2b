"""Listens first and goes into the background then, as many old daemons do."""
import os
from serving import answer, listener

server = listener()
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
answer(server.accept()[0], "ok")
