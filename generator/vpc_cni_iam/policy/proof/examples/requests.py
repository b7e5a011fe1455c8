"""Requests of an uncovered piece, those that AWS can receive first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice, product

from msgspec import Struct, field

from vpc_cni_iam.policy.document import ANYONE
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.principals import covers
from vpc_cni_iam.policy.matching.variables import KeyValues, Pattern, read
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.examples import aws, contexts, ordinary, reference
from vpc_cni_iam.policy.proof.examples.aws import ArnPlace
from vpc_cni_iam.policy.proof.globs import Glob
from vpc_cni_iam.policy.proof.pieces import Piece
from vpc_cni_iam.policy.proof.related_keys import RESOURCE_ACCOUNT, SIGNER_KEY
from vpc_cni_iam.policy.proof.texts import Texts, text_of
from vpc_cni_iam.policy.template import known

_CONTEXTS, _ACTIONS, _RESOURCES, _PAIRS = 24, 1000, 3, 12
_PATTERNS = 24  # of resources in statements, to make resources from
_FORMS, _PLACES = 8, 3  # of an action's resources, to make one of each
_TRIES_OF_A_STEP = 4  # actions or resources that are tried in the time of one step


def example_requests(
    piece: Piece,
    origins: Sequence[Clause],
    others: Sequence[Clause],
    asked: Collection[str],
    budget: Budget,
) -> Iterator[Request]:
    """Yield requests of a piece, likely examples first.

    `origins` are the statements that apply to them, `others` those that should not apply; `asked`
    are the keys on which they depend.
    """
    near = [*origins, *others]
    spelled = _spellings(near)
    actions, alike = _actions(piece, near, budget), _alike(piece, origins)
    patterns = _patterns(piece, near)
    pairs: dict[Texts, list[tuple[str, str]]] = {}
    for context in islice(contexts.contexts(piece, asked, budget), _CONTEXTS):
        resources = piece.resources.filled(context)
        if resources is None:
            continue
        if resources not in pairs:
            written = [arn for p in patterns for arn in ordinary.resource_arns(p, context)]
            pairs[resources] = _pairs(actions, alike, resources, dict.fromkeys(written), budget)
        callers = _callers(origins, context)
        for action, resource in pairs[resources]:
            arn = _of_owner(resource, context)
            for made in contexts.agreeing(context, asked, action, arn):
                of_keys = {spelled.get(key, key): value for key, value in made.items()}
                yield from (Request(action, arn, caller, of_keys) for caller in callers)


def _of_owner(resource: str, context: KeyValues) -> str:
    """Return a resource of the account that a context names."""
    parts = resource.split(":", ARN_PARTS - 1)
    owner = context.get(RESOURCE_ACCOUNT)
    if isinstance(owner, str) and len(parts) == ARN_PARTS and parts[-2].isdigit():
        parts[-2] = owner
    return ":".join(parts)


def _patterns(piece: Piece, near: Sequence[Clause]) -> list[Pattern]:
    """Return patterns of resources, those of the piece first."""
    own = {glob for group in piece.resources.groups for glob in group}
    every = dict.fromkeys(p for c in near for p in c.resources.element.patterns)
    return sorted(every, key=lambda pattern: globs.of(pattern) not in own)[:_PATTERNS]


def _spellings(clauses: Iterable[Clause]) -> dict[str, str]:
    """Return the condition keys in statements, as written, by lower case."""
    keys = known(c.key for clause in clauses for c in clause.statement.conditions)
    return {key.lower(): key for key in keys}


def _actions(piece: Piece, near: Sequence[Clause], budget: Budget) -> list[str]:
    """Return actions of a piece: ordinary ones, others of AWS, and one made from the patterns."""
    statements = [clause.statement for clause in near]
    written = [a for s in statements for a in known((*s.actions, *s.not_actions))]
    named = {a.lower(): a for a in written if not set(a) & {"*", "?"}}
    if (text := piece.actions.text) is not None:
        return [named.get(text, text)]
    prefix = piece.actions.prefix
    every = dict([*ordinary.actions(), *named.items()])
    every |= reference.actions_of(prefix.partition(":")[0])
    like = {a: spelled for a, spelled in every.items() if a.startswith(prefix)}
    budget.spend(len(every) // _TRIES_OF_A_STEP + len(like) * piece.actions.work)
    own = (spelled for a, spelled in like.items() if piece.actions.has(a))
    return [*islice(own, _ACTIONS), *_made_up(text_of(piece.actions.word(budget) or ()), written)]


def _alike(piece: Piece, origins: Sequence[Clause]) -> list[str]:
    """Return the other actions for which the action of a piece stands, see `pieces`."""
    text = piece.actions.text
    every = (a for c in origins for a in known(c.statement.actions) if not set(a) & {"*", "?"})
    return [a for a in dict.fromkeys(every) if text and a.lower() != text]


def _made_up(word: str, written: Iterable[str]) -> list[str]:
    """Return an action in the case of the pattern's beginning."""
    for pattern in written:
        begin = pattern.partition("*")[0].partition("?")[0]
        word = begin + word[len(begin) :] if word.startswith(begin.lower()) else word
    service, _, name = word.partition(":")
    # Any text would be one letter; a real service reads better.
    return [f"ec2:{name}", word] if len(service) == 1 else [word]


def _pairs(
    actions: Sequence[str],
    alike: Sequence[str],
    resources: Texts,
    written: Collection[str],
    budget: Budget,
) -> list[tuple[str, str]]:
    """Return actions and resources, first those that AWS can check together."""
    budget.spend(len(written) * resources.work)
    matching = list(filter(resources.has, written))
    fitting = _Fitting(resources, matching, _places(matching), budget)
    real: list[tuple[str, str]] = []
    for find, some in product((fitting.of_action, fitting.made), (actions, alike)):
        for action in some if not real else ():
            real += [(action, resource) for resource in find(action)]
            if len(real) >= _PAIRS:
                break
    rest = [text for text in ("*", *fitting.written[:_RESOURCES]) if resources.has(text)]
    rest += [text_of(word)] if (word := resources.word(budget)) else []
    made_up = [(action, text) for action in (*actions[:2], *actions[-2:]) for text in rest]
    return list(dict.fromkeys([*real, *made_up]))[: _PAIRS + _RESOURCES]


class _Fitting(Struct):
    """The resources of a set that AWS can check, by the forms of `reference`."""

    texts: Texts
    written: list[str]  # those that patterns of the policies match
    places: list[ArnPlace]  # where these are
    budget: Budget
    by_form: dict[str, list[str]] = field(default_factory=dict)

    def of_action(self, action: str) -> list[str]:
        """Return a few resources of an action."""
        usual = ordinary.resources_of(action)
        forms = reference.possible_forms(action)
        self.budget.spend(len(forms) // _TRIES_OF_A_STEP + (1 + len(usual)) * self.texts.work)
        arns = [text for text in usual if self.texts.has(text)]
        for form in forms:
            arns += self._of_form(form) if len(arns) < _RESOURCES else []
        if not reference.forms(action) and self.texts.has("*"):
            arns.append("*")
        return list(dict.fromkeys(arns))[:_RESOURCES]

    def _of_form(self, form: str) -> list[str]:
        if form not in self.by_form:
            here = (ordinary.in_place(form, place) for place in self.places)
            usual = (*ordinary.arns_of(form), *here)
            self.budget.spend(len(usual) * self.texts.work + len(self.written))
            arns = [arn for arn in usual if self.texts.has(arn)][:2]
            arns += [arn for arn in self.written if reference.is_of(form, arn)][:2]
            self.by_form[form] = arns
        return self.by_form[form]

    def made(self, action: str) -> Iterator[str]:
        """Yield resources of an action that are made from the patterns."""
        places = dict.fromkeys((aws.PLACES[0], *self.places))
        for form, place in product(reference.possible_forms(action)[:_FORMS], places):
            part = self.texts.matching([_glob(form, place)])
            part = part and part.missing(_empty_names())
            word = part and part.word(self.budget)
            if word and reference.is_of(form, text := text_of(word)):
                yield text


def _places(arns: Iterable[str]) -> list[ArnPlace]:
    """Return partitions, regions and accounts of ARNs; instead of an empty part the usual one."""
    places = dict[ArnPlace, None]()
    for arn in arns:
        _, partition, _, region, account, _ = arn.split(":", ARN_PARTS - 1)
        usual = aws.PLACES[0]
        places[partition or usual[0], region or usual[1], account or usual[2]] = None
    return list(filter(reference.is_place, places))[:_PLACES]


@cache
def _empty_names() -> tuple[Glob, ...]:
    """Return the patterns of ARNs whose name has an empty part."""
    names = ("*/", "*:", "*//*", "*/:*", "*::*")
    return tuple(_arn(f"arn:*:*:*:*:{name}") for name in names)


@cache
def _glob(form: str, place: ArnPlace) -> Glob:
    """Return the pattern of the ARNs of a form in one place."""
    return _arn(":".join(reference.placed(form, place)).replace("*", "?*"))


def _arn(text: str) -> Glob:
    pattern = read(text, ElementPath("form"), variables=False, wildcards=True)
    return globs.of_arn(pattern, wide=True) or globs.ANYTHING


def _callers(origins: Sequence[Clause], context: KeyValues) -> list[str]:
    """Return principals that statements name, and two others; empty if no statement names any.

    If the request has a signer, it is the caller; services sign none.
    """
    names = [i for c in origins for p in c.statement.principals for i in known(p.identifiers)]
    callers = []
    for name in names:
        account = name if name.isdigit() else name.split(":")[4] if name.endswith(":root") else ""
        if account:
            callers.append(aws.USER.replace(aws.ACCOUNT, account))
        elif name != ANYONE:
            callers.append(name)
    others = (aws.USER, aws.USER.replace(aws.ACCOUNT, aws.OTHER_ACCOUNT))
    every = list(dict.fromkeys([*callers, *others])) if names else [""]
    signer = context.get(SIGNER_KEY)
    if names and isinstance(signer, str):
        own = [caller for caller in callers if covers([("AWS", signer)], [("AWS", caller)])]
        return [signer, *own, *(c for c in callers if not c.startswith("arn:"))]
    return every
