"""Runs a command of this tool and writes down what it asks of the system, by audit events.

python watched.py LOG WORD...

An audit hook sees what Python itself does, in every module; it cannot be taken off. A program
that is started is one event, and what that program does is not seen.
"""

import json
import os
import sys

# What each kind of promise is about; the events are listed in Python's documentation.
CONNECTS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
CONNECTS |= {"socket.bind", "urllib.Request", "http.client.connect", "ftplib.connect"}
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"}
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod"}
CHANGES |= {"os.truncate", "os.chown", "os.utime", "shutil.rmtree", "shutil.copyfile"}


def main() -> None:
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event in CONNECTS | STARTS:
            line = [event, *map(str, arguments)]
        elif event in CHANGES:
            places = [a for a in arguments if isinstance(a, str | bytes | os.PathLike)]
            line = [event, *(os.path.abspath(os.fsdecode(p)) for p in places)]
        elif event == "open" and writes(arguments):
            line = [event, os.path.abspath(os.fsdecode(arguments[0]))]  # type: ignore[arg-type]
        elif event == "compile":
            line = [event, str(arguments[0])]
        else:
            return
        os.write(log, json.dumps(line).encode() + b"\n")

    sys.addaudithook(note)
    sys.argv[:] = ["vpc-cni-iam", *sys.argv[2:]]
    if sys.argv[1:2] == ["upstream"]:  # the maintainers' tool
        del sys.argv[1]
        from tools.upstream.__main__ import main as command
    else:
        from vpc_cni_iam.cli.main import main as command

    command()


def writes(arguments: tuple[object, ...]) -> bool:
    """Whether an open event is one for writing, of a file that has a name."""
    path, mode, flags = arguments
    if isinstance(path, int) or path is None:
        return False
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    expected = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return bool(int(str(flags)) & expected)


if __name__ == "__main__":
    main()
