"""Connects to each of the places of standard input at once, says there what it is to say, and prints what it met."""

import errno
import json
import socket
import sys
import threading


def meet(place, met):
    try:
        with socket.create_connection((place["host"], place["port"]), timeout=90) as connection:
            connection.sendall(bytes.fromhex(place["says"]))
            heard = b""
            while more := connection.recv(4096):
                heard += more
                if b"INSIDE TLS" in heard:
                    break
            met["heard"] = heard.decode("latin1")
    except OSError as error:
        met["error"] = errno.errorcode.get(error.errno, str(error))


places = json.load(sys.stdin)
results = {name: {} for name in places}
threads = [threading.Thread(target=meet, args=(place, results[name])) for name, place in places.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
json.dump(results, sys.stdout)
