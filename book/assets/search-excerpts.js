// Search excerpts are text: formulas read as words there, or as an ellipsis.
{
  const whole = Search.htmlToText;
  const words = (tex) => {
    const plain = tex.replace(/\\(?:mathrm|mathbf|text)\b/g, "").replace(/\\([A-Za-z]+)/g, "$1 ")
      .replace(/[{}]/g, "").replace(/\\./g, " ").replace(/\s+/g, " ").trim();
    return plain.length < 24 ? plain : "…";
  };
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const formula of page.querySelectorAll(".math")) {
      const tex = formula.textContent.replace(/\\[()[\]]/g, "");
      formula.textContent = words(tex);
    }
    return whole(page.documentElement.outerHTML, anchor);
  };
}
