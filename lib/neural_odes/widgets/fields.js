// Trained models, read from the state that export.py writes. Batches are
// Float64Arrays, one sample after another.
import { integrate } from "./numerics.js";

const VERSION = 1;

const ACTIVATIONS = {
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  relu: (v) => (v > 0 ? v : 0),
  softplus: (v) => (v > 20 ? v : Math.log1p(Math.exp(v))),
  elu: (v) => (v > 0 ? v : Math.expm1(v)),
  silu: (v) => v / (1 + Math.exp(-v)),
};

/** Numbers from {dtype, data}, base64 of little-endian floats. */
export function unpack(packed) {
  const Numbers = { float32: Float32Array, float64: Float64Array }[packed.dtype];
  if (!Numbers) throw new Error(`unknown dtype ${packed.dtype}`);
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  const values = Float64Array.from(new Numbers(bytes.buffer));
  if (!values.every(Number.isFinite)) throw new Error("a weight is not finite");
  return values;
}

/** Weights of a network: a list of activations and {in, out, bias}. */
function countWeights(net) {
  let count = 0;
  for (const layer of net) {
    if (layer.out) count += layer.out * (layer.in + (layer.bias ? 1 : 0));
    else if (!ACTIVATIONS[layer]) throw new Error(`unknown layer ${layer}`);
  }
  return count;
}

/** A network of the given weights on a batch of rows. */
export function applyNet(net, weights, input, rows) {
  let values = input;
  let at = 0;
  for (const layer of net) {
    if (!layer.out) {
      const activation = ACTIVATIONS[layer];
      const out = new Float64Array(values.length);
      for (let i = 0; i < out.length; i++) out[i] = activation(values[i]);
      values = out;
      continue;
    }
    const { in: width, out: size } = layer;
    const bias = at + width * size;
    const out = new Float64Array(rows * size);
    for (let r = 0; r < rows; r++) {
      for (let o = 0; o < size; o++) {
        let sum = layer.bias ? weights[bias + o] : 0;
        const row = at + o * width;
        const start = r * width;
        for (let i = 0; i < width; i++) sum += weights[row + i] * values[start + i];
        out[r * size + o] = sum;
      }
    }
    at = bias + (layer.bias ? size : 0);
    values = out;
  }
  return values;
}

function readNet(spec) {
  const weights = unpack(spec.weights);
  if (weights.length !== countWeights(spec.net))
    throw new Error("a network has the wrong number of weights");
  return (input, rows) => applyNet(spec.net, weights, input, rows);
}

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
    if (!BASES[name]) throw new Error(`unknown basis ${name}`);
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
function readWeights(spec, depth, modes) {
  if (spec.kind === "constant") {
    const weights = unpack(spec.weights);
    return () => weights;
  }
  if (spec.kind === "net") {
    const generator = readNet(spec);
    return (s) => generator([s], 1);
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
    const generator = readNet(spec);
    const slope = (s, theta) => generator([s, ...theta], 1);
    const cells = 64;
    const s = Array.from({ length: cells + 1 }, (_, i) => (depth * i) / cells);
    const { z } = integrate(slope, unpack(spec.start), s, { rtol: 1e-9, atol: 1e-9 });
    const slopes = z.map((theta, i) => slope(s[i], theta));
    return (at) => hermite(z, slopes, depth / cells, at);
  }
  throw new Error(`unknown kind of weights ${spec.kind}`);
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
 * lift(x), theta(s), slope(s, z, x), output(z), and
 * solve(x, s, settings), which is integrate's result; boundary is [c, a, b] where
 * the readout is c + a z1 + b z2 on a plane, else null.
 */
export function readModel(state, { modes = Infinity } = {}) {
  if (state?.version !== VERSION)
    throw new Error(`this page reads version ${VERSION} of a model's state, ` +
      `not ${state?.version}`);
  const { features, size, depth, field } = state;
  if (!(depth > 0)) throw new Error(`depth is ${depth}`);
  const widths = { z: size, x: features, s: 1 };
  const width = field.inputs.reduce((sum, name) => sum + widths[name], 0);
  const linear = field.net.filter((layer) => layer.out);
  if (linear[0].in !== width || linear.at(-1).out !== size)
    throw new Error("the field's network does not fit the state");
  const weights = readWeights(field.weights, depth, modes);
  if (weights(0).length !== countWeights(field.net))
    throw new Error("the field has the wrong number of weights");
  let cached = { s: NaN };
  const theta = (s) => {
    if (cached.s !== s) cached = { s, theta: weights(s) };
    return cached.theta;
  };
  const slope = (s, z, x) => {
    const rows = z.length / size;
    if (width === size) return applyNet(field.net, theta(s), z, rows);
    const input = new Float64Array(rows * width);
    let at = 0;
    for (let r = 0; r < rows; r++)
      for (const name of field.inputs)
        for (let i = 0; i < widths[name]; i++)
          input[at++] = name === "s" ? s : name === "z" ? z[r * size + i] : x[r * features + i];
    return applyNet(field.net, theta(s), input, rows);
  };
  const lift = state.lift ? readNet(state.lift) : (x) => Float64Array.from(x);
  const readout = state.readout && readNet(state.readout);
  const startOf = (x) => lift(x, x.length / features);
  const output = readout ? (z) => readout(z, z.length / size) : (z) => z;
  const outputs = state.readout?.net.findLast((layer) => layer.out)?.out ?? 0;
  const flat = size === 2 && outputs === 1 && state.readout.net.length === 1;
  const [c, a, b] = flat ? output(Float64Array.of(0, 0, 1, 0, 0, 1)) : [];
  return {
    features, size, depth, theta, slope, output, outputs,
    boundary: flat ? [c, a - c, b - c] : null,
    lift: startOf,
    solve: (x, s, settings) =>
      integrate((at, z) => slope(at, z, x), startOf(x), s, settings),
  };
}
