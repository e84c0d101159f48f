// Training in the page: a flow through fixed steps, its gradient by reverse
// mode, and Adam. Batches are flat Float64Arrays, one sample after another.
import { among } from "./checks.js";
import { count, layersBackward, layersForward, TRAINABLE } from "./layers.js";
import { combine } from "./numerics.js";
import { torchUniform } from "./random.js";

const FIXED = {
  euler: { a: [[]], b: [1] },
  // The 3/8 rule, as in the library.
  rk4: { a: [[], [1 / 3], [-1 / 3, 1], [1, -1, 1]], b: [1 / 8, 3 / 8, 3 / 8, 1 / 8] },
};

export const VARIANTS = {
  "depth-invariant": "one field for all depths",
  concat: "the field sees the depth s",
  GalNODE: "weights are Fourier sums over depth",
  "data-controlled": "the field sees the input x",
  augmented: "with added states that start at zero",
  "input layer": "with added states that start as a linear map of x",
  "second order": "velocities are the added states",
  "adaptive depth": "each input has a depth of its own",
  ResNet: "Euler steps, each with its own weights",
  network: "no flow: a plain network",
};

const DEPTH_UNITS = 8;

/**
 * A model by its settings {variant, features, activation, width, layers,
 * steps, method, extra, modes}: its networks, where their parameters begin and
 * how many there are. Parameters lie as torch lists them: the field's (of
 * weights that move, m coefficients for each), the lift's, the depth's, the
 * readout's. Of one feature the output is the state's first component.
 */
export function makeModel(settings) {
  const { variant, features, activation, width, layers, steps, extra } = settings;
  among("variant", variant, Object.keys(VARIANTS));
  among("activation", activation, TRAINABLE);
  const is = (...names) => names.includes(variant);
  const second = is("second order");
  const states = features + (is("augmented", "input layer") ? extra : second ? features : 0);
  const seen = states + (is("concat") ? 1 : is("data-controlled") ? features : 0);
  const hidden = Array(layers).fill(width);
  const net = (...sizes) => ({ sizes, activation });
  const none = net();
  const field = is("network") ? none : net(seen, ...hidden, second ? features : states);
  const functions = is("GalNODE") ? settings.modes : is("ResNet") ? steps : 0;
  const own = count(field);
  const lift = is("input layer") ? net(features, extra) : none;
  const depth = is("adaptive depth")
    ? { sizes: [features, DEPTH_UNITS, 1], activation: "relu", bias: false } : none;
  const readout = is("network") ? net(features, ...hidden, 1)
    : features === 1 ? none : net(states, 1);
  const at = [own * Math.max(1, functions), count(lift), count(depth), count(readout)]
    .reduce((ends, n) => [...ends, ends.at(-1) + n], [0]);
  return {
    ...settings, states, field, lift, depth, readout, own, functions,
    method: is("ResNet", "network") ? "euler" : settings.method,
    starts: { lift: at[1], depth: at[2], readout: at[3] },
    size: at[4],
  };
}

/** Weights as torch draws them from a seed: uniform in ± 1 / sqrt(inputs). */
export function initial(model, seed) {
  const uniform = torchUniform(seed);
  const linear = (inputs, outputs, bias = true) =>
    Array.from({ length: outputs * (inputs + bias) }, () => uniform(1 / Math.sqrt(inputs)));
  const draw = ({ sizes }) => sizes.slice(1).flatMap((n, l) => linear(sizes[l], n));
  // Weights that move start as constant: by the first wave, or in each step.
  const { functions, variant, features } = model;
  const spread = (v) => functions
    ? Array.from({ length: functions }, (_, j) => (variant === "ResNet" || j === 0 ? v : 0)) : v;
  const field = draw(model.field).flatMap(spread);
  const lift = draw(model.lift);
  // Of the network of depths the library draws the last layer first, and small.
  const last = model.depth.sizes.length
    ? linear(DEPTH_UNITS, 1, false).map((v) => Math.fround(Math.fround(0.1) * v)) : [];
  const first = last.length ? linear(features, DEPTH_UNITS) : [];
  return Float64Array.from([...field, ...lift, ...first, ...last, ...draw(model.readout)]);
}

/** The functions of depth that span the field's weights, at a depth and step. */
function functionsAt({ variant, functions }, s, step) {
  return Float64Array.from({ length: functions }, (_, j) => {
    if (variant === "ResNet") return j === step ? 1 : 0;
    const angle = 2 * Math.PI * Math.ceil(j / 2) * s;
    return j % 2 || j === 0 ? Math.cos(angle) : Math.sin(angle);
  });
}

function fieldForward(model, w, s, z, x, n, step) {
  const { variant, features, states, field, own, functions } = model;
  const wide = field.sizes[0];
  let input = z;
  if (wide > states) {
    input = new Float64Array(n * wide);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < states; j++) input[i * wide + j] = z[i * states + j];
      if (variant === "concat") input[i * wide + states] = s;
      else for (let j = 0; j < features; j++) input[i * wide + states + j] = x[features * i + j];
    }
  }
  let [theta, psi] = [w, null];
  if (functions) {
    psi = functionsAt(model, s, step);
    theta = new Float64Array(own);
    for (let j = 0; j < functions; j++)
      if (psi[j]) for (let p = 0; p < own; p++) theta[p] += w[p * functions + j] * psi[j];
  }
  const kept = layersForward(field, theta, 0, input, n);
  let slope = kept.at(-1);
  if (variant === "second order") {
    slope = new Float64Array(n * states);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < features; j++) {
        slope[i * states + j] = z[i * states + features + j];
        slope[i * states + features + j] = kept.at(-1)[i * features + j];
      }
  }
  return { slope, tape: { theta, psi, kept, slope } };
}

function fieldBackward(model, { theta, psi, kept }, g, grad, n) {
  const { variant, features, states, field, own, functions } = model;
  const wide = field.sizes[0];
  const second = variant === "second order";
  let out = g;
  if (second) {
    out = new Float64Array(n * features);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < features; j++) out[i * features + j] = g[i * states + features + j];
  }
  const into = functions ? new Float64Array(own) : grad;
  const back = layersBackward(field, theta, 0, kept, out, into, n);
  for (let j = 0; j < functions; j++)
    if (psi[j]) for (let p = 0; p < own; p++) grad[p * functions + j] += psi[j] * into[p];
  if (wide === states && !second) return back;
  const z = new Float64Array(n * states);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < states; j++) z[i * states + j] = back[i * wide + j];
    if (second)
      for (let j = 0; j < features; j++) z[i * states + features + j] += g[i * states + j];
  }
  return z;
}

/** Rows of a batch, each times its own number. */
const scaled = (batch, factors, size) =>
  factors ? batch.map((v, i) => v * factors[Math.floor(i / size)]) : batch;

/** Outputs of n inputs x: {output, path: states after each step, tape}. */
export function forward(model, w, x, n) {
  const { features, states, steps, variant, lift, depth, starts } = model;
  const lifted = lift.sizes.length ? layersForward(lift, w, starts.lift, x, n) : null;
  const asked = depth.sizes.length ? layersForward(depth, w, starts.depth, x, n) : null;
  const ends = asked && asked.at(-1).map((v) => Math.abs(1 + v));
  let z = new Float64Array(n * states);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < states; j++)
      z[i * states + j] = j < features ? x[i * features + j]
        : lifted ? lifted.at(-1)[i * model.extra + j - features] : 0;
  const [path, tapes, h] = [[z], [], 1 / steps];
  const { a, b } = FIXED[model.method];
  if (variant !== "network")
    for (let step = 0; step < steps; step++) {
      const [slopes, stages] = [[], []];
      for (const row of a) {
        const c = row.reduce((sum, v) => sum + v, 0);
        const at = combine(z, h, row, slopes);
        const { slope, tape } = fieldForward(model, w, (step + c) * h, at, x, n, step);
        slopes.push(scaled(slope, ends, states));
        stages.push(tape);
      }
      z = combine(z, h, b, slopes);
      path.push(z);
      tapes.push(stages);
    }
  const kept = model.readout.sizes.length ? layersForward(model.readout, w, starts.readout, z, n) : null;
  const output = kept ? kept.at(-1) : z.filter((_, i) => i % states === 0);
  return { output, path, tape: { tapes, kept, lifted, asked, ends } };
}

/** The penalty (21); adds its gradient to grad, and that of the end to g. */
function penalise(model, w, x, n, z, grad, g) {
  const { states, steps } = model;
  const { slope, tape } = fieldForward(model, w, 1, z, x, n, steps - 1);
  let penalty = 0;
  const out = new Float64Array(slope.length);
  for (let i = 0; i < n; i++) {
    const f = slope.subarray(i * states, (i + 1) * states);
    const length = Math.hypot(...f);
    penalty += (model.penalty * length) / n;
    if (length > 0) f.forEach((v, j) => (out[i * states + j] = (model.penalty * v) / length / n));
  }
  fieldBackward(model, tape, out, grad, n).forEach((v, i) => (g[i] += v));
  return penalty;
}

/**
 * Mean squared error of targets y (loss), the penalty of the end's speed, the
 * gradient of both, the share of right signs, and the path of states.
 */
export function gradient(model, w, x, y, n) {
  const { states, steps, starts, own } = model;
  const { output, path, tape } = forward(model, w, x, n);
  const grad = new Float64Array(model.size);
  const slope = new Float64Array(n);
  let [loss, right] = [0, 0];
  for (let i = 0; i < n; i++) {
    const off = output[i] - y[i];
    loss += (off * off) / n;
    right += (Math.sign(output[i]) === Math.sign(y[i])) / n;
    slope[i] = (2 * off) / n;
  }
  let g = new Float64Array(n * states);
  if (tape.kept) g = layersBackward(model.readout, w, starts.readout, tape.kept, slope, grad, n);
  else slope.forEach((v, i) => (g[i * states] = v));
  const penalty = model.penalty && own ? penalise(model, w, x, n, path.at(-1), grad, g) : 0;
  const { a, b } = FIXED[model.method];
  const h = 1 / steps;
  const late = tape.ends && new Float64Array(n);
  for (const stages of tape.tapes.reverse()) {
    const slopes = b.map((weight) => g.map((v) => h * weight * v));
    for (let i = a.length - 1; i >= 0; i--) {
      if (late)
        slopes[i].forEach((v, k) => (late[Math.floor(k / states)] += v * stages[i].slope[k]));
      const into = scaled(slopes[i], tape.ends, states);
      const back = fieldBackward(model, stages[i], into, grad, n);
      g = combine(g, 1, [1], [back]);
      a[i].forEach((weight, j) => {
        slopes[j] = combine(slopes[j], h, [weight], [back]);
      });
    }
  }
  if (late) {
    const out = late.map((v, i) => v * Math.sign(1 + tape.asked.at(-1)[i]));
    layersBackward(model.depth, w, starts.depth, tape.asked, out, grad, n);
  }
  if (tape.lifted) {
    const out = g.filter((_, i) => i % states >= model.features);
    layersBackward(model.lift, w, starts.lift, tape.lifted, out, grad, n);
  }
  return { loss, penalty, right, grad, path };
}

/** Adam, with weight decay added to the gradient: step(w, grad) in place. */
export function adam(size, { lr, decay = 0 }) {
  const [m, v] = [new Float64Array(size), new Float64Array(size)];
  let t = 0;
  return (w, grad) => {
    t++;
    const [c1, c2] = [1 - 0.9 ** t, 1 - 0.999 ** t];
    for (let i = 0; i < size; i++) {
      const g = grad[i] + decay * w[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      w[i] -= (lr * m[i]) / c1 / (Math.sqrt(v[i] / c2) + 1e-8);
    }
  };
}
