"""Reads YAML as kubectl and Helm do."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any, ClassVar

import yaml

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts.limits import YAML

_BOOLEAN = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"
_MOST_REPEATED = 100_000


def load_yaml(text: str, source: str) -> list[object]:
    """Return the documents of YAML text; raises `InputError` for a repeated key."""
    if len(text) > YAML.most:
        raise InputError(source, "", f"is larger than {YAML.words()}; {YAML.why}")
    try:
        return [d for d in yaml.load_all(text, _Loader) if d is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(source, place, f"is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(source, "", f"is not YAML: {error}") from None
    except (RecursionError, ValueError, LookupError) as error:
        problem = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        if isinstance(error, LookupError):  # PyYAML's, of a tag such as !!bool
            problem = "a value does not fit its tag"
        raise InputError(source, "", f"is not YAML: {problem}") from None


class _Loader(yaml.SafeLoader):
    """Builds plain values, with a limit: aliases of aliases could grow without bound."""

    bool_values: ClassVar = {**yaml.SafeLoader.bool_values, "y": True, "n": False}

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._open: list[str | None] = []  # the anchors around the current node
        self._repeated = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        alias = self.check_event(yaml.AliasEvent)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if alias and event.anchor in self._open:
            raise _refusal(event, f"the anchor {event.anchor!r:.80} contains itself")
        self._open.append(None if alias else event.anchor)
        node = super().compose_node(parent, index)
        self._open.pop()
        if alias and node:
            self._repeated += _size(node)
            if self._repeated > _MOST_REPEATED:
                raise _refusal(event, f"aliases repeat more than {_MOST_REPEATED:,} values")
        return node


def _size(node: yaml.Node) -> int:
    """Return the number of values in a node; aliased values are counted each time."""
    parts = node.value if isinstance(node, yaml.CollectionNode) else ()
    nodes = (n for part in parts for n in (part if isinstance(part, tuple) else (part,)))
    return 1 + sum(map(_size, nodes))


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return loader.construct_scalar(node)


def _decoded(loader: _Loader, node: yaml.ScalarNode) -> str:
    try:
        return b64decode(loader.construct_scalar(node)).decode()
    except ValueError:
        raise _refusal(node, "is not text in base64") from None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    """Return a mapping; refuses a repeated key."""
    merged: dict[object, object] = {}
    pairs: dict[object, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(key, "a key is not text")
        if key.tag == _MERGE:
            if pairs:  # go-yaml would replace them by merged keys
                raise _refusal(key, "a merge key (<<) is after other keys")
            merged |= _merged(loader, value)
            continue
        name = loader.construct_object(key)
        if name in pairs:
            raise _refusal(key, f"the key {name!r:.80} is there twice")
        pairs[name] = loader.construct_object(value, deep=True)
    return merged | pairs


def _merged(loader: _Loader, node: yaml.Node) -> dict[object, object]:
    """Return the mapping of a merge key: of several mappings, the first with a key wins."""
    merged: dict[object, object] = {}
    for each in reversed(node.value if isinstance(node, yaml.SequenceNode) else [node]):
        if not isinstance(each, yaml.MappingNode):
            raise _refusal(each, "the merged value is not a mapping")
        merged |= loader.construct_object(each, deep=True)
    return merged


def _refusal(at: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
# As in Kubernetes' reader, unlike PyYAML.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("tag:yaml.org,2002:binary", _decoded)
_Loader.add_implicit_resolver(_BOOLEAN, re.compile("[yYnN]$"), [*"yYnN"])
