// The policy picker: joins the statements of a policy, and replaces the marks by names.
// Everything is written as text; the only inputs are the form and the page's address.
(function () {
  "use strict";
  const data = window.vpcCniIam;
  const form = document.getElementById("picker");
  const byId = (id) => document.getElementById(id);
  const versions = Object.keys(data.versions);
  const order = new Map(versions.map((version, place) => [version, place]));

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  for (const version of [...versions].reverse()) {
    byId("version").append(element("option", { value: version }, version));
  }
  for (const feature of data.features) {
    const box = element("input", { type: "checkbox", name: "feature", value: feature.name });
    const label = element("label", {}, box, " ", element("code", {}, feature.name));
    label.append(` ${feature.when}; from ${feature.since} on`);
    byId("features").append(label);
  }
  for (const parameter of data.parameters) {
    const field = element("input", { id: parameter.name, name: parameter.name, type: "text" });
    field.spellcheck = false;
    let standard = parameter.name === "vpc_owner_id" ? "that of account-id" : parameter.default;
    if (parameter.list) standard = "any; commas between";
    if (standard !== null) field.placeholder = `default: ${standard}`;
    const label = element("label", { for: parameter.name }, parameter.option.slice(2));
    const needed = !parameter.list && parameter.default === null && parameter.name !== "vpc_owner_id";
    byId(needed ? "names" : "more-names").append(element("p", { id: `${parameter.name}-row` }, label, field));
  }

  const value = (name) => form.elements[name].value;
  const features = () =>
    [...form.querySelectorAll('input[name="feature"]')].filter((box) => box.checked && !box.disabled);
  const isHardened = () => form.elements.harden.checked && value("scope") !== "account";

  function variant() {
    const scope = value("scope");
    return data.variants.find((v) => v.modes === value("family") && v.scope === scope);
  }

  // The IDs of a list; empty if not given.
  const listed = (name) => value(name).split(/[\s,]+/).filter(Boolean);
  const lists = data.parameters.filter((parameter) => parameter.list).map(({ name }) => name);
  const limiting = (policy) => lists.filter((name) => policy.parameters.includes(name) && listed(name).length);
  // What --limit-to calls the lists that are given.
  const limits = (policy) =>
    limiting(policy).map((name) => data.parameters.find((parameter) => parameter.name === name).list);

  // The problem of a typed name; empty if none.
  function wrong(parameter) {
    const texts = parameter.list ? listed(parameter.name) : [value(parameter.name).trim()].filter(Boolean);
    const pattern = new RegExp(`^(?:${parameter.pattern})$`);
    const text = texts.find((each) => !pattern.test(each));
    if (text !== undefined) return `"${text}" is not ${parameter.rule}`;
    return new Set(texts).size < texts.length ? "an ID is given twice" : "";
  }

  // The values of a policy's names, checked as on the command line.
  function names(policy) {
    const values = {};
    const missing = [];
    const problems = [];
    for (const parameter of data.parameters) {
      const text = value(parameter.name).trim();
      const used = policy.parameters.includes(parameter.name);
      const option = parameter.option.slice(2);
      byId(`${parameter.name}-row`).hidden = !used;
      const problem = wrong(parameter);
      byId(parameter.name).setAttribute("aria-invalid", problem ? "true" : "false");
      if (used && problem) problems.push(`${option}: ${problem}`);
      values[parameter.name] = text || parameter.default;
      if (parameter.list) values[parameter.name] = text ? listed(parameter.name) : [parameter.default];
      if (used && !text && parameter.default === null && parameter.name !== "vpc_owner_id") {
        missing.push(option);
        values[parameter.name] = parameter.name.toUpperCase(); // in sentences only
      }
    }
    values.vpc_owner_id = value("vpc_owner_id").trim() || values.account_id;
    if (values.region !== "*") {
      const { name } = data.partitions.find(({ start }) => values.region.startsWith(start));
      if (value("partition").trim() && values.partition !== name) {
        problems.push(`partition: ${values.partition} does not have the Region ${values.region}`);
      }
      values.partition = name;
    }
    return { values, missing, problems };
  }

  const filled = (text, values) => text.replace(/@@([a-z_]+)@@/g, (mark, name) => values[name]);

  // The form of a statement for these lists. With several IDs in one, each of its lines is there
  // twice: the first is for all IDs except the last, and the second for the last.
  function written(part, form, values) {
    const several = part.many && lists.some((name) => part.many[form].includes(`@@${name}@@`) && values[name].length > 1);
    if (!several) return part[form];
    const seen = new Set();
    return part.many[form].split("\n").flatMap((line) => {
      const name = lists.find((one) => line.includes(`@@${one}@@`));
      if (!name) return [line];
      const ids = seen.has(name) ? values[name].slice(-1) : values[name].slice(0, -1);
      seen.add(name);
      return ids.map((id) => line.replace(`@@${name}@@`, id));
    }).join("\n");
  }

  // tools/docs/picker.py has the same two.
  const asJson = (parts, values) =>
    '{\n  "Version": "2012-10-17",\n  "Statement": [\n' +
    parts.map((part) => written(part, "json", values)).join(",\n") + "\n  ]\n}\n";
  const asHcl = (parts, values, name) =>
    `data "aws_iam_policy_document" "${name}" {\n` + parts.map((part) => written(part, "hcl", values)).join("\n") + "}\n";

  // The options that select the policy.
  function options() {
    const words = ["--cni-version", value("version")];
    for (const box of features()) words.push("--feature", box.value);
    if (value("scope") !== "account") words.push(isHardened() ? "--harden" : "--no-harden");
    return words;
  }

  function command(chosen, policy) {
    const words = ["vpc-cni-iam policy", chosen.name, ...options()];
    for (const parameter of data.parameters) {
      const text = value(parameter.name).trim();
      if (!policy.parameters.includes(parameter.name)) continue;
      const texts = parameter.list ? listed(parameter.name) : [text].filter(Boolean);
      for (const each of texts) words.push(parameter.option, each === "*" ? "'*'" : each);
    }
    return words.join(" ") + "\n";
  }

  function configuration(chosen, policy) {
    const lines = ["[[module]]", 'path = "modules/vpc-cni-iam-policy"'];
    lines.push(`cni_version = "${value("version")}"`, `variants = ["${chosen.name}"]`);
    const named = features().map((box) => `"${box.value}"`);
    if (named.length) lines.push(`features = [${named.join(", ")}]`);
    if (isHardened()) lines.push("harden = true");
    const limited = limits(policy).map((name) => `"${name}"`);
    if (limited.length) lines.push(`limit_to = [${limited.join(", ")}]`);
    return lines.join("\n") + "\n";
  }

  // What can be copied: whether it contains the names, its text, and what to do next.
  const OUTPUTS = {
    json: {
      hasNames: true,
      text: (chosen, policy, parts, values) => filled(asJson(parts, values), values),
      next: "",
    },
    hcl: {
      hasNames: true,
      text: (chosen, policy, parts, values) => filled(asHcl(parts, values, chosen.identifier), values),
      next: "",
    },
    policy: { hasNames: true, text: command, next: "It prints the JSON; with --format hcl, the HCL." },
    generate: {
      hasNames: false,
      text: (chosen, policy) => {
        const limited = limits(policy).flatMap((name) => ["--limit-to", name]);
        return ["vpc-cni-iam generate --variant", chosen.name, ...options(), ...limited].join(" ") + "\n";
      },
      next: "It writes a module. Names and lists are variables of the module.",
    },
    toml: {
      hasNames: false,
      text: configuration,
      next: "Then run vpc-cni-iam sync. Names and lists are variables of the module.",
    },
  };

  function showOutput(chosen, policy, values, missing) {
    const output = OUTPUTS[value("output")];
    const parts = policy.statements.map((place) => data.statements[place]);
    const needed = output.hasNames ? missing : [];
    byId("picker-needs").textContent = needed.length ? `Fill in ${needed.join(" and ")}.` : "";
    byId("picker-needs").hidden = !needed.length;
    byId("picker-copied").hidden = Boolean(needed.length);
    byId("picker-output").textContent = needed.length ? "" : output.text(chosen, policy, parts, values);
    byId("picker-next").textContent = needed.length ? "" : output.next;
    return parts;
  }

  function showActions(parts, chosen) {
    const lists = data.evidence_of[value("version")];
    const known = data.evidence_lists[lists[chosen.modes]];
    const rows = [];
    for (const action of new Set(parts.flatMap((part) => part.actions))) {
      const entry = action in known ? data.evidence[known[action]] : null;
      const kind = element("a", { href: "evidence.html#where-a-fact-comes-from" }, entry ? entry.kind : "documented");
      const texts = entry
        ? entry.places.map(([text, address]) => (address ? element("a", { href: address }, text) : text))
        : ["in upstream's document; this plugin version does not call it"];
      const effect = entry ? [entry.effect, " (", kind, "): "] : [kind, ": "];
      rows.push(element("dt", {}, element("code", {}, action)), element("dd", {}, ...effect, ...texts));
    }
    byId("picker-actions").replaceChildren(...rows);
  }

  function showRisks(numbers, values) {
    const items = numbers.map((number) => {
      const risk = data.risks[number];
      const link = element("a", { href: `risks.html#${risk.name}` }, risk.name);
      return element("li", {}, element("strong", {}, risk.severity), " ", link, `: ${filled(risk.text, values)}`);
    });
    byId("picker-risks").replaceChildren(...(items.length ? items : [element("li", {}, "none known")]));
  }

  // Why there is no policy for the choice; empty if there is one.
  function refusal(chosen) {
    if (!chosen) return "This policy does not exist: for both IP families, choose the whole account. EKS Pod Identity's tags need IPv4.";
    if (order.get(value("version")) < order.get(chosen.minimum)) {
      return `The variant ${chosen.name} works with plugin ${chosen.minimum} or later.`;
    }
    return "";
  }

  // Whether lists make the policy too large for IAM.
  function tooLarge(policy, values) {
    const parts = policy.statements.map((place) => data.statements[place]);
    const size = JSON.stringify(JSON.parse(filled(asJson(parts, values), values))).length;
    return size > 6144 ? `the policy has ${size} characters, but IAM allows 6144 in a managed policy; list fewer IDs` : "";
  }

  function show() {
    const chosen = variant();
    form.elements.harden.disabled = value("scope") === "account";
    for (const box of form.querySelectorAll('input[name="feature"]')) {
      const { since } = data.features.find((feature) => feature.name === box.value);
      box.disabled = order.get(value("version")) < order.get(since);
    }
    let problem = refusal(chosen);
    byId("picker-result").hidden = true;
    byId("names").hidden = byId("more-names").hidden = Boolean(problem);
    if (!problem) {
      const key = [chosen.name, ...(isHardened() ? ["harden"] : []),
        ...features().map((box) => box.value)].join("+");
      const [number, risks] = data.versions[value("version")][key];
      const policy = data.policies[number];
      const { values, missing, problems } = names(policy);
      problem = problems.join("; ");
      const limited = limiting(policy);
      if (!problem && limited.length) problem = tooLarge(policy, values);
      if (!problem) {
        // tools/docs/picker.py has the risks of each choice of lists, in this order.
        const place = lists.reduce((sum, name, bit) => sum + (limited.includes(name) << bit), 0);
        showRisks(data.risk_lists[risks[place]], values);
        showActions(showOutput(chosen, policy, values, missing), chosen);
        byId("picker-result").hidden = false;
        byId("picker-status").textContent =
          `Policy ${chosen.name} for plugin ${value("version")}. It works with ${policy.works}.`;
      }
    }
    if (problem) byId("picker-status").textContent = problem;
    byId("picker-status").classList.toggle("picker-problem", Boolean(problem));
  }

  // The address contains the choice, so that it can be shared.
  function remember() {
    const words = new URLSearchParams();
    for (const [name, text] of new FormData(form)) if (text) words.append(name, text);
    if (value("scope") !== "account" && !isHardened()) words.append("harden", "off");
    history.replaceState(null, "", `#${words}`);
  }

  function recall() {
    const words = new URLSearchParams(location.hash.slice(1));
    const newest = versions[versions.length - 1];
    form.elements.version.value = order.has(words.get("version")) ? words.get("version") : newest;
    for (const name of ["family", "scope", "output"]) {
      const boxes = [...form.elements[name]];
      (boxes.find((box) => box.value === words.get(name)) || boxes[0]).checked = true;
    }
    for (const { name } of data.parameters) form.elements[name].value = words.get(name) || "";
    form.elements.harden.checked = value("scope") !== "account" && words.get("harden") !== "off";
    for (const box of form.querySelectorAll('input[name="feature"]')) {
      box.checked = words.getAll("feature").includes(box.value);
    }
  }

  async function copy(button) {
    const source = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 3000);
  }

  let scope;
  function changed(event) {
    // A scoped policy is hardened by default.
    if (event.target.name === "scope" && (scope === "account" || value("scope") === "account")) {
      form.elements.harden.checked = value("scope") !== "account";
    }
    scope = value("scope");
    remember();
    show();
  }

  function opened() {
    recall();
    scope = value("scope");
    show();
  }

  // The outputs belong to the form, but are outside it.
  for (const field of [form, document.querySelector(".picker-outputs")]) field.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  // Any other fragment is a heading of the page.
  addEventListener("hashchange", () => { if (location.hash.includes("=")) opened(); });
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", () => copy(button));
  }
  opened();
})();
