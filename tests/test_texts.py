"""What PowerShell and others write is read in one way, by every command that takes a file."""

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vpc_cni_iam import texts
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts import decode, read

UTF16 = (("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE))
WRITTEN: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda t: t.encode(),
    "UTF-8 with a mark": lambda t: t.encode("utf-8-sig"),
    **{name: lambda t, n=name, m=mark: m + t.encode(n) for name, mark in UTF16},  # type: ignore[misc]
}


@pytest.mark.parametrize("how", WRITTEN)
def test_what_a_file_says_does_not_hang_on_its_encoding(how: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(WRITTEN[how]('{"a": "ü"}'))
    assert json.loads(read(tmp_path / "f")) == {"a": "ü"}


@pytest.mark.parametrize("how", ["UTF-8", "UTF-8 with a mark"])
def test_forms_that_are_utf_8_by_their_own_rules(how: str) -> None:
    assert decode(WRITTEN[how]("ü {}"), "main.tf", "HCL") == "ü {}"


@pytest.mark.parametrize(
    ("content", "form", "words"),
    [
        (b'{\n"\xff"}', "", "f: line 2: is not UTF-8 text: byte 0xff"),
        (b'a\n"\xff"', "HCL", "f: line 2: is not UTF-8 text: byte 0xff"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", "", "is not UTF-16 text"),
        (WRITTEN["UTF-8 with a mark"]("{}"), "JSON", "f: line 1: starts with a byte order mark"),
        (WRITTEN["utf-16-be"]("{}"), "JSON", "is UTF-16, and JSON is UTF-8; save it as UTF-8"),
        (WRITTEN["utf-16-le"]("a {}"), "HCL", "is UTF-16, and HCL is UTF-8; save it as UTF-8"),
    ],
)
def test_what_is_no_text(content: bytes, form: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(content, "f", form)
    assert words in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"none\.json: is not there"):
        read(tmp_path / "none.json")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(InputError, match="is larger than 1 MB"):
        read(large, limit=1 << 20)
    assert texts.most(None) == -1
