"""Expressions with their values: what the evaluator says, and real engines too."""

# What the expressions refer to.
CONTEXT = """
variable "flag" {
  type    = bool
  default = true
}

variable "names" {
  type    = list(string)
  default = ["b", "a", "b"]
}

variable "empty" {
  type    = list(string)
  default = []
}

variable "people" {
  type = map(object({
    actions = list(string)
    sid     = optional(string)
    effect  = optional(string, "Allow")
  }))
  default = { one = { actions = ["a:b"] } }
}

variable "none" {
  default = null
}

variable "count_of" {
  type    = number
  default = "2"
}

variable "half" {
  default = 0.5
}

variable "numbers" {
  type    = list(number)
  default = [2, 1]
}

variable "null_list" {
  type    = list(string)
  default = null
}

variable "null_set" {
  type    = set(string)
  default = null
}

variable "null_text" {
  type    = string
  default = null
}

variable "tags" {
  type    = map(string)
  default = { a = "x", b = "1" }
}

variable "no_tags" {
  type    = map(string)
  default = {}
}

variable "null_tags" {
  type    = map(string)
  default = null
}

locals {
  pair = { b = 2, a = 1 }
  chosen = {
    list = var.flag ? var.names : []
    a    = var.flag ? null : var.people
    b    = length(var.names) > 1 ? { b = "c" } : {}
  }
  arns = [for n in var.names : "arn:${n}"]
  text = "aws"
}
"""
# By code: the value as JSON has it.
KNOWN: dict[str, object] = {
    "123456789012345": 123456789012345,
    "-2 + 3": 1,
    "1 + 2 - 1": 2,
    "1 < 2 && 2 >= 2": True,
    "!false || false": True,
    "!!true": True,
    "!(!!(1 == 2)) && !! true": True,
    "- -3": 3,
    "1 - - -2": -1,
    '"1" == 1': False,
    '"a" == "a"': True,
    "var.none == null": True,
    "null != null": False,
    'true ? "a" : "b"': "a",
    'true ? toset(["b", "a"]) : []': ["a", "b"],
    'false ? toset(["b", "a"]) : toset([])': [],
    "true ? [] : toset([1])": [],
    'false ? 1 : "2"': "2",
    "true ? [1] : []": [1],
    'var.flag ? ["*"] : ["a"]': ["*"],
    "var.none == null ? [] : [var.none]": [],
    "var.names[0]": "b",
    'var.people["one"].effect': "Allow",
    "var.people.one.sid": None,
    "var.people.one.actions[0]": "a:b",
    "var.count_of + 1": 3,
    "local.pair.b": 2,
    "local.arns": ["arn:b", "arn:a", "arn:b"],
    '"x-${local.text}-${1 == 1}-${2}"': "x-aws-true-2",
    "var.names[*]": ["b", "a", "b"],
    "var.none[*]": [],
    '"one"[*]': ["one"],
    "[for k, v in local.pair : k]": ["a", "b"],
    "[for v in local.pair : v]": [1, 2],
    '[for i, v in var.names : i if v == "b"]': [0, 2],
    "{ for k, v in local.pair : k => v + 1 }": {"a": 2, "b": 3},
    "[for v in toset(var.names) : v]": ["a", "b"],
    'coalesce(null, "", "z")': "z",
    'coalesce(var.none, "a", 1)': "a",
    'compact(["a", "", null, "b"])': ["a", "b"],
    'concat(["a"], [], ["b", "a"])': ["a", "b", "a"],
    'concat([["a"], ["b"]]...)': ["a", "b"],
    'contains(var.names, "a")': True,
    'contains(["a"], "A")': False,
    "distinct(var.names)": ["b", "a"],
    "element(var.names, 4)": "a",
    'flatten([["a", ["b"]], [], "c"])': ["a", "b", "c"],
    'format("arn:%s:iam::%d:%v/100%%", "aws", 12, "x")': "arn:aws:iam::12:x/100%",
    'formatlist("%s/*", var.names)': ["b/*", "a/*", "b/*"],
    'formatlist("%s-%s", "x", ["a", "b"])': ["x-a", "x-b"],
    'join(",", var.names)': "b,a,b",
    'join("", [])': "",
    'join("-", ["a"], [1, true])': "a-1-true",
    'jsonencode({ b = [1, "<x>", null], a = true })': '{"a":true,"b":[1,"\\u003cx\\u003e",null]}',
    'jsonencode("é & ü")': '"é \\u0026 ü"',
    'length("abc") + length([1, 2]) + length(local.pair)': 7,
    'lookup(local.pair, "a", 9)': 1,
    'lookup({ a = "x" }, "z", "y")': "y",
    "merge(local.pair, { a = 5 }, null)": {"a": 5, "b": 2},
    'one(["a"])': "a",
    "one([])": None,
    'replace("a.b.c", ".", "-")': "a-b-c",
    'replace("a/b", "/b", "x")': "ax",
    'replace("a/b", "a/", "x")': "xb",
    '"true" ? 1 : 2': 1,
    '"1" ? 1 : 2': 1,
    '[{ a = ["x", "y"] }, { a = ["z"] }][*].a[0]': ["x", "z"],
    "([{ a = [3, 4] }][*].a)[0]": [3, 4],
    '"false" ? 1 : 2': 2,
    'split(":", "a:b::c")': ["a", "b", "", "c"],
    'split(",", "")': [""],
    'toset(["b", "a", "b"])': ["a", "b"],
    'try(local.pair.z, "fallback")': "fallback",
    'try(length(var.names[9]), local.pair.z, length(var.names), "x")': 3,
    'try([var.people.two], local.chosen["list"])': ["b", "a", "b"],
    "try(var.none, false ? 1 : var.names[0])": None,
    'try(local.pair["z"], false ? 1 : var.names[0])': "b",
    "try(var.names[9], var.names[0])": "b",
    'true ? ["b", "a"] : var.empty': ["b", "a"],
    "var.empty[*]": [],
    '"${join("", [for n in var.names : n])}!"': "bab!",
    "<<-EOT\n    a ${local.text}\n      b\n  EOT\n": "a aws\n  b\n",
    "<<-EOT\n\ta\n \t\u3000b\n \n    EOT\n": "a\n\t\u3000b\n \n",
    "<<EOT\r\na\r\nEOT\r\n": "a\r\n",
    '"e${"\u0301"}"': "\u00e9",
}
# What every engine refuses.
REFUSED = (
    "local.pair.z",
    "var.names[9]",
    "element([for n in var.names : n if false], 0)",
    "one([for n in var.names : n])",
    "coalesce(var.none, var.none)",
    "var.none.attribute",
    '"a${var.none}"',
    '"x" ? 1 : 2',
    "1 ? 1 : 2",
    'lookup(local.pair, "z")',
    "formatlist([], [])",
)
# What the evaluator does not say, though an engine would.
UNKNOWN = {
    "data.aws_iam_policy.x.arn": "data.aws_iam_policy.x.arn",
    'file("x")': "file(...)",
    'lower("A")': "lower(...)",
    "keys(local.pair)": "keys(...)",
    "{ for v in var.names : v => v... }": "{ for v in var.names : v => v... }",
    '[{ a = ["x"] }][*].a[*]': '[{ a = ["x"] }][*].a[*]',
    "var.people.*.sid": "var.people.*.sid",
    'replace("abc", "/b/", "x")': "replace(...)",
    'contains(["1"], 1)': "contains(...)",
    'toset([1, "a"])': "toset(...)",
    'concat(["a"], data.x.y.z, file("a"))': "data.x.y.z",
    'flatten([["a"], data.x.y.z])': "data.x.y.z",
    'compact(["a", data.x.y.z])': "data.x.y.z",
    "var.names == []": "var.names == []",
    "data.x.y.z ? 1 : 2": "data.x.y.z",
    'tomap({ a = 1, b = "x" })': "tomap(...)",
    'tomap({ a = "x", b = ["x"] })': "tomap(...)",
    'true ? [1, "a"] : []': 'true ? [1, "a"] : []',
    'true ? [{ a = 1 }, { a = "x" }] : []': 'true ? [{ a = 1 }, { a = "x" }] : []',
    'true ? ["b", "a"] : toset([])': 'true ? ["b", "a"] : toset([])',
    'true ? toset(["b"]) : ["a"]': 'true ? toset(["b"]) : ["a"]',
    'coalesce("", true)': "coalesce(...)",
    'true ? { name = "a", count = 1 } : {}': 'true ? { name = "a", count = 1 } : {}',
    "[for x in data.x.y.z : x]": "data.x.y.z",
    "{ for x in [data.x.y.z] : x => 1 }": "data.x.y.z",
    "[for x in [1] : x if data.x.y.z]": "data.x.y.z",
    "{ (data.x.y.z) = 1 }": "data.x.y.z",
    "{ a = 1, a = 2 }": "{ a = 1, a = 2 }",
    'try(data.x.y.z, "fallback")': "data.x.y.z",
    'coalesce(data.x.y.z, "a")': "data.x.y.z",
    "99999999999999999": "99999999999999999",
    "1234567890123456": "1234567890123456",
    "1e3": "1e3",
    "999999999999999 * 10": "999999999999999 * 10",
    "data.x.y.z && true": "data.x.y.z",
    'false ? "a" : 0': 'false ? "a" : 0',
    "try([data.x.y.z], [])": "data.x.y.z",
    'try(true ? { a = "x" } : data.x.y.z, {})': "try(...)",
    # An engine may refuse them for a type that is not known here.
    'coalesce({ a = 1 }, { b = "x" })': "coalesce(...)",
    "coalesce(1, null)": "coalesce(...)",
    "var.people.*.actions[0]": "var.people.*.actions[0]",
    'coalesce(1, "a")': "coalesce(...)",
    "distinct([false, var.none])": "distinct(...)",
    'true ? ["b", "a"] : toset(null)': 'true ? ["b", "a"] : toset(null)',
    'true ? { a = ["b", "a"] } : { a = var.null_set }': (
        'true ? { a = ["b", "a"] } : { a = var.null_set }'
    ),
    # What engines print of a number: -0, and exponents.
    "-0": "-0",
    "-00": "-00",
    "- 0": "- 0",
    "jsonencode(0.0000001)": "0.0000001",
    "1.5": "1.5",
    "var.half": "var.half",
    "2 * 3": "2 * 3",
    # No engine takes them; in `try` they may lead to another value.
    "concat([]...)": "concat([]...)",
    # An empty list, and null, may have a type.
    "true ? [1] : var.empty": "true ? [1] : var.empty",
    "true ? 1 : one(compact([]))": "true ? 1 : one(compact([]))",
    "try(var.empty[*].a, 1)": "try(...)",
    "concat([1], var.empty)": "concat(...)",
    # Newer engines do not look at what is refused, older ones do.
    # Both options get one type, and a list has another order than a set.
    'true ? ["b", "a"] : data.x.y.z': 'true ? ["b", "a"] : data.x.y.z',
    'lookup({ a = ["x"] }, "b", "y")': "lookup(...)",
}
