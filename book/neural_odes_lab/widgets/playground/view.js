// What is looked at of a trained model: its flow by a solver of the reader's
// choice, and what is measured of it.
import { exponentOf, stretchOf } from "../shared/chaos.js";
import { readModel } from "../shared/fields.js";
import { depthsOf, followPoint, makeScene } from "../shared/scene.js";
import { forward } from "../shared/training.js";
import { strongest } from "../shared/weights.js";
import { stateOf } from "./state.js";

const TOLERANCE = { rtol: 1e-4, atol: 1e-4, maxSteps: 500 };
const FINE = { rtol: 1e-7, atol: 1e-7, maxSteps: 500 }; // of differences
const EXACT = { rtol: 1e-6, atol: 1e-6, maxSteps: 200, patience: 300 };
const NUDGE = 1e-4;
/** Of a gap from the exact flow, from which on it is drawn. */
export const SEEN = 0.02;

/**
 * A model whose solves take fixed steps, however many depths are asked for;
 * between them states are on straight lines, as a network's have none. known is
 * {x, path}, states of inputs x after each step, where there are any.
 */
function inSteps(model, method, steps, known) {
  const grid = Array.from({ length: steps + 1 }, (_, i) => i / steps);
  return {
    ...model,
    coarse: method === "euler",
    solve: (x, s) => {
      const { z, nfe } = x === known?.x
        ? { z: known.path, nfe: steps * (method === "rk4" ? 4 : 1) }
        : model.solve(x, grid, { method, step: 1 / steps });
      return {
        nfe,
        z: s.map((at) => {
          const i = Math.min(steps - 1, Math.floor(at * steps));
          const t = at * steps - i;
          return z[i].map((v, j) => v + t * (z[i + 1][j] - v));
        }),
      };
    },
  };
}

/** The model of weights w as it is solved: as in training, or as asked. */
export function viewOf(net, w, { solver, steps }, known) {
  const model = readModel(stateOf(net, w));
  if (net.variant === "network") return { ...inSteps(model, "euler", 1), boundary: null };
  if (solver === "dopri5") return model;
  return solver === "euler" ? inSteps(model, "euler", steps) : inSteps(model, net.method, net.steps, known);
}

export const outputsOf = (model, x) => model.output(model.solve(x, [0, 1], TOLERANCE).z[1]);

/** The share of data on the right side, and the mean squared error. */
export function fitOf(output, { y, n }) {
  let [right, loss] = [0, 0];
  for (let i = 0; i < n; i++) {
    right += (Math.sign(output[i]) === Math.sign(y[i])) / n;
    loss += (output[i] - y[i]) ** 2 / n;
  }
  return { right, loss };
}

/** The finite-time exponent at an input: how fast its neighbours part. */
export function exponentAt(model, x) {
  const { features, size } = model;
  const starts = Array.from({ length: 2 * features }, (_, k) =>
    [...x].map((v, j) => v + (j === k >> 1 ? (k % 2 ? -NUDGE : NUDGE) : 0)));
  let end;
  try {
    end = model.solve(Float64Array.from(starts.flat()), [0, 1], FINE).z[1];
  } catch {
    return NaN;
  }
  const column = (k) => Array.from({ length: size }, (_, i) =>
    (end[2 * k * size + i] - end[(2 * k + 1) * size + i]) / (2 * NUDGE));
  const first = column(0);
  const { largest } = stretchOf(first, features === 2 ? column(1) : first.map(() => 0));
  return exponentOf(largest, 1, model.depths(x)[0]);
}

/** Mean speed of the data at the end, over that of their way. */
function restlessness(model, x, z) {
  const { size } = model;
  const rows = z[0].length / size;
  const length = (a) => Array.from({ length: rows }, (_, i) => Math.hypot(...a.subarray(i * size, (i + 1) * size)))
    .reduce((sum, v) => sum + v / rows, 0);
  const ends = model.depths(x);
  const last = model.adaptive ? ends : 1;
  let way = 0;
  for (let k = 1; k < z.length; k++) way += length(z[k].map((v, i) => v - z[k - 1][i]));
  const span = ends.reduce((sum, v) => sum + v / rows, 0);
  return length(Float64Array.from(model.slope(last, z.at(-1), x))) / (way / span);
}

/** How far the weight that moves most goes over the depth. */
function movedBy(model) {
  const s = depthsOf(model);
  const [first] = strongest(model, s, 1);
  const values = s.map((at) => model.theta(at)[first]);
  return Math.max(...values) - Math.min(...values);
}

/**
 * A model as it is solved: {net, w, data, view, model, trained: its fit as it
 * was trained} and, unless the solver stopped, {scene, nfe, right, loss}. path
 * has the data's states as they were trained, if they are known.
 */
export function measure(net, w, data, view, path) {
  const model = viewOf(net, w, view, path && { x: data.x, path });
  const alone = () => fitOf(forward(net, w, data.x, data.n).output, data);
  const all = { net, w, data, view, model };
  try {
    const scene = makeScene(model, data, TOLERANCE);
    const seen = fitOf(model.output(scene.z.at(-1)), data);
    const trained = view.solver === "trained" ? seen : alone();
    return { ...all, trained, scene, nfe: scene.nfe, ...seen };
  } catch (error) {
    return { ...all, trained: alone(), stopped: error.message };
  }
}

/** Models whose steps solve no equation: other steps would be another model. */
export const NO_FLOW = ["ResNet", "network"];
/** Steps that end farther from the exact flow than this share are layers. */
export const LAYERS = 0.1;

/**
 * The exact flow of a trained field, {z, gap}: states of the data at each frame,
 * and how far from their ends the steps of training end, as a share of the ends'
 * spread. Where there is none, z is null and the gap infinite.
 */
export function exactFlow(net, w, data, path) {
  const none = { z: null, gap: Infinity };
  if (NO_FLOW.includes(net.variant)) return none;
  try {
    const model = readModel(stateOf(net, w));
    const { z } = model.solve(data.x, depthsOf(model), EXACT);
    const ends = path.at(-1);
    return { z, gap: Math.sqrt(spread(ends, z.at(-1)) / spread(z.at(-1), meanOf(z.at(-1), net.states))) };
  } catch {
    return none;
  }
}

const meanOf = (z, size) => z.map((_, i) => {
  let sum = 0;
  for (let j = i % size; j < z.length; j += size) sum += z[j];
  return (sum * size) / z.length;
});

const spread = (p, q) => p.reduce((sum, v, i) => sum + (v - q[i]) ** 2, 0);

/** The way of a point; {stopped: why} if the solver does. */
export function wayOf(measured, x) {
  if (measured.stopped) return measured;
  try {
    return followPoint(measured.model, x, TOLERANCE);
  } catch (error) {
    return { stopped: error.message };
  }
}

/** What missions ask about: as measured, with the way of a point x. */
export const seenAt = (measured, x, way) => ({
  ...measured, x, output: way.output[0],
  get moved() { return measured.net.functions ? movedBy(measured.model) : 0; },
  get rest() { return restlessness(measured.model, measured.data.x, measured.scene.z); },
});

/** A box, square in the plane, that holds a point as well. */
export function holding(box, point) {
  if (point.length < 2) return box;
  const middle = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  const half = Math.max((box[1] - box[0]) / 2, ...point.map((v, i) => 1.1 * Math.abs(v - middle[i])));
  return middle.flatMap((m) => [m - half, m + half]);
}

/** The old box as long as it holds the new one and is not much larger. */
export function steady(old, box) {
  const [left, right, low, high] = box;
  const fits = old && old[0] <= left && old[1] >= right && old[2] <= low && old[3] >= high;
  return fits && old[3] - old[2] < 1.6 * (high - low) ? old : box;
}
