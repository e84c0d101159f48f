// Networks of linear layers, forward and backward, on batches: flat
// Float64Arrays, one sample after another. A network is {sizes, activation,
// bias}; bias tells whether the last layer has one. Weights lie as torch lists
// them: (out, in) of each layer, then its bias.
import { ACTIVATIONS } from "./nets.js";

// Derivatives, as functions of the activation's value.
const SLOPES = {
  tanh: (v) => 1 - v * v,
  relu: (v) => (v > 0 ? 1 : 0),
  softplus: (v) => 1 - Math.exp(-v),
  elu: (v) => (v > 0 ? 1 : v + 1),
};

/** Activations that can be trained here. */
export const TRAINABLE = Object.keys(SLOPES);

export const count = ({ sizes, bias = true }) =>
  sizes.slice(1).reduce((sum, n, l) => sum + n * sizes[l], 0) +
  sizes.slice(1, bias ? undefined : -1).reduce((sum, n) => sum + n, 0);

const biased = ({ sizes, bias = true }, l) => bias || l + 2 < sizes.length;

/** What each layer was given, and last the output. */
export function layersForward(net, w, at, input, n) {
  const { sizes } = net;
  const bend = ACTIVATIONS[net.activation];
  const kept = [input];
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [from, to, z] = [sizes[l], sizes[l + 1], kept[l]];
    const hidden = l + 2 < sizes.length;
    const bias = biased(net, l) ? at + from * to : -1;
    const out = new Float64Array(n * to);
    for (let s = 0; s < n; s++)
      for (let o = 0; o < to; o++) {
        let sum = bias < 0 ? 0 : w[bias + o];
        const row = at + o * from;
        for (let i = 0; i < from; i++) sum += w[row + i] * z[s * from + i];
        out[s * to + o] = hidden ? bend(sum) : sum;
      }
    at += from * to + (bias < 0 ? 0 : to);
    kept.push(out);
  }
  return kept;
}

/** Adds to the weights' gradient; returns the input's. */
export function layersBackward(net, w, start, kept, slope, grad, n) {
  const { sizes } = net;
  const bent = SLOPES[net.activation];
  let [g, at] = [slope, start + count(net)];
  for (let l = sizes.length - 2; l >= 0; l--) {
    const [from, to, given, out] = [sizes[l], sizes[l + 1], kept[l], kept[l + 1]];
    const hidden = l + 2 < sizes.length;
    at -= to * from + (biased(net, l) ? to : 0);
    const bias = biased(net, l) ? at + from * to : -1;
    const back = new Float64Array(n * from);
    for (let s = 0; s < n; s++)
      for (let o = 0; o < to; o++) {
        let d = g[s * to + o];
        if (hidden) d *= bent(out[s * to + o]);
        if (d === 0) continue;
        if (bias >= 0) grad[bias + o] += d;
        const row = at + o * from;
        for (let i = 0; i < from; i++) {
          grad[row + i] += d * given[s * from + i];
          back[s * from + i] += d * w[row + i];
        }
      }
    g = back;
  }
  return g;
}
