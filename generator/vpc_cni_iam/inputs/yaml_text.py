"""Reads YAML as kubectl and Helm do; needs PyYAML, which the extra ``yaml`` brings."""

from __future__ import annotations

from typing import Any

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts.limits import YAML

_EXTRA = "is YAML, which needs PyYAML: pip install 'vpc-cni-iam[yaml]'"
# Texts for Kubernetes' reader, other than for PyYAML's.
_TEXTS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary")


def load_yaml(text: str, source: str) -> list[object]:
    """Return the documents of YAML text; `InputError` for a key that stands twice, or no PyYAML."""
    try:
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - not always there
    except ImportError:
        raise InputError(source, "", _EXTRA) from None
    if len(text) > YAML.most:
        raise InputError(source, "", f"is larger than {YAML.words()}; {YAML.why}")
    try:
        return [d for d in yaml.load_all(text, _loader(yaml)) if d is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(source, place, f"is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(source, "", f"is not YAML: {error}") from None
    except (RecursionError, ValueError) as error:
        problem = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(source, "", f"is not YAML: {problem}") from None


def _loader(yaml: Any) -> Any:
    """Return a reader that makes plain values, and refuses a key that stands twice."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    def mapping(loader: Any, node: Any) -> dict[object, object]:
        loader.flatten_mapping(node)
        pairs = {}
        for key, value in node.value:
            name = loader.construct_object(key, deep=True)
            if isinstance(name, (dict, list)) or name in pairs:
                problem = f"the key {name!r:.80} stands twice, or is no text"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            pairs[name] = loader.construct_object(value, deep=True)
        return pairs

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    for tag in _TEXTS:
        Loader.add_constructor(tag, yaml.SafeLoader.construct_yaml_str)
    return Loader
