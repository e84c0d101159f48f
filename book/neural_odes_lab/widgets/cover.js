// CoverWidget: how many points an r-cover of the unit sphere takes at least.
import { positive, within } from "./shared/checks.js";
import {
  axes, inside, line, marker, pen, scientific, tidy,
} from "./shared/plot.js";
import {
  button, key, mount, node, pair, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const RADII = [0.1, 1.2];
const DIMENSIONS = [2, 30];
const FARTHEST = 400;
const DECADES = 12;
const NODES = 20000;

/** The angle from a point on the unit sphere to those at distance r of it. */
export const angleOf = (r) => 2 * Math.asin(r / 2);

/** Integrals of sin(t)^(n - 2) from 0 to an angle, for n = 2 ... most. */
function areas(angle, most) {
  const sums = new Float64Array(most + 1);
  for (let i = 0; i <= NODES; i++) {
    const sine = Math.sin((angle * i) / NODES);
    let power = i === 0 || i === NODES ? 0.5 : 1;
    for (let n = 2; n <= most && power > 0; n++, power *= sine) sums[n] += power;
  }
  return sums.map((sum) => (sum * angle) / NODES);
}

const spheres = new Map();

/**
 * Fewer points than these cannot r-cover the unit sphere in n dimensions: its
 * area over that of a cap, by index n = 2 ... most.
 */
export function leastCovers(r, most) {
  if (!spheres.has(most)) spheres.set(most, areas(Math.PI, most));
  const caps = areas(angleOf(r), most);
  return spheres.get(most).map((area, n) => (n < 2 ? NaN : area / caps[n]));
}

/** A number of points, rounded up. */
const amount = (value) => value < 1e6
  ? Math.ceil(value - 1e-9).toLocaleString("en").replaceAll(",", "\u202f") : scientific(value);

/** The circle under as many caps as reach all of it, and the handle's cap. */
function drawCircle(sheet, r) {
  const { ctx, width, height, colours: c } = sheet;
  const [x, y] = [width / 2, height / 2];
  const radius = 0.38 * Math.min(width, height);
  const angle = angleOf(r);
  const caps = Math.ceil(Math.PI / angle - 1e-9);
  const spot = (turn, scale = 1) =>
    [x + scale * radius * Math.cos(turn), y - scale * radius * Math.sin(turn)];
  const arc = (from, to, scale, style, wide) => {
    ctx.beginPath();
    ctx.arc(x, y, scale * radius, -to, -from);
    ctx.strokeStyle = style;
    ctx.lineWidth = wide;
    ctx.stroke();
  };
  arc(0, 2 * Math.PI, 1, c.broad, 2);
  for (let i = 0; i < caps; i++) {
    const turn = (2 * Math.PI * i) / caps;
    const lane = caps % 2 && i === caps - 1 ? 2 : i % 2; // beside no other
    const color = c.lines[lane];
    arc(turn - angle, turn + angle, 1.07 + 0.06 * lane, color, 4);
    marker(ctx, "circle", ...spot(turn), 4, color, c.paper);
  }
  const [middle, edge] = [spot(0), spot(angle)];
  line(ctx, [middle, edge], c.ink, 1.6);
  ctx.font = "italic 14px system-ui, sans-serif";
  ctx.fillStyle = c.ink;
  [ctx.textAlign, ctx.textBaseline] = ["right", "middle"];
  ctx.fillText("r", (middle[0] + edge[0]) / 2 - 6, (middle[1] + edge[1]) / 2);
  ctx.font = "12px system-ui, sans-serif";
  ctx.fillStyle = c.muted;
  ctx.textAlign = "center";
  ctx.fillText(`n = 2: ${caps} caps`, x - 0.15 * radius, y);
  marker(ctx, "circle", ...edge, 8, c.paper, c.ink, 2.4);
  return { caps, handle: edge, turn: (px, py) => Math.atan2(y - py, px - x) };
}

function drawCovers(sheet, covers, n, points, first) {
  const { ctx, colours: c } = sheet;
  const [low, high] = DIMENSIONS;
  const frame = axes(sheet, [low - 0.5, high + 0.5, 0, DECADES + 0.6],
    { names: ["dimension n", "points, at least"], log: [false, true] });
  const spot = (n) => [frame.x(n), frame.y(Math.log10(covers[n]))];
  const all = Array.from({ length: high - low + 1 }, (_, i) => low + i).filter((n) => covers[n] < 1e300);
  const level = frame.y(Math.log10(points));
  inside(ctx, frame, () => {
    if (first <= high) {
      const left = frame.x(first - 0.5);
      ctx.fillStyle = c.fills[1];
      ctx.fillRect(left, frame.top, frame.right - left, frame.bottom - frame.top);
    }
    line(ctx, [[frame.left, level], [frame.right, level]], c.ink, 1.2, [5, 4]);
    line(ctx, all.map(spot), c.lines[0], 1.6);
    for (const n of all) marker(ctx, "circle", ...spot(n), 2.6, c.lines[0], c.paper, 0.6);
    const [x, y] = spot(n);
    const color = covers[n] > points ? c.lines[1] : c.lines[0];
    if (y > frame.top) marker(ctx, "circle", x, y, 6.5, color, c.ink, 2);
    else marker(ctx, "triangle", x, frame.top + 9, 6.5, color, c.ink, 2);
  });
  ctx.font = "12px system-ui, sans-serif";
  ctx.fillStyle = c.ink;
  [ctx.textAlign, ctx.textBaseline] = ["right", "bottom"];
  ctx.fillText(`${amount(points)} points available`, frame.right - 6, level - 4);
}

function renderCover({ model: python, el }) {
  return mount(python, el, (shell) => {
    const points = python.get("points");
    const [n, r] = ["n", "r"].map((name) => trait(python, name, shell));
    const start = [n.get(), r.get()];
    positive({ points });
    within({ n: start[0] }, ...DIMENSIONS);
    within({ r: start[1] }, ...RADII);
    const setRadius = (value) =>
      r.set(Math.round(100 * Math.min(RADII[1], Math.max(RADII[0], value))) / 100);
    let frame = null;
    const circle = pointCanvas("A circle under its caps", "ode-square", {
      label: "Edge of the cap",
      move: (x, y) => {
        if (frame) setRadius(2 * Math.sin(Math.min(Math.PI, Math.abs(frame.turn(x, y))) / 2));
      },
      nudge: (dx, dy) => setRadius(r.get() + 0.02 * (dx + dy)),
      range: () => RADII,
      jump: setRadius,
    });
    const chart = node("canvas", { role: "img", "aria-label": "Points over dimension" });
    const dimension = slider("Dimension n", { min: DIMENSIONS[0], max: DIMENSIONS[1], step: 1 }, n.set);
    const distance = slider("Distance r", { min: RADII[0], max: RADII[1], step: 0.01 }, setRadius);
    const reset = button("Reset", () => [n, r].forEach((t, i) => t.set(start[i])));
    const values = readout();
    const panel = node("div", { className: "ode-panel" }, dimension, distance,
      node("div", { className: "ode-buttons" }, reset));
    shell.root.append(...pair(circle, chart, panel, values,
      key("shaded: the points are too few", "arcs: the caps within r of a point",
        "large ring: drag the cap's edge, or focus it and use the arrow keys")));
    for (const t of [n, r]) t.watch(shell.redraw);
    let solved = {};

    return () => {
      if (solved.r !== r.get()) solved = { r: r.get(), covers: leastCovers(r.get(), FARTHEST) };
      const { covers } = solved;
      const found = covers.findIndex((cover, i) => i >= 2 && cover > points);
      const first = found < 0 ? Infinity : found;
      frame = drawCircle(pen(circle.canvas), r.get());
      drawCovers(pen(chart), covers, n.get(), points, first);
      dimension.show(n.get(), String(n.get()));
      distance.show(r.get(), tidy(r.get()));
      const least = amount(covers[n.get()]);
      circle.place(...frame.handle, r.get(), `distance r = ${tidy(r.get())}`);
      circle.describe(`A circle covered by ${frame.caps} caps of radius ${tidy(r.get())}`);
      const where = Number.isFinite(first) ? `n = ${first}` : `beyond n = ${FARTHEST}`;
      chart.setAttribute("aria-label", `Points needed for a cover, against dimension: ` +
        `${least} for n = ${n.get()}; more than ${points} from ${where} on`);
      values.show({
        "angular radius": `${tidy((180 * angleOf(r.get())) / Math.PI, 1)}°`,
        [`cover, n = ${n.get()}`]: `at least ${least}`,
        "points available": amount(points),
        "too few from": where,
      });
      shell.say(`In ${n.get()} dimensions a cover takes at least ${least} points; ` +
        `${points} are too few from ${where} on`);
    };
  });
}

export default { render: renderCover };
