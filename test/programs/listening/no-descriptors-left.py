"""Is at its limit of open files when a client comes: that one waits, and is served later."""
import errno, resource, select
from serving import answer, check, listener

server = listener()
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
hoard = []
try:
    while True:
        hoard.append(open("/dev/null"))
except OSError:
    pass
select.select([server], [], [], 100)
try:
    server.accept()
    raise SystemExit("accept() did not fail")
except OSError as error:
    check("its error", error.errno, errno.EMFILE)
hoard.pop().close()
answer(server.accept()[0], "ok")
