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

locals {
  pair = { b = 2, a = 1 }
  arns = [for n in var.names : "arn:${n}"]
  text = "aws"
}
"""
# By code: the value as JSON has it.
KNOWN: dict[str, object] = {
    "1 + 2 * 3 - 1": 6,
    "123456789012345": 123456789012345,
    "-2 + 3": 1,
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
    "values(var.people)[*].effect": ["Allow"],
    "[for k, v in local.pair : k]": ["a", "b"],
    "[for v in local.pair : v]": [1, 2],
    '[for i, v in var.names : i if v == "b"]': [0, 2],
    "{ for k, v in local.pair : upper(k) => v + 1 }": {"A": 2, "B": 3},
    "{ for v in var.names : v => v... }": {"a": ["a"], "b": ["b", "b"]},
    "[for v in toset(var.names) : v]": ["a", "b"],
    "alltrue([true, false])": False,
    "anytrue([true, false])": True,
    "alltrue([])": True,
    'coalesce(null, "", "z")': "z",
    'coalesce(var.none, "a", 1)': "a",
    'coalescelist([], ["a"])': ["a"],
    'compact(["a", "", null, "b"])': ["a", "b"],
    'concat(["a"], [], ["b", "a"])': ["a", "b", "a"],
    'concat([["a"], ["b"]]...)': ["a", "b"],
    'contains(var.names, "a")': True,
    'contains(["a"], "A")': False,
    "distinct(var.names)": ["b", "a"],
    "element(var.names, 4)": "a",
    'endswith("abc", "bc")': True,
    'flatten([["a", ["b"]], [], "c"])': ["a", "b", "c"],
    'format("arn:%s:iam::%d:%v/100%%", "aws", 12, "x")': "arn:aws:iam::12:x/100%",
    'formatlist("%s/*", var.names)': ["b/*", "a/*", "b/*"],
    'formatlist("%s-%s", "x", ["a", "b"])': ["x-a", "x-b"],
    'join(",", var.names)': "b,a,b",
    'join("", [])': "",
    'join("-", ["a"], [1, true])': "a-1-true",
    'jsonencode({ b = [1, "<x>", null], a = true })': '{"a":true,"b":[1,"\\u003cx\\u003e",null]}',
    'jsonencode("é & ü")': '"é \\u0026 ü"',
    "keys(local.pair)": ["a", "b"],
    'length("abc") + length([1, 2]) + length(local.pair)': 7,
    'lookup(local.pair, "a", 9)': 1,
    'lookup({ a = "x" }, "z", "y")': "y",
    'lower("AbC")': "abc",
    "max(1, 3, 2) - min(4, 2)": 1,
    "merge(local.pair, { a = 5 }, null)": {"a": 5, "b": 2},
    'one(["a"])': "a",
    "one([])": None,
    "range(3)": [0, 1, 2],
    "range(3, 1)": [3, 2],
    "range(2, 2)": [],
    "length(range(1024))": 1024,
    'replace("a.b.c", ".", "-")': "a-b-c",
    'replace("a/b", "/b", "x")': "ax",
    'replace("a/b", "a/", "x")': "xb",
    '"true" ? 1 : 2': 1,
    '"1" ? 1 : 2': 1,
    'tobool("0")': False,
    '[{ a = ["x", "y"] }, { a = ["z"] }].*.a[0]': ["x", "y"],
    '[{ a = ["x", "y"] }, { a = ["z"] }][*].a[0]': ["x", "z"],
    "[{ a = [{ b = 1 }, { b = 2 }] }, { a = [] }][*].a[*].b": [[1, 2], []],
    '[{ a = "x" }][*].a[*]': [["x"]],
    "([{ a = [3, 4] }][*].a)[0]": [3, 4],
    "tolist([{ a = 1, b = true }, { a = 2, b = false }])": [
        {"a": 1, "b": True},
        {"a": 2, "b": False},
    ],
    '"false" ? 1 : 2': 2,
    "slice(var.names, 3, 3)": [],
    "reverse([1, 2])": [2, 1],
    'setintersection(["a", "b"], ["b"])': ["b"],
    'setsubtract(["a", "b"], ["b"])': ["a"],
    'setunion(["b"], ["a"])': ["a", "b"],
    'slice(["a", "b", "c"], 1, 3)': ["b", "c"],
    'sort(["b", "B", "a"])': ["B", "a", "b"],
    'split(":", "a:b::c")': ["a", "b", "", "c"],
    'split(",", "")': [""],
    'startswith("abc", "ab")': True,
    'strcontains("abc", "bc")': True,
    'tobool("true")': True,
    'tolist(toset(["b", "a"]))': ["a", "b"],
    "tomap({ a = 1 })": {"a": 1},
    "toset(null) == null && tolist(null) == null": True,
    'tonumber("12") + 1': 13,
    "toset([2, 10, 2])": [2, 10],
    'toset(["b", "a", "b"])': ["a", "b"],
    "tostring(1.50)": "1.5",
    'trimprefix("aab", "a")': "ab",
    'trimspace(" a\\n")': "a",
    'trimsuffix("baa", "a")': "ba",
    'try(local.pair.z, "fallback")': "fallback",
    "try(var.names[9], var.names[0])": "b",
    'try(true ? ["a"] : [], [])': ["a"],
    'try(true ? "a" : null, "b")': "a",
    "try(false ? 1 : var.names[0], 2)": "b",
    'can(true ? { a = "x" } : {})': True,
    "can(local.pair.z)": False,
    "try([][*].a, 1)": [],
    'true ? ["b", "a"] : var.empty': ["b", "a"],
    "var.empty[*]": [],
    "can(local.pair.a)": True,
    'upper("ae")': "AE",
    "values(local.pair)": [1, 2],
    'zipmap(["a", "b"], [1, 2])': {"a": 1, "b": 2},
    '"${join("", [for n in var.names : n])}!"': "bab!",
    "<<-EOT\n    a ${local.text}\n      b\n  EOT\n": "a aws\n  b\n",
    "<<-EOT\n\ta\n \t\u3000b\n \n    EOT\n": "a\n\t\u3000b\n \n",
    "<<EOT\r\na\r\nEOT\r\n": "a\r\n",
    '"e${"\u0301"}"': "\u00e9",
}
# What every engine refuses, so that `try` goes on.
REFUSED = (
    "local.pair.z",
    "var.names[9]",
    "element([for n in var.names : n if false], 0)",
    "one([for n in var.names : n])",
    "coalesce(var.none, var.none)",
    "var.none.attribute",
    '"a${var.none}"',
    "slice(var.names, 0, 4)",
    "slice(var.names, 2, 1)",
    "range(1025)",
    'zipmap(["a"], [])',
    '"x" ? 1 : 2',
    "1 ? 1 : 2",
    'lookup(local.pair, "z")',
    '[for v in [] : v if "x"]',
    "[for v in var.empty : v if null]",
    "formatlist([], [])",
)
# What the evaluator does not say, though an engine would.
UNKNOWN = {
    "data.aws_iam_policy.x.arn": "data.aws_iam_policy.x.arn",
    'file("x")': "file(...)",
    'replace("abc", "/b/", "x")': "replace(...)",
    'contains(["1"], 1)': "contains(...)",
    'try(tonumber("\u0663"), 1)': "tonumber(...)",
    'toset([1, "a"])': "toset(...)",
    'concat(["a"], data.x.y.z, file("a"))': "data.x.y.z",
    'flatten([["a"], data.x.y.z])': "flatten(...)",
    'compact(["a", data.x.y.z])': "data.x.y.z",
    "var.names == []": "var.names == []",
    "data.x.y.z ? 1 : 2": "data.x.y.z",
    "tolist([1, true])": "tolist(...)",
    'tomap({ a = 1, b = "x" })': "tomap(...)",
    'tomap({ a = "x", b = ["x"] })': "tomap(...)",
    'true ? [1, "a"] : []': 'true ? [1, "a"] : []',
    'true ? [{ a = 1 }, { a = "x" }] : []': 'true ? [{ a = 1 }, { a = "x" }] : []',
    'true ? ["b", "a"] : toset([])': 'true ? ["b", "a"] : toset([])',
    'true ? toset(["b"]) : ["a"]': 'true ? toset(["b"]) : ["a"]',
    'coalesce("", true)': "coalesce(...)",
    "setunion([1], [])": "setunion(...)",
    'true ? { name = "a", count = 1 } : {}': 'true ? { name = "a", count = 1 } : {}',
    "[for x in data.x.y.z : x]": "data.x.y.z",
    "{ for x in [data.x.y.z] : x => 1 }": "data.x.y.z",
    "[for x in [1] : x if data.x.y.z]": "data.x.y.z",
    "{ (data.x.y.z) = 1 }": "data.x.y.z",
    "{ a = 1, a = 2 }": "{ a = 1, a = 2 }",
    'try(data.x.y.z, "fallback")': "data.x.y.z",
    "can(data.x.y.z)": "data.x.y.z",
    'coalesce(data.x.y.z, "a")': "coalesce(...)",
    "99999999999999999": "99999999999999999",
    "1234567890123456": "1234567890123456",
    "12345678.12345678": "12345678.12345678",
    "1e3": "1e3",
    "999999999999999 * 10": "999999999999999 * 10",
    "data.x.y.z && true": "data.x.y.z",
    'false ? "a" : 0': 'false ? "a" : 0',
    "try([data.x.y.z], [])": "data.x.y.z",
    'try(true ? { a = "x" } : data.x.y.z, {})': 'true ? { a = "x" } : data.x.y.z',
    'try(true ? "a" : ["b"], "c")': 'true ? "a" : ["b"]',
    'can(true ? "a" : data.x.y.z)': 'true ? "a" : data.x.y.z',
    # No engine takes them; in `try` they may lead to another value.
    "max([]...)": "max([]...)",
    "range()": "range(...)",
    "setunion()": "setunion(...)",
    "concat([]...)": "concat([]...)",
    "can()": "can(...)",
    # An empty list, and null, may have a type.
    "true ? [1] : var.empty": "true ? [1] : var.empty",
    "true ? 1 : one(compact([]))": "true ? 1 : one(compact([]))",
    "try(var.empty[*].a, 1)": "var.empty[*].a",
    "try(sort(var.empty), 1)": "sort(...)",
    'try(false ? ["a"] : var.empty, 1)': 'false ? ["a"] : var.empty',
    "try([for v in var.empty : v if v.a], 1)": "[for v in var.empty : v if v.a]",
    "try({ a = slice(toset([]), 0, 2), b = 1 }.b, 1)": "slice(...).b",
    "concat([1], var.empty)": "concat(...)",
    "try(data.x.y.z || local.pair.z, 1)": "data.x.y.z || local.pair.z",
    # Newer engines do not look at what is refused, older ones do.
    "try(local.pair.z && false, 1)": "local.pair.z && false",
    "try(true || local.pair.z, 1)": "true || local.pair.z",
    # Both options get one type, and a list has another order than a set.
    'true ? ["b", "a"] : data.x.y.z': 'true ? ["b", "a"] : data.x.y.z',
    'try(true ? [["a"]] : ["b"], [])': 'true ? [["a"]] : ["b"]',
    'lookup({ a = ["x"] }, "b", "y")': "lookup(...)",
    'try(coalesce("a", []), "b")': "coalesce(...)",
    'try(coalescelist(["a"], toset([])), ["b"])': "coalescelist(...)",
}
