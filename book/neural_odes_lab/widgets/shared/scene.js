// Data on their way through a trained field: what is computed, how it is drawn.
// States of one component are drawn over depth, others by their first two. At
// frame k of FRAMES each sample is at the same part of its own depth.
import { unpack } from "./nets.js";
import { arrow, axes, inside, line, marker, shapeOf, tidy } from "./plot.js";

const FRAMES = 100;

/** Depths, or parts of each sample's own, at which pictures show the states. */
export const depthsOf = (model) =>
  Array.from({ length: FRAMES + 1 }, (_, k) => (model.depth * k) / FRAMES);

export const frameOf = (model, s) =>
  Math.round((FRAMES * Math.min(s, model.depth)) / model.depth);

export const readData = ({ x, y }) => ({ x: unpack(x), y: unpack(y) });

/** What arrows need: {model, s, box, top}; top is the highest speed there is. */
export function makeView(model, box, longest = model.depth) {
  const x = new Float64Array(model.features);
  const z = model.lift(x);
  const speeds = [0, 0.25, 0.5, 0.75, 1].flatMap((part) =>
    fieldOn({ model, box }, part * longest, 12, z, x)
      .map(({ u, v }) => Math.hypot(u, v)));
  return { model, box, s: depthsOf(model), top: Math.max(...speeds) || 1 };
}

/**
 * For each frame the points of a curve, in order of a parameter t. follow(ts)
 * solves for [{t, way}], way the point at each frame; between neighbours that are
 * apart more are put, in so many rounds or until there are `most`. Null where it
 * cannot be solved: some fields leave the numbers there are.
 */
export function curveOverDepth(model, follow, ts, apart, { rounds, most }) {
  try {
    let found = follow([...ts]);
    for (let round = 0; round < rounds && found.length < most; round++) {
      const between = [];
      for (let i = 1; i < found.length; i++) {
        const [p, q] = [found[i - 1], found[i]];
        if (apart(p, q)) between.push((p.t + q.t) / 2);
      }
      if (!between.length) break;
      found = [...found, ...follow(between)].sort((p, q) => p.t - q.t);
    }
    return depthsOf(model).map((_, k) => found.map(({ way }) => way[k]));
  } catch {
    return null;
  }
}

/** A view with room for starts all around, so that it stays as a point moves. */
export function viewAround(model, [x, y], settings) {
  const starts = y === undefined ? [x, -x] : [x, y, -y, x, -x, -y, y, -x];
  const { z } = model.solve(Float64Array.from(starts), depthsOf(model), settings);
  return makeView(model, boxAround(model, z, { rim: 0.15 }));
}

/**
 * The data's way through a model: a view with {z, ends, nfe, right}, ends the
 * depth of each sample, right the share on the right side, null without a
 * single output. Give a box to keep it, else it is the one around all states.
 * Where depth is an axis and each input has its own, the point keeps to the
 * range of the data, whose depths fit the box.
 */
export function makeScene(model, data, settings, box) {
  const { z, nfe } = model.solve(data.x, depthsOf(model), settings);
  const output = model.output(z.at(-1));
  const hits = data.y.filter((y, i) => output[i] > 0 === y > 0).length;
  const ends = model.depths(data.x);
  const range = model.adaptive && model.size === 1 ? rangeOf(data.x) : null;
  const longest = Math.max(...ends, ...(range ? model.depths(ladder(range)) : []));
  return {
    ...makeView(model, box ?? boxAround(model, z, { longest }), longest), z, ends, nfe, range,
    right: model.outputs === 1 ? hits / data.y.length : null,
  };
}

const rangeOf = (x) => [Math.min(...x), Math.max(...x)];

/** Between two points of the plane. */
export const distance = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);

/** Inputs equally spaced in a range. */
export const ladder = ([low, high], steps = 200) =>
  Float64Array.from({ length: steps + 1 }, (_, i) => low + (i / steps) * (high - low));

/** The box [left, right, low, high] around states; rim is a part of its side. */
export function boxAround(model, states, { rim = 0.08, longest = model.depth } = {}) {
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  for (const z of states)
    for (let i = 0; i < z.length; i++) {
      const part = i % model.size;
      if (part > 1) continue;
      low[part] = Math.min(low[part], z[i]);
      high[part] = Math.max(high[part], z[i]);
    }
  if (model.size === 1) {
    const edge = (0.07 + rim) * (high[0] - low[0]) || 1;
    const side = 0.03 * longest || 0.03; // room for marks
    return [-side, longest + side, low[0] - edge, high[0] + edge];
  }
  const half = (0.5 + rim) * Math.max(high[0] - low[0], high[1] - low[1]) || 1;
  const [x, y] = [0, 1].map((i) => (low[i] + high[i]) / 2);
  return [x - half, x + half, y - half, y + half];
}

/** One point's own way: {x, z, end, nfe, output}, end its depth. */
export function followPoint(model, x, settings) {
  const own = Float64Array.from(x);
  const { z, nfe } = model.solve(own, depthsOf(model), settings);
  return { x: own, z, end: model.depths(own)[0], nfe, output: model.output(z.at(-1)) };
}

const depthAt = (end, k) => (end * k) / FRAMES;

/** Field vectors at depth s on a grid, for input x; other components as in z. */
function fieldOn({ model, box }, s, side, z, x) {
  const [left, right, low, high] = box;
  const places = [];
  for (let i = 0; i < side; i++)
    for (let j = 0; j < side; j++)
      places.push([
        left + ((i + 0.5) / side) * (right - left),
        low + ((j + 0.5) / side) * (high - low),
      ]);
  if (model.size === 1)
    return places.map((at) => ({ at, u: 1, v: model.slope(at[0], [at[1]], x)[0] }));
  const rest = [...z.slice(2)];
  const states = Float64Array.from(places.flatMap((place) => [...place, ...rest]));
  const inputs = Float64Array.from(places.flatMap(() => [...x]));
  const slopes = model.slope(s, states, inputs);
  return places.map((at, i) => ({ at, u: slopes[i * model.size], v: slopes[i * model.size + 1] }));
}

/** Axes whose spot(s, z, i) is where the state of sample i is drawn. */
export function stateAxes(sheet, { model, box, names }) {
  const flat = model.size > 1;
  names ??= flat ? ["z₁", "z₂"] : ["depth s", "z"];
  const frame = axes(sheet, box, { names });
  frame.spot = (s, z, i = 0) => flat
    ? [frame.x(z[i * model.size]), frame.y(z[i * model.size + 1])]
    : [frame.x(s), frame.y(z[i])];
  return frame;
}

/**
 * The plane of the first two states, tilted by an angle about its middle, with
 * the third one upright: axes as stateAxes makes them, for places on the plane.
 */
function spaceAxes({ ctx, width, height, colours: c }, { model: { size }, box, z }, tilt) {
  const edges = { left: 44, right: width - 10, top: 20, bottom: height - 38 };
  const thirds = z.flatMap((states) => [...states].filter((_, i) => i % size === 2));
  const [low, high] = [Math.min(...thirds), Math.max(...thirds)];
  const [flat, up] = [Math.cos(tilt), Math.sin(tilt)];
  const [mx, my, mz] = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2, (low + high) / 2];
  const half = (box[1] - box[0]) / 2;
  const aside = 0.35 * up; // how far what lies behind is moved to the right
  const unit = Math.min((edges.right - edges.left) / (2 * half * (1 + aside)),
    (edges.bottom - edges.top) / Math.max(2 * half, 2 * flat * half + up * (high - low)));
  const [cx, cy] = [(edges.left + edges.right) / 2, (edges.top + edges.bottom) / 2];
  const spot = (_, state, i = 0) => [
    cx + unit * (state[i * size] - mx + aside * (state[i * size + 1] - my)),
    cy - unit * (flat * (state[i * size + 1] - my) + up * (state[i * size + 2] - mz)),
  ];
  const corners = [[0, 2], [1, 2], [1, 3], [0, 3], [0, 2]].map(([i, j]) => spot(0, [box[i], box[j], 0]));
  line(ctx, corners, c.broad, 1);
  line(ctx, [low, high].map((at) => spot(0, [box[0], box[3], at])), c.broad, 1);
  Object.assign(ctx, { font: "italic 13px system-ui, sans-serif", fillStyle: c.ink, textAlign: "center" });
  for (const [name, at, dx, dy] of [["z₁", [box[1], box[2], 0], -8, 14], ["z₂", [box[0], box[3], 0], -14, 4],
    ["z₃", [box[0], box[3], high], 0, -4]]) {
    const [x, y] = spot(0, at);
    ctx.fillText(name, x + dx, y + dy);
  }
  const upOf = (y) => my + ((cy - y) / unit + up * mz) / flat;
  return { ...edges, spot, up: upOf, across: (x, y) => mx + (x - cx) / unit - aside * (upOf(y) - my) };
}

/**
 * Draw it all at frame k, with the point on top; returns the axes. carried is
 * the boundary at each frame (see inputs.js), if it is known. Three states can
 * be tilted into space, where there is no room for arrows.
 */
export function drawFlow(sheet, scene, data, point, k, carried = null, tilt = 0) {
  const { ctx } = sheet;
  const frame = tilt ? spaceAxes(sheet, scene, tilt) : stateAxes(sheet, scene);
  const spot = (z, i, k) => frame.spot(depthAt(scene.ends[i], k), z, i);
  const own = (z, k) => frame.spot(depthAt(point.end, k), z);
  inside(ctx, frame, () => {
    if (carried && k < FRAMES) curveOf(ctx, frame, carried[k], scene.box, sheet.colours.ink, [5, 4]);
    else if (!tilt) drawSides(sheet, frame, scene);
    if (!tilt) drawArrows(sheet, frame, scene, point, k);
    // Where all end at depths of their own, ends may lie on the point's path.
    const parts = [() => drawData(sheet, scene, data, k, spot), () => drawPath(sheet, scene, point, k, own)];
    for (const draw of scene.range ? parts.reverse() : parts) draw();
    drawPoint(sheet, scene, point, k, own);
  });
  return { ...frame, handle: own(point.z[0], 0) };
}

/** A curve through points of the plane, left open where they lie far apart. */
export function curveOf(ctx, frame, points, box, style, dash = []) {
  const apart = (box[1] - box[0]) / 4;
  ctx.strokeStyle = style;
  ctx.lineWidth = 1.2;
  ctx.setLineDash(dash);
  ctx.beginPath();
  points.forEach(([u, v], i) => {
    const [p, q] = points[i - 1] ?? [Infinity, 0];
    const go = Math.hypot(u - p, v - q) < apart ? "lineTo" : "moveTo";
    ctx[go](frame.x(u), frame.y(v));
  });
  ctx.stroke();
  ctx.setLineDash([]);
}

/** The half planes that the readout takes for -1 and +1. */
export function drawSides({ ctx, colours: c }, frame, { model, box }) {
  if (!model.boundary) return;
  const [offset, a, b] = model.boundary;
  const size = Math.hypot(a, b);
  if (!size) return;
  const [u, v] = [a / size, b / size];
  const [mx, my] = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  const distance = (offset + a * mx + b * my) / size;
  const [x, y] = [mx - distance * u, my - distance * v];
  const far = 4 * (box[1] - box[0]) + Math.abs(distance);
  const corner = (along, out) =>
    [frame.x(x - along * v + out * u), frame.y(y + along * u + out * v)];
  for (const side of [-1, 1]) {
    ctx.beginPath();
    for (const [along, out] of [[-far, 0], [far, 0], [far, side * far], [-far, side * far]])
      ctx.lineTo(...corner(along, out));
    ctx.fillStyle = c.fills[side];
    ctx.fill();
  }
  line(ctx, [corner(-far, 0), corner(far, 0)], c.ink, 1.2, [5, 4]);
}

/** The point's field at its depth, longer and darker where it is faster. */
export function drawArrows({ ctx, colours: c }, frame, scene, point, k) {
  const width = frame.right - frame.left;
  const side = Math.max(10, Math.min(20, Math.round(width / 20)));
  const cell = [width / side, (frame.bottom - frame.top) / side];
  const [left, right, low, high] = scene.box;
  const unit = [width / (right - left), (frame.bottom - frame.top) / (high - low)];
  const longest = 0.9 * Math.min(...cell);
  for (const { at, u, v } of fieldOn(scene, depthAt(point.end, k), side, point.z[k], point.x)) {
    const [dx, dy] = [u * unit[0], -v * unit[1]];
    const speed = scene.model.size > 1
      ? Math.sqrt(Math.min(1, Math.hypot(u, v) / scene.top)) : 0.8;
    const scale = (longest * speed) / (Math.hypot(dx, dy) || 1);
    arrow(ctx, frame.x(at[0]), frame.y(at[1]), dx * scale, dy * scale,
      `rgba(${c.arrow}, ${(0.15 + 0.4 * speed).toFixed(2)})`);
  }
}

function drawData({ ctx, colours: c }, { model, z }, data, k, spot) {
  const samples = data.y.length;
  const labels = data.y;
  const r = samples > 80 ? 3 : 3.6;
  ctx.globalAlpha = 0.5;
  for (let i = 0; i < samples; i++) {
    const pixels = z.slice(0, k + 1).map((state, at) => spot(state, i, at));
    line(ctx, pixels, c.classes[Math.sign(labels[i]) || 1], 1);
  }
  ctx.globalAlpha = 1;
  const draw = (at, radius, hollow) => {
    for (let i = 0; i < samples; i++) {
      const label = Math.sign(labels[i]) || 1;
      const color = c.classes[label];
      marker(ctx, shapeOf(label), ...spot(z[at], i, at), radius,
        hollow ? c.paper : color, hollow ? color : c.paper, hollow ? 1 : 0.8);
    }
  };
  if (k > 0) draw(0, r * 0.7, true);
  draw(k, r, false);
}

/** The class that the point is given; 0 without a single output. */
const sideOf = ({ model }, point) => model.outputs === 1 ? Math.sign(point.output[0]) || 1 : 0;

function drawPath({ ctx, colours: c }, scene, point, k, spot) {
  const path = point.z.map(spot);
  line(ctx, path, c.paper, 6);
  line(ctx, path, c.ink, 1.2, [3, 4]);
  line(ctx, path.slice(0, k + 1), c.classes[sideOf(scene, point)] ?? c.ink, 3.4);
}

function drawPoint({ ctx, colours: c }, scene, point, k, spot) {
  const side = sideOf(scene, point);
  marker(ctx, "circle", ...spot(point.z[0], 0), 8, c.paper, c.ink, 2.4);
  marker(ctx, side > 0 ? "triangle" : "circle", ...spot(point.z[k], k), 6.5,
    c.classes[side] ?? c.ink, c.ink, 2);
}

/** A state or output as text. */
export const vector = (values, digits = 2) => {
  const parts = [...values].map((v) => tidy(v, digits));
  return parts.length === 1 ? parts[0] : `(${parts.join(", ")})`;
};

/** The input whose state lies at a place of the plane, kept in the box. */
function inputAt({ model, box, range }, x, y) {
  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
  const [low, high] = range ?? [box[2], box[3]];
  const place = [clamp(x, box[0], box[1]), clamp(y, low, high)];
  return model.size === 1 ? [place[1]] : place;
}

/** What moves a point of the trait by pointer and keys, for pointCanvas. */
export const moves = (point, view, frame) => {
  const set = (x, y) => point.set(inputAt(view(), x, y));
  const flat = () => view().model.size > 1;
  return {
    move: (x, y) => {
      if (frame()) set(frame().across(x, y), frame().up(y));
    },
    nudge: (dx, dy) => {
      const step = (view().box[3] - view().box[2]) / 60;
      const [x, y] = [0, ...point.get()].slice(-2);
      set(x + dx * step, y + dy * step);
    },
    // The first component is what the handle's value says.
    range: () => flat() ? view().box.slice(0, 2) : view().range ?? view().box.slice(2),
    jump: (end) => (flat() ? set(end, point.get()[1]) : set(0, end)),
  };
};
