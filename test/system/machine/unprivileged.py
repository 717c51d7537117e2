"""Folders with shifted owners, then a command in a user name space of these owners: what an unprivileged container is.
unprivileged.py FROM=TO... -- PREPARE -- COMMAND...   PREPARE is a shell line that runs before the command, still as root of the machine."""
import ctypes
import os
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
NEWUSER, SHIFT, COUNT = 0x10000000, 100000, 65536
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


def map_ids(pid):
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w") as file:
            file.write(f"0 {SHIFT} {COUNT}\n")


def on_signal(work):
    """Forks; the child does its work when the pipe says so."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        os.read(read, 1)
        work()
        os._exit(0)
    os.close(read)
    return pid, write


class Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def shifted(source, target, userns):
    tree = check(libc.syscall(OPEN_TREE, -100, source.encode(), 1 | os.O_CLOEXEC), "open_tree")
    attributes = Attributes(0x00100000, 0, 0, userns)
    size = ctypes.sizeof(attributes)
    check(libc.syscall(MOUNT_SETATTR, tree, b"", 0x1000, ctypes.byref(attributes), size), "mount_setattr")
    check(libc.syscall(MOVE_MOUNT, tree, b"", -100, target.encode(), 4), "move_mount")


def main():
    first = sys.argv.index("--")
    folders, prepare, command = sys.argv[1:first], sys.argv[first + 1], sys.argv[first + 3 :]
    ready, say = os.pipe()

    def own_space():
        check(libc.unshare(NEWUSER), "unshare")
        os.write(say, b"x")
        os.read(hold, 1)

    hold, let_go = os.pipe()
    pid, start = on_signal(own_space)
    os.write(start, b"x")
    os.read(ready, 1)
    map_ids(pid)
    userns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    for folder in folders:
        shifted(*folder.split("="), userns)
    subprocess.run(["bash", "-ec", prepare], check=True)
    os.write(let_go, b"x")
    os.waitpid(pid, 0)
    own = os.getpid()
    helper, go = on_signal(lambda: map_ids(own))
    check(libc.unshare(NEWUSER), "unshare")
    os.write(go, b"x")
    os.waitpid(helper, 0)
    os.setgid(0)
    os.setuid(0)
    os.execvp(command[0], command)


main()
