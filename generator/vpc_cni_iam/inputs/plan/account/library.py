"""The policies of one plan: parsed from text, found by ARN, or rebuilt."""

from __future__ import annotations

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.errors import InputError, Message
from vpc_cni_iam.inputs.plan.account.documents import Invalid, PlanContent, PlanPolicy
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.account.rebuild import only_document, rebuilt
from vpc_cni_iam.inputs.plan.account.resolve import Resolver
from vpc_cni_iam.inputs.plan.account.source import SourceReader
from vpc_cni_iam.inputs.plan.arguments import POLICY
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import holds_mark, is_mark
from vpc_cni_iam.inputs.plan.values import Path, one
from vpc_cni_iam.policy import quotas
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known, Sensitive, Unknown, Value


class Library:
    """The policies of one plan."""

    def __init__(self, resolver: Resolver, source: SourceReader | None = None) -> None:
        self._resolver, self._source = resolver, source
        self._secrets = resolver.plan.secrets
        self._texts: dict[str, PlanPolicy | Invalid] = {}
        self.read = {  # the texts that data sources read, by ARN
            str(values["arn"]): str(values["policy"])
            for resource in resolver.plan.read
            if (values := resource.after or {}).get("policy") and values.get("arn")
        }

    def content(self, resource: Resource, path: Path, value: Value) -> PlanContent:
        """Return the content of an argument with the text of a policy."""
        match value:
            case Known(str(policy)):
                return self.parsed(policy)
            case Known(other):
                return Invalid(str(other), Message("is not a text"))
            case Unknown():
                source = only_document(resource, path, self._resolver)
                if source:
                    return rebuilt(source, value, self._resolver, self.parsed)
                written = self._source.policy(resource, path) if self._source else None
                return PlanPolicy(written) if written else value
        return value

    def of(self, policy: IamResource, side: Side) -> PlanContent:
        """Return the content of a managed policy."""
        match policy:
            case InPlan(address):
                return self._in_plan(address, side)
            case Named(_, _, arn):
                if (text := self.read.get(arn)) is not None:
                    return Sensitive(text) if is_mark(text) else self.parsed(text)
                if (known := aws_managed.published(arn)) is not None:
                    return PlanPolicy(known.document)
                # equal on both sides, because the plan does not change it
                return Unknown(arn, Side.BEFORE)
            case Unresolved(place, where):
                return Unknown(place, where)

    def _in_plan(self, address: str, side: Side) -> PlanContent:
        resource = self._resolver.by_address[address]
        is_same = resource.is_unchanged or resource.is_forgotten
        value = one(resource, "policy", side) if resource.type == POLICY else Absent()
        content = self.content(resource, ("policy",), value)
        if isinstance(content, Absent):
            return Unknown(address, Side.BEFORE if is_same else side)
        return content

    def parsed(self, text: str) -> PlanPolicy | Invalid:
        """Return the policy of a text."""
        if text not in self._texts:
            try:
                policy = loads(text, "policy")
            except InputError as error:
                self._texts[text] = Invalid(text, Message(str(error).removeprefix("policy: ")))
            else:
                if holds_mark(text):
                    self._texts[text] = PlanPolicy(self._secrets.restored(policy), policy)
                else:
                    self._texts[text] = PlanPolicy(policy, size=quotas.counted(text))
        return self._texts[text]
