// What a reader takes away: weights as a file, and Python that trains the same.
import { byClass, LINE } from "../shared/datasets.js";
import { tensorsOf } from "./state.js";

/** A .safetensors file of float64, its settings in the metadata. */
export function safetensors(model, w, settings) {
  const { features, ...own } = settings; // the data tell how many
  const header = { __metadata__: { settings: JSON.stringify(own) } };
  const tensors = tensorsOf(model);
  for (const { name, shape, at } of tensors) {
    const size = shape.reduce((product, n) => product * n, 1);
    header[name] = { dtype: "F64", shape, data_offsets: [8 * at, 8 * (at + size)] };
  }
  const text = JSON.stringify(header);
  const bytes = new TextEncoder().encode(text + " ".repeat(-new TextEncoder().encode(text).length & 7));
  const file = new DataView(new ArrayBuffer(8 + bytes.length + 8 * w.length));
  file.setBigUint64(0, BigInt(bytes.length), true);
  new Uint8Array(file.buffer).set(bytes, 8);
  w.forEach((v, i) => file.setFloat64(8 + bytes.length + 8 * i, v, true));
  return new Uint8Array(file.buffer);
}

const ACTIVATIONS = { relu: "nn.ReLU", softplus: "nn.Softplus", elu: "nn.ELU" };

/** Python lines of at most 78 columns that hold whole numbers. */
function numbers(values) {
  const lines = [];
  for (const value of values) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + value.length < 72) lines[lines.length - 1] += ` ${value},`;
    else lines.push(`    ${value},`);
  }
  return lines.join("\n");
}

/** The parts of NeuralODE(...), as Python. */
function partsOf({ variant, features, activation, width, layers, steps, extra, modes, states, method }) {
  const bend = activation === "tanh" ? "" : `, activation=${ACTIVATIONS[activation]}`;
  const net = (inputs, outputs) =>
    `mlp(${[inputs, ...Array(layers).fill(width), outputs].join(", ")}${bend})`;
  const solver = `solver=Solver("${method}", step_size=1 / ${steps})`;
  if (variant === "network")
    return ["lambda s, z, x: torch.zeros_like(z)", `readout=${net(features, 1)}`, solver];
  const field = {
    concat: `DepthConcat(${net(states + 1, states)})`,
    GalNODE: `Galerkin(${net(states, states)}, Fourier(${modes}))`,
    ResNet: `Galerkin(${net(states, states)}, PiecewiseConstant(${steps}))`,
    "data-controlled": `DataControlled(${net(states + features, states)})`,
    "second order": `HigherOrder(${net(states, features)})`,
  }[variant] ?? net(states, states);
  const lift = {
    augmented: `lift=ZeroAugment(${extra})`,
    "input layer": `lift=InputLayer(nn.Linear(${features}, ${extra}), keep=True)`,
    "second order": `lift=ZeroAugment(${features})`,
  }[variant];
  const depth = variant === "adaptive depth" ? `depth=AdaptiveDepth(${features})` : null;
  const readout = features === 2 ? `readout=nn.Linear(${states}, 1)`
    : states > 1 ? "readout=PartialReadout(nn.Identity(), 1)" : null;
  return [field, lift, depth, readout, solver].filter(Boolean);
}

const LIBRARY = [
  "AdaptiveDepth", "DataControlled", "DepthConcat", "Fourier", "Galerkin", "HigherOrder",
  "InputLayer", "NeuralODE", "PiecewiseConstant", "Solver", "PartialReadout", "ZeroAugment",
  "fit", "fixed_point", "mlp", "seeded",
];

/** Lines of Python that train the same model on the same data for so long. */
export function pythonOf(model, data, epochs) {
  const { features, seed, lr, decay, penalty, batch, own } = model;
  const line = model.data === LINE;
  const hundredths = byClass(data).flatMap((i) => Array.from({ length: features }, (_, j) =>
    String(Math.round(100 * data.x[features * i + j]))));
  const minus = data.y.filter((v) => v < 0).length;
  const y = line ? "y = -x"
    : `y = torch.tensor([-1.0] * ${minus} + [1.0] * ${data.n - minus}).double()[:, None]`;
  const given = [
    `epochs=${Math.max(1, epochs)}`, `lr=${lr}`, decay && `weight_decay=${decay}`,
    penalty && own && `penalty=fixed_point(${penalty})`, batch && batch < data.n && `batch_size=${batch}, seed=${seed}`,
  ].filter(Boolean).join(", ");
  const body = `def make():
    return NeuralODE(
${partsOf(model).map((part) => `        ${part},`).join("\n")}
    )


# Points in hundredths${line ? "" : ", those of class -1 first"}.
x = torch.tensor([
${numbers(hundredths)}
]).double().reshape(-1, ${features}) / 100
${y}
model = seeded(make, seed=${seed}).double()
fit(
    model, x, y,
    ${given},
)
print((model(x) - y).square().mean().item())
`;
  const used = LIBRARY.filter((name) => new RegExp(`\\b${name}\\(`).test(body));
  const torch = `import torch\n${/\bnn\./.test(body) ? "from torch import nn\n" : ""}`;
  return `${torch}
from neural_odes import (
    ${used.join(",\n    ")},
)


${body}`;
}
