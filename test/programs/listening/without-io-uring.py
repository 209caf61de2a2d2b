"""io_uring, whose calls nobody would see, is not there, nor is what was never a call."""
import ctypes, errno, platform
from serving import answer, check, listener

libc = ctypes.CDLL(None, use_errno=True)
check("io_uring_setup()", libc.syscall(425, 1, ctypes.create_string_buffer(120)), -1)
check("its error", ctypes.get_errno(), errno.ENOSYS)
check("no call at all", libc.syscall(ctypes.c_long(-1)), -1)
check("its error", ctypes.get_errno(), errno.ENOSYS)
answer(listener().accept()[0], "ok")
