"""Works under an interval timer of 1 ms, whose signals do not even restart its accept()."""
import signal, sys
from serving import check, listener, answer

ticks = 0


def tick(*_):
    global ticks
    ticks += 1


signal.signal(signal.SIGALRM, tick)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(50):
    server = listener()
    check("the socket", server.getsockname()[0], "127.0.0.1")
    if _ < 49:
        server.close()
print(f"waiting at port {server.getsockname()[1]}", file=sys.stderr)
signal.siginterrupt(signal.SIGALRM, True)
answer(server.accept()[0], "ok")
signal.setitimer(signal.ITIMER_REAL, 0)
check("there were signals", ticks > 20, True)
