// The policy picker: joins the statements of a policy, and replaces the marks of names.
// Everything is written as text; the page has no other input than the form and its address.
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
    const hint = element("span", { class: "picker-hint", id: `${parameter.name}-hint` });
    hint.textContent = parameter.default === null ? "" : `default: ${parameter.default}`;
    if (parameter.list) hint.textContent = "default: any; with commas between several";
    if (parameter.name === "vpc_owner_id") hint.textContent = "default: that of account-id";
    field.setAttribute("aria-describedby", hint.id);
    const label = element("label", { for: parameter.name }, parameter.option.slice(2));
    byId("names").append(element("p", { id: `${parameter.name}-row` }, label, field, hint));
  }

  const value = (name) => form.elements[name].value;
  const features = () =>
    [...form.querySelectorAll('input[name="feature"]')].filter((box) => box.checked && !box.disabled);

  function variant() {
    const scope = value("scope");
    return data.variants.find((v) => v.modes === value("family") && v.scope === scope);
  }

  // The IDs of a list, none if it is not given.
  const listed = (name) => value(name).split(/[\s,]+/).filter(Boolean);

  function listProblem(parameter) {
    const ids = listed(parameter.name);
    const pattern = new RegExp(`^(?:${parameter.pattern})$`);
    const wrong = ids.find((id) => !pattern.test(id));
    if (wrong !== undefined) return `"${wrong}" is not ${parameter.rule}`;
    return new Set(ids).size < ids.length ? "an ID is given twice" : "";
  }

  // What the command line checks, too: the values of the names that a policy has.
  function names(policy) {
    const values = {};
    const problems = [];
    for (const parameter of data.parameters) {
      const text = value(parameter.name).trim();
      const used = policy.parameters.includes(parameter.name);
      byId(`${parameter.name}-row`).hidden = !used;
      let problem = "";
      if (parameter.list) {
        problem = listProblem(parameter);
      } else if (text && !new RegExp(`^(?:${parameter.pattern})$`).test(text)) {
        problem = `"${text}" is not ${parameter.rule}`;
      } else if (used && !text && parameter.default === null && parameter.name !== "vpc_owner_id") {
        problem = `this policy needs ${parameter.option.slice(2)}`;
      }
      const field = byId(parameter.name);
      field.setAttribute("aria-invalid", problem ? "true" : "false");
      values[parameter.name] = text || parameter.default;
      if (parameter.list) values[parameter.name] = text ? listed(parameter.name) : [parameter.default];
      if (problem && used) problems.push(`${parameter.option.slice(2)}: ${problem}`);
    }
    values.vpc_owner_id = value("vpc_owner_id").trim() || values.account_id;
    if (values.region !== "*") {
      const { name } = data.partitions.find(({ start }) => values.region.startsWith(start));
      if (value("partition").trim() && values.partition !== name) {
        problems.push(`partition: ${values.partition} does not have the Region ${values.region}`);
      }
      values.partition = name;
    }
    return { values, problems };
  }

  const filled = (text, values) => text.replace(/@@([a-z_]+)@@/g, (mark, name) => values[name]);
  const lists = data.parameters.filter((parameter) => parameter.list).map(({ name }) => name);

  // The form of a statement for these lists. With several IDs in one, each of its lines is there
  // twice: the first stands for all IDs but the last, and the second for that.
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
  const asHcl = (parts, name, values) =>
    `data "aws_iam_policy_document" "${name}" {\n` + parts.map((part) => written(part, "hcl", values)).join("\n") + "}\n";

  function command(chosen, policy) {
    const words = ["vpc-cni-iam policy", chosen.name, "--cni-version", value("version")];
    for (const parameter of data.parameters) {
      const text = value(parameter.name).trim();
      if (!policy.parameters.includes(parameter.name)) continue;
      if (parameter.list) {
        for (const id of listed(parameter.name)) words.push(parameter.option, id);
      } else if (text) {
        words.push(parameter.option, text === "*" ? "'*'" : text);
      }
    }
    for (const box of features()) words.push("--feature", box.value);
    if (form.elements.harden.checked && chosen.scope !== "account") words.push("--harden");
    return words.join(" ");
  }

  function showActions(parts, chosen) {
    const lists = data.evidence_of[value("version")];
    const known = data.evidence_lists[lists[chosen.modes]];
    const rows = [];
    for (const action of new Set(parts.flatMap((part) => part.actions))) {
      const entry = action in known ? data.evidence[known[action]] : null;
      const kind = entry ? entry.kind : "documented";
      const text = entry ? entry.text : "in upstream's document; this plugin version does not call it";
      const cells = [element("code", {}, action), kind, text].map((cell) => element("td", {}, cell));
      rows.push(element("tr", {}, ...cells));
    }
    byId("picker-actions").replaceChildren(...rows);
  }

  function showRisks(numbers, values, limited) {
    const items = numbers.map((number) => {
      const risk = data.risks[number];
      const link = element("a", { href: `risks.html#${risk.name}` }, risk.name);
      return element("li", {}, element("strong", {}, risk.severity), " ", link, `: ${filled(risk.text, values)}`);
    });
    if (limited) items.push(element("li", {}, "Those of the policy without the lists. `vpc-cni-iam coverage` tells those with them."));
    byId("picker-risks").replaceChildren(...(items.length ? items : [element("li", {}, "none known")]));
  }

  // Why there is no policy for what is chosen; empty if there is one.
  function refusal(chosen) {
    if (!chosen) return "There is no such policy: for both IP families, choose the whole account; EKS Pod Identity's tags need IPv4.";
    if (order.get(value("version")) < order.get(chosen.minimum)) {
      return `The variant ${chosen.name} works with plugin ${chosen.minimum} or later.`;
    }
    return "";
  }

  function show() {
    const chosen = variant();
    const scoped = value("scope") !== "account";
    form.elements.harden.disabled = !scoped;
    for (const box of form.querySelectorAll('input[name="feature"]')) {
      const { since } = data.features.find((feature) => feature.name === box.value);
      box.disabled = order.get(value("version")) < order.get(since);
    }
    remember();
    let problem = refusal(chosen);
    byId("picker-result").hidden = true;
    byId("names").hidden = Boolean(problem);
    if (!problem) {
      const key = [chosen.name, ...(scoped && form.elements.harden.checked ? ["harden"] : []),
        ...features().map((box) => box.value)].join("+");
      const [number, risks] = data.versions[value("version")][key];
      const policy = data.policies[number];
      const { values, problems } = names(policy);
      problem = problems.join("; ");
      if (!problem) {
        const parts = policy.statements.map((place) => data.statements[place]);
        const json = filled(asJson(parts, values), values);
        const limited = lists.some((name) => policy.parameters.includes(name) && listed(name).length);
        const size = JSON.stringify(JSON.parse(json)).length;
        if (limited && size > 6144) problem = `the policy has ${size} characters, and a managed policy of IAM 6144; list fewer IDs`;
        byId("picker-command").textContent = command(chosen, policy) + "\n";
        byId("picker-json").textContent = json;
        byId("picker-hcl").textContent = filled(asHcl(parts, chosen.identifier, values), values);
        byId("picker-works").textContent = `This policy works with plugin ${policy.works}.`;
        showActions(parts, chosen);
        showRisks(data.risk_lists[risks], values, limited);
        byId("picker-result").hidden = Boolean(problem);
      }
    }
    byId("picker-status").textContent = problem || `Policy ${chosen.name} for plugin ${value("version")}`;
    byId("picker-status").classList.toggle("picker-problem", Boolean(problem));
  }

  // The address has what is chosen, so that it can be sent to somebody.
  function remember() {
    const words = new URLSearchParams();
    for (const [name, text] of new FormData(form)) if (text) words.append(name, text);
    history.replaceState(null, "", `#${words}`);
  }

  function recall() {
    const words = new URLSearchParams(location.hash.slice(1));
    const newest = versions[versions.length - 1];
    form.elements.version.value = order.has(words.get("version")) ? words.get("version") : newest;
    for (const name of ["family", "scope"]) {
      const boxes = [...form.querySelectorAll(`input[name="${name}"]`)];
      (boxes.find((box) => box.value === words.get(name)) || boxes[0]).checked = true;
    }
    for (const { name } of data.parameters) form.elements[name].value = words.get(name) || "";
    form.elements.harden.checked = words.has("harden");
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

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => { recall(); show(); });
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", () => copy(button));
  }
  recall();
  show();
})();
