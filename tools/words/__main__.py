"""Check that texts and docstrings have the terms of the field.

python -m tools.words

Reads Markdown, templates, and every string in the code, also docstrings. terms.toml has the words,
and what to write instead. Exit codes: 0 nothing found, 1 a word was found.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_MARKDOWN = ("*.md", "docs/**/*.md", "examples/**/*.md", "generator/**/*.md", ".github/**/*.md")
_TEMPLATES = ("generator/**/*.jinja", "templates/*", "action.yml", ".github/**/*.yml")
_CODE = ("generator/**/*.py",)


@dataclass(frozen=True, slots=True)
class Term:
    """Words to avoid.

    Args:
        pattern: The words.
        say: What to write instead.
    """

    pattern: re.Pattern[str]
    say: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A word to avoid in a line of a file, with its term."""

    path: str
    line: int
    words: str
    term: Term

    def __str__(self) -> str:
        """Return the finding as a line."""
        return f"{self.path}:{self.line}: {self.words!r}: write {self.term.say!r}"


def terms() -> tuple[Term, ...]:
    """Return the terms of the table."""
    table = tomllib.loads((Path(__file__).parent / "terms.toml").read_text(encoding="utf-8"))
    return tuple(Term(re.compile(t["not"], re.IGNORECASE), t["say"]) for t in table["term"])


def files(root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files under a directory that match patterns, in order."""
    yield from sorted({p for pattern in patterns for p in root.glob(pattern) if p.is_file()})


def texts(root: Path) -> Iterator[tuple[str, int, str]]:
    """Yield path, first line and text of everything that users read."""
    for path in files(root, (*_MARKDOWN, *_TEMPLATES)):
        yield path.relative_to(root).as_posix(), 1, path.read_text(encoding="utf-8")
    for path in files(root, _CODE):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                yield path.relative_to(root).as_posix(), node.lineno, str(node.value)


def findings(root: Path) -> Iterator[Finding]:
    """Yield every word to avoid; it may continue on the next line."""
    known = terms()
    for path, first, text in texts(root):
        for term in known:
            flat = text.replace("\n", " ")
            for match in term.pattern.finditer(flat):
                line = first + text.count("\n", 0, match.start())
                yield Finding(path, line, match[0].strip(), term)


def main() -> int:
    """Print the findings; return the exit code."""
    items = list(findings(ROOT))
    for finding in items:
        print(finding)
    return 1 if items else 0


if __name__ == "__main__":
    sys.exit(main())
