// Networks as networks.py exports them, on batches: Float64Arrays, one sample
// after another.
import { among } from "./checks.js";

export const ACTIVATIONS = {
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  relu: (v) => (v > 0 ? v : 0),
  softplus: (v) => (v > 20 ? v : Math.log1p(Math.exp(v))),
  elu: (v) => (v > 0 ? v : Math.expm1(v)),
  silu: (v) => v / (1 + Math.exp(-v)),
};

/** Numbers from {dtype, data}, base64 of little-endian floats, or as they are. */
export function unpack(packed) {
  if (packed instanceof Float64Array) return packed;
  const Numbers = { float32: Float32Array, float64: Float64Array }[packed.dtype];
  if (!Numbers) throw new Error(`unknown dtype ${packed.dtype}, it must be float32 or float64`);
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  const values = Float64Array.from(new Numbers(bytes.buffer));
  if (!values.every(Number.isFinite)) throw new Error("weights must be finite");
  return values;
}

/**
 * Sizes of a network {weights, outputs} on inputs of a given width: a list of
 * names of activations, of linear layers {in, out, bias} and of {control: true,
 * in: 2n, out: n}, which is -theta (z + x) with one weight theta.
 */
export function sizesOf(net, width, name = "a network") {
  let [weights, outputs] = [0, width];
  for (const layer of net) {
    if (!layer.out) {
      among("layer", layer, Object.keys(ACTIVATIONS));
      continue;
    }
    const odd = layer.control && layer.in !== 2 * layer.out;
    if (layer.in !== outputs || odd) throw new Error(`${name} does not fit its input`);
    weights += layer.control ? 1 : layer.out * (layer.in + (layer.bias ? 1 : 0));
    outputs = layer.out;
  }
  return { weights, outputs };
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
    const out = new Float64Array(rows * size);
    if (layer.control) {
      for (let r = 0; r < rows; r++)
        for (let o = 0; o < size; o++)
          out[r * size + o] = -weights[at] * (values[r * width + o] + values[r * width + size + o]);
      at += 1;
      values = out;
      continue;
    }
    const bias = at + width * size;
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

/** A network with its weights: {outputs, apply(input, rows)}. */
export function readNet(spec, width, name) {
  const weights = unpack(spec.weights);
  const { weights: count, outputs } = sizesOf(spec.net, width, name);
  if (weights.length !== count)
    throw new Error(`${name ?? "a network"} has the wrong number of weights`);
  return { outputs, apply: (input, rows) => applyNet(spec.net, weights, input, rows) };
}
