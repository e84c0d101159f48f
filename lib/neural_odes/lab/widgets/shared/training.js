// Training in the page: a flow through fixed steps, its gradient by reverse
// mode, and Adam. Batches are flat Float64Arrays, one sample after another.
import { combine } from "./numerics.js";

const FIXED = {
  euler: { a: [[]], b: [1] },
  // The 3/8 rule, as in the library.
  rk4: { a: [[], [1 / 3], [-1 / 3, 1], [1, -1, 1]], b: [1 / 8, 3 / 8, 3 / 8, 1 / 8] },
};

export const VARIANTS = {
  "depth-invariant": "one field for all depths",
  concat: "the field sees the depth s",
  GalNODE: "weights are waves in depth (Fourier, 5)",
  "data-controlled": "the field sees the input x",
  augmented: "with added states, zero at first",
  "second order": "velocities are the added states",
  ResNet: "untied Euler steps: a weight for each",
  network: "no flow: a plain network",
};

/** Numbers in [0, 1) from a seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A model by its settings {variant, width, steps, method, extra}: sizes of
 * its layers and how many numbers it has. Parameters lie as torch lists them:
 * weight (out, in) and bias of each layer of the field, then of the readout.
 */
export function makeModel(settings) {
  const { variant, width, steps } = settings;
  if (!(variant in VARIANTS)) throw new Error(`unknown variant ${variant}`);
  const second = variant === "second order";
  const states = second ? 4 : 2 + (variant === "augmented" ? settings.extra : 0);
  const inputs = states + (variant === "concat" ? 1 : 0) +
    (variant === "data-controlled" ? 2 : 0);
  const flat = variant === "network";
  const field = flat ? [] : [inputs, width, width, second ? 2 : states];
  const readout = flat ? [2, width, width, 1] : [states, 1];
  const own = count(field);
  const copies = variant === "GalNODE" ? 5 : variant === "ResNet" ? steps : 1;
  return {
    ...settings, states, field, readout, own, copies,
    method: variant === "ResNet" ? "euler" : settings.method,
    size: own * copies + count(readout),
  };
}

const count = (sizes) =>
  sizes.slice(1).reduce((sum, n, i) => sum + n * (sizes[i] + 1), 0);

/** Weights as torch draws them: uniform in ± 1 / sqrt(inputs). */
export function initial(model, seed) {
  const draw = random(seed);
  const found = new Float64Array(model.size);
  const fill = (sizes, at) => {
    for (let l = 0; l + 1 < sizes.length; l++) {
      const bound = 1 / Math.sqrt(sizes[l]);
      for (let i = 0; i < sizes[l + 1] * (sizes[l] + 1); i++)
        found[at++] = bound * (2 * draw() - 1);
    }
    return at;
  };
  const { variant, copies, own } = model;
  let at = 0;
  // Waves start at zero: a GalNODE begins as the depth-invariant model.
  for (let c = 0; c < copies; c++)
    at = variant === "GalNODE" && c > 0 ? at + own : fill(model.field, at);
  fill(model.readout, at);
  return found;
}

/** Layers with tanh between, on a batch; keeps what each layer was given. */
function layersForward(sizes, w, at, input, n) {
  const kept = [input];
  let z = input;
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [from, to] = [sizes[l], sizes[l + 1]];
    const out = new Float64Array(n * to);
    const bias = at + from * to;
    const bend = l + 2 < sizes.length;
    for (let s = 0; s < n; s++) {
      for (let o = 0; o < to; o++) {
        let sum = w[bias + o];
        const row = at + o * from;
        for (let i = 0; i < from; i++) sum += w[row + i] * z[s * from + i];
        out[s * to + o] = bend ? Math.tanh(sum) : sum;
      }
    }
    at = bias + to;
    z = out;
    kept.push(z);
  }
  return kept;
}

/** Adds to the weights' gradient; returns the input's. */
function layersBackward(sizes, w, start, kept, slope, grad, n) {
  const offsets = [start];
  for (let l = 0; l + 1 < sizes.length; l++)
    offsets.push(offsets[l] + sizes[l + 1] * (sizes[l] + 1));
  let g = slope;
  for (let l = sizes.length - 2; l >= 0; l--) {
    const [from, to, at] = [sizes[l], sizes[l + 1], offsets[l]];
    const bias = at + from * to;
    const [given, out] = [kept[l], kept[l + 1]];
    const bend = l + 2 < sizes.length;
    const back = new Float64Array(n * from);
    for (let s = 0; s < n; s++) {
      for (let o = 0; o < to; o++) {
        let d = g[s * to + o];
        if (bend) d *= 1 - out[s * to + o] ** 2;
        if (d === 0) continue;
        grad[bias + o] += d;
        const row = at + o * from;
        for (let i = 0; i < from; i++) {
          grad[row + i] += d * given[s * from + i];
          back[s * from + i] += d * w[row + i];
        }
      }
    }
    g = back;
  }
  return g;
}

const waves = (s) => [1, Math.cos(2 * Math.PI * s), Math.sin(2 * Math.PI * s),
  Math.cos(4 * Math.PI * s), Math.sin(4 * Math.PI * s)];

/** Weights of the field at a depth and a step, and where they begin. */
function weightsAt(model, w, s, step) {
  if (model.variant === "ResNet") return [w, step * model.own];
  if (model.variant !== "GalNODE") return [w, 0];
  const theta = new Float64Array(model.own);
  waves(s).forEach((psi, j) => {
    for (let i = 0; i < model.own; i++) theta[i] += psi * w[j * model.own + i];
  });
  return [theta, 0];
}

function fieldForward(model, w, s, z, x, n, step) {
  const { variant, states, field } = model;
  const wide = field[0];
  let input = z;
  if (wide > states) {
    input = new Float64Array(n * wide);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < states; j++) input[i * wide + j] = z[i * states + j];
      if (variant === "concat") input[i * wide + states] = s;
      else for (let j = 0; j < 2; j++) input[i * wide + states + j] = x[2 * i + j];
    }
  }
  const [theta, at] = weightsAt(model, w, s, step);
  const kept = layersForward(field, theta, at, input, n);
  let slope = kept.at(-1);
  if (variant === "second order") {
    slope = new Float64Array(n * 4);
    for (let i = 0; i < n; i++) {
      slope.set([z[4 * i + 2], z[4 * i + 3], kept.at(-1)[2 * i], kept.at(-1)[2 * i + 1]], 4 * i);
    }
  }
  return { slope, tape: { theta, at, kept, s } };
}

function fieldBackward(model, tape, g, grad, n) {
  const { variant, states, field, own } = model;
  const wide = field[0];
  let out = g;
  if (variant === "second order") {
    out = new Float64Array(n * 2);
    for (let i = 0; i < n; i++) out.set([g[4 * i + 2], g[4 * i + 3]], 2 * i);
  }
  const moving = variant === "GalNODE";
  const into = moving ? new Float64Array(own) : grad;
  const back = layersBackward(field, tape.theta, tape.at, tape.kept, out, into, n);
  if (moving)
    waves(tape.s).forEach((psi, j) => {
      for (let i = 0; i < own; i++) grad[j * own + i] += psi * into[i];
    });
  const z = new Float64Array(n * states);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < states; j++) z[i * states + j] = back[i * wide + j];
  if (variant === "second order")
    for (let i = 0; i < n; i++)
      for (let j = 0; j < 2; j++) z[4 * i + 2 + j] += g[4 * i + j];
  return z;
}

/**
 * Outputs of n inputs x (n pairs of numbers). Returns {output, path: states
 * after each step, the start included, tape: for the gradient}.
 */
export function forward(model, w, x, n) {
  const { states, steps, variant, own, copies } = model;
  let z = new Float64Array(n * states);
  for (let i = 0; i < n; i++) z.set([x[2 * i], x[2 * i + 1]], i * states);
  const [path, tapes, h] = [[z], [], 1 / steps];
  const { a, b } = FIXED[model.method];
  if (variant !== "network")
    for (let step = 0; step < steps; step++) {
      const [slopes, stages] = [[], []];
      for (const row of a) {
        const c = row.reduce((sum, v) => sum + v, 0);
        const at = combine(z, h, row, slopes);
        const { slope, tape } = fieldForward(model, w, (step + c) * h, at, x, n, step);
        slopes.push(slope);
        stages.push(tape);
      }
      z = combine(z, h, b, slopes);
      path.push(z);
      tapes.push(stages);
    }
  const kept = layersForward(model.readout, w, own * copies, z, n);
  return { output: kept.at(-1), path, tape: { tapes, kept } };
}

/**
 * Mean squared error of labels y, its gradient, the share of right signs, and
 * the path of states that it was computed along.
 */
export function gradient(model, w, x, y, n) {
  const { output, path, tape } = forward(model, w, x, n);
  const grad = new Float64Array(model.size);
  const slope = new Float64Array(n);
  let [loss, right] = [0, 0];
  for (let i = 0; i < n; i++) {
    const off = output[i] - y[i];
    loss += (off * off) / n;
    right += (Math.sign(output[i]) === y[i]) / n;
    slope[i] = (2 * off) / n;
  }
  let g = layersBackward(model.readout, w, model.own * model.copies, tape.kept, slope, grad, n);
  const { a, b } = FIXED[model.method];
  const h = 1 / model.steps;
  for (const stages of tape.tapes.reverse()) {
    const slopes = b.map((weight) => g.map((v) => h * weight * v));
    for (let i = a.length - 1; i >= 0; i--) {
      const back = fieldBackward(model, stages[i], slopes[i], grad, n);
      g = combine(g, 1, [1], [back]);
      a[i].forEach((weight, j) => {
        slopes[j] = combine(slopes[j], h, [weight], [back]);
      });
    }
  }
  return { loss, right, grad, path };
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

const normal = (draw) =>
  Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());

const around = (radius, angle) => [radius * Math.cos(angle), radius * Math.sin(angle)];

/** Data sets: (k of n, draw, class) => a point. */
export const DATA = {
  "disc in a ring": (t, draw, label) =>
    around(label < 0 ? 0.5 * Math.sqrt(draw()) : 1 + 0.5 * draw(), 2 * Math.PI * draw()),
  "half-moons": (t, draw, label) => {
    const angle = Math.PI * draw();
    const [x, y] = label < 0 ? [Math.cos(angle) - 0.5, Math.sin(angle) - 0.25]
      : [0.5 - Math.cos(angle), 0.25 - Math.sin(angle)];
    return [x + 0.08 * normal(draw), y + 0.08 * normal(draw)];
  },
  spirals: (t, draw, label) => {
    const turn = 0.15 + 0.85 * t;
    const [x, y] = around(1.4 * turn, 3 * Math.PI * turn + (label < 0 ? 0 : Math.PI));
    return [x + 0.03 * normal(draw), y + 0.03 * normal(draw)];
  },
  "exclusive or": (t, draw, label) => {
    const [x, y] = [0.1 + 1.1 * draw(), 0.1 + 1.1 * draw()];
    const side = draw() < 0.5 ? 1 : -1;
    return label < 0 ? [side * x, side * y] : [side * x, -side * y];
  },
};

/** n points of a data set: {x, y, n}. */
export function drawData(name, n, seed) {
  const draw = random(seed + 1000);
  const [x, y] = [new Float64Array(2 * n), new Float64Array(n)];
  for (let i = 0; i < n; i++) {
    y[i] = i % 2 ? 1 : -1;
    x.set(DATA[name](i / n, draw, y[i]), 2 * i);
  }
  return { x, y, n };
}
