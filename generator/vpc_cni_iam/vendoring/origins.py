"""The texts that this tool generates for a module, for all known plugin versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property, partial
from types import MappingProxyType

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.options import Options, override, stated
from vpc_cni_iam.errors import VpcCniIamError
from vpc_cni_iam.rendering.kinds import called, render
from vpc_cni_iam.vendoring.manifest import digest


@cache
def rendered(options: Options) -> Mapping[str, str]:
    """Return the files of a module; cached, because many modules have the same options."""
    if options.directory:
        return MappingProxyType(called(rendered(replace(options, directory="")), options))
    return MappingProxyType(render(options, vendored=True))


@cache
def digests(options: Options) -> Mapping[str, str]:
    """Return the digests of the files of a module."""
    return {path: digest(text) for path, text in rendered(options).items()}


@cache
def texts_of_versions(options: Options) -> Mapping[str, Mapping[str, str]]:
    """Return the texts of each file by digest, for all known versions and revisions."""
    texts: dict[str, dict[str, str]] = {}
    for other in (options, *_others(options)):
        for path, text in rendered(other).items():
            texts.setdefault(path, {}).setdefault(digest(text), text)
    return texts


def _others(options: Options) -> Iterator[Options]:
    """Yield the options at every version and revision that they work with."""
    at_versions = (partial(override, cni_version=str(v)) for v in reversed(known_versions.known()))
    of_revisions = (partial(override, revision=r.name) for r in documents.revisions())
    for make in (*at_versions, *of_revisions):
        with suppress(VpcCniIamError):  # a variant or feature that this version does not have
            other = make(options)
            other.composed()
            yield other


class Origins:
    """The known generated texts of a module, on which its edited files may be based."""

    def __init__(self, options: Options, others: Callable[[], Iterable[Options]]) -> None:
        """Take the current options; `others` returns earlier ones, for example those at HEAD."""
        self._options = options
        self._load_others = others

    @cached_property
    def _all(self) -> tuple[Options, ...]:
        return tuple(dict.fromkeys((self._options, *self._load_others())))

    def texts(self, path: str) -> Mapping[str, str]:
        """Return the texts of a file by digest."""
        return {d: t for o in self._all for d, t in texts_of_versions(o).get(path, {}).items()}

    def made(self, path: str, text: str, main: str) -> bool:
        """Return whether this tool generated a text; `main` is the text of main.tf."""
        if digest(text) in self.texts(path):
            return True
        # `generate` may have written it, before a configuration named the module.
        options = stated(text, main)
        return options is not None and render(options).get(path) == text


def unlike(text: str, other: str) -> tuple[int, int]:
    """Return how many lines a text has that another one lacks, and the other way round."""
    lines, others = set(text.splitlines()), set(other.splitlines())  # `statement {` is no evidence
    return len(lines - others), len(others - lines)
