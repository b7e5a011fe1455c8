"""Replaces the policies written out in a .tf file by data sources, and touches nothing else."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.converting.naming import identifier
from vpc_cni_iam.converting.notes import notes
from vpc_cni_iam.converting.rewriting.carry import (
    Surroundings,
    check_meaning,
    fill,
    quoted,
    remarks,
)
from vpc_cni_iam.converting.rewriting.module_names import ModuleFiles, Modules
from vpc_cni_iam.errors import InexpressibleError, InputError, VpcCniIamError, reason
from vpc_cni_iam.files import read, tree
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.attributes import Attribute, attributes, may_hold_policy
from vpc_cni_iam.hcl.embedded import Embedded
from vpc_cni_iam.hcl.literals import Expression
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import OVERRIDE, File, Text
from vpc_cni_iam.hcl.write import block as block_text
from vpc_cni_iam.hcl.write import policy_document
from vpc_cni_iam.inputs.directory import hcl_files
from vpc_cni_iam.texts import decode

_DOCUMENT = "data.aws_iam_policy_document"
_TRIVIA = re.compile(r"[ \t\r]+|\n|#[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
# What an instance of a resource is told apart by, or what may not be there for some of them.
_INSTANCE = re.compile(r"\b(each|count)\.|\[")
_REPEATED = re.compile(rb"\b(count|for_each)\b")


class Replaced(Struct, frozen=True):
    """A policy in a .tf file that became a data source."""

    address: str  # where it was, such as ``aws_iam_role.x.assume_role_policy``
    line: int  # its line in the file before
    name: str
    notes: tuple[str, ...]  # what is written differently with the same meaning


class WhyLeft(StrEnum):
    """Why a policy stays as it is: refused, or not where policies are replaced."""

    # No replacement is proven to mean the same.
    refused = "refused"
    elsewhere = "not written out"
    local = "local"
    module_argument = "module argument"
    other = "argument that the AWS provider does not take for an IAM policy"


class Left(Struct, frozen=True):
    """A policy that stays as it is."""

    address: str
    error: InputError  # the file, the line, and why
    kind: WhyLeft

    @property
    def refused(self) -> bool:
        """Whether it stands where policies are replaced, and could not be."""
        return self.kind is WhyLeft.refused


class Rewriting(Struct, frozen=True):
    """The rewriting of one file."""

    path: Path
    before: str
    after: str
    replaced: tuple[Replaced, ...]  # the policies that became data sources, in order
    left: tuple[Left, ...]  # the others


def rewriting(path: Path, modules: Modules) -> Rewriting:
    """Return the rewriting of a .tf file; nothing is written.

    The others in its directory are read for the names they use. Its new names are taken in
    `modules` from now on.
    """
    if path.suffix not in (".tf", ".tofu"):
        raise InputError(str(path), "", "is not a .tf file; --rewrite takes .tf files")
    module = modules.of(path.parent)
    content = module.files.get(path.name)
    if content is None:
        raise InputError(str(path), "", "does not exist; check the path")
    before = decode(content, str(path), "HCL")
    mark = "\ufeff" if content.startswith(codecs.BOM_UTF8) else ""
    if not may_hold_policy(before):
        return Rewriting(path, mark + before, mark + before, (), ())
    writer = _FileRewriter(module.file(path.name, str(path)), str(path), module)
    after = mark + writer.rewritten()
    return Rewriting(path, mark + before, after, tuple(writer.replaced), tuple(writer.left))


def rewrite_files(files: Iterable[str]) -> tuple[list[Rewriting], list[InputError]]:
    """Return the rewritings of files and directories, and the errors of unreadable files."""
    modules = Modules()
    rewritings: list[Rewriting] = []
    errors: list[InputError] = []
    for file in dict.fromkeys(_paths(files, errors)):
        try:
            rewritings.append(rewriting(file, modules))
        except InputError as error:
            errors.append(error)
    return rewritings, errors


def _paths(files: Iterable[str], errors: list[InputError]) -> Iterator[Path]:
    """Yield the files, those of a directory in its place."""
    for path in map(Path, files):
        try:
            yield from hcl_files(path) if path.is_dir() else (path,)
        except InputError as error:
            errors.append(error)


def save_all(rewritings: Iterable[Rewriting]) -> dict[Path, InputError]:
    """Write the files of each directory, and return the errors of directories not written."""
    unsaved = {}
    by_directory: dict[Path, list[Rewriting]] = {}
    for change in rewritings:
        by_directory.setdefault(change.path.parent, []).append(change)
    for directory, changes in by_directory.items():
        try:
            save(directory, changes)
        except InputError as error:
            unsaved[directory] = error
        except (VpcCniIamError, OSError) as error:
            problem = f"nothing in it was written: {reason(error)}"
            unsaved[directory] = InputError(str(directory), "", problem)
    return unsaved


def save(directory: Path, rewritings: Sequence[Rewriting]) -> None:
    """Write the files of a directory that change, all or none.

    Raises `InputError` if one changed meanwhile, `TreeError` if one may not be written.
    """
    changed = {r.path.name: r for r in rewritings if r.after != r.before}
    if not changed:
        return
    with locked(directory):
        now = read.contents(directory, changed)
        for name, change in changed.items():
            if now.get(name) != change.before.encode():
                raise InputError(str(change.path), "", "changed while it was read; run this again")
        tree.write(
            directory,
            {name: change.after.encode() for name, change in changed.items()},
            observed=now,
        )


class _FileRewriter:
    def __init__(self, file: File, source: str, module: ModuleFiles) -> None:
        self.file, self.source = file, source
        self.module = module
        self.replaced: list[Replaced] = []
        self.left: list[Left] = []
        self.edits: list[tuple[int, int, str]] = []
        self.sources: dict[int, str] = {}  # the texts of data sources by the place they go to
        self.newline = "\r\n" if "\r\n" in file.text else "\n"
        self.ends = sorted(block.span.end for block in file.blocks)

    @property
    def known(self) -> Surroundings:
        return self.module.surroundings

    def rewritten(self) -> str:
        for attribute in sorted(attributes(self.file), key=lambda a: a.value.span.start):
            try:
                if attribute.holds_policy:
                    self.attribute(attribute)
                elif (kind := self.kind(attribute)) is not None:
                    error = self.refuse(attribute.value.span.line, f"not rewritten: {kind}")
                    self.left.append(Left(attribute.address, error, kind))
            except (InputError, InexpressibleError) as error:
                if isinstance(error, InexpressibleError):
                    error = self.refuse(attribute.value.span.line, str(error))
                self.left.append(Left(attribute.address, error, WhyLeft.refused))
        if not self.edits:
            return self.file.text
        pieces, place = [], 0
        added = [(place, place, text) for place, text in self.sources.items()]
        for start, end, new in sorted([*self.edits, *added], key=lambda e: e[:2]):
            pieces += [self.file.text[place:start], new]
            place = end
        text = "".join((*pieces, self.file.text[place:]))
        if len(parse(text, self.source).blocks) != len(self.file.blocks) + len(self.replaced):
            raise InputError(self.source, "", "cannot be rewritten and is unchanged")
        return text

    def kind(self, attribute: Attribute) -> WhyLeft | None:
        """Return the kind of a policy that no resource of the provider takes; None for another."""
        if not attribute.writes_policy:
            return None
        kinds = {"module": WhyLeft.module_argument, "locals": WhyLeft.local}
        return kinds.get(attribute.block.type, WhyLeft.other)

    def refuse(self, line: int, problem: str) -> InputError:
        return InputError(self.source, f"line {line}", problem)

    def attribute(self, attribute: Attribute) -> None:
        value, source = attribute.value, self.source
        if not embedded.is_document(value):
            if attribute.has_document_inside:
                raise self.refuse(value.span.line, "stands in an expression, which stays as it is")
            if f"{_DOCUMENT}." not in value.outer.code:
                error = self.refuse(value.span.line, "no policy is written out here")
                self.left.append(Left(attribute.address, error, WhyLeft.elsewhere))
            return
        if OVERRIDE.fullmatch(Path(source).name):
            problem = "stands in an override file, which can only change blocks of other files"
            raise self.refuse(value.span.line, problem)
        if attribute.dynamic:
            problem = "stands in a dynamic block, and a data source cannot see its iterator"
            raise self.refuse(value.span.line, problem)
        policy = embedded.read(value, source)
        for expression in policy.marks.expressions:
            self.known.check(expression, source)
        repeated, index = self.repeated(attribute, policy)
        name = self.name(attribute)
        check_meaning(name, policy, self.known)
        new = self.data_source(name, attribute, policy, repeated)
        self.module.taken.add(name)
        texts = [policy.marks.shown(str(n)) for n in notes(policy.document, "$")]
        texts += quoted(policy.policy, policy.marks, self.known)
        if attribute.compared_as_text:
            texts.append("the provider compares its text, which is another now")
        self.replaced.append(Replaced(attribute.address, value.span.line, name, tuple(texts)))
        self.edits.append((value.outer.start, value.outer.end, f"{_DOCUMENT}.{name}{index}.json"))
        place = self.place(attribute)
        if place not in self.sources:  # the first policy of its resource
            close = place > 0 and not self.file.text.endswith(self.newline * 2, 0, place)
            self.sources[place] = self.newline * close
        self.sources[place] += new

    def repeated(self, attribute: Attribute, policy: Embedded) -> tuple[str, str]:
        """Return the meta-argument that the data source needs too, and the index of its uses."""
        arguments = attribute.block.attributes
        depends = [k for k in policy.marks.expressions if _INSTANCE.search(k.code)]
        # In OpenTofu, an instance may have a provider of its own.
        own_provider = "provider" in arguments and "[" in arguments["provider"].outer.code
        for name, index in (("count", "[count.index]"), ("for_each", "[each.key]")):
            if (depends or own_provider) and name in arguments:
                for file, text in self.module.files.items():
                    if OVERRIDE.fullmatch(file) and _REPEATED.search(text):
                        line = arguments[name].span.line
                        raise self.refuse(line, f"{file} may change {name}, also of the policy")
                return name, index
        for expression in depends:
            if re.search(r"\b(each|count)\.", expression.code):
                problem = f"{expression.code} without count or for_each"
                raise self.refuse(expression.line, problem)
        return "", ""

    def name(self, attribute: Attribute) -> str:
        kind, name = attribute.block.labels
        if attribute.path == ("assume_role_policy",):
            name += "_assume_role"
        elif len(attribute.path) > 1:
            match attribute.holder.attributes.get("name"):
                case Text(parts=(str() as own,)):
                    name += f"_{identifier(own)}"
                case _:
                    name += f"_{attribute.path[0]}"
        tries = [name, f"{name}_{kind.removeprefix('aws_')}"]
        return next(n for n in self.names(tries) if n not in self.module.taken)

    def names(self, tries: list[str]) -> Iterator[str]:
        yield from tries
        number = 2
        while True:
            yield f"{tries[0]}_{number}"
            number += 1

    def data_source(self, name: str, attribute: Attribute, policy: Embedded, repeated: str) -> str:
        whole, each = remarks(self.file, attribute.value, policy.body)
        block = policy_document(name, policy.policy, remarks=each)
        block.comment = whole
        fill(block, policy.marks, self.known)
        for argument in ("provider", repeated):
            if value := attribute.block.attributes.get(argument):
                code = value.full_code.replace("\r\n", "\n")
                block.attributes.insert(0, (argument, Expression(code)))
        return f"{block_text(block)}\n".replace("\n", self.newline)

    def place(self, attribute: Attribute) -> int:
        """Return where the data source goes: before the resource and its comments."""
        text, start = self.file.text, attribute.block.span.start
        before = bisect_right(self.ends, start)
        place = self.ends[before - 1] if before else 0
        # What follows the block before on its line belongs to that one.
        own = place == 0
        begin, empty = place, own
        while match := _TRIVIA.match(text, place, start):
            place = match.end()
            if match[0] == "\n":
                if empty or not own:
                    begin = place
                own, empty = True, True
            elif not match[0].isspace():
                empty = False
        return begin
