"""Answers each client with the number of those that it has accepted."""
from serving import answer, listener

server = listener()
count = 0
while True:
    connection, _ = server.accept()
    count += 1
    answer(connection, str(count))
