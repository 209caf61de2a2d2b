"""io_uring, whose calls nobody would see, is not there."""
import ctypes, errno, platform
from serving import answer, check, listener

libc = ctypes.CDLL(None, use_errno=True)
check("io_uring_setup()", libc.syscall(425, 1, ctypes.create_string_buffer(120)), -1)
check("its error", ctypes.get_errno(), errno.ENOSYS)
answer(listener().accept()[0], "ok")
