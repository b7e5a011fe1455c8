"""Makes the editable installation's path relative, so that the clone can be anywhere.

pip writes the absolute path of the clone into a .pth file, and Python 3.11 reads such a file in
the encoding of the locale: with an accent in the path, it does not even start where LC_ALL is C.
"""

import os
import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
SOURCE = Path(__file__).parent.parent / "generator"


def main() -> None:
    """Rewrite the .pth file of the editable installation."""
    for path in SITE.glob("*vpc_cni_iam*.pth"):
        path.write_text(os.path.relpath(SOURCE, SITE) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
