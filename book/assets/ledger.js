// The ledger's table of claims: filtered by words, verdict and chapter, sorted
// by a press on a column's head. Without this script it is a plain table.
for (const table of document.querySelectorAll(".ledger table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  if (!rows.some((row) => row.dataset.verdict)) continue;

  const labelled = (text, control) => {
    const label = document.createElement("label");
    label.append(text, " ", control);
    return label;
  };
  const choice = (values) => {
    const select = document.createElement("select");
    for (const value of ["all", ...new Set(values)]) select.add(new Option(value));
    return select;
  };
  const words = Object.assign(document.createElement("input"), { type: "search" });
  const verdict = choice(rows.map((row) => row.dataset.verdict));
  const chapter = choice(rows.map((row) => row.dataset.chapter));
  const shown = document.createElement("output");
  const bar = document.createElement("div");
  bar.className = "ledger-filter";
  bar.append(
    labelled("Search", words),
    labelled("Verdict", verdict),
    labelled("Chapter", chapter),
    shown,
  );
  table.parentElement.before(bar);

  const filter = () => {
    const sought = words.value.trim().toLowerCase();
    const fits = (select, value) => select.selectedIndex === 0 || select.value === value;
    for (const row of rows)
      row.hidden = !(
        row.textContent.toLowerCase().includes(sought) &&
        fits(verdict, row.dataset.verdict) &&
        fits(chapter, row.dataset.chapter)
      );
    const left = rows.filter((row) => !row.hidden).length;
    shown.textContent = `${left} of ${rows.length} claims`;
  };
  bar.addEventListener("input", filter);
  filter();

  // The first press sorts upwards, the second down, the third as it was.
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "none" };
      const order = next[head.ariaSort] ?? "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      if (order !== "none") head.ariaSort = order;
      const text = (row) => row.cells[column].textContent;
      const compare = (a, b) => text(a).localeCompare(text(b), "en", { numeric: true });
      const sorted = order === "none" ? rows : rows.toSorted(compare);
      body.append(...(order === "descending" ? sorted.reverse() : sorted));
    });
  });
}
