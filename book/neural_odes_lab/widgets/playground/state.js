// A model in training as what fields.js reads, and as named tensors.
import { count } from "../shared/layers.js";

/** Layers as export.py lists them. */
const layersOf = ({ sizes, activation, bias = true }) => sizes.slice(1).flatMap((out, l) => {
  const last = l + 2 === sizes.length;
  return [{ in: sizes[l], out, bias: bias || !last }, ...(last ? [] : [activation])];
});

const affine = (inputs, outputs, weights, bias = false) =>
  ({ net: [{ in: inputs, out: outputs, bias }], weights: Float64Array.from(weights) });

/** The state of a model of weights w, with numbers in place of packed ones. */
export function stateOf(model, w) {
  const { variant, features, states, field, own, functions, starts, lift, depth, readout } = model;
  const inputs = ["z", ...({ concat: ["s"], "data-controlled": ["x"] }[variant] ?? [])];
  const weights = w.slice(0, own * Math.max(1, functions));
  const basis = {
    name: variant === "ResNet" ? "PiecewiseConstant" : "Fourier", size: functions, domain: [0, 1],
  };
  const still = variant === "network";
  return {
    version: 2, features, size: states,
    depth: depth.sizes.length
      ? { net: layersOf(depth), weights: w.slice(starts.depth, starts.readout) } : 1,
    field: {
      inputs,
      net: still ? [{ in: states, out: states, bias: false }] : layersOf(field),
      weights: functions ? { kind: "basis", basis, coefficients: weights }
        : { kind: "constant", weights: still ? new Float64Array(states * states) : weights },
      known: variant === "second order"
        ? { first: features, count: features } : { first: 0, count: 0 },
    },
    lift: states > features ? liftOf(model, w.slice(starts.lift, starts.lift + count(lift))) : null,
    readout: readout.sizes.length ? { net: layersOf(readout), weights: w.slice(starts.readout) }
      : affine(states, 1, [1, ...Array(states - 1).fill(0)]),
  };
}

/** x itself, above zeros or what an input layer makes of it. */
function liftOf({ features, states }, own) {
  const rows = Array.from({ length: states }, (_, i) => Array.from({ length: features }, (_, j) =>
    i < features ? Number(i === j) : own[(i - features) * features + j] ?? 0));
  const bias = Array.from({ length: states }, (_, i) =>
    i < features ? 0 : own[(states - features) * features + i - features] ?? 0);
  return affine(features, states, [...rows.flat(), ...bias], true);
}

/** Names, shapes and places of a model's tensors, as the library calls them. */
export function tensorsOf(model) {
  const { variant, field, own, functions, lift, depth, readout } = model;
  const found = [];
  let at = 0;
  const add = (name, shape) => {
    found.push({ name, shape, at });
    at += shape.reduce((product, n) => product * n, 1);
  };
  const layers = ({ sizes, bias = true }, prefix) => sizes.slice(1).forEach((out, l) => {
    add(`${prefix(l)}weight`, [out, sizes[l]]);
    if (bias || l + 2 < sizes.length) add(`${prefix(l)}bias`, [out]);
  });
  const wrapped = ["concat", "data-controlled", "second order"].includes(variant);
  if (functions) add("field.coefficients", [own, functions]);
  else layers(field, (l) => `field.${wrapped ? "field." : ""}module.${2 * l}.`);
  layers(lift, () => "lift.module.");
  layers(depth, (l) => `depth.module.${2 * l + 1}.`);
  layers(readout, (l) => (variant === "network" ? `readout.${2 * l}.` : "readout."));
  return found;
}
