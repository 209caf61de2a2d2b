"""Runs a command where system calls are forbidden, as the profile of a container has it: forbidding.py CALL CMD..."""
import ctypes, os, platform, struct, sys

NUMBERS = {
    "x86_64": {"pidfd_getfd": 438, "process_vm_readv": 310, "process_vm_writev": 311, "seccomp": 317, "unshare": 272},
    "aarch64": {"pidfd_getfd": 438, "process_vm_readv": 270, "process_vm_writev": 271, "seccomp": 277, "unshare": 97},
}
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
EPERM, ALLOW = 0x00050001, 0x7FFF0000


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


number = NUMBERS[platform.machine()][sys.argv[1]]
instructions = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, EPERM), (0x06, 0, 0, ALLOW)]
code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() != 0 and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
    sys.exit("no new privileges: refused")
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Program(len(instructions), code))) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
