// Filters the list of rules by words, by level and by the `--fail-on` that a finding fails.
(function () {
  "use strict";
  const tables = [...document.querySelectorAll(".md-content table")];
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const choices = (values) => ["any", ...values].map((value) => element("option", {}, value));
  const words = element("input", { id: "rule-words", type: "search", autocomplete: "off" });
  const level = element("select", { id: "rule-level" }, ...choices(["error", "warning", "note"]));
  const counts = element("select", { id: "rule-counts" }, ...choices(["new-access", "coverage-lost", "any-change"]));
  const shown = element("p", { id: "rule-count", role: "status" });
  const form = element(
    "form", { class: "rule-filter", role: "search" },
    element("label", {}, "Words ", words), element("label", {}, "Level ", level),
    element("label", {}, "Fails --fail-on ", counts), shown,
  );

  function show() {
    const wanted = words.value.toLowerCase().split(/\s+/);
    let number = 0;
    for (const row of rows) {
      const [rule, summary, ofRule, countsFor] = [...row.cells].map((cell) => cell.textContent);
      const text = `${rule} ${summary}`.toLowerCase();
      row.hidden = !(
        wanted.every((word) => text.includes(word)) &&
        ["any", ofRule].includes(level.value) &&
        ["any", ...countsFor.split(", ")].includes(counts.value)
      );
      number += row.hidden ? 0 : 1;
    }
    shown.textContent = `${number} of ${rows.length} rules`;
    for (const table of tables) {
      const isEmpty = [...table.tBodies[0].rows].every((row) => row.hidden);
      // The theme may put a table into a frame.
      let place = table.closest(".md-typeset__scrollwrap") || table;
      place.hidden = isEmpty;
      while (place && place.tagName !== "H2") place = place.previousElementSibling;
      if (place) place.hidden = isEmpty;
    }
  }

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.querySelector(".md-content h2").before(form);
  show();
})();
