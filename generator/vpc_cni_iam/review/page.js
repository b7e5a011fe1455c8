"use strict";
// Filters the rows of the permissions. What is typed stands in the address, so that it can be
// passed on; without this script every row is shown.
const form = document.getElementById("filter");
const rows = Array.from(document.querySelectorAll("tr[data-kinds]"), (row) => ({
  row,
  kinds: row.dataset.kinds.split(" "),
  text: `${row.dataset.of} ${row.textContent}`.toLowerCase(),
}));
function filter() {
  const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = form.kind.value;
  let count = 0;
  for (const { row, kinds, text } of rows) {
    const fits = (!kind || kinds.includes(kind)) && words.every((word) => text.includes(word));
    row.hidden = !fits;
    count += fits;
  }
  for (const part of document.querySelectorAll("section.role")) {
    part.hidden = !part.querySelector("tr[data-kinds]:not([hidden])");
  }
  form.shown.value = `${count} of ${rows.length} rows`;
}
function restore() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  // A link to a part of the page leaves the filter as it is.
  if (location.hash && !wanted.has("text") && !wanted.has("kind")) return;
  form.text.value = wanted.get("text") ?? "";
  form.kind.value = wanted.get("kind") ?? "";
  if (form.kind.selectedIndex < 0) form.kind.value = "";
  filter();
}
if (form) {
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    const kept = new URLSearchParams();
    if (form.text.value) kept.set("text", form.text.value);
    if (form.kind.value) kept.set("kind", form.kind.value);
    history.replaceState(null, "", `#${kept}`);
    filter();
  });
  addEventListener("hashchange", restore);
  filter();
  restore();
}
