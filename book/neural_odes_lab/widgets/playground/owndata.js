// Data of the reader's own: drawn on the picture of inputs, or pasted.
import { drawData, MOST, REACH, readCsv, withPoint } from "../shared/datasets.js";
import { button, choice, node } from "../shared/ui.js";
import { folded } from "./controls.js";

const APART = 0.12; // between points that one stroke leaves

/**
 * Controls of one's own data. canvas shows the inputs, map() its axes, point()
 * where the dragged point is, data() what there is; take(data) is told.
 */
export function ownData(canvas, { map, point, data, take }) {
  let [brush, last] = [0, null];
  const said = node("p", { className: "ode-said", role: "status" });
  const paint = choice("A stroke adds",
    [["0", "nothing"], ["-1", "blue circles"], ["1", "orange triangles"]], "0", (value) => {
      brush = Number(value);
      // A finger that draws must not scroll the page.
      canvas.style.touchAction = brush ? "none" : "";
    });
  const add = (at, label) => {
    if (at.some((v) => Math.abs(v) > REACH)) return;
    const now = data();
    if (now.n >= MOST) said.textContent = `At most ${MOST} points fit.`;
    else take(withPoint(now.x.length === 2 * now.n ? now : drawData("spirals", 2, 0), at, label));
  };
  const stroke = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    const at = [map().across(event.clientX - left), map().up(event.clientY - top)];
    if (last && Math.hypot(at[0] - last[0], at[1] - last[1]) < APART) return;
    last = at;
    add(at, brush);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!brush || !map() || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
    last = null;
    stroke(event);
    canvas.addEventListener("pointermove", stroke);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => canvas.removeEventListener("pointermove", stroke));
  const pasted = node("textarea", {
    className: "ode-text", rows: 4, spellcheck: false, "aria-label": "Lines of two numbers and a class",
    placeholder: "0.5, -1.2, a\n1.1, 0.3, b",
  });
  const use = button("Use these lines", () => {
    try {
      const { scaled, ...found } = readCsv(pasted.value);
      take(found);
      said.textContent = `${found.n} points are used` +
        (scaled ? ", each column moved and scaled to −1.5 … 1.5." : ".");
    } catch (error) {
      said.textContent = `Not used: ${error.message}.`;
    }
  });
  return folded("Data of your own", paint,
    node("div", { className: "ode-buttons" },
      button("Add at the large point", () => add([...point()], brush || 1)),
      button("Only two points", () =>
        take({ x: Float64Array.of(-1, 0, 1, 0), y: Float64Array.of(-1, 1), n: 2 }))),
    node("p", { className: "ode-note" },
      "Draw on the picture of inputs. Or paste lines of two numbers and a class, two classes in all:"),
    pasted, use, said);
}
