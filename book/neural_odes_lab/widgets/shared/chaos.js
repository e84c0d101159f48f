// How a small difference grows: what both widgets of chaos compute and draw.
import { integrate } from "./numerics.js";
import { axes, inside, line, scientific, tidy } from "./plot.js";
import { depthsOf } from "./scene.js";

/** Of differences, which must be solved far better than they are large. */
export const FINE = { rtol: 1e-9, atol: 1e-9, maxSteps: 50000 };
const NUDGE = 1e-5;
const LEAST = 1e-15;
const NEAREST = 1e-6;
const FARTHEST = 0.3;
const NOTCHES = 100;

/** Distances of a neighbour, for a slider with marks 0 ... NOTCHES. */
const distanceAt = (notch) => NEAREST * (FARTHEST / NEAREST) ** (notch / NOTCHES);
const notchOf = (r) =>
  Math.round((NOTCHES * Math.log(r / NEAREST)) / Math.log(FARTHEST / NEAREST));

/** A slider of distances, logarithmic; made with slider of ui.js. */
export function distanceSlider(slider, distance) {
  const made = slider("Distance r", { min: 0, max: NOTCHES, step: 1 },
    (notch) => distance.set(distanceAt(notch)));
  return Object.assign(made, { display: (r) => made.show(notchOf(r), length(r)) });
}

/** |a - b| of samples 0 and 1 of a batch of states of a given size. */
export function gapOf(z, size) {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += (z[size + i] - z[i]) ** 2;
  return Math.sqrt(sum);
}

/** Algorithm 1: the exponent, per unit of depth or time. */
export const exponentOf = (gap, r, span) => (span > 0 ? Math.log(gap / r) / span : NaN);

/**
 * Singular values of the matrix of two columns, and the angle of the direction
 * in the plane that it stretches most: {largest, smallest, angle}.
 */
export function stretchOf(u, v) {
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const [uu, uv, vv] = [dot(u, u), dot(u, v), dot(v, v)];
  const angle = Math.atan2(2 * uv, uu - vv) / 2;
  // The columns turned to that direction and the one across it.
  const turned = (c, s) => Math.hypot(...u.map((value, i) => c * value + s * v[i]));
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return { largest: turned(c, s), smallest: turned(-s, c), angle };
}

/**
 * A point and its neighbour at distance r in the direction of an angle, and
 * the flow's Jacobian about the point's way, all in one solve. The state is
 * moved in its first two components and the field sees the same input, as in
 * Algorithm 1. The result has, for each of depthsOf(model), z (both states, one
 * after another), gaps, linear (the gap that the Jacobian tells) and stretch;
 * nfe is that of the solve.
 */
export function probe(model, x, r, angle) {
  const { size } = model;
  const heading = [Math.cos(angle), Math.sin(angle)];
  const offsets = [[0, 0], heading.map((v) => r * v), [NUDGE, 0], [-NUDGE, 0], [0, NUDGE], [0, -NUDGE]];
  const origin = model.lift(x);
  const start = Float64Array.from(offsets.flatMap((offset) =>
    [...origin].map((v, i) => v + (offset[i] ?? 0))));
  const inputs = Float64Array.from(offsets.flatMap(() => [...x]));
  const solved = integrate((s, z) => model.slope(s, z, inputs), start, depthsOf(model), FINE);
  const column = (z, row) => Array.from({ length: size }, (_, i) =>
    (z[row * size + i] - z[(row + 1) * size + i]) / (2 * NUDGE));
  const columns = solved.z.map((z) => [column(z, 2), column(z, 4)]);
  return {
    nfe: solved.nfe,
    z: solved.z.map((z) => z.slice(0, 2 * size)),
    gaps: solved.z.map((z) => gapOf(z, size)),
    linear: columns.map(([u, v]) =>
      r * Math.hypot(...u.map((value, i) => heading[0] * value + heading[1] * v[i]))),
    stretch: columns.map(([u, v]) => stretchOf(u, v)),
  };
}

/** Root mean square of the distance of two states drawn at random. */
export function typicalGap(z, size) {
  const samples = z.length / size;
  const mean = new Float64Array(size);
  z.forEach((v, i) => (mean[i % size] += v / samples));
  const sum = z.reduce((total, v, i) => total + (v - mean[i % size]) ** 2, 0);
  return Math.sqrt((2 * sum) / samples);
}

/** The first of the depths s where the gap is above half the typical one, or null. */
export function saturation(s, gaps, typical) {
  const k = s.findIndex((_, i) => gaps[i] > typical / 2);
  return k < 0 ? null : s[k];
}

/** An exponent as text. */
export const rate = (value) => Number.isNaN(value) ? "–"
  : Number.isFinite(value) ? tidy(value, 3) : "below double precision";

/** A distance as text. */
export const length = (value) => value >= 0.1 ? tidy(value)
  : value > LEAST ? scientific(value) : `below ${scientific(LEAST)}`;

const log = (value) => Math.log10(Math.max(value, LEAST));

/**
 * Distances over depth or time up to `end`, on a logarithmic axis. curves are
 * {s, gaps, style, width, dash}; those named free do not stretch the axis. A
 * level is a height with words on it, now where the reader is.
 */
export function drawGaps(sheet, { name, end, now, curves, level, words }) {
  const { ctx, colours: c } = sheet;
  const heights = curves.filter((curve) => !curve.free).flatMap(({ s, gaps }) =>
    gaps.filter((gap, k) => s[k] <= end).map(log));
  const low = Math.floor(Math.min(...heights) - 0.1);
  const high = Math.max(low + 2, Math.ceil(Math.max(...heights) + 0.25));
  const frame = axes(sheet, [0, end, low, high], { names: [name, "error"], log: [false, true] });
  const spot = (s, gap) => [frame.x(s), frame.y(log(gap))];
  inside(ctx, frame, () => {
    const height = frame.y(log(level));
    line(ctx, [[frame.left, height], [frame.right, height]], c.muted, 1.2, [5, 4]);
    if (now < end) line(ctx, [[frame.x(now), frame.top], [frame.x(now), frame.bottom]], c.muted, 1, [4, 4]);
    for (const { s, gaps, style, width, dash } of curves)
      line(ctx, gaps.map((gap, k) => spot(s[k], gap)), style, width, dash);
    const above = height > frame.top + 18;
    const at = [frame.left + 6, height + (above ? -3 : 4)];
    Object.assign(ctx, {
      font: "12px system-ui, sans-serif", textAlign: "left", textBaseline: above ? "bottom" : "top",
      fillStyle: c.muted, strokeStyle: c.paper, lineWidth: 4, lineJoin: "round",
    });
    ctx.strokeText(words, ...at); // which keeps the curves off the words
    ctx.fillText(words, ...at);
  });
  return { ...frame, spot };
}

/** The straight line r exp(rate s) up to `end`, as a curve of drawGaps. */
export const straight = (r, rate, end, more) =>
  ({ s: [0, end], gaps: [r, r * Math.exp(rate * end)], free: true, ...more });
