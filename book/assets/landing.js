// A link into a page lands where it points: formulas and pictures get their
// heights later, so the page goes there again when they have, for some seconds,
// unless its reader has moved on. A verdict opens its evidence.
{
  const SECONDS = 5;
  let moved = false;
  for (const event of ["wheel", "touchmove", "keydown", "pointerdown"])
    addEventListener(event, () => (moved = true), { once: true, passive: true });
  addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const verdict = target.querySelector(":scope > [popovertarget]");
    verdict?.focus({ preventScroll: true });
    verdict?.popoverTargetElement?.showPopover();
    const grown = new ResizeObserver(() => {
      if (!moved) target.scrollIntoView({ behavior: "instant" });
    });
    grown.observe(document.body); // which calls back at once, too
    setTimeout(() => grown.disconnect(), 1000 * SECONDS);
  });
}
