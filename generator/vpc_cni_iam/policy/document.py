"""The policy model: frozen values, read from and printed as IAM's JSON.

The grammar is that of the IAM User Guide, "Grammar of the IAM JSON policy language". Order is kept
everywhere, so that a document prints as its author wrote it. `vpc_cni_iam.policy.normalise` removes
differences without a meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NotRequired, TypedDict

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.template import Hole, PolicyText, holes, known

Effect = Literal["Allow", "Deny"]
VERSION = "2012-10-17"
VERSIONS = ("2008-10-17", "2012-10-17")
PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")
ANYONE = "*"
_LONGEST_EFFECT = 40  # longer texts are not repeated in an error
# The elements of a statement, with their fields in `Statement`.
TEXT_ELEMENTS = {
    "Action": "actions",
    "NotAction": "not_actions",
    "Resource": "resources",
    "NotResource": "not_resources",
}
PRINCIPAL_ELEMENTS = {"Principal": "principals", "NotPrincipal": "not_principals"}


class Condition(Struct, frozen=True):
    """One operator on one condition key; true if any value matches.

    Args:
        operator: As written, such as ``StringEquals`` or ``ForAllValues:StringLikeIfExists``.
        values: The values, as the strings IAM compares.
    """

    operator: str
    key: PolicyText
    values: tuple[PolicyText, ...]


class Principal(Struct, frozen=True):
    """Principals of one type.

    Args:
        type: ``AWS``, ``Service``, ``Federated``, ``CanonicalUser``; or ``*`` for the scalar form.
        identifiers: ARNs, account ids, service names; ``("*",)`` for the scalar form.
    """

    type: str
    identifiers: tuple[PolicyText, ...]


EVERYONE = (Principal(ANYONE, (ANYONE,)),)
# Source: internal/service/iam/policy_model.go of AWS provider 6: it writes ``"*"`` only for these
# principals, and says that IAM refuses ``{"*": ...}``.
NOT_EVERYONE = (
    'principals of the type "*" have the identifier "*" and stand alone: the provider renders '
    'others as {"*": ...}, which IAM refuses'
)


# Source: the same file, which joins blocks of the same type.
def identifiers_by_type(principals: Iterable[Principal]) -> dict[str, tuple[PolicyText, ...]]:
    """Return the identifiers of each type; several principals may have the same type."""
    identifiers: dict[str, tuple[PolicyText, ...]] = {}
    for principal in principals:
        before = identifiers.get(principal.type, ())
        identifiers[principal.type] = (*before, *principal.identifiers)
    return identifiers


def are_principals(principals: tuple[Principal, ...]) -> bool:
    """Return whether IAM accepts principals: everyone, or others without the type ``*``."""
    return principals == EVERYONE or all(p.type != ANYONE for p in principals)


class Statement(Struct, frozen=True, cache_hash=True):
    """One statement. Empty tuples mean absent elements."""

    effect: Effect = "Allow"
    actions: tuple[PolicyText, ...] = ()
    not_actions: tuple[PolicyText, ...] = ()
    resources: tuple[PolicyText, ...] = ()
    not_resources: tuple[PolicyText, ...] = ()
    conditions: tuple[Condition, ...] = ()
    principals: tuple[Principal, ...] = ()
    not_principals: tuple[Principal, ...] = ()
    sid: PolicyText = ""

    @property
    def size(self) -> int:
        """The number of actions, resources, condition values and principals in it."""
        lists = [self.actions, self.not_actions, self.resources, self.not_resources]
        lists += [c.values for c in self.conditions]
        lists += [p.identifiers for p in (*self.principals, *self.not_principals)]
        return sum(map(len, lists))

    def is_about(self, action: str) -> bool:
        """Return whether it may be about an action without a wildcard."""
        patterns = known(self.not_actions or self.actions)
        if any(wildcard.matches(pattern.lower(), action.lower()) for pattern in patterns):
            return not self.not_actions
        return bool(self.not_actions) or len(patterns) < len(self.actions)

    def texts(self) -> Iterator[PolicyText]:
        """Yield its texts except actions: resources, condition keys and values, and principals."""
        yield from (*self.resources, *self.not_resources)
        for condition in self.conditions:
            yield from (condition.key, *condition.values)
        for principal in (*self.principals, *self.not_principals):
            yield from principal.identifiers

    def map_texts(
        self, change: Callable[[PolicyText], PolicyText], *, whole: bool = False
    ) -> Statement:
        """Return the statement with `change` applied to its `texts`; with `whole`, to all texts."""

        def changed(texts: tuple[PolicyText, ...]) -> tuple[PolicyText, ...]:
            return tuple(map(change, texts))

        def principals(named: tuple[Principal, ...]) -> tuple[Principal, ...]:
            return tuple(Principal(p.type, changed(p.identifiers)) for p in named)

        return replace(
            self,
            sid=change(self.sid) if whole else self.sid,
            actions=changed(self.actions) if whole else self.actions,
            not_actions=changed(self.not_actions) if whole else self.not_actions,
            resources=changed(self.resources),
            not_resources=changed(self.not_resources),
            conditions=tuple(
                Condition(c.operator, change(c.key), changed(c.values)) for c in self.conditions
            ),
            principals=principals(self.principals),
            not_principals=principals(self.not_principals),
        )


class Policy(Struct, frozen=True, cache_hash=True):
    """A policy document.

    Args:
        statements: In the order of the document.
        version: ``2012-10-17``, or ``2008-10-17`` (which an absent Version means).
        id: The document's Id, empty if it has none.
    """

    statements: tuple[Statement, ...]
    version: str = VERSION
    id: PolicyText = ""

    @property
    def names_principals(self) -> bool:
        """Whether it is a trust or resource policy, not an identity policy."""
        return any(s.principals or s.not_principals for s in self.statements)

    def map_texts(
        self, change: Callable[[PolicyText], PolicyText], *, whole: bool = False
    ) -> Policy:
        """Return the policy with `change` applied to every statement's texts."""
        changed = tuple(s.map_texts(change, whole=whole) for s in self.statements)
        return replace(self, statements=changed, id=change(self.id) if whole else self.id)

    def all_texts(self) -> Iterator[PolicyText]:
        """Yield every text of it, in the order of its JSON."""
        yield self.id
        for statement in self.statements:
            yield statement.sid
            yield from (*statement.actions, *statement.not_actions, *statement.texts())

    def holes(self) -> tuple[Hole, ...]:
        """Return its unknown parts, each once."""
        return tuple(dict.fromkeys(holes(self.all_texts())))

    def only(self, effect: Effect) -> Policy:
        """Return the policy with only the statements of one effect."""
        return Policy(tuple(s for s in self.statements if s.effect == effect), self.version)

    def with_actions(self, keep: Callable[[str], bool]) -> Policy:
        """Return the policy with only some actions, and the statements that name them."""
        every = (replace(s, actions=tuple(filter(keep, known(s.actions)))) for s in self.statements)
        return Policy(tuple(s for s in every if s.actions), self.version)

    def inverted(self) -> Policy:
        """Return a policy that allows what this one denies."""
        allows = (replace(s, effect="Allow") for s in self.only("Deny").statements)
        return Policy(tuple(allows), self.version)

    def actions(self) -> tuple[str, ...]:
        """Return the known actions of the Allow statements, in order, each once."""
        named = (a for s in self.statements if s.effect == "Allow" for a in known(s.actions))
        return tuple(dict.fromkeys(named))


def statements_of(policies: Iterable[Policy], effect: Effect) -> tuple[Statement, ...]:
    """Return the statements of one effect in policies."""
    return tuple(s for policy in policies for s in policy.statements if s.effect == effect)


class StatementDocument(TypedDict):
    """A statement in IAM's JSON."""

    Sid: NotRequired[str]
    Effect: Effect
    Principal: NotRequired[str | dict[str, str | list[str]]]
    NotPrincipal: NotRequired[str | dict[str, str | list[str]]]
    Action: NotRequired[str | list[str]]
    NotAction: NotRequired[str | list[str]]
    Resource: NotRequired[str | list[str]]
    NotResource: NotRequired[str | list[str]]
    Condition: NotRequired[dict[str, dict[str, str | list[str]]]]


class PolicyDocument(TypedDict):
    """A policy document, in the JSON that IAM takes."""

    Version: str
    Id: NotRequired[str]
    Statement: list[StatementDocument]


def to_json(policy: Policy) -> dict[str, Any]:
    """Return the policy as IAM's JSON object.

    One value is written as a scalar and several as a list; the meaning is the same. A hole is
    written as ``${place}``: this JSON is only for people.
    """
    document: dict[str, Any] = {"Version": policy.version}
    if policy.id:
        document["Id"] = str(policy.id)
    document["Statement"] = [statement_json(s) for s in policy.statements]
    return document


def dumps(policy: Policy, indent: int | None = 2) -> str:
    """Return the JSON text of a policy, ending in a newline if indented.

    Args:
        indent: Spaces of one level; None for the compact form to which IAM's size limits apply.
    """
    if indent is None:
        return json.dumps(to_json(policy), separators=(",", ":"))
    return json.dumps(to_json(policy), indent=indent) + "\n"


def statement_json(statement: Statement) -> dict[str, Any]:
    """Return a statement as IAM's JSON object, as `to_json` writes it."""
    result: dict[str, Any] = {"Sid": str(statement.sid)} if statement.sid else {}
    result["Effect"] = statement.effect
    for name, field in PRINCIPAL_ELEMENTS.items():
        if principals := getattr(statement, field):
            result[name] = (
                ANYONE
                if principals == EVERYONE
                else {t: _one_or_many(ids) for t, ids in identifiers_by_type(principals).items()}
            )
    for name, field in TEXT_ELEMENTS.items():
        if values := getattr(statement, field):
            result[name] = _one_or_many(values)
    for c in statement.conditions:
        operators = result.setdefault("Condition", {})
        operators.setdefault(c.operator, {})[str(c.key)] = _one_or_many(c.values)
    return result


def _one_or_many(values: tuple[PolicyText, ...]) -> str | list[str]:
    texts = list(map(str, values))
    return texts[0] if len(texts) == 1 else texts


def effect_problem(effect: object) -> str:
    """Return the problem of an effect that is neither Allow nor Deny."""
    if isinstance(effect, str) and len(effect) <= _LONGEST_EFFECT:
        return f"{effect!r} is not 'Allow' or 'Deny'"
    return "must be 'Allow' or 'Deny'"
