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


def load_yaml(text: str, source: str) -> list[object]:
    """Return the documents of YAML text; `InputError` for a key that stands twice."""
    if len(text) > YAML.most:
        raise InputError(source, "", f"is larger than {YAML.words()}; {YAML.why}")
    try:
        return [d for d in yaml.load_all(text, _Loader) if d is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        start = "" if isinstance(error, _NotReadError) else "is not YAML: "
        raise InputError(source, place, f"{start}{error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(source, "", f"is not YAML: {error}") from None
    except (RecursionError, ValueError, LookupError) as error:
        problem = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        if isinstance(error, LookupError):  # PyYAML's, of a tag such as !!bool
            problem = "a value does not fit its tag"
        raise InputError(source, "", f"is not YAML: {problem}") from None


class _Loader(yaml.SafeLoader):
    """Makes plain values of YAML without aliases and merge keys, which may grow without bound."""

    bool_values: ClassVar = {**yaml.SafeLoader.bool_values, "y": True, "n": False}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise _NotReadError(event, f"an alias, *{event.anchor:.80}")
        return super().compose_node(parent, index)


class _NotReadError(yaml.MarkedYAMLError):
    """YAML in a form that is not read."""

    def __init__(self, place: Any, form: str) -> None:
        problem = f"has {form}, which is not read; write the values in its place"
        super().__init__(problem=problem, problem_mark=place.start_mark)


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return loader.construct_scalar(node)


def _decoded(loader: _Loader, node: yaml.ScalarNode) -> str:
    try:
        return b64decode(loader.construct_scalar(node)).decode()
    except ValueError:
        raise _refusal(node, "is not text in base64") from None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    """Return a mapping; a key that stands twice is refused."""
    pairs: dict[object, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(key, "a key is not text")
        if key.tag == _MERGE:
            raise _NotReadError(key, "a merge key (<<)")
        name = loader.construct_object(key)
        if name in pairs:
            raise _refusal(key, f"the key {name!r:.80} stands twice")
        pairs[name] = loader.construct_object(value, deep=True)
    return pairs


def _refusal(at: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
# As Kubernetes' reader has them, other than PyYAML.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("tag:yaml.org,2002:binary", _decoded)
_Loader.add_implicit_resolver(_BOOLEAN, re.compile("[yYnN]$"), [*"yYnN"])
