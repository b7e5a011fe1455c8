"""Pages for files outside docs/ that pages link to.

A page links to `../examples/README.md` as it stands on GitHub. In the site, each such file is a
page below `source/`: Markdown as it is, anything else as code.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "source"
_LINK = re.compile(r"(?<!!)(\[[^\]]*\])\(([^)#\s:]+)(#[^)\s]*)?\)")
_LANGUAGES = {".tf": "hcl", ".toml": "toml", ".yml": "yaml", ".yaml": "yaml", ".json": "json"}


def with_links(text: str, place: str, *, into: Callable[[Path], None]) -> str:
    """Return a page's text with links to the pages below `source/`.

    Args:
        text: The page's Markdown.
        place: Where the page's text is in the repository.
        into: Is called with each file outside docs/ that is linked to.
    """
    folder = posixpath.dirname(place)

    def link(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        path = posixpath.normpath(posixpath.join(folder, target))
        if path.startswith("docs/") and place.startswith("docs/"):
            return match[0]
        file = _file(ROOT / path)
        if file is None:  # a directory that holds only directories
            return label.strip("[]")
        into(file)
        return f"{label}({posixpath.relpath(uri(file), posixpath.dirname(_uri_of(place)))}{anchor})"

    return _LINK.sub(link, text)


def uri(file: Path) -> str:
    """Return the page of a file of the repository."""
    return _uri_of(file.relative_to(ROOT).as_posix())


def content(file: Path) -> str:
    """Return the text of a file's page, with the links of GitHub."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return text
    name, language = file.relative_to(ROOT).as_posix(), _LANGUAGES.get(file.suffix, "text")
    return f"# {name}\n\n````{language}\n{text}````\n"


def _uri_of(place: str) -> str:
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    return f"{FOLDER}/{place.removesuffix('.md')}.md"


def _file(path: Path) -> Path | None:
    """Return the file of a link: for a directory, its README.md, or else its main.tf."""
    candidates = (path, path / "README.md", path / "main.tf")
    return next((file for file in candidates if file.is_file()), None)
