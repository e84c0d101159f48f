// A link into a page lands where it points: formulas get their heights later,
// so the page goes there once more, unless its reader has moved on.
{
  let moved = false;
  for (const event of ["wheel", "touchmove", "keydown", "pointerdown"])
    addEventListener(event, () => (moved = true), { once: true, passive: true });
  addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && !moved) target.scrollIntoView({ behavior: "instant" });
  });
}
