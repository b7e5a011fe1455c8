"""Reads YAML as kubectl and Helm do."""

from __future__ import annotations

from typing import Any

import yaml

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts.limits import YAML

# Texts for Kubernetes' reader, other than for PyYAML's.
_TEXTS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary")


def load_yaml(text: str, source: str) -> list[object]:
    """Return the documents of YAML text; `InputError` for a key that stands twice, or an alias."""
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
    except (RecursionError, ValueError) as error:
        problem = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(source, "", f"is not YAML: {problem}") from None


class _Loader(yaml.SafeLoader):
    """Makes plain values; refuses aliases, since aliases of aliases grow without bound."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise _refusal(event, "an alias is not read; write its value in its place")
        return super().compose_node(parent, index)


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return loader.construct_scalar(node)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    """Return a mapping; a key that stands twice is refused."""
    pairs: dict[object, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(key, "a key is not text")
        name = loader.construct_object(key)
        if name in pairs:
            raise _refusal(key, f"the key {name!r:.80} stands twice")
        pairs[name] = loader.construct_object(value, deep=True)
    return pairs


def _refusal(at: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
for _tag in _TEXTS:
    _Loader.add_constructor(_tag, _text)
