"""The build of the documentation site, beside mkdocs alone on the pages of docs/."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rows import PYTHON, Row, in_turns, processor

ROOT = Path(__file__).parent.parent
# Pages that the hooks make are missing from it, and links to them lead nowhere.
PLAIN = """
INHERIT: {root}/mkdocs.yml
docs_dir: {root}/docs
strict: false
hooks: []
"""


def measure(runs: int) -> Iterator[Row]:
    """Measure the build.

    Args:
        runs: How often, three times at most.
    """
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary, "mkdocs.yml")
        plain.write_text(PLAIN.format(root=ROOT))
        build = [PYTHON, "-m", "mkdocs", "build", "--quiet", "--site-dir", f"{temporary}/site"]
        own, other = in_turns(
            lambda: processor(build, ROOT),
            lambda: processor([*build, "--config-file", str(plain)], ROOT),
            min(runs, 3),
        )
    yield Row("`make docs`", own, "mkdocs without its generated pages", other, "ms")
