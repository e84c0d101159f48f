// Search excerpts are text: formulas read as words there, or as an ellipsis, and
// code and buttons are left out. A chapter comes before lists of names, words and references.
{
  const LISTS = /^book\/(api|glossary|references|about|evidence_.*)$/;
  const CHAPTER = 8; // above a name that has the word in it, below the name itself
  Scorer.score = ([page, , , , score]) =>
    page.startsWith("book/") && !LISTS.test(page) ? score + CHAPTER : score;
  const whole = Search.htmlToText;
  const words = (tex) => {
    const plain = tex.replace(/\\(?:mathrm|mathbf|text)\b/g, "").replace(/\\([A-Za-z]+)/g, "$1 ")
      .replace(/[{}]/g, "").replace(/\\./g, " ").replace(/\s+/g, " ").trim();
    return plain.length < 24 ? plain : "…";
  };
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    page.querySelector("[role=main]")?.replaceChildren(page.querySelector("article") ?? "");
    for (const part of page.querySelectorAll(".cell_input, .highlight, .widget-slot, button")) part.remove();
    for (const formula of page.querySelectorAll(".math")) {
      const tex = formula.textContent.replace(/\\[()[\]]/g, "");
      formula.textContent = words(tex);
    }
    return whole(page.documentElement.outerHTML, anchor);
  };
}
