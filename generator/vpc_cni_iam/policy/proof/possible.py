"""Whether a context key can have a value for which some conditions hold and others do not.

There is no value only if there is none in every reading that AWS leaves open. If AWS does not
define a condition (`conditions.undefined`: a key that can have several values, without ForAllValues
or ForAnyValue), it only says whether the key can be absent, and it contradicts only the same
condition. There are two readings of ForAllValues and ForAnyValue for one empty string: it is no
value, or it is a value.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, localcontext
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from vpc_cni_iam.policy.matching import conditions, keys, matches, values
from vpc_cni_iam.policy.matching.keys import Values
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import TEXTS, Family, SetOperator
from vpc_cni_iam.policy.matching.variables import is_plain, literal
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.budget import Budget, Counter, TooHardError
from vpc_cni_iam.policy.proof.globs import ANYTHING, SOMETHING, Glob
from vpc_cni_iam.policy.proof.texts import Texts, text_of
from vpc_cni_iam.policy.template import known

# A condition, and whether it holds.
CheckOrNot: TypeAlias = tuple[ConditionCheck, bool]
# The values of a condition, and whether a value of the key is one of them.
_Requirement: TypeAlias = tuple[ConditionCheck, bool]
# The value of a key; None for an absent key.
ContextValue: TypeAlias = str | tuple[str, ...] | None

# Keys whose values have at least one letter. Source: IAM User Guide, "Tags for IAM resources": a
# tag key has 1 to 128 characters. ROSAInstallerPolicy asks for ForAllValues with Null on it.
NEVER_EMPTY = ("aws:tagkeys",)
STEPS = 40_000  # for one key
_TRIED = 3
_REMEMBERED = 16384
_HOST = 7  # the first address of a network is the network's
_LATEST = Decimal(253402300799)  # of year 9999
_EXACT = Context(prec=4000, traps=[Inexact])
TYPED = (Family.NUMERIC, Family.DATE, Family.IP)
_OTHER = "x"  # a value of no type


def values_for(literals: tuple[CheckOrNot, ...], budget: Budget) -> tuple[ContextValue, ...]:
    """Return values of a key for which conditions may hold or not; empty if there is none.

    All conditions are about the same key.
    """
    every, steps = values_and_steps(literals)
    budget.spend(steps)
    return every


@lru_cache(_REMEMBERED)
def values_and_steps(literals: tuple[CheckOrNot, ...]) -> tuple[tuple[ContextValue, ...], int]:
    """Return the values and the steps; after too many steps, some value is possible."""
    budget = Counter(STEPS)
    try:
        every = tuple(_kinds(literals, budget))
    except TooHardError:
        every = (_OTHER,)
    return every, STEPS - max(0, budget.steps)


def _kinds(literals: Sequence[CheckOrNot], budget: Counter) -> Iterator[ContextValue]:
    """Yield an absent value, one without a letter, and one with letters, if they are possible."""
    budget.spend(1 + sum(1 + len(check.values) for check, _ in literals))
    if _contradict(((check.operator, *_meaning(check)), holds) for check, holds in literals):
        return
    if all(_if_absent(check) in (holds, None) for check, holds in literals):
        yield None
    if not all(map(may_be_present, literals)):
        return
    if _may_be_empty(literals):
        yield ""
    about = [(c, holds) for c, holds in literals if c.operator.base.family is not Family.NULL]
    bases = ((c.operator.base, c.operator.quantifier, *_meaning(c)) for c, _ in about)
    if _contradict(zip(bases, (holds for _, holds in about), strict=True)):
        return
    if keys.find(literals[0][0].key).values is Values.ONE:
        text = _some_text([_required(c, holds=holds) for c, holds in about], budget)
        if text is not None:
            yield text
    else:
        yield from _several([(c, h) for c, h in about if not conditions.undefined(c)], budget)


def _contradict(literals: Iterable[tuple[Hashable, bool]]) -> bool:
    every = set(literals)
    return any((meaning, not holds) in every for meaning, holds in every)


def _meaning(check: ConditionCheck) -> tuple[Hashable, ...]:
    return check.key, frozenset(check.patterns or check.values)


def _if_absent(check: ConditionCheck) -> bool | None:
    """Return whether a condition holds without the key; None if not known."""
    if check.operator.base.family is Family.NULL and check.operator.quantifier:
        return None  # not defined
    holds = conditions.test(check)({})
    return holds if isinstance(holds, bool) else None


def may_be_present(literal_: CheckOrNot) -> bool:
    """AmazonSageMakerCanvasFullAccess compares tags that Null would only ask for."""
    check, holds = literal_
    operator = check.operator
    if operator.base.family is not Family.NULL or operator.quantifier or not check.is_known:
        return True
    return (False in map(values.truth, known(check.values))) is holds


def _may_be_empty(literals: Sequence[CheckOrNot]) -> bool:
    """Return whether the value can be one empty string, read as no value for set operators.

    Read as a value, it is one of those of `_some_text`.
    """
    if literals[0][0].key in NEVER_EMPTY or not any(c.operator.quantifier for c, _ in literals):
        return False
    return all(if_empty(check) in (holds, None) for check, holds in literals)


def if_empty(check: ConditionCheck) -> bool | None:
    """Return whether a condition holds for one empty string; None if not known.

    AWSBackupOrganizationAdminAccess had ForAllValues and has StringEquals.
    """
    operator = check.operator
    if operator.base.family is Family.NULL or conditions.undefined(check):
        return None
    if operator.quantifier is SetOperator.ALL:
        return True
    if operator.quantifier is SetOperator.ANY:
        return None if operator.if_exists else False  # AWS does not say whether the key exists
    return matches.of(check)("", {}) is not operator.base.negated if _is_plain(check) else None


def _required(check: ConditionCheck, *, holds: bool) -> _Requirement:
    """Return what a condition says about one value of the request."""
    return check, holds is not check.operator.base.negated


def _several(literals: Sequence[CheckOrNot], budget: Counter) -> Iterator[ContextValue]:
    """Yield a value with several texts: one for each condition that asks for some text.

    ROSAInstallerPolicy compares all keys of tags.
    """
    of_each: list[_Requirement] = []
    of_some: list[_Requirement] = []
    for check, holds in literals:
        is_of_each = (check.operator.quantifier is SetOperator.ALL) is holds
        (of_each if is_of_each else of_some).append(_required(check, holds=holds))
    chosen = []
    for some in [[each] for each in of_some] or [[]]:
        text = _some_text([*of_each, *some], budget)
        if text is None:
            return
        chosen.append(text)
    yield tuple(dict.fromkeys(chosen))


def _some_text(required: Sequence[_Requirement], budget: Counter) -> str | None:
    """Return a text that meets requirements, or may meet them; None if there is certainly none.

    Requirements of different types may exclude each other unnoticed.
    """
    budget.spend(1 + len(required))
    tested = [(matches.of(check), inside) for check, inside in required if _is_plain(check)]
    likely = (t for t in _likely(required) if all(match(t, {}) is i for match, i in tested))
    text = next(likely, None)
    if text is not None and len(tested) == len(required):
        return text
    for family in TYPED:
        own = [(c, i) for c, i in required if c.operator.base.family is family and _is_plain(c)]
        if own:
            text = next(_of_type(family, own, budget), None)
            if text is None:
                return None
    texts = [(c, i) for c, i in required if c.operator.base.family in (*TEXTS, Family.BOOL)]
    if texts:
        language = _texts(texts)
        word = language.word(budget) if language else None
        return None if word is None else text_of(word)
    return text or _OTHER


def _is_plain(check: ConditionCheck) -> bool:
    return check.is_known and all(map(is_plain, check.patterns))


def _likely(required: Sequence[_Requirement]) -> Iterator[str]:
    """Yield some texts that often meet requirements: they save a search."""
    for check, inside in required:
        if inside:
            yield from (t for p in check.patterns[:_TRIED] if (t := literal(p)))
            yield from (value for value in known(check.values)[:_TRIED] if not check.patterns)
    yield from (_OTHER, "y")


def _texts(required: Sequence[_Requirement]) -> Texts | None:
    """Return the texts that meet requirements on texts, or more; None if there are none."""
    is_empty = required[0][0].key not in NEVER_EMPTY
    texts: Texts | None = Texts() if is_empty else Texts(((SOMETHING,),))
    for check, inside in required:
        patterns = _patterns(check, wide=inside)
        texts = texts and (texts.matching(patterns) if inside else texts.missing(patterns))
    return texts


def _patterns(check: ConditionCheck, *, wide: bool) -> list[Glob]:
    """Return a condition's values as patterns: wide ones match too much, others too little.

    The Amazon S3 User Guide denies requests by HTTP with Bool.
    """
    family = check.operator.base.family
    if family is Family.BOOL:
        folded = [(text,) for text in known(check.values)]
        patterns = [globs.of_folded(text, wide=wide) for text in folded]
        patterns += [None] * (not check.is_known)
    elif family is Family.IGNORE_CASE:
        patterns = [globs.of_folded(pattern, wide=wide) for pattern in check.patterns]
    elif family is Family.ARN:
        patterns = [globs.of_arn(pattern, wide=wide) for pattern in check.patterns]
    else:
        patterns = list(map(globs.of, check.patterns))
    unknown = [ANYTHING] if wide else []
    return [glob for each in patterns for glob in (unknown if each is None else [each])]


def _of_type(family: Family, required: Sequence[_Requirement], budget: Counter) -> Iterator[str]:
    """Yield values that meet requirements of one type; nothing if there is none.

    AWSManagedServices_ContactsServiceRolePolicy compares s3:TlsVersion; AWSRevokeOlderSessions,
    which IAM adds to a role, aws:TokenIssueTime; the example "Denies access to AWS based on the
    source IP" of the IAM User Guide aws:SourceIp.
    """
    texts = [value for check, _ in required for value in known(check.values)]
    tested = [(matches.of(check), inside) for check, inside in required]
    for text in _addresses(texts) if family is Family.IP else _numbers(family, texts):
        budget.spend(len(texts))
        if all(match(text, {}) is inside for match, inside in tested):
            yield text


def _addresses(texts: Sequence[str]) -> Iterator[str]:
    """Yield addresses in and after networks, the first addresses, and one text of no type.

    Whatever of these networks an address is in, one of the yielded ones is in the same.
    """
    networks = [network for t in texts if (network := values.network(t)) is not None]
    for network in networks:
        yield from (str(network[min(_HOST, network.num_addresses - 1)]), str(network[0]))
        last = (1 << network.max_prefixlen) - 1 - int(network[-1])
        yield from (str(network[-1] + step) for step in (_HOST + 1, 1) if step <= last)
    yield from ("0.0.0.0", "::", _OTHER)  # noqa: S104 - the first addresses


def _numbers(family: Family, texts: Sequence[str]) -> Iterator[str]:
    """Yield limits, numbers between and beyond them, and one text of no type.

    Raises `TooHardError` for numbers with very many digits.
    """
    read = values.number if family is Family.NUMERIC else values.instant
    limits = sorted({number for text in texts if (number := read(text)) is not None})
    write = "{:f}".format if family is Family.NUMERIC else _date
    try:
        with localcontext(_EXACT):
            between = [(low + high) / 2 for low, high in pairwise(limits)]
            ends = [limits[0] - 1, limits[-1] + 1] if limits else []
            written = list(map(write, (*limits, *between, *ends)))
    except Inexact:
        raise TooHardError from None
    yield from (*written, _OTHER)


def _date(instant: Decimal) -> str:
    """Return an instant as a date; as seconds if a date cannot say it."""
    if instant == instant.to_integral_value() and 0 <= instant <= _LATEST:
        return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"{instant:f}"
    return text if "." in text else f"{text}.0"  # four digits would be a year
