"""Packs a tree into archives whose bytes depend on nothing but the tree.

Names are sorted, times, modes and owners are fixed, and nothing is compressed: what deflate makes
of the same input differs from one zlib build to the next, and a module is a few kilobytes.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from vpc_cni_iam.errors import InputError, TreeError
from vpc_cni_iam.texts.limits import ARCHIVE

# 1980-01-01 00:00:00 UTC, the oldest time that a zip archive can hold, in seconds since 1970.
_TIME = 315532800
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644
_REGULAR = 0o100000
_UNIX = 3
# The most that one stored block of deflate holds, in bytes.
_BLOCK = 65535
# Far over any module; what is larger is not one of ours.


def tar_gz(files: Mapping[str, str]) -> bytes:
    """Return a gzip-compressed tar archive of a tree, without a folder above it.

    Args:
        files: Texts by path, with forward slashes.

    Raises:
        TreeError: A path that an archive must not hold.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in _entries(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), _TIME, _MODE
            archive.addfile(entry, io.BytesIO(content))
    return _stored(plain.getvalue())


def zipped(files: Mapping[str, str]) -> bytes:
    """Return a zip archive of a tree, without a folder above it.

    Args:
        files: Texts by path, with forward slashes.

    Raises:
        TreeError: A path that an archive must not hold.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in _entries(files):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.create_system = _UNIX
            entry.external_attr = (_REGULAR | _MODE) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def unpacked(packed: bytes, source: str) -> dict[str, str]:
    """Return the files of an archive that `tar_gz` made.

    Args:
        packed: The archive.
        source: The name that errors show.

    Raises:
        InputError: Not such an archive.
    """
    found: dict[str, str] = {}
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            plain = stream.read(ARCHIVE.most + 1)
        if len(plain) > ARCHIVE.most:
            raise InputError(source, "", f"unpacks to more than {ARCHIVE.words()}")
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None:
                    raise InputError(source, entry.name, "is not a regular file")
                found[entry.name] = content.read().decode()
    except (OSError, EOFError, zlib.error, tarfile.TarError, UnicodeDecodeError) as error:
        raise InputError(source, "", f"is not an archive of this tool: {error}") from None
    check(found)
    return found


def check(files: Mapping[str, str]) -> None:
    """Refuse paths that leave the tree, or that some file system cannot hold side by side.

    Args:
        files: By path.

    Raises:
        TreeError: There is one.
    """
    folded: dict[str, str] = {}
    for name in files:
        parts = PurePosixPath(name).parts
        if "/".join(parts) != name or name.startswith("/") or ".." in parts or not parts:
            raise TreeError(f"{name!r} is not a plain path inside the module")
        if not name.isascii() or not name.isprintable() or set(name) & set('\\:*?"<>|'):
            raise TreeError(f"{name!r} holds a character that some file systems refuse")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if folded.setdefault(path.lower(), path) != path:
                raise TreeError(f"{path!r} differs from {folded[path.lower()]!r} only in case")
        if any("/".join(parts[:depth]) in files for depth in range(1, len(parts))):
            raise TreeError(f"{name!r} lies below a path that is a file")


def _entries(files: Mapping[str, str]) -> list[tuple[str, bytes]]:
    check(files)
    return [(name, files[name].encode()) for name in sorted(files)]


def _stored(plain: bytes) -> bytes:
    """Return the gzip format (RFC 1952) around stored blocks of deflate (RFC 1951, 3.2.4)."""
    packed = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(plain) or 1, _BLOCK):
        block = plain[start : start + _BLOCK]
        last = start + _BLOCK >= len(plain)
        packed += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    packed.append(struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF))
    return b"".join(packed)
