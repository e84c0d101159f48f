// Trained models, read from the state that export.py writes. Batches are
// Float64Arrays, one sample after another.
import { among, positive } from "./checks.js";
import { applyNet, readNet, sizesOf, unpack } from "./nets.js";
import { integrate } from "./numerics.js";

const VERSION = 2;

const BASES = {
  Fourier: (u, m) =>
    Array.from({ length: m }, (_, j) => {
      const angle = 2 * Math.PI * Math.ceil(j / 2) * u;
      return j % 2 || j === 0 ? Math.cos(angle) : Math.sin(angle);
    }),
  Chebyshev: (u, m) => {
    const v = 2 * u - 1;
    const values = [1, v];
    while (values.length < m)
      values.push(2 * v * values.at(-1) - values.at(-2));
    return values.slice(0, m);
  },
  Polynomial: (u, m) => Array.from({ length: m }, (_, j) => u ** j),
  PiecewiseConstant: (u, m) => {
    const piece = Math.min(m - 1, Math.max(0, Math.floor(u * m)));
    return Array.from({ length: m }, (_, j) => (j === piece ? 1 : 0));
  },
};

/** psi(s) of a basis: by its name, or by samples on equally spaced depths. */
export function readBasis({ name, size, domain, samples }) {
  const [first, last] = domain;
  if (!samples) {
    among("basis", name, Object.keys(BASES));
    return (s) => BASES[name]((s - first) / (last - first), size);
  }
  const values = unpack(samples);
  const cells = values.length / size - 1;
  return (s) => {
    // The cubic through the four nearest samples.
    const u = ((s - first) / (last - first)) * cells;
    const i = Math.min(cells - 2, Math.max(1, Math.floor(u)));
    const t = u - i;
    const w = [
      (-t * (t - 1) * (t - 2)) / 6, ((t + 1) * (t - 1) * (t - 2)) / 2,
      (-(t + 1) * t * (t - 2)) / 2, ((t + 1) * t * (t - 1)) / 6,
    ];
    return Array.from({ length: size }, (_, j) =>
      w.reduce((sum, v, k) => sum + v * values[(i - 1 + k) * size + j], 0));
  };
}

/** theta(s), the field's weights, from one of four descriptions. */
function readWeights(spec, modes) {
  if (spec.kind === "constant") {
    const weights = unpack(spec.weights);
    return () => weights;
  }
  if (spec.kind === "net") {
    const generator = readNet(spec, 1, "the generator");
    return (s) => generator.apply([s], 1);
  }
  if (spec.kind === "basis") {
    const { size } = spec.basis;
    const basis = readBasis(spec.basis);
    const coefficients = unpack(spec.coefficients);
    const kept = Math.min(modes, size);
    return (s) => {
      const psi = basis(s);
      const theta = new Float64Array(coefficients.length / size);
      for (let p = 0; p < theta.length; p++)
        for (let j = 0; j < kept; j++)
          theta[p] += coefficients[p * size + j] * psi[j];
      return theta;
    };
  }
  if (spec.kind === "ode") {
    const start = unpack(spec.start);
    const generator = readNet(spec, start.length + 1, "the generator");
    return solvedWeights((s, theta) => generator.apply([s, ...theta], 1), start);
  }
  throw new Error(`unknown kind of weights ${spec.kind}`);
}

const CELL = 1 / 64;

/** theta(s) of an equation of its own, solved as far as it is asked for. */
function solvedWeights(slope, start) {
  const settings = { rtol: 1e-9, atol: 1e-9 };
  const [values, slopes] = [[start], [slope(0, start)]];
  return (at) => {
    const first = values.length - 1;
    if (first === 0 || at > first * CELL) {
      const cells = Math.max(1, Math.ceil(at / CELL) - first);
      const s = Array.from({ length: cells + 1 }, (_, i) => (first + i) * CELL);
      const { z } = integrate(slope, values[first], s, settings);
      values.push(...z.slice(1));
      slopes.push(...z.slice(1).map((theta, i) => slope(s[i + 1], theta)));
    }
    return hermite(values, slopes, CELL, at);
  };
}

function hermite(values, slopes, h, at) {
  const i = Math.min(values.length - 2, Math.max(0, Math.floor(at / h)));
  const t = at / h - i;
  const [a, b] = [(1 + 2 * t) * (1 - t) ** 2, h * t * (1 - t) ** 2];
  const [c, d] = [t * t * (3 - 2 * t), h * t * t * (t - 1)];
  return values[i].map((v, p) => a * v + b * slopes[i][p] +
    c * values[i + 1][p] + d * slopes[i + 1][p]);
}

/**
 * A model from its exported state. Throws if the state is malformed.
 *
 * modes: keep only so many functions of a Galerkin basis. The result has
 * features, size (of the state), depth, outputs (0 without a readout),
 * lift(x), theta(s), slope(s, z, x) with s a number or one for each sample,
 * output(z), depths(x) and solve(x, s, settings), which is integrate's result;
 * boundary is [c, a, b] where the readout is c + a z1 + b z2 on a plane, else
 * null. Of an adaptive model, depth is 1 and solve takes s in [0, 1], parts of
 * each sample's own depth. A controlled one has a field that sees x.
 */
export function readModel(state, { modes = Infinity } = {}) {
  if (state?.version !== VERSION)
    throw new Error(`this page reads version ${VERSION} of a model's state, ` +
      `not ${state?.version}`);
  const { features, size, field } = state;
  const adaptive = Boolean(state.depth?.net);
  const own = adaptive && readNet(state.depth, features, "the depth's network");
  if (!adaptive) positive({ depth: state.depth });
  else if (own.outputs !== 1) throw new Error("the depth's network must have one output");
  const depth = adaptive ? 1 : state.depth;
  const depths = (x) => adaptive
    ? own.apply(x, x.length / features).map((v) => Math.abs(1 + v))
    : new Float64Array(x.length / features).fill(depth);

  const lift = state.lift
    ? readNet(state.lift, features, "the lift")
    : { outputs: features, apply: (x) => Float64Array.from(x) };
  if (lift.outputs !== size) throw new Error(`the lift must have ${size} outputs, got ${lift.outputs}`);
  const inputs = field.inputs.map((part) => readInput(part, size, features));
  const width = inputs.reduce((sum, part) => sum + part.width, 0);
  const sizes = sizesOf(field.net, width, "the field's network");
  const known = field.known ?? { first: 0, count: 0 };
  if (sizes.outputs + known.count !== size || known.first + known.count > size)
    throw new Error("the field's network does not fit the state");
  const weights = readWeights(field.weights, modes);
  if (weights(0).length !== sizes.weights)
    throw new Error("the field has the wrong number of weights");
  let cached = { s: NaN };
  const theta = (s) => {
    if (cached.s !== s) cached = { s, theta: weights(s) };
    return cached.theta;
  };
  const still = field.weights.kind === "constant";
  const computed = (s, z, x) => {
    const rows = z.length / size;
    const input = joined(inputs.map((part) => part.read(s, z, x, rows)), inputs, rows);
    if (still || typeof s === "number")
      return applyNet(field.net, theta(still ? 0 : s), input, rows);
    const out = new Float64Array(rows * sizes.outputs);
    for (let r = 0; r < rows; r++)
      out.set(applyNet(field.net, theta(s[r]), input.subarray(r * width, (r + 1) * width), 1), r * sizes.outputs);
    return out;
  };
  const slope = known.count ? higherOrder(computed, size, known) : computed;

  const readout = state.readout && readNet(state.readout, size, "the readout");
  const output = readout ? (z) => readout.apply(z, z.length / size) : (z) => z;
  const outputs = readout ? readout.outputs : 0;
  const flat = size === 2 && outputs === 1 && state.readout.net.length === 1;
  const [c, a, b] = flat ? output(Float64Array.of(0, 0, 1, 0, 0, 1)) : [];
  const start = (x) => lift.apply(x, x.length / features);
  return {
    features, size, depth, depths, adaptive, theta, slope, output, outputs,
    controlled: inputs.some((part) => part.sees),
    boundary: flat ? [c, a - c, b - c] : null,
    lift: start,
    solve: (x, s, settings) => {
      const ends = adaptive && depths(x);
      const f = adaptive
        ? (part, z) => stretched(slope(ends.map((end) => part * end), z, x), ends)
        : (at, z) => slope(at, z, x);
      return integrate(f, start(x), s, settings);
    },
  };
}

/** One of the things that the field's network sees, {width, read, sees x}. */
function readInput(part, size, features) {
  if (part === "z") return { width: size, read: (s, z) => z };
  if (part === "x") return { width: features, read: (s, z, x) => x, sees: true };
  if (part === "s")
    return { width: 1, read: (s, z, x, rows) =>
      typeof s === "number" ? new Float64Array(rows).fill(s) : s };
  if (!part?.net) throw new Error(`unknown input ${part}, it must be s, z, x or a network`);
  const embed = readNet(part, features, "the embedding");
  return { width: embed.outputs, read: (s, z, x, rows) => embed.apply(x, rows), sees: true };
}

/** Columns of several batches side by side. */
function joined(batches, parts, rows) {
  if (batches.length === 1) return batches[0];
  const total = parts.reduce((sum, { width }) => sum + width, 0);
  const out = new Float64Array(rows * total);
  let first = 0;
  parts.forEach(({ width }, p) => {
    const values = batches[p];
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < width; i++) out[r * total + first + i] = values[r * width + i];
    first += width;
  });
  return out;
}

/** Slopes of a state some of whose slopes are other states, as velocities. */
function higherOrder(computed, size, { first, count }) {
  const own = size - count;
  return (s, z, x) => {
    const slopes = computed(s, z, x);
    const out = new Float64Array(z.length);
    for (let r = 0; r * size < z.length; r++) {
      out.set(z.subarray(r * size + first, r * size + first + count), r * size);
      out.set(slopes.subarray(r * own, (r + 1) * own), r * size + count);
    }
    return out;
  };
}

/** Slopes over the part of each sample's depth, of slopes over depth. */
function stretched(slopes, ends) {
  const size = slopes.length / ends.length;
  return slopes.map((v, i) => v * ends[Math.floor(i / size)]);
}
