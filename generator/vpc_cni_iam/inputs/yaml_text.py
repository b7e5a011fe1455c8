"""Reads YAML as kubectl and Helm do."""

from __future__ import annotations

import yaml

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts.limits import YAML

# Texts for Kubernetes' reader, other than for PyYAML's.
_TEXTS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary")
_MERGE = "tag:yaml.org,2002:merge"


def load_yaml(text: str, source: str) -> list[object]:
    """Return the documents of YAML text; `InputError` for a key that stands twice or merges."""
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
    """Makes plain values."""


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return loader.construct_scalar(node)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    """Return a mapping; a key that stands twice or merges another mapping is refused."""
    pairs: dict[object, object] = {}
    for key, value in node.value:
        if key.tag == _MERGE:
            raise _refusal(key, "a key << is not read; write what it merges in its place")
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(key, "a key is no text")
        name = loader.construct_object(key)
        if name in pairs:
            raise _refusal(key, f"the key {name!r:.80} stands twice")
        pairs[name] = loader.construct_object(value, deep=True)
    return pairs


def _refusal(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
for _tag in _TEXTS:
    _Loader.add_constructor(_tag, _text)
