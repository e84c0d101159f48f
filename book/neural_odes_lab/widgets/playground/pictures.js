// The playground's small pictures: loss and evaluations, and states in space.
import { axes, inside, line, marker, shapeOf, tidy } from "../shared/plot.js";
import { node } from "../shared/ui.js";

const MARKS = 400;

/** A canvas that shows something of a name, and the box that it fills. */
export function canvasOf(name, className = "") {
  const canvas = node("canvas", { role: "img", "aria-label": name });
  return [canvas, node("div", { className: `ode-canvas ${className}` }, canvas)];
}

/** The exact flow of the data up to frame k, dotted over the steps of training. */
export function drawGhost({ ctx, colours: c }, frame, { ends }, z, k) {
  const every = [...z.keys()].filter((at) => at % 4 === 0 && at < k);
  inside(ctx, frame, () => {
    for (let i = 0; i < ends.length; i++) {
      const spots = [...every, k].map((at) => frame.spot((ends[i] * at) / (z.length - 1), z[at], i));
      ctx.globalAlpha = 0.55;
      line(ctx, spots, c.ink, 1, [1, 3]);
      ctx.beginPath();
      ctx.arc(...spots.at(-1), 3.2, 0, 2 * Math.PI);
      ctx.strokeStyle = c.ink;
      ctx.lineWidth = 1;
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
  });
}

/** Data as small as a thumbnail; of one feature, y over x. */
export function drawThumb({ ctx, width, height, colours: c }, { x, y, n }) {
  const most = 1.15 * Math.max(...x.map(Math.abs));
  const place = (v, side) => (side * (1 + v / most)) / 2;
  for (let i = 0; i < n; i++) {
    const [u, v] = x.length === 2 * n ? [x[2 * i], x[2 * i + 1]] : [x[i], y[i] * most * 0.8];
    ctx.fillStyle = c.classes[Math.sign(y[i]) || 1];
    ctx.fillRect(place(u, width) - 1, height - place(v, height) - 1, 2, 2);
  }
}

/** Some of the losses as [step, logarithm]. */
function marksOf(losses) {
  const every = Math.max(1, Math.floor(losses.length / MARKS));
  return losses.map((v, i) => [i, Math.log10(Math.max(v, 1e-9))]).filter(([i]) => i % every === 0);
}

/**
 * Loss, logarithmic, and evaluations [[step, nfe]] over training steps; grey, the
 * losses of the run before.
 */
export function drawTraining(sheet, losses, nfes, before) {
  const { ctx, colours: c, width } = sheet;
  const [kept, old] = [losses, before].map(marksOf);
  const last = Math.max(50, losses.length, before.length);
  const known = nfes.filter(([, nfe]) => Number.isFinite(nfe));
  const most = Math.max(40, ...known.map(([, nfe]) => nfe));
  const map = axes(sheet, [0, last, Math.min(-2, Math.floor(Math.min(0, ...[...kept, ...old].map(([, v]) => v)))), 0.5],
    { names: ["step", "loss"], log: [false, true] });
  const up = (nfe) => map.bottom - ((map.bottom - map.top) * nfe) / (1.1 * most);
  inside(ctx, map, () => {
    line(ctx, known.map(([step, nfe]) => [map.x(step), up(nfe)]), c.lines[2], 1.5, [5, 3]);
    for (const [curve, style] of [[old, c.broad], [kept, c.ink]])
      line(ctx, curve.map(([i, v]) => [map.x(i), map.y(v)]), style, 1.4);
  });
  if (!known.length) return;
  ctx.font = "12px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.fillStyle = c.lines[2];
  ctx.fillText(`NFE ${known.at(-1)[1]}`, width - 12, 2);
}

/** The first three states of the data at frame k, turned by two angles. */
export function drawSpace(sheet, { model, z }, data, k, { turn, tilt }) {
  const { ctx, width, height, colours: c } = sheet;
  const { size } = model;
  const reach = [0, 1, 2].map((j) => {
    let most = 1e-3;
    for (const states of z) for (let i = j; i < states.length; i += size) most = Math.max(most, Math.abs(states[i]));
    return most;
  });
  const flat = Math.max(reach[0], reach[1]);
  const scales = [flat, flat, reach[2]];
  const unit = 0.33 * Math.min(width, height);
  const [ct, st, cp, sp] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
  const spot = (p) => {
    const [u, v, w] = p.map((value, j) => value / scales[j]);
    const [across, deep] = [ct * u - st * v, st * u + ct * v];
    return [width / 2 + unit * across, height / 2 - unit * (cp * w + sp * deep), cp * deep - sp * w];
  };
  const state = (at, i) => [0, 1, 2].map((j) => z[at][i * size + j]);
  const corner = (a, b, w) => spot([a * flat, b * flat, w * reach[2]]).slice(0, 2);
  const square = (w) => [[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]].map(([a, b]) => corner(a, b, w));
  line(ctx, square(0), c.broad, 1);
  line(ctx, [corner(-1, -1, -1), corner(-1, -1, 1)], c.broad, 1);
  ctx.fillStyle = c.ink;
  ctx.font = "italic 13px system-ui, sans-serif";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const name = (text, [x, y]) => ctx.fillText(text, x, y);
  name("z₁", corner(1.2, -1, 0));
  name("z₂", corner(-1, 1.2, 0));
  name(`z₃, ± ${tidy(reach[2], 1)}`, corner(-1, -1, 1.2));
  ctx.globalAlpha = 0.35;
  for (let i = 0; i < data.n; i++)
    line(ctx, z.slice(0, k + 1).filter((_, at) => at % 5 === 0 || at === k)
      .map((_, at) => spot(state(Math.min(5 * at, k), i)).slice(0, 2)), c.classes[Math.sign(data.y[i]) || 1], 0.8);
  ctx.globalAlpha = 1;
  // The farthest first.
  const ends = Array.from({ length: data.n }, (_, i) => [i, spot(state(k, i))])
    .sort(([, a], [, b]) => b[2] - a[2]);
  for (const [i, [x, y]] of ends) {
    const label = Math.sign(data.y[i]) || 1;
    marker(ctx, shapeOf(label), x, y, 2.8, c.classes[label], c.paper, 0.8);
  }
}

/** Tells turned(dx, dy) of drags while on(), in pixels; up and down a finger scrolls. */
export function turnByHand(canvas, on, turned) {
  let last = null;
  canvas.style.touchAction = "pan-y";
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !on()) return;
    canvas.setPointerCapture(event.pointerId);
    last = event;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    turned(event.clientX - last.clientX, event.clientY - last.clientY);
    last = event;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
  canvas.addEventListener("keydown", ({ key }) => {
    const [dx, dy] = { ArrowLeft: [-9, 0], ArrowRight: [9, 0], ArrowUp: [0, -9], ArrowDown: [0, 9] }[key] ?? [];
    if (dx !== undefined && on()) turned(dx, dy);
  });
}
