"""A file that cannot be read stops nothing that does not need it, and is named."""

from vpc_cni_iam.converting.from_hcl import Reading, Unread, read_files
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.directory import Directory

POLICY = (
    'resource "aws_iam_policy" "p" {\n  policy = jsonencode({\n    Version = "2012-10-17"\n'
    '    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]\n  })\n}\n'
)
BROKEN = 'resource "aws_iam_policy" {'


def unreadable() -> Directory:
    raise InputError("z.tf", "", "cannot be read: Permission denied")


def test_files_that_are_read_beside_broken_ones() -> None:
    together = [
        lambda: Directory({"a.tf": BROKEN, "b.tf": POLICY}, ()),
        unreadable,
        lambda: Directory({"c.tf": POLICY}, ()),
    ]
    results = read_files(together)
    unread = [result.error.source for result in results if isinstance(result, Unread)]
    policies = [result for result in results if isinstance(result, Reading)]
    assert unread == ["a.tf", "z.tf"] and len(policies) == 2
