// Solvers for dz/ds = f(s, z): those of torchdiffeq, step for step. A state is
// a Float64Array; a batch is one state, so its members share their steps.
import { among } from "./checks.js";

const A = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const C = [1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const ERROR = [
  35 / 384 - 1951 / 21600, 0, 500 / 1113 - 22642 / 50085,
  125 / 192 - 451 / 720, -2187 / 6784 + 12231 / 42400,
  11 / 84 - 649 / 6300, -1 / 60,
];
// Shampine's weights for the state in the middle of a step.
const MIDDLE = [
  6025192743 / 30085553152, 0, 51252292925 / 65400821598,
  -2691868925 / 45128329728, 187940372067 / 1594534317056,
  -1776094331 / 19743644256, 11237099 / 235043384,
].map((w) => w / 2);

/** z + h * (weights . slopes). */
export function combine(z, h, weights, slopes) {
  const out = Float64Array.from(z);
  weights.forEach((w, j) => {
    if (w === 0) return;
    const k = slopes[j];
    const hw = h * w;
    for (let i = 0; i < out.length; i++) out[i] += hw * k[i];
  });
  return out;
}

// One step of size h from (s, z) to z(s + h).
const FIXED = {
  euler: (f, s, h, z) => combine(z, h, [1], [f(s, z)]),
  midpoint: (f, s, h, z) => {
    const middle = combine(z, h, [1 / 2], [f(s, z)]);
    return combine(z, h, [1], [f(s + h / 2, middle)]);
  },
  // The 3/8 rule, which torchdiffeq calls rk4.
  rk4: (f, s, h, z) => {
    const k = [f(s, z)];
    k.push(f(s + h / 3, combine(z, h, [1 / 3], k)));
    k.push(f(s + (2 * h) / 3, combine(z, h, [-1 / 3, 1], k)));
    k.push(f(s + h, combine(z, h, [1, -1, 1], k)));
    return combine(z, h, [1 / 8, 3 / 8, 3 / 8, 1 / 8], k);
  },
};

export const METHODS = [...Object.keys(FIXED), "dopri5"];

/**
 * Solve dz/ds = slope(s, z) from z(s[0]) = z0.
 *
 * s: increasing output depths, at least two. settings: {method, step,
 * maxSteps, patience} for fixed steps, each stretch between two depths cut into the
 * fewest equal steps of at most `step`; {method: "dopri5", rtol, atol}
 * otherwise; patience in milliseconds. Returns {z: states at s, nfe, accepted, rejected, path: [{s, z}]
 * after each step, the start included}. Throws where it cannot go on.
 */
export function integrate(slope, z0, s, settings = {}) {
  const { method = "dopri5", maxSteps = 10000, patience = 2000 } = settings;
  if (s.length < 2 || s.some((v, i) => i > 0 && !(v > s[i - 1])))
    throw new Error(`s must be at least two increasing depths, got ${s}`);
  among("method", method, METHODS);
  const result = { z: [], nfe: 0, accepted: 0, rejected: 0, path: [] };
  const end = performance.now() + patience;
  const f = (at, z) => {
    if (performance.now() > end) throw new Error("the solver took too long");
    result.nfe++;
    return slope(at, z);
  };
  result.z.push(Float64Array.from(z0));
  result.path.push({ s: s[0], z: result.z[0] });
  (method === "dopri5" ? adaptive : fixed)(f, s, result, {
    rtol: 1e-4, atol: 1e-4, ...settings, method, maxSteps,
  });
  return result;
}

function fixed(f, s, result, { method, step, maxSteps }) {
  if (!(step > 0)) throw new Error(`step must be a number > 0, got ${step}`);
  let z = result.z[0];
  for (let k = 1; k < s.length; k++) {
    const stretch = s[k] - s[k - 1];
    const steps = Math.max(1, Math.ceil((stretch / step) * (1 - 1e-6)));
    if (steps > maxSteps) throw new Error("the solver took too many steps");
    for (let i = 0; i < steps; i++) {
      z = FIXED[method](f, s[k - 1] + (stretch * i) / steps, stretch / steps, z);
      result.accepted++;
      const at = i + 1 === steps ? s[k] : s[k - 1] + (stretch * (i + 1)) / steps;
      result.path.push({ s: at, z });
    }
    result.z.push(z);
  }
  if (!z.every(Number.isFinite)) throw new Error("the state is not finite");
}

function adaptive(f, s, result, { rtol, atol, maxSteps }) {
  const end = s[s.length - 1];
  let [at, z, next] = [s[0], result.z[0], 1];
  let first = f(at, z);
  let h = firstStep(f, at, z, first, rtol, atol, end - at);
  for (let steps = 0; at < end; steps++) {
    if (steps >= maxSteps) throw new Error("the solver took too many steps");
    if (!(at + h > at)) throw new Error("the step size underflowed");
    const last = at + h >= end; // the last step ends at the end
    if (last) h = end - at;
    const k = [first];
    let stage = z;
    A.forEach((row, j) => {
      stage = combine(z, h, row, k);
      k.push(f(C[j] === 1 && last ? end : at + C[j] * h, stage));
    });
    const zero = new Float64Array(z.length);
    const ratio = norm(combine(zero, h, ERROR, k), (i) =>
      atol + rtol * Math.max(Math.abs(z[i]), Math.abs(stage[i])));
    if (!Number.isFinite(ratio)) throw new Error("the state is not finite");
    if (ratio <= 1) {
      const to = last ? end : at + h;
      const middle = combine(z, h, MIDDLE, k);
      const ends = { at, h, z, middle, stage, left: k[0], right: k[6] };
      for (; next < s.length && s[next] <= to; next++)
        result.z.push(s[next] === to ? stage : between(ends, s[next]));
      [at, z, first] = [to, stage, k[6]];
      result.accepted++;
      result.path.push({ s: at, z });
    } else {
      result.rejected++;
    }
    h *= growth(ratio);
  }
}

/** Root mean square of value / scale over all members of the batch. */
function norm(value, scale) {
  let sum = 0;
  for (let i = 0; i < value.length; i++) sum += (value[i] / scale(i)) ** 2;
  return Math.sqrt(sum / value.length);
}

function growth(ratio) {
  if (ratio === 0) return 10;
  return Math.min(10, Math.max(0.9 / ratio ** 0.2, ratio < 1 ? 1 : 0.2));
}

/** It tries the field no farther than the solve goes. */
function firstStep(f, at, z, slope, rtol, atol, room) {
  const scale = (i) => atol + rtol * Math.abs(z[i]);
  const d0 = norm(z, scale);
  const d1 = norm(slope, scale);
  const h0 = Math.min(room, d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1);
  const ahead = f(at + h0, combine(z, h0, [1], [slope]));
  const d2 = norm(ahead.map((v, i) => v - slope[i]), scale) / h0;
  const h1 = d1 <= 1e-15 && d2 <= 1e-15
    ? Math.max(1e-6, h0 * 1e-3)
    : (0.01 / Math.max(d1, d2)) ** 0.2;
  return Math.min(100 * h0, h1);
}

/** The quartic through both ends, both slopes and the middle of a step. */
function between({ at, h, z, middle, stage, left, right }, s) {
  const t = (s - at) / h;
  return z.map((a, i) => {
    const [m, b, da, db] = [middle[i], stage[i], h * left[i], h * right[i]];
    const p4 = 2 * (db - da) - 8 * (b + a) + 16 * m;
    const p3 = 5 * da - 3 * db + 18 * a + 14 * b - 32 * m;
    const p2 = db - 4 * da - 11 * a - 5 * b + 16 * m;
    return a + t * (da + t * (p2 + t * (p3 + t * p4)));
  });
}
