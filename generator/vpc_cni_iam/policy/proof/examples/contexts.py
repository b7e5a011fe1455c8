"""Contexts of example requests: values of condition keys and policy variables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from vpc_cni_iam.policy.matching.conditions import request_values
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import (
    HOLES,
    KeyValues,
    keys_of,
)
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.examples import key_values
from vpc_cni_iam.policy.proof.examples.aws import ACCOUNT, KEY_VALUES, NAME, OTHER_ACCOUNT
from vpc_cni_iam.policy.proof.globs import Atom
from vpc_cni_iam.policy.proof.pieces import Piece
from vpc_cni_iam.policy.proof.possible import ContextValue
from vpc_cni_iam.policy.proof.related_keys import (
    OWNER_KEY,
    REQUEST_TAG,
    RESOURCE_ACCOUNT,
    SIGNER_KEY,
    TAG_KEYS,
    same,
)


def contexts(piece: Piece, asked: Collection[str], budget: Budget) -> Iterator[KeyValues]:
    """Yield contexts of a piece, with related keys among those that conditions ask for.

    Policy variables get their values first: conditions on other keys depend on them.
    """
    own = (glob for group in piece.resources.groups for glob in group)
    atoms = [(item.variable,) for glob in own for item in glob.items if isinstance(item, Atom)]
    patterns = [pattern for check, _ in piece.literals for pattern in check.patterns]
    sources = dict.fromkeys(keys_of((*atoms, *patterns)))
    keys = [key for key in sources if key != HOLES]
    keys += dict.fromkeys(str(c.key) for c, _ in piece.literals if str(c.key) not in sources)
    for context in _assigned(keys, piece, {}, budget):
        yield from _signed(context, asked)


def _assigned(
    keys: Sequence[str], piece: Piece, context: KeyValues, budget: Budget
) -> Iterator[KeyValues]:
    if not keys:
        yield context
        return
    key, *rest = keys
    about = tuple((check, holds) for check, holds in piece.literals if check.key == key)
    values: Iterable[ContextValue] = key_values.options(about, context, budget) if about else ()
    if not about:
        usual = key_values.likely(key, set())[0]
        values = dict.fromkeys((usual, NAME, None))
    for value in values:
        extended = context if value is None else {**context, key: value}
        yield from _assigned(rest, piece, extended, budget)


def _signed(context: KeyValues, asked: Collection[str]) -> Iterator[KeyValues]:
    """Yield a context with its principal's account and ARN, if conditions ask for them."""
    if not {OWNER_KEY, SIGNER_KEY} & {*asked}:
        yield context
        return
    owner, signer = context.get(OWNER_KEY), context.get(SIGNER_KEY)
    named = [owner, *(str(signer).split(":")[4:5] if signer else ())]
    for account in dict.fromkeys(filter(None, named)) or (ACCOUNT, OTHER_ACCOUNT):
        fields = str(signer or KEY_VALUES[SIGNER_KEY]).split(":")
        fields[4:5] = [str(account)] if fields[4:5] else []
        made = {OWNER_KEY: str(account), SIGNER_KEY: ":".join(fields)}
        yield {**context, **{key: value for key, value in made.items() if key in asked}}


def agreeing(
    context: KeyValues, asked: Collection[str], action: str, resource: str
) -> Iterator[KeyValues]:
    """Yield contexts in which related keys agree, of those that conditions ask for."""
    account = "".join(resource.split(":", ARN_PARTS - 1)[4:5])
    if account and RESOURCE_ACCOUNT in asked and RESOURCE_ACCOUNT not in context:
        context = {**context, RESOURCE_ACCOUNT: account}
    for names in same(asked):
        value = context.get(names.key, context.get(names.alias))
        if value is not None and names.has(action, resource):
            context = {**context, names.alias: value, names.key: value}
    yield context
    if TAG_KEYS in asked:
        yield from _with_tags(context, asked)


def _with_tags(context: KeyValues, asked: Collection[str]) -> Iterator[KeyValues]:
    """Yield a context in which tags and aws:TagKeys agree, if they do not yet."""
    listed = [key for key in request_values(context, TAG_KEYS) if key]
    in_lower = {key.lower() for key in listed}
    tags = {key: key.removeprefix(REQUEST_TAG) for key in asked if key.startswith(REQUEST_TAG)}
    added = [tag for key, tag in tags.items() if key in context and tag not in in_lower]
    missing = [key for key, tag in tags.items() if key not in context and tag in in_lower]
    if added or missing:
        made = {**context, **dict.fromkeys(missing, NAME)}
        yield {**made, TAG_KEYS: (*listed, *added)} if added else made
