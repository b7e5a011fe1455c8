"""A model of an IAM account: plans made up at random, and what comes of applying them.

It knows inline policies and attachments by what IAM tells them apart by, whoever makes them, and
applies what is taken away before what is made, and the other way round: a plan does not say which.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from eks import NODE_TRUST
from synthetic import Json, allow, deny, document, resource
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads

ROLES, NAMES = ("r1", "r2"), ("i1", "i2")
ATTACHMENT = "aws_iam_role_policy_attachment"


DOCUMENTS = (
    document(allow("s3:A")),
    document(allow("s3:B")),
    document(allow("s3:*")),
    document(deny("s3:A")),
    document(deny("s3:*")),
    document(allow("s3:A"), deny("s3:B")),
    document(allow(["ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "ec2:CreateTags"])),
    document(allow("ec2:Describe*")),
    document(allow("*")),
    document(allow(["s3:B", "s3:A"])),
)


def arn(name: str) -> str:
    return f"arn:aws:iam::111122223333:policy/{name}"


@dataclass
class Account:
    """What IAM holds: policies by name, inline policies by role and name, and attachments."""

    policies: dict[str, str] = field(default_factory=dict)
    inline: dict[tuple[str, str], str] = field(default_factory=dict)
    attached: set[tuple[str, str]] = field(default_factory=set)

    def of(self, role: str) -> list[Policy]:
        """All policies of a role."""
        texts = [text for (owner, _), text in sorted(self.inline.items()) if owner == role]
        for owner, name in sorted(self.attached):
            if owner == role and name in self.policies:
                texts.append(self.policies[name])
        return [loads(text, "policy") for text in texts]

    def wipe(self, role: str) -> None:
        self.inline = {k: v for k, v in self.inline.items() if k[0] != role}
        self.attached = {k for k in self.attached if k[0] != role}


@dataclass(frozen=True)
class Part:
    """A resource of a plan: what it stands for before, and after, by what IAM knows it by."""

    change: Json
    before: Account
    after: Account
    only: tuple[str, str, frozenset[str]] | None = None

    def take(self, account: Account) -> None:
        for name in set(self.before.policies) - set(self.after.policies):
            account.policies.pop(name, None)
            account.attached = {k for k in account.attached if k[1] != name}
        for key in set(self.before.inline) - set(self.after.inline):
            account.inline.pop(key, None)
        account.attached -= self.before.attached - self.after.attached

    def give(self, account: Account) -> None:
        # What is replaced is made again, also on a role that was replaced and is empty.
        is_made = "create" in self.change["change"]["actions"]
        before = Account() if is_made else self.before
        account.policies |= dict(self.after.policies.items() - before.policies.items())
        account.inline |= dict(self.after.inline.items() - before.inline.items())
        account.attached |= self.after.attached - before.attached

    def exclude(self, account: Account) -> None:
        if self.only is None:
            return
        role, kind, names = self.only
        if kind == "inline":
            remaining = {k: v for k, v in account.inline.items() if k[0] != role or k[1] in names}
            account.inline = remaining
        else:
            others = {k for k in account.attached if k[0] != role}
            account.attached = others | {(role, name) for name in names}


class World:
    """A plan and the account before it, from a seed."""

    def __init__(self, seed: int) -> None:
        self.rnd = random.Random(seed)
        self.parts: list[Part] = []
        self.blocks: list[Json] = []
        self.managed: dict[str, tuple[str | None, str | None, bool]] = {}
        for name in ("p1", "p2"):
            self._policy(name)
        for number in range(self.rnd.randint(0, 3)):
            make = self.rnd.choices(
                (self._inline, self._attachment, self._roles, self._exclusive), (9, 7, 2, 2)
            )[0]
            make(f"x{number}")
        self.before = Account()
        for part in self.parts:
            self.before.policies |= part.before.policies
            self.before.inline |= part.before.inline
            self.before.attached |= part.before.attached
        if self.rnd.random() < 0.3:
            # By somebody else than the plan.
            key = self.rnd.choice(ROLES), "unmanaged"
            self.before.inline[key] = self.rnd.choice(DOCUMENTS)
        self.replaced = [role for role in ROLES if self.rnd.random() < 0.08]

    @property
    def consistent(self) -> bool:
        """Whether no two resources stand for one inline policy with two texts."""
        return all(
            side.inline.get(key, text) == text
            for sides in (
                [p.before for p in self.parts],
                [p.after for p in self.parts],
            )
            for side in sides
            for other in sides
            for key, text in other.inline.items()
        )

    @property
    def changes(self) -> list[Json]:
        return [*map(self._role, ROLES), *(part.change for part in self.parts)]

    @property
    def configuration(self) -> Json:
        return {"root_module": {"resources": self.blocks}}

    def applied(self) -> Iterator[Account]:
        """The account after the plan, in either order."""
        doing = [p for p in self.parts if p.change["change"]["actions"] not in (["no-op"],)]
        for steps in ((Part.take, Part.give), (Part.give, Part.take)):
            account = Account(
                dict(self.before.policies), dict(self.before.inline), set(self.before.attached)
            )
            for role in self.replaced:
                account.wipe(role)
            for step in (*steps, Part.exclude):
                for part in doing:
                    step(part, account)
            yield account

    def _role(self, name: str) -> Json:
        values = {"name": name, "assume_role_policy": NODE_TRUST}
        inline = sorted((k, v) for (o, k), v in self.before.inline.items() if o == name)
        attached = sorted(arn(p) for o, p in self.before.attached if o == name)
        before = {
            **values,
            "inline_policy": [{"name": n, "policy": text} for n, text in inline],
            "managed_policy_arns": attached,
        }
        if name not in self.replaced:
            return resource("aws_iam_role", name, before, before)
        unknown = dict.fromkeys(("inline_policy", "managed_policy_arns", "arn"), True)
        actions = ["delete", "create"]
        return resource(
            "aws_iam_role", name, before, values, actions=actions, after_unknown=unknown
        )

    def _policy(self, name: str) -> None:
        before = self.rnd.choice((None, *DOCUMENTS))
        after = self.rnd.choice((None, before, before, *DOCUMENTS))
        if before is None and after is None:
            return
        more: Json = {}
        if before and after and self.rnd.random() < 0.15:
            more["actions"] = self.rnd.choice((["delete", "create"], ["create", "delete"]))
        unknown = after is not None and (before is None or bool(more))
        old = {"name": name, "policy": before, "arn": arn(name)} if before else None
        new: Json | None = {"name": name, "policy": after} if after else None
        if new is not None and not unknown:
            new["arn"] = arn(name)
        change = resource("aws_iam_policy", name, old, new, after_unknown={"arn": unknown}, **more)
        self.managed[name] = before, after, unknown
        sides = [Account({name: text} if text else {}) for text in (before, after)]
        self.parts.append(Part(change, *sides))

    def _inline(self, name: str) -> None:
        def one() -> tuple[str, str, str]:
            return self.rnd.choice(ROLES), self.rnd.choice(NAMES), self.rnd.choice(DOCUMENTS)

        old = one() if self.rnd.random() < 0.7 else None
        new = self.rnd.choice((None, old, (*old[:2], one()[2]) if old else one(), one()))
        if old is None and new is None:
            return
        more: Json = {}
        if old and new and old[:2] != new[:2]:
            more["actions"] = ["delete", "create"]
        if new is None and self.rnd.random() < 0.2:
            more["actions"] = ["forget"]
        sides = [
            dict(zip(("role", "name", "policy"), s, strict=True)) if s else None for s in (old, new)
        ]
        change = resource("aws_iam_role_policy", name, *sides, **more)
        stands = [old, old if more.get("actions") == ["forget"] else new]
        self.parts.append(
            Part(change, *(Account(inline={s[:2]: s[2]} if s else {}) for s in stands))
        )

    def _attachment(self, name: str) -> None:
        olds = [p for p, (before, _, _) in self.managed.items() if before]
        news = [p for p, (_, after, _) in self.managed.items() if after]
        old = (self.rnd.choice(ROLES), self.rnd.choice(olds)) if olds else None
        old = old if self.rnd.random() < 0.7 else None
        new = (self.rnd.choice(ROLES), self.rnd.choice(news)) if news else None
        if old and old[1] in news and self.rnd.random() < 0.4:
            new = old
        new = new if self.rnd.random() < 0.75 else None
        if old is None and new is None:
            return
        unknown = new is not None and self.managed[new[1]][2]
        more: Json = {"after_unknown": {"policy_arn": unknown}}
        if old and new and (old != new or unknown):
            more["actions"] = ["delete", "create"]
        if new is None and self.rnd.random() < 0.2:
            more["actions"] = ["forget"]
        after: Json | None = None
        if new is not None:
            after = {"role": new[0]} if unknown else {"role": new[0], "policy_arn": arn(new[1])}
            references = {"references": [f"aws_iam_policy.{new[1]}.arn"]}
            self.blocks.append(
                {
                    "mode": "managed",
                    "type": ATTACHMENT,
                    "name": name,
                    "expressions": {"policy_arn": references},
                }
            )
        before = {"role": old[0], "policy_arn": arn(old[1])} if old else None
        change = resource(ATTACHMENT, name, before, after, **more)
        stands = [old, old if more.get("actions") == ["forget"] else new]
        self.parts.append(Part(change, *(Account(attached={s} if s else set()) for s in stands)))

    def _staying(self) -> list[str]:
        return [
            p
            for p, (before, after, unknown) in self.managed.items()
            if before and after and not unknown
        ]

    def _roles(self, name: str) -> None:
        for policy in self._staying()[:1]:
            lists = [self.rnd.sample(ROLES, self.rnd.randint(0, 2)) for _ in range(2)]
            sides = [{"policy_arn": arn(policy), "roles": sorted(roles)} for roles in lists]
            change = resource("aws_iam_policy_attachment", name, *sides)
            accounts = (Account(attached={(role, policy) for role in roles}) for roles in lists)
            self.parts.append(Part(change, *accounts))

    def _exclusive(self, name: str) -> None:
        if any(part.only for part in self.parts):
            return
        role, kind = self.rnd.choice(ROLES), self.rnd.choice(("inline", "attached"))
        every = [*NAMES] if kind == "inline" else self._staying()
        new = sorted(n for n in every if self.rnd.random() < 0.5)
        old = self.rnd.choice((None, new, every))
        argument = "policy_names" if kind == "inline" else "policy_arns"
        sides = [
            {"role_name": role, argument: n if kind == "inline" else [*map(arn, n)]}
            if n is not None
            else None
            for n in (old, new)
        ]
        type_ = "policies" if kind == "inline" else "policy_attachments"
        change = resource(f"aws_iam_role_{type_}_exclusive", name, *sides)
        stands = [
            Account(attached={(role, n) for n in names or ()} if kind == "attached" else set())
            for names in (old, new)
        ]
        self.parts.append(Part(change, *stands, only=(role, kind, frozenset(new))))
