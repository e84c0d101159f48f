// Flow matching in the page: a field of the plane that learns the mean slope of
// lines from noise to data, its paths, and how good they are. Points are flat
// Float64Arrays, one after another.
import { count, layersBackward, layersForward } from "./layers.js";
import { normal } from "./random.js";
import { adam, initial, makeModel } from "./training.js";

const NET = { sizes: [3, 48, 48, 2], activation: "relu" };
const [LR, LATEST] = [0.01, 0.005];

/** Weights as torch draws them for DepthConcat(mlp(3, 48, 48, 2)). */
export function firstWeights(seed) {
  const model = makeModel({
    variant: "concat", features: 2, activation: "relu", width: 48, layers: 2, steps: 1,
    extra: 0, modes: 0, method: "euler",
  });
  return initial(model, seed).slice(0, count(NET));
}

/** What the network keeps of points z, each at its own depth s. */
function kept(w, z, s) {
  const given = new Float64Array(3 * s.length);
  s.forEach((depth, i) => given.set([z[2 * i], z[2 * i + 1], depth], 3 * i));
  return layersForward(NET, w, 0, given, s.length);
}

/** Flow matching of pairs (z0, z1) at depths s: the loss and its gradient. */
export function matching(w, z0, z1, s) {
  const layers = kept(w, z0.map((v, i) => v + s[i >> 1] * (z1[i] - v)), s);
  const off = layers.at(-1).map((v, i) => v - (z1[i] - z0[i]));
  const grad = new Float64Array(w.length);
  layersBackward(NET, w, 0, layers, off.map((v) => v / s.length), grad, s.length);
  return { loss: off.reduce((sum, v) => sum + v * v, 0) / off.length, grad };
}

/**
 * Adam from weights w on; soft is a running mean of them, which is drawn: each
 * update sees a few pairs of many, and shakes them.
 */
export function learner(w) {
  const [soft, descend] = [w.slice(), adam(w.length, { lr: LR })];
  let step = 0;
  const update = (z0, z1, s) => {
    const { loss, grad } = matching(w, z0, z1, s);
    descend(w, grad);
    const share = Math.max(1 / ++step, LATEST);
    w.forEach((v, i) => (soft[i] += share * (v - soft[i])));
    return loss;
  };
  return { soft, update };
}

/** States of Euler's method from noise z, from step to step. */
export function follow(w, z, steps) {
  const states = [z];
  for (let k = 0; k < steps; k++) {
    const slope = kept(w, states[k], new Float64Array(z.length / 2).fill(k / steps)).at(-1);
    states.push(states[k].map((v, i) => v + slope[i] / steps));
  }
  return states;
}

/**
 * Optimal transport: to which of z1 each of z0 goes, for the least sum of
 * squared distances, by shortest paths that grow one row at a time
 * (the Hungarian method).
 */
export function assign(z0, z1) {
  const n = z0.length / 2;
  const cost = (i, j) => (z0[2 * i] - z1[2 * j]) ** 2 + (z0[2 * i + 1] - z1[2 * j + 1]) ** 2;
  const [rows, columns, owner] = [new Float64Array(n), new Float64Array(n + 1), Array(n + 1).fill(-1)];
  for (let row = 0; row < n; row++) {
    const [least, from, seen] = [Array(n).fill(Infinity), Array(n).fill(n), Array(n + 1).fill(false)];
    let at = n; // a column of its own, from which the path starts
    owner[n] = row;
    while (owner[at] >= 0) {
      seen[at] = true;
      const i = owner[at];
      let next = -1;
      for (let j = 0; j < n; j++) {
        if (seen[j]) continue;
        const left = cost(i, j) - rows[i] - columns[j];
        if (left < least[j]) [least[j], from[j]] = [left, at];
        if (next < 0 || least[j] < least[next]) next = j;
      }
      const shift = least[next];
      for (let j = 0; j <= n; j++)
        if (seen[j]) {
          rows[owner[j]] += shift;
          columns[j] -= shift;
        } else if (j < n) least[j] -= shift;
      at = next;
    }
    for (; at !== n; at = from[at]) owner[at] = owner[from[at]];
  }
  const to = new Array(n);
  for (let j = 0; j < n; j++) to[owner[j]] = j;
  return to;
}

export const noise = (n, draw) => Float64Array.from({ length: 2 * n }, () => normal(draw));
export const take = (points, rows) => Float64Array.from(rows.flatMap((i) => [points[2 * i], points[2 * i + 1]]));
export const some = (n, most, draw) => Array.from({ length: n }, () => Math.floor(draw() * most));

/** n pairs of noise and data; own: a flow's pairs, if it is rectified. */
export function pairsOf(kind, data, n, draw, own) {
  if (own) {
    const rows = some(n, own[0].length / 2, draw);
    return own.map((points) => take(points, rows));
  }
  const [z0, z1] = [noise(n, draw), take(data, some(n, data.length / 2, draw))];
  return [z0, kind === "transport" ? take(z1, assign(z0, z1)) : z1];
}

/** How far paths are from straight at constant speed, as the library's bend. */
export function bendOf(states) {
  const [first, last, steps] = [states[0], states.at(-1), states.length - 1];
  let sum = 0;
  for (let k = 0; k < steps; k++)
    first.forEach((v, i) => (sum += ((states[k + 1][i] - states[k][i]) * steps - last[i] + v) ** 2));
  return (2 * sum) / steps / first.length;
}

/** Root mean square distance of paired points. */
export const apart = (a, b) =>
  Math.sqrt((2 * a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0)) / a.length);

/** Mean distance between points of the plane. */
export function between(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 2)
    for (let j = 0; j < b.length; j += 2) sum += Math.hypot(a[i] - b[j], a[i + 1] - b[j + 1]);
  return (4 * sum) / a.length / b.length;
}

/** The energy distance of two samples; within is that of b to itself, if known. */
export const energyDistance = (a, b, within = between(b, b)) => 2 * between(a, b) - between(a, a) - within;
