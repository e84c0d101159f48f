// Claims filtered by words, verdict and chapter: lines of the ledger, and of the
// matrices of an evidence page, where a study without any left is hidden. The
// ledger is sorted by a press on a column's head. Without this script all of it
// is plain tables.
{
  /**
   * A bar before a place, for lines {row, said, words, chapter} with the words of
   * their verdicts; after(used) is told whether anything is filtered.
   */
  const addFilter = (place, lines, after = () => {}) => {
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
    const sought = Object.assign(document.createElement("input"), { type: "search" });
    const every = lines.flatMap(({ words }) => words);
    const verdict = choice(every);
    const chapters = lines.flatMap(({ chapter }) => chapter ?? []);
    const chapter = choice(chapters);
    const shown = document.createElement("output");
    const bar = document.createElement("div");
    bar.className = "ledger-filter";
    bar.append(labelled("Search", sought), labelled("Verdict", verdict));
    if (chapters.length) bar.append(labelled("Chapter", chapter));
    bar.append(shown);
    place.before(bar);

    const filter = () => {
      const text = sought.value.trim().toLowerCase();
      const fits = (select, value) => select.selectedIndex === 0 || select.value === value;
      let left = 0;
      for (const line of lines) {
        const found = line.said.toLowerCase().includes(text) && fits(chapter, line.chapter)
          ? line.words.filter((word) => fits(verdict, word)).length : 0;
        line.row.hidden = found === 0;
        left += found;
      }
      shown.textContent = `${left} of ${every.length} claims`;
      after(left < every.length);
    };
    bar.addEventListener("input", filter);
    filter();
  };

  // The first press sorts upwards, the second down, the third as it was.
  const addSorting = (table, rows) => {
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
        table.tBodies[0].append(...(order === "descending" ? sorted.reverse() : sorted));
      });
    });
  };

  for (const table of document.querySelectorAll(".ledger table")) {
    const rows = [...table.tBodies[0].rows];
    if (!rows.some((row) => row.dataset.verdict)) continue;
    addFilter(table.parentElement, rows.map((row) => ({
      row, said: row.textContent, words: [row.dataset.verdict], chapter: row.dataset.chapter,
    })));
    addSorting(table, rows);
  }

  for (const page of document.querySelectorAll(".evidence")) {
    const studies = [...page.querySelectorAll(":scope > h2")].map((head) => {
      const study = document.createElement("section");
      const [name, link] = [head.nextElementSibling, page.querySelector(`a[href="#${head.id}"]`)];
      head.before(study);
      do study.append(study.nextElementSibling);
      while (study.nextElementSibling && study.nextElementSibling.tagName !== "H2");
      const lines = [...study.querySelectorAll(".matrix tbody tr")].map((row) => ({
        row,
        said: [head, name, row].map((one) => one.textContent).join(" ") +
          [...row.cells].map((cell) => ` ${cell.dataset.of ?? ""}`).join(""),
        words: [...row.querySelectorAll("td[id]")].map((cell) => cell.className.replace("-", " ")),
      }));
      return { study, entry: link?.parentElement, lines };
    });
    const lines = studies.flatMap((one) => one.lines);
    if (lines.length)
      addFilter(studies[0].study, lines, (used) => {
        for (const { study, entry, lines: own } of studies)
          for (const part of [study, entry].filter(Boolean))
            part.hidden = used && own.every(({ row }) => row.hidden);
      });
  }
}
