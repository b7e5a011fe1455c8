"""The limits of each kind of input, with reasons: the only table of sizes and nesting.

A size is checked before reading, if the file system knows it, and again while reading, since a pipe
or a device has none.
"""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.errors import Message

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30


class Limit(Struct, frozen=True):
    """The limit of one kind of input."""

    kind: str
    most: int  # the limit
    why: Message  # the size of an ordinary input, which is far less
    unit: str = "bytes"
    advice: Message = ""  # after the limit: how to give less

    def words(self) -> str:
        """Return the limit for people, such as ``128 MiB``."""
        for size, name in ((_GIB, "GiB"), (_MIB, "MiB"), (_KIB, "KiB")):
            if self.unit == "bytes" and self.most >= size:
                return f"{self.most // size} {name}"
        return f"{self.most:,} {self.unit}"


POLICIES = Limit(
    "JSON files with policies",
    32 * _MIB,
    "the largest document that AWS takes is 20 KB, a bucket policy; the details of an account "
    "with 4,000 roles are about 32 MB, and audit reads larger ones",
)
POLICY = Limit(
    "files that are one policy document",
    1 * _MIB,
    "IAM takes 6,144 characters in a managed policy, and all policies of a role have 133,120",
    "characters",
)
INVENTORY = Limit(
    "answers of EC2",
    256 * _MIB,
    "an instance is about 6 KB in describe-instances, so that it is some 40,000 instances",
)
ACCOUNT = Limit(
    "details of accounts to be audited",
    16 * _GIB,
    "10,000 roles are about 80 MB; they are read from disk, one at a time",
)
PLAN = Limit(
    "plans as JSON",
    4 * _GIB,
    "a plan of 100,000 resources is about 1 GB; it is read from disk, never as a whole",
)
UNPACKED = Limit(
    "inputs compressed with gzip, unpacked, also if more is read of others",
    1 * _GIB,
    "a plan of 100,000 resources is about 1 GB",
)
LOG = Limit(
    "texts to be explained, other than JSON",
    64 * _MIB,
    "a denied call is some kilobytes, and 100,000 lines of ipamd.log are about 35 MB",
    advice="; give its last lines, such as: tail -n 10000 ipamd.log | vpc-cni-iam explain -",
)
LINE = Limit(
    "lines of text to be explained, other than JSON",
    1 * _MIB,
    "a message of the plugin is some kilobytes",
)
YAML = Limit(
    "YAML",
    1 * _MIB,
    "a DaemonSet is some 20 KB, and parsing takes seconds for each MB",
    "characters",
)
HCL = Limit(
    "HCL files",
    4 * _MIB,
    "the largest of 3,000 public ones is under 1 MB; parsing takes seconds for each MB",
)
GENERATED_HCL = Limit(
    "HCL files to be verified", 1 * _MIB, "the largest that this tool generates has 40 KB"
)
MODULE = Limit(
    "HCL files of one directory together",
    32 * _MIB,
    "a module is some dozen files of some kilobytes",
)
MODULE_FILES = Limit(
    "HCL files in one directory", 2000, "a module is some dozen files", "HCL files"
)
CONFIGURATION = Limit(
    "configuration and ignore files",
    4 * _MIB,
    "an entry is about 150 bytes, so that it is some 25,000 modules",
)
PAGE = Limit("pages of upstream", 4 * _MIB, "upstream's page is 20 KB")
SOURCE = Limit("files of Go", 16 * _MIB, "the largest of upstream's is under 1 MB")
SOURCES = Limit(
    "files of Go in a checkout together", 256 * _MIB, "upstream's are some MB without vendor"
)
MODULE_TEXT = Limit(
    "files of a generated module or a registry",
    16 * _MIB,
    "what this tool writes is some kilobytes",
)
ARCHIVE = Limit("archives, unpacked", 64 * _MIB, "a published module is some kilobytes")
ENGINE_OUTPUT = Limit(
    "what an engine prints",
    64 * _MIB,
    "a plan of a module's own policies is under 1 MB",
)

# The depth of brackets, and the number of parts of a TOML key; HCL nests about 10 deep. A parser of
# JSON refuses by itself what nests too deeply for it; `policy.strict_json` counts its values.
HCL_DEPTH = 100
TOML_DEPTH = 20
# The number of tokens in one HCL file, without texts and comments. Parsing takes about 35 µs for
# each; an ordinary file of 900 KB has this many.
HCL_TOKENS = 150_000
# How often its size a compressed input may have unpacked; plans have 10 to 60 times theirs.
UNPACKED_RATIO = 200
# The limit of Linux's, macOS's and Windows' file systems.
NAME_BYTES = 255
PATH_BYTES = 1024
