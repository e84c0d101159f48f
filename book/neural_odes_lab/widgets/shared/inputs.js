// The plane of inputs: the class that a model of one output gives to each.
import { integrate } from "./numerics.js";
import { axes, inside, line, marker, shapeOf } from "./plot.js";
import { boxAround, curveOf, curveOverDepth, depthsOf, distance, ladder } from "./scene.js";

const CELLS = 32;
const SETTINGS_INPUTS = { rtol: 1e-3, atol: 1e-3, maxSteps: 300 };

export const showsInputs = (model) => model.features === 2 && model.outputs === 1;

/**
 * The boundary of a flow that all points of the plane share: the readout's
 * line, carried back. For each frame (see scene.js) the pairs [x1, x2] of its
 * points in order; null where there is none. A grid misses the channels through
 * which the line comes in; this does not. Steps as coarse as Euler's are no
 * flow, and have no way back.
 */
export function carriedBack(model, box, reach = 25) {
  if (!model.boundary || model.controlled || model.adaptive || model.coarse || model.features !== 2)
    return null;
  const [c, a, b] = model.boundary;
  const size = Math.hypot(a, b);
  const point = (t) => [(-c * a) / size ** 2 - (t * b) / size, (-c * b) / size ** 2 + (t * a) / size];
  const back = (ts) => {
    const f = (s, z) => model.slope(model.depth - s, z).map((v) => -v);
    const start = Float64Array.from(ts.flatMap(point));
    const { z } = integrate(f, start, depthsOf(model), { rtol: 1e-5, atol: 1e-5, maxSteps: 500 });
    const way = (i) => z.map((states) => [states[2 * i], states[2 * i + 1]]).reverse();
    return ts.map((t, i) => ({ t, way: way(i) }));
  };
  const fine = Math.max(box[1] - box[0], box[3] - box[2]) / 60;
  const rim = (box[1] - box[0]) / 3;
  const near = ([u, v]) =>
    u > box[0] - rim && u < box[1] + rim && v > box[2] - rim && v < box[3] + rim;
  const apart = (p, q) => {
    const [x, y] = [p.way[0], q.way[0]];
    return distance(x, y) > fine && (near(x) || near(y)) && q.t - p.t > 1e-9;
  };
  return curveOverDepth(model, back, ladder([-reach, reach], 240), apart, { rounds: 12, most: 3000 });
}

/**
 * Outputs on a grid around the data, row by row: {box, values, carried}, or
 * {failed}; the boundary carried back takes longest. Of another box than that
 * around the data, where one is given.
 */
export function classifyInputs(model, x, { carry = true, box = boxAround({ size: 2 }, [x], { rim: 0.12 }) } = {}) {
  const [across, up] = [box.slice(0, 2), box.slice(2)].map((ends) => [...ladder(ends, CELLS)]);
  const grid = Float64Array.from(up.flatMap((v) => across.flatMap((u) => [u, v])));
  try {
    const { z } = model.solve(grid, [0, model.depth], SETTINGS_INPUTS);
    return { box, values: model.output(z[1]), carried: carry ? carriedBack(model, box) : null };
  } catch (error) {
    return { box, failed: error.message };
  }
}

/** A part of a box around a point. */
export function magnified(box, [u, v], times) {
  const [across, up] = [(box[1] - box[0]) / 2 / times, (box[3] - box[2]) / 2 / times];
  return [u - across, u + across, v - up, v + up];
}

/** Regions of both classes and the boundary, data and point; returns the axes. */
export function drawInputs(sheet, { box, values, carried }, data, point) {
  const { ctx, colours: c } = sheet;
  const frame = axes(sheet, box, { names: ["x₁", "x₂"] });
  const dot = (label, x, y, r) =>
    marker(ctx, shapeOf(label), frame.x(x), frame.y(y), r, c.classes[label], c.paper, 0.8);
  inside(ctx, frame, () => {
    if (values) drawRegions(ctx, frame, values, c, !carried);
    if (carried) curveOf(ctx, frame, carried[0], box, c.ink);
    data.y.forEach((y, i) => dot(Math.sign(y) || 1, data.x[2 * i], data.x[2 * i + 1], 2.4));
    // Far from the data the point stays at the edge, hollow.
    const shown = [...point.x].map((v, i) =>
      Math.min(box[2 * i + 1], Math.max(box[2 * i], v)));
    const side = Math.sign(point.output[0]) || 1;
    const far = shown.some((v, i) => v !== point.x[i]);
    marker(ctx, shapeOf(side), frame.x(shown[0]), frame.y(shown[1]), 6,
      far ? c.paper : c.classes[side], c.ink, 2);
  });
  return frame;
}

/** Cells cut where the output, linear along their edges, changes its sign. */
function drawRegions(ctx, frame, values, c, edges) {
  ctx.fillStyle = c.fills[-1];
  ctx.fillRect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
  const [dx, dy] = [(frame.right - frame.left) / CELLS, (frame.bottom - frame.top) / CELLS];
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]];
  const boundary = [];
  ctx.beginPath();
  for (let row = 0; row < CELLS; row++)
    for (let column = 0; column < CELLS; column++) {
      const at = corners.map(([i, j]) => values[(row + j) * (CELLS + 1) + column + i]);
      if (at.every((v) => v <= 0)) continue;
      const cuts = [];
      const shape = [];
      const spot = ([i, j]) => [frame.left + (column + i) * dx, frame.bottom - (row + j) * dy];
      corners.forEach((corner, n) => {
        const next = (n + 1) % 4;
        if (at[n] > 0) shape.push(spot(corner));
        if (at[n] > 0 === at[next] > 0) return;
        const t = at[n] / (at[n] - at[next]);
        cuts.push(spot(corner.map((v, i) => v + t * (corners[next][i] - v))));
        shape.push(cuts.at(-1));
      });
      shape.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
      ctx.closePath();
      if (cuts.length) boundary.push(cuts);
    }
  ctx.fillStyle = c.fills[1];
  ctx.fill();
  if (edges) for (const cuts of boundary)
    for (let n = 0; n < cuts.length; n += 2) line(ctx, cuts.slice(n, n + 2), c.ink, 1.2);
}
