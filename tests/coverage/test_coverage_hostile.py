"""What somebody who means ill puts into an input of `coverage` stays text in every format."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conftest import run
from synthetic import allow, document, plan, policy
from vpc_cni_iam import formats

FORMATS = formats.names("vpc_cni_iam.coverage.report")
COMMAND = "::error::pwned"
FORMULA = '=HYPERLINK("https://evil.test")'
EVIL = f"\x1b[2J\x1b]0;pwned\x07<img src=x onerror=alert(1)>|`\u202e.\u2028\r\n{COMMAND}\n{FORMULA}"
# A file name has no slash, and no reader takes one that is none for a format's option.
NAMES = (COMMAND, FORMULA.replace("/", ""), "<img src=x onerror=alert(1)>\x1b[2J\n::error::x")


class Tags(HTMLParser):
    """The elements and attributes of a picture, and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs)}
        self.text += "".join(value or "" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def check(name: str, text: str) -> None:
    assert not re.search(r"^\s*::", text, re.MULTILINE), f"{name}: a workflow command"
    if name == "svg":
        tags = Tags(text)
        assert not [n for n in tags.seen if n in ("img", "script") or n.startswith("on")], name
        text = tags.text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text), name
    assert name != "csv" or not re.search(r'(^|,)"?=HYPER', text, re.MULTILINE), "a formula"
    assert name != "json" or json.loads(text)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("versions", ["--all-versions", ""])
def test_what_an_input_says_stays_text(name: str, versions: str, tmp_path: Path) -> None:
    condition = {"StringEquals": {f"aws:RequestTag/{EVIL}": EVIL}}
    statement = {
        **allow(["ec2:CreateTags", f"ec2:{EVIL}"], f"arn:aws:ec2:*:*:*{EVIL}"),
        "Condition": condition,
    }
    text = document({**statement, "Sid": EVIL})
    files = dict.fromkeys(NAMES, text)
    change = policy("p", None, text, address=f'aws_iam_policy.p["{EVIL}"]')
    files["plan"] = plan(change).decode()
    printed = 0
    for stem, content in files.items():
        path = tmp_path / f"{stem}.json"
        path.write_text(content, encoding="utf-8")
        words = ["coverage", path.name, "--format", name, *filter(None, [versions])]
        done = run(*words, cwd=tmp_path)
        check(name, done.out)
        check("standard error", done.err)
        printed += bool(done.out)
    assert printed == len(files)
