"""What PowerShell and others write is read in one way, by every command that takes a file."""

import codecs
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, run
from vpc_cni_iam import texts
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts import bounded, content_together, decode, limits, read
from vpc_cni_iam.texts.limits import Limit

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
        (WRITTEN["UTF-8 with a mark"](""), "TOML", "f: line 1: starts with a byte order mark"),
        (WRITTEN["utf-16-be"](""), "TOML", "is UTF-16, and TOML is UTF-8; save it as UTF-8"),
        (WRITTEN["utf-16-le"]("a {}"), "HCL", "is UTF-16, and HCL is UTF-8; save it as UTF-8"),
    ],
)
def test_what_is_no_text(content: bytes, form: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(content, "f", form)
    assert words in str(caught.value)


# Of each command that reads JSON: its arguments, the first a file of the examples.
EXAMPLES = {
    "coverage": ("policy.json",),
    "compare": ("policy.json", str(ROOT / "examples/inputs/wider.json")),
    "convert": ("policy.json",),
    "audit": ("account.json",),
    "review": ("plan.json",),
    "explain": ("policy.json",),
    "preflight": ("instances.json", "--cluster-name", "prod"),
}


@pytest.mark.parametrize("how", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("command", EXAMPLES)
def test_every_command_reads_json_in_utf_16(command: str, how: str, tmp_path: Path) -> None:
    name = EXAMPLES[command][0]
    text = (ROOT / "examples" / "inputs" / name).read_text()
    (tmp_path / name).write_text(text)
    expected = run(command, *EXAMPLES[command], cwd=tmp_path)
    (tmp_path / name).write_bytes(WRITTEN[how](text))
    assert run(command, *EXAMPLES[command], cwd=tmp_path) == expected


@pytest.mark.parametrize("command", EXAMPLES)
def test_every_command_names_the_line_of_a_byte_that_is_no_text(
    command: str, tmp_path: Path
) -> None:
    name = EXAMPLES[command][0]
    text = b"\n" + (ROOT / "examples" / "inputs" / name).read_bytes()
    start, value = re.split(rb'(?<=:")|(?<=: ")', text, maxsplit=1)
    (tmp_path / name).write_bytes(start + b"\xff" + value)
    done = run(command, *EXAMPLES[command], cwd=tmp_path)
    line = 1 + start.count(b"\n")
    assert (done.code, done.out) == (3, "")
    assert re.search(rf"{name}: line {line}\b.*: is not UTF-8 text: byte 0xff\n", done.err)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory; name a file"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"none\.json: does not exist"):
        read(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        read(tmp_path / ("n" * 300))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is below a file, not a directory"):
        read(tmp_path / "file" / "x")


def test_a_file_that_is_too_large_is_not_read_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "bounded", None)
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match=r"large\.json: is larger than 32 MiB, the limit"):
        read(large)


class Endless:
    """A device that never ends, and counts what is asked of it."""

    passed = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0 and self.passed < (20 << 20)
        self.passed += size
        return b"x" * size


def test_a_stream_is_read_no_further_than_its_limit() -> None:
    limit = Limit("tests", 10 << 20, "a test")
    endless = Endless()
    with pytest.raises(InputError, match="f: is larger than 10 MiB, the limit"):
        bounded(endless, "f", limit)
    assert endless.passed <= limit.most + (1 << 20)
    assert bounded(io.BytesIO(b"x" * limit.most), "f", limit) == b"x" * limit.most


def test_the_files_of_a_directory_are_counted_and_measured_together(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.tf" for n in range(3)]
    for path in paths:
        path.write_text("# abcdefgh")
    item, all_, count = (Limit("", most, "", unit) for most, unit in ((10, ""), (30, ""), (3, "")))
    assert content_together(paths, "d", item, all_, count) == dict.fromkeys(paths, b"# abcdefgh")
    fewer = Limit("", 2, "", "HCL files")
    with pytest.raises(InputError, match="d: holds more than 2 HCL files, the limit"):
        content_together(paths, "d", item, all_, fewer)
    less = Limit("", 29, "")
    with pytest.raises(InputError, match="d: holds files of more than 29 bytes together"):
        content_together(paths, "d", item, less, count)
    with pytest.raises(InputError, match=r"0\.tf: is larger than 9 bytes"):
        content_together(paths, "d", Limit("", 9, ""), all_, count)


# What reads bytes without the reader of texts: files of packages, sockets, and the few whose own
# tests show that they stop.
OWN_READERS = {
    "hcl/repair.py",
    "texts/__init__.py",
    "inputs/plan/saved.py",
    "files/lock.py",
    "files/read.py",
    "files/replacement.py",
    "engine/run.py",
    "publishing/archive.py",
}


def test_nobody_else_reads_files() -> None:
    package = ROOT / "generator" / "vpc_cni_iam"
    reading = re.compile(r"\.read_(?:text|bytes)\(|\bopen\(|(?:file|stream|stdin|buffer)\.read\(")
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if name in OWN_READERS or name.startswith("resources"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            own = "os.devnull" in line or '.open("w"' in line
            assert own or not reading.search(line), f"{name}:{number}: {line.strip()}"


def test_every_limit_is_used_and_says_why() -> None:
    code = "".join(p.read_text() for p in (ROOT / "generator").rglob("*.py"))
    code += "".join(p.read_text() for p in (ROOT / "tools").rglob("*.py"))
    for name, limit in vars(limits).items():
        if isinstance(limit, Limit):
            assert limit.kind and limit.why and limit.most > 0
            assert len(re.findall(rf"\b{name}\b", code)) > 2, name
