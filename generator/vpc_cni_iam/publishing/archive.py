"""Archives of a module's files, whose bytes depend only on the files.

Names are sorted; times, modes and owners are fixed. Nothing is compressed, because builds of zlib
compress the same input differently, and a module has only a few kilobytes.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath

from vpc_cni_iam.errors import InputError, TreeError
from vpc_cni_iam.texts.limits import ARCHIVE

# 1980-01-01 00:00:00 UTC, the oldest possible time in a zip archive, in seconds since 1970.
_TIME = 315532800
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644
_REGULAR = 0o100000
_UNIX = 3
# The longest stored block of deflate, in bytes.
_BLOCK = 65535


class ArchiveFormat(StrEnum):
    """A format of archives, by its file name extension."""

    TAR_GZ = "tar.gz"
    ZIP = "zip"


def pack(files: Mapping[str, str], archive_format: ArchiveFormat) -> bytes:
    """Return an archive of files, without a top folder; see `check_paths`."""
    check_paths(files)
    entries = [(name, files[name].encode()) for name in sorted(files)]
    return _tar_gz(entries) if archive_format is ArchiveFormat.TAR_GZ else _zip(entries)


def _tar_gz(entries: list[tuple[str, bytes]]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), _TIME, _MODE
            archive.addfile(entry, io.BytesIO(content))
    return gzip_stored(plain.getvalue())


def _zip(entries: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.create_system = _UNIX
            entry.external_attr = (_REGULAR | _MODE) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def unpack(packed: bytes, source: str) -> dict[str, str]:
    """Return the files of a tar archive that `pack` returned."""
    files: dict[str, str] = {}
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            plain = stream.read(ARCHIVE.most + 1)
        if len(plain) > ARCHIVE.most:
            raise InputError(source, "", f"has more than {ARCHIVE.words()} of content")
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None:
                    raise InputError(source, entry.name, "is not a regular file")
                files[entry.name] = content.read().decode()
    except (OSError, EOFError, zlib.error, tarfile.TarError, UnicodeDecodeError) as error:
        raise InputError(source, "", f"is not an archive of this tool: {error}") from None
    check_paths(files)
    return files


def check_paths(files: Mapping[str, object]) -> None:
    """Check that no path leaves the tree, and that every file system can store all paths."""
    folded: dict[str, str] = {}
    for name in files:
        parts = PurePosixPath(name).parts
        if "/".join(parts) != name or name.startswith("/") or ".." in parts or not parts:
            raise TreeError(f"{name!r} is not a plain path inside the module")
        if not name.isascii() or not name.isprintable() or set(name) & set('\\:*?"<>|'):
            raise TreeError(f"{name!r} has a character that some file systems refuse")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if folded.setdefault(path.lower(), path) != path:
                raise TreeError(f"{path!r} differs from {folded[path.lower()]!r} only in case")
        if any("/".join(parts[:depth]) in files for depth in range(1, len(parts))):
            raise TreeError(f"{name!r} is below a path that is a file")


def gzip_stored(plain: bytes) -> bytes:
    """Return data in the gzip format (RFC 1952), in stored deflate blocks (RFC 1951, 3.2.4)."""
    packed = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(plain) or 1, _BLOCK):
        block = plain[start : start + _BLOCK]
        last = start + _BLOCK >= len(plain)
        packed += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    packed.append(struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF))
    return b"".join(packed)
