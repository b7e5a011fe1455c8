r"""Checks whether text that is inserted into JSON may end a string, or write JSON itself.

``"Resource": "${local.arn}"`` in a heredoc means a list if ``local.arn`` is ``a", "b``. A data
source would escape the quotes, and so mean something else. So each expression is followed to the
literals that it is made of. What is no literal is plain only where AWS or Terraform keeps quotes
and backslashes out of it: an ARN, an account number, a count, a digest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from vpc_cni_iam.hcl.parse import expression
from vpc_cni_iam.hcl.syntax import (
    Block,
    Code,
    Conditional,
    FunctionCall,
    List,
    Node,
    Object,
    Reference,
    Text,
)

_DEPTH = 50
_ESCAPED_IN_JSON = re.compile(r'["\\\x00-\x1f]')
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_INDEX = r'(?:\[(?:\d+|[\w.]+|"[^"\\$%]*")\])?'
_LOCAL = re.compile(r'local\.([\w-]+)((?:\.[\w-]+|\[(?:\d+|[\w.]+|"[^"\\$%]*")\])*)')
_VARIABLE = re.compile(r"var\.([\w-]+)")
# Resources and data sources whose names AWS limits to signs that JSON does not escape, or makes
# itself, as the API reference of each service says; so are their ARNs and identifiers. Not so are
# the names of alarms, Auto Scaling groups, log streams and objects in S3.
_TYPES = (
    r"acm_certificate|alb|athena_workgroup|availability_zone|backup_vault|caller_identity|"
    r"canonical_user_id|cloudfront_distribution|cloudfront_origin_access_identity|cloudtrail|"
    r"cloudwatch_event_bus|cloudwatch_event_rule|cloudwatch_log_group|codebuild_project|"
    r"codecommit_repository|codepipeline|db_instance|dynamodb_table|ebs_volume|"
    r"ecr_repository|ecs_cluster|ecs_service|ecs_task_definition|efs_file_system|"
    r"eks_cluster|eks_node_group|elasticsearch_domain|elb_service_account|iam_group|"
    r"iam_instance_profile|iam_openid_connect_provider|iam_policy|iam_role|"
    r"iam_saml_provider|iam_user|instance|kinesis_firehose_delivery_stream|kinesis_stream|"
    r"kms_alias|kms_key|lambda_alias|lambda_function|launch_template|lb|lb_listener|"
    r"lb_target_group|nat_gateway|network_interface|opensearch_domain|"
    r"partition|rds_cluster|"
    r"redshift_cluster|region|s3_bucket|secretsmanager_secret|"
    r"sfn_state_machine|sns_topic|sqs_queue|ssm_parameter|subnet|transfer_server|vpc|"
    r"vpc_endpoint"
)
# These have identifiers from AWS, and names of any text.
_FREELY_NAMED = (
    r"organizations_account|organizations_organization|organizations_organizational_unit|"
    r"route53_zone|security_group"
)
_NAMED_BY = (
    r"account_id|arn|bucket|dns_suffix|function_name|iam_arn|id|key_id|name|partition|"
    r"partition_prefix|region|unique_id|url|user_id"
)
_ATTRIBUTES = re.compile(
    rf"(?:data\.)?aws_(?:{_TYPES})\.[\w-]+{_INDEX}\.(?:{_NAMED_BY})"
    rf"|(?:data\.)?aws_(?:{_FREELY_NAMED})\.[\w-]+{_INDEX}\.(?:arn|id)"
)
# Numbers, and names that Terraform checks.
_NAMES = ("count.index", "terraform.workspace")
_WORDS = ("true", "false", "null")
# Their results are made of characters of their arguments.
_REARRANGING = (
    r"chomp|coalesce|compact|concat|distinct|element|flatten|join|keys|lookup|lower|"
    r"merge|one|regex|regexall|replace|reverse|setunion|slice|sort|split|strrev|"
    r"substr|title|tolist|toset|tostring|trim|trimprefix|trimspace|trimsuffix|upper|"
    r"values"
)
# Their results are numbers, digests or encoded, whatever their arguments are.
_PLAIN = (
    r"abs|base64encode|base64sha256|base64sha512|ceil|floor|length|max|md5|min|"
    r"parseint|sha1|sha256|sha512|sum|urlencode"
)
_SCALARS = ("number", "bool")
# %q and %#v write quotes.
_PLAIN_FORMAT = re.compile(r"(?:[^%]|%%|%[sd])*")


class Definitions(Struct):
    """The variables and locals of a module, from any of its files."""

    # The types of its variables and the values of its locals, each as often as it is defined.
    types: defaultdict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    values: defaultdict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    # The keys of JSON files, of which any may define a variable or a local.
    in_json: set[str] = field(default_factory=set)
    unreadable: str = ""  # the first file that cannot be read, empty if there is none

    def add(self, blocks: Iterable[Block]) -> None:
        """Add the definitions of some blocks."""
        for block in blocks:
            if block.type == "variable" and block.labels:
                self.types[block.labels[0]].append(block.attributes.get("type", Reference("any")))
            elif block.type == "locals":
                for name, value in block.attributes.items():
                    self.values[name].append(value)

    def once(self, definitions: Mapping[str, list[Node]], name: str) -> Node | None:
        """Return what defines a name; None if that is unknown, as where an override defines it."""
        nodes = definitions.get(name, [])
        known = len(nodes) == 1 and name not in self.in_json and not self.unreadable
        return nodes[0] if known else None


def why_not_plain(code: str, names: Definitions) -> str | None:
    """Say why text spliced into JSON may hold what JSON would escape; None if it cannot."""
    return next(_Follower(names).code(code, ()), None)


class _Follower:
    def __init__(self, names: Definitions) -> None:
        self.names = names
        # Locals that were followed to their end; the first reason ends everything.
        self.plain: set[str] = set()

    def reasons(self, value: Node, path: tuple[str, ...]) -> Iterator[str]:
        """Yield why a value may hold what JSON would escape; `path` led to it."""
        match value:
            case Text(parts=parts):
                for part in parts:
                    if not isinstance(part, str):
                        yield from self.reasons(part, path)
                    elif match := _ESCAPED_IN_JSON.search(part):
                        yield f"{part!r} holds {match[0]!r}"
            case List(items=inner) | Conditional(options=inner):
                yield from self.each(inner, path)
            case Object(fields=fields):
                yield from self.each((v for pair in fields for v in pair), path)
            case FunctionCall():
                yield from self.call(value, path)
            case Code(code=code, problem=problem):
                yield from [f"{code} {problem}"] if problem else self.code(code, path)
            case _:
                yield from self.name(value.span.code, path)

    def each(self, values: Iterable[Node], path: tuple[str, ...]) -> Iterator[str]:
        for value in values:
            yield from self.reasons(value, path)

    def call(self, value: FunctionCall, path: tuple[str, ...]) -> Iterator[str]:
        if re.fullmatch(_REARRANGING, value.name) or _formats_plainly(value):
            yield from self.each(value.arguments, path)
        elif not re.fullmatch(_PLAIN, value.name):
            yield f"only an engine knows what {value.name}(...) returns"

    def code(self, code: str, path: tuple[str, ...]) -> Iterator[str]:
        value = expression(code)
        if value is None:
            yield f"{code} is not an expression that this reader knows"
        else:
            yield from self.reasons(value, path)

    def name(self, code: str, path: tuple[str, ...]) -> Iterator[str]:
        if code in (*_WORDS, *_NAMES) or _NUMBER.fullmatch(code) or _ATTRIBUTES.fullmatch(code):
            return
        if match := _LOCAL.fullmatch(code):
            yield from self.local(match[1], path)
        elif match := _VARIABLE.fullmatch(code):
            kind = self.names.once(self.names.types, match[1])
            if not isinstance(kind, Reference) or kind.path not in _SCALARS:
                yield f"the caller of the module sets {code}"
        elif code.startswith("module."):
            yield f"{code} is the output of a module, which is not read"
        elif code.startswith("each."):
            yield f"{code} is what for_each gives"
        else:
            yield f"only an engine knows {code}"

    def local(self, name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in self.plain:
            return
        values = self.names.values.get(name, [])
        if name in path or len(path) > _DEPTH:
            yield f"local.{name} refers to itself"
        elif name in self.names.in_json:
            yield f"configuration in JSON may set local.{name}"
        elif self.names.unreadable:
            yield f"local.{name} may be set in a file that cannot be read, {self.names.unreadable}"
        elif len(values) == 1:
            whys = self.reasons(values[0], (*path, name))
            yield from (f"local.{name}: {why}" for why in whys)
            self.plain.add(name)
        else:
            yield f"local.{name} is defined {len(values)} times"


def _formats_plainly(value: FunctionCall) -> bool:
    match value:
        case FunctionCall(
            name="format" | "formatlist", arguments=(Text(parts=(str() as form,)), *_)
        ):
            return _PLAIN_FORMAT.fullmatch(form) is not None
    return False
