// A square to draw data on, and the points that a drawing stands for.
import { pen } from "./plot.js";
import { normal } from "./random.js";
import { button, node } from "./ui.js";

const SIDE = 2.2; // the square holds the plane from -SIDE to SIDE
const [GAP, BLUR] = [0.05, 0.06];

/** A heart: what is there before a reader draws. */
const HEART = Array.from({ length: 120 }, (_, i) => {
  const t = (2 * Math.PI * i) / 120;
  const tall = 13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t);
  return [1.6 * Math.sin(t) ** 3, (tall + 2) / 10];
});

/** n points around a drawing's spots, at random. */
export function scattered(spots, n, draw) {
  const near = () => spots[Math.floor(draw() * spots.length)].map((v) => v + BLUR * normal(draw));
  return Float64Array.from(Array.from({ length: n }, near).flat());
}

/** The square: {spots()}; drawn() is told after each stroke. */
export function pad(drawn) {
  const canvas = node("canvas", { className: "ode-pad", role: "img", "aria-label": "A square to draw data on" });
  let [spots, own, stroke] = [HEART, false, null];
  const show = () => {
    const { ctx, width, height, colours: c } = pen(canvas);
    ctx.fillStyle = c.lines[1];
    for (const [x, y] of spots)
      ctx.fillRect((x / SIDE + 1) * width / 2 - 1.5, (1 - y / SIDE) * height / 2 - 1.5, 3, 3);
  };
  const add = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const to = [2 * (event.clientX - left) / width - 1, 1 - 2 * (event.clientY - top) / height]
      .map((v) => SIDE * Math.min(1, Math.max(-1, v)));
    const from = stroke ?? to;
    const steps = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / GAP) || 1;
    for (let i = 1; i <= steps; i++)
      spots.push(to.map((v, k) => from[k] + ((v - from[k]) * i) / steps));
    stroke = to;
    show();
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    if (!own) [spots, own] = [[], true];
    add(event);
  });
  canvas.addEventListener("pointermove", (event) => stroke && add(event));
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      if (!stroke) return;
      stroke = null;
      drawn();
    });
  const clear = button("Clear", () => {
    [spots, own] = [HEART, false];
    drawn();
  });
  return Object.assign(node("div", { className: "ode-drawing" }, canvas, clear), { show, spots: () => spots });
}
