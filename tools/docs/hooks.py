"""Hooks of mkdocs: generated pages, and pages of files outside docs/."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.docs import catalog, commands, outside, picker

_PAGES = {
    "commands.md": commands.page,
    "catalog.md": catalog.page,
    "assets/policy-picker-data.js": picker.script,
}
_places: dict[str, str] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and one for each file outside docs/ that is linked to."""
    _places.clear()
    for name, make in _PAGES.items():
        files.append(File.generated(config, name, content=make()))
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
    """Point links to files outside docs/ at their pages."""
    del config, files
    return outside.with_links(markdown, _places[page.file.src_uri], into=lambda file: None)
