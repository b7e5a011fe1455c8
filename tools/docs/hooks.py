"""Hooks of mkdocs: generated pages, pages of files outside docs/, diagrams and copy buttons."""

import html
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.docs import catalog, commands, diagrams, outside, picker

# Pages of the site only, by their path below docs/.
_GENERATED: dict[str, str] = {}
_RULES, _RULE_FILTER = "rules.md", "assets/rule-filter.js"
_RULE = re.compile(r"^## (.+)$|^\| \[[^\]]+\]\((rules/[\w-]+\.md)\)", re.MULTILINE)
_CONSOLE = re.compile(r'<div class="language-console highlight">(.*?)</div>', re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*(?:(?<=\\)\n.*)*)", re.MULTILINE)
# A word, then a second column, or what continues it.
_ALIGNED = re.compile(r"^\S+ {2,}\S|^ {8,}\S", re.MULTILINE)
# What stands before the column in which a line goes on when it is broken.
_LEFT = re.compile(r"\$ | *(?:error|warning|note) +| *\S+(?: \S+)? {2,}(?=\S)| +")
# Texts in which a browser may not break a word at its hyphen, and the words in them.
_CODE = re.compile(r"<code>.*?</code>", re.DOTALL)
_WORD = re.compile(r"[^\s<>&;]*-[^\s<>&;]*(?![^<>]*>)")
_LONGEST_WORD = 30  # characters that fit on a telephone
_TABLE, _TAG = re.compile(r"<table>.*?</table>", re.DOTALL), re.compile(r"<[^>]+>")
# For developers of this tool, and files of the repository; the site's search does not find them.
_NOT_SEARCHED = ("development/", f"{outside.FOLDER}/")
_places: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the generated pages, and list them in the navigation."""
    of_commands, of_versions = commands.pages(), catalog.pages()
    _GENERATED.update(of_commands | of_versions | commands.schemas())
    _GENERATED["assets/policy-picker-data.js"] = picker.script()
    titles = {name: Path(name).stem.replace("-", " ") for name in of_commands}
    titles |= {commands.LIST: "All commands", catalog.LIST: "All versions"}
    below: dict[str, list[Any]] = {
        commands.LIST: [{titles[name]: name} for name in of_commands],
        catalog.LIST: [{titles[name]: name} if name in titles else name for name in of_versions],
        _RULES: _rules(Path(config.docs_dir, _RULES).read_text(encoding="utf-8")),
    }
    for section in config.nav or ():
        for pages in section.values():
            for entry in pages if isinstance(pages, list) else ():
                entry.update((k, below[v]) for k, v in entry.items() if v in below)
    return config


def _rules(page: str) -> list[Any]:
    """Return the pages of rules, grouped by question."""
    questions: dict[str, list[dict[str, str]]] = {}
    for question, rule in _RULE.findall(page):
        if question:
            pages = questions.setdefault(question, [])
        else:
            pages.append({Path(rule).stem: rule})
    grouped = ({question: pages} for question, pages in questions.items())
    return [{"All rules": _RULES}, *grouped]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and one for each file outside docs/ that is linked to."""
    _places.clear()
    for name, content in _GENERATED.items():
        files.append(File.generated(config, name, content=content))
    waiting = [(f"docs/{f.src_uri}", f.content_string) for f in files.documentation_pages()]
    _places.update((f.src_uri, f"docs/{f.src_uri}") for f in files.documentation_pages())
    while waiting:
        place, text = waiting.pop()
        linked: list[Path] = []
        outside.with_links(text, place, into=linked.append)
        for file in linked:
            uri = outside.uri(file)
            if uri not in _places:
                _places[uri] = file.relative_to(outside.ROOT).as_posix()
                page = File.generated(config, uri, content=outside.content(file))
                page.inclusion = page.inclusion.NOT_IN_NAV
                files.append(page)
                waiting.append((_places[uri], page.content_string))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw diagrams, and change links to files outside docs/ to links to their pages."""
    del config, files
    if page.file.src_uri.startswith(_NOT_SEARCHED):
        page.meta["search"] = {"exclude": True}
    text = diagrams.drawn(markdown)
    if page.file.src_uri == _RULES:
        text += f'\n<script src="{_RULE_FILTER}"></script>\n'
    return outside.with_links(text, _places[page.file.src_uri], into=lambda file: None)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lay out consoles, let their buttons copy only the commands, and label the cells of tables."""
    del page, config, files
    words = _CODE.sub(lambda code: _WORD.sub(_unbroken, code[0]), content)
    return _TABLE.sub(_with_labels, _CONSOLE.sub(_with_commands, words))


def _unbroken(word: re.Match[str]) -> str:
    return f'<span class="word">{word[0]}</span>' if len(word[0]) <= _LONGEST_WORD else word[0]


def _hanging(line: str) -> str:
    """Return a line of a console that goes on in its own column when it is broken."""
    left = _LEFT.match(html.unescape(_TAG.sub("", line)))
    return f'<span class="line" style="--left: {left.end() if left else 0}ch">{line}</span>'


def _with_commands(match: re.Match[str]) -> str:
    text = html.unescape(_TAG.sub("", match[1]))
    copied = html.escape("\n".join(_COMMAND.findall(text)))
    kind = " aligned" if _ALIGNED.search(text) else ""
    kind += " columns" if "+---" in text else ""  # a drawn table
    before, code, after = re.split(r"(?<=<code>)(.*)(?=</code>)", match[1], flags=re.DOTALL)
    shown = f"{before}{''.join(map(_hanging, code.splitlines(keepends=True)))}{after}"
    return f'<div class="language-console highlight{kind}" data-copy="{copied}">{shown}</div>'


def _with_labels(match: re.Match[str]) -> str:
    """Return a table whose cells have their headings: a telephone shows cells as a list."""
    labels = [
        _TAG.sub("", label)
        for label in re.findall(r"<th(?: [^>]*)?>(.*?)</th>", match[0], re.DOTALL)
    ]

    def labelled(row: re.Match[str]) -> str:
        columns = iter(labels)
        return re.sub(r"<td", lambda cell: f'<td data-label="{next(columns)}"', row[0])

    return re.sub(r"<tr>.*?</tr>", labelled, match[0], flags=re.DOTALL)
