"""What real engines render of converted documents, and a second opinion on what is the same."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conftest import OFFLINE_PROVIDER, write_tree
from vpc_cni_iam.converting.batch import ConvertOptions, Input, convert
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.parse import loads


def rendered(engine: Engine, folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """The JSON that an engine renders of each data source in the files of a root module.

    They are read from the state: there is nothing to apply but data sources, and printing a plan
    of the whole corpus costs a quarter of making it.
    """
    write_tree(folder, {"provider.tf": OFFLINE_PROVIDER, **files})
    engine.run(["init", "-input=false", "-no-color"], folder)
    engine.run(["apply", "-auto-approve", "-input=false", "-no-color"], folder)
    state = json.loads((folder / "terraform.tfstate").read_text())
    assert {resource["mode"] for resource in state["resources"]} == {"data"}
    return {
        resource["name"]: resource["instances"][0]["attributes"]["json"]
        for resource in state["resources"]
        if resource["type"] == "aws_iam_policy_document"
    }


def converted(texts: Mapping[str, str], options: ConvertOptions | None = None) -> dict[str, str]:
    """The files of converted documents, all of which must be expressible."""
    inputs = [Input(f"{n}.json", lambda t=t: t) for n, t in texts.items()]  # type: ignore[misc]
    batch = convert(inputs, options or ConvertOptions())
    assert not batch.failures, batch.failures
    assert [c.name for c in batch.documents] == list(texts)
    return batch.files()


def check_same(texts: Mapping[str, str], result: Mapping[str, str]) -> None:
    """Each document is the same by the comparison of the product, and by that of this file."""
    assert result.keys() == texts.keys()
    for name, text in texts.items():
        assert differences(loads(text, name), loads(result[name], "rendered")) == (), name
        assert plain(text) == plain(result[name]), name


def plain(text: str) -> Any:
    """A document as sets and text, by nothing but json and the grammar of IAM."""
    document = json.loads(text, parse_int=str, parse_float=str)
    statements = document["Statement"]
    return (
        document.get("Version", "2008-10-17"),
        document.get("Id", ""),
        Counter(map(_statement, statements if isinstance(statements, list) else [statements])),
    )


def _statement(statement: dict[str, Any]) -> Any:
    elements = {key: _element(key, value) for key, value in statement.items()}
    # No Sid and an empty one are the same, as are no conditions and none.
    return frozenset((k, v) for k, v in elements.items() if v not in ("", frozenset()))


def _element(key: str, value: Any) -> Any:
    if key == "Condition":
        return frozenset(
            (operator, name, frozenset(Counter(map(_text, _list(values))).items()))
            for operator, names in value.items()
            for name, values in names.items()
        )
    if isinstance(value, dict):
        return frozenset((kind, frozenset(_list(ids))) for kind, ids in value.items())
    return value if key in ("Sid", "Effect") else frozenset(_list(value))


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else value
