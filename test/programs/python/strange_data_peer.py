"""Connects for data of FTPS from another address than it has control from: strange_data_peer.py PORT NAME CA"""

import socket
import ssl
import sys
from ftplib import FTP_TLS

port, name, ca = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=ca)
context.check_hostname = False
client = FTP_TLS(context=context, timeout=100)
client.connect("127.0.0.1", port)
client.login()
client.prot_p()
place = client.makepasv()
client.putcmd("RETR file")
stranger = socket.create_connection(place, timeout=100, source_address=("127.0.0.2", 0))
print(stranger.recv(1))
