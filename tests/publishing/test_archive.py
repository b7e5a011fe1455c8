"""Archives depend on the tree alone, and hold nothing that leads out of it."""

import gzip
import io
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpc_cni_iam.errors import InputError, TreeError
from vpc_cni_iam.publishing.archive import ArchiveFormat, check_paths, gzip_stored, pack, unpack

TREE = {"main.tf": "a\n", "modules/role/main.tf": "b\n", "LICENSE": "é\n", "empty": ""}

names = st.text("abcXYZ019._-", min_size=1, max_size=8).filter(lambda n: n.strip("."))
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
trees = st.dictionaries(paths, st.text(max_size=50), max_size=6)


def plain(files: dict[str, str]) -> bool:
    try:
        check_paths(files)
    except TreeError:
        return False
    return True


@given(trees.filter(plain))
def test_what_is_packed_comes_back(files: dict[str, str]) -> None:
    encodable = {p: t for p, t in files.items() if t.isprintable()}
    assert unpack(pack(encodable, ArchiveFormat.TAR_GZ), "x") == encodable
    shuffled = dict(reversed(encodable.items()))
    assert pack(shuffled, ArchiveFormat.TAR_GZ) == pack(encodable, ArchiveFormat.TAR_GZ)
    assert pack(shuffled, ArchiveFormat.ZIP) == pack(encodable, ArchiveFormat.ZIP)
    with zipfile.ZipFile(io.BytesIO(pack(encodable, ArchiveFormat.ZIP))) as archive:
        assert archive.testzip() is None
        assert {n: archive.read(n).decode() for n in archive.namelist()} == encodable


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 200_000])
def test_blocks_are_stored_and_others_read_them(size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    packed = gzip_stored(content)
    assert gzip.decompress(packed) == content
    assert len(packed) == 18 + size + 5 * max(1, -(-size // 65535))


def test_times_modes_and_owners_are_fixed() -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(TREE, ArchiveFormat.TAR_GZ))) as archive:
        entries = archive.getmembers()
    assert [e.name for e in entries] == sorted(TREE)
    stamps = {(e.mtime, e.mode, e.uid, e.gid, e.uname, e.gname, e.type) for e in entries}
    assert stamps == {(315532800, 0o644, 0, 0, "", "", tarfile.REGTYPE)}
    with zipfile.ZipFile(io.BytesIO(pack(TREE, ArchiveFormat.ZIP))) as zip_archive:
        infos = zip_archive.infolist()
    assert {(i.date_time, i.external_attr >> 16, i.compress_type) for i in infos} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, zipfile.ZIP_STORED)
    }


def test_other_tools_read_them(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(pack(TREE, ArchiveFormat.TAR_GZ))
    command = ["tar", "-xzf", "x.tar.gz", "-O", "modules/role/main.tf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == b"b\n"
    if shutil.which("unzip"):
        (tmp_path / "x.zip").write_bytes(pack(TREE, ArchiveFormat.ZIP))
        subprocess.run(["unzip", "-qt", "x.zip"], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize(
    "name",
    ["", "/x", "../x", "a/../x", "./x", "a//b", "a/", "a\\b", "C:x", "é", "a\nb", "a*"],
)
def test_paths_that_lead_out_are_refused(name: str) -> None:
    for archive_format in ArchiveFormat:
        with pytest.raises(TreeError):
            pack({"main.tf": "", name: "x"}, archive_format)


@pytest.mark.parametrize(
    "other",
    [
        *({"Main.tf": ""}, {"A/x": "", "a/y": ""}, {"main.tf/x": ""}, {"MAIN.tf/x": ""}),
        *({"main.tf/x/y": ""}, {"a/b": "", "a/b/c": ""}, {"a/b/c/d": "", "a/b": ""}),
    ],
)
def test_paths_that_do_not_go_together_are_refused(other: dict[str, str]) -> None:
    with pytest.raises(TreeError):
        pack({"main.tf": "", **other}, ArchiveFormat.TAR_GZ)


def hostile(kind: bytes, name: str, link: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, link
        archive.addfile(entry, io.BytesIO())
    return made.getvalue()


@pytest.mark.parametrize(
    "packed",
    [
        hostile(tarfile.SYMTYPE, "x", "/etc/passwd"),
        hostile(tarfile.LNKTYPE, "x", "../y"),
        hostile(tarfile.FIFOTYPE, "x"),
        hostile(tarfile.REGTYPE, "../x"),
        hostile(tarfile.REGTYPE, "/x"),
        b"",
        b"PK",
        pack(TREE, ArchiveFormat.TAR_GZ)[:-30],
        gzip.compress(bytes(65 * 1024 * 1024), 1),
    ],
    ids=["link", "hard link", "pipe", "above", "root", "empty", "zip", "cut", "bomb"],
)
def test_what_is_no_archive_of_ours_is_refused(packed: bytes) -> None:
    with pytest.raises((InputError, TreeError)):
        unpack(packed, "x.tar.gz")
