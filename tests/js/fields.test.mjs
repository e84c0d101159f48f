import assert from "node:assert/strict";
import { test } from "node:test";
import {
  readBasis, readModel,
} from "../../book/neural_odes_lab/widgets/shared/fields.js";
import { carriedBack } from "../../book/neural_odes_lab/widgets/shared/inputs.js";
import {
  applyNet, unpack,
} from "../../book/neural_odes_lab/widgets/shared/nets.js";

const pack = (values) => ({
  dtype: "float64",
  data: Buffer.from(Float64Array.from(values).buffer).toString("base64"),
});
const linear = (inputs, outputs, bias = false) => ({ in: inputs, out: outputs, bias });
const rotation = () => ({
  version: 2, features: 2, size: 2, depth: 2, lift: null, readout: null,
  field: {
    inputs: ["z"], net: [linear(2, 2)],
    weights: { kind: "constant", weights: pack([0, -1, 1, 0]) },
  },
});

test("a network of given weights, row by row", () => {
  const net = [linear(2, 1, true), "relu"];
  const out = applyNet(net, [2, 3, -1], Float64Array.of(1, 1, -1, 0), 2);
  assert.deepEqual([...out], [4, 0]);
});

test("activations match their closed forms", () => {
  const at = (name, v) => applyNet([name], [], Float64Array.of(v), 1)[0];
  for (const v of [-3, -0.1, 0, 0.1, 3, 40]) {
    const sigmoid = 1 / (1 + Math.exp(-v));
    assert.equal(at("tanh", v), Math.tanh(v));
    assert.equal(at("sigmoid", v), sigmoid);
    assert.equal(at("relu", v), Math.max(0, v));
    assert.ok(Math.abs(at("softplus", v) - Math.log(1 + Math.exp(v))) < 1e-12);
    assert.ok(Math.abs(at("elu", v) - (v > 0 ? v : Math.exp(v) - 1)) < 1e-12);
    assert.ok(Math.abs(at("silu", v) - v * sigmoid) < 1e-12);
  }
});

test("bases match their closed forms", () => {
  const close = (name, size, domain, s, want) =>
    readBasis({ name, size, domain })(s).forEach((v, j) =>
      assert.ok(Math.abs(v - want[j]) < 1e-12, `${name} ${j}`));
  const a = 2 * Math.PI * 0.3;
  close("Fourier", 4, [0, 1], 0.3, [1, Math.cos(a), Math.sin(a), Math.cos(2 * a)]);
  close("Chebyshev", 4, [0, 2], 1.6, [0, 1, 2, 3].map((n) => Math.cos(n * Math.acos(0.6))));
  close("Polynomial", 3, [0, 1], 0.5, [1, 0.5, 0.25]);
  close("PiecewiseConstant", 3, [0, 1], 1, [0, 0, 1]);
  close("PiecewiseConstant", 3, [0, 1], 0.4, [0, 1, 0]);
});

test("a sampled basis is interpolated", () => {
  const samples = Array.from({ length: 257 }, (_, i) =>
    [1, Math.sin((8 * 2 * i) / 256)]).flat();
  const basis = readBasis({ size: 2, domain: [0, 2], samples: pack(samples) });
  for (const s of [0, 0.003, 1, 1.2345, 1.999, 2])
    assert.ok(Math.abs(basis(s)[1] - Math.sin(8 * s)) < 1e-6, `at ${s}`);
});

test("a model flows as its field says", () => {
  const model = readModel(rotation());
  const { z } = model.solve(Float64Array.of(1, 0), [0, 2], { rtol: 1e-9, atol: 1e-9 });
  assert.ok(Math.hypot(z[1][0] - Math.cos(2), z[1][1] - Math.sin(2)) < 1e-7);
});

test("the readout's line is found", () => {
  const readout = { net: [linear(2, 1, true)], weights: pack([3, 4, -5]) };
  assert.deepEqual(readModel({ ...rotation(), readout }).boundary, [-5, 3, 4]);
  assert.equal(readModel(rotation()).boundary, null);
});

test("the readout's line is carried back to inputs that end on it", () => {
  const readout = { net: [linear(2, 1, true)], weights: pack([3, 4, -1]) };
  const model = readModel({ ...rotation(), readout });
  const curve = carriedBack(model, [-2, 2, -2, 2])[0].filter((x) => Math.hypot(...x) < 2);
  assert.ok(curve.length > 20);
  const { z } = model.solve(Float64Array.from(curve.flat()), [0, 2], { rtol: 1e-9, atol: 1e-9 });
  model.output(z[1]).forEach((v) => assert.ok(Math.abs(v) < 1e-3));
  const frames = carriedBack(model, [-2, 2, -2, 2]);
  assert.equal(frames.length, 101);
  const [c, a, b] = model.boundary;
  for (const [u, v] of frames.at(-1)) assert.ok(Math.abs(c + a * u + b * v) < 1e-9);
  assert.equal(carriedBack(readModel(rotation()), [-2, 2, -2, 2]), null);
});

const constant = (value) => ({ net: [linear(2, 1, true)], weights: pack([0, 0, value]) });

test("each sample has its own depth, whose sign does not count", () => {
  const depth = { net: [linear(2, 1)], weights: pack([-1, 0]) };
  const model = readModel({ ...rotation(), depth });
  const x = Float64Array.of(1, 0, 3, 0, -0.5, 0);
  assert.deepEqual([...model.depths(x)], [0, 2, 1.5]);
  assert.ok(model.adaptive && !model.controlled);
  const { z } = model.solve(x, [0, 0.5, 1], { rtol: 1e-9, atol: 1e-9 });
  for (const [k, part] of [0, 0.5, 1].entries())
    for (const [i, [size, s]] of [[1, 0], [3, 2], [-0.5, 1.5]].entries()) {
      const miss = [Math.cos(part * s), Math.sin(part * s)].map((v, j) => z[k][2 * i + j] - size * v);
      assert.ok(Math.hypot(...miss) < 1e-7);
    }
});

test("a depth of 0 leaves the input where it is", () => {
  const model = readModel({ ...rotation(), depth: constant(-1) });
  const { z } = model.solve(Float64Array.of(1, 2), [0, 1]);
  assert.deepEqual([...z[1]], [1, 2]);
});

test("one weight draws a state to what its input mirrors", () => {
  const net = [{ control: true, in: 4, out: 2 }];
  const out = applyNet(net, [3], Float64Array.of(1, 2, 10, 20, 0, 0, 1, -1), 2);
  assert.deepEqual([...out], [-33, -66, -3, 3]);
});

test("a malformed state is refused with a reason", () => {
  const broken = (change) => {
    const state = rotation();
    change(state);
    return () => readModel(state);
  };
  assert.throws(() => readModel(undefined), /version/);
  assert.throws(broken((m) => (m.version = 1)), /version/);
  assert.throws(broken((m) => (m.depth = 0)), /depth must be a number > 0, got 0/);
  assert.throws(broken((m) => (m.size = 3)), /must have 3 outputs, got 2/);
  assert.throws(broken((m) => m.field.net.push("gelu")), /gelu/);
  assert.throws(broken((m) => (m.depth = { ...constant(1), net: [linear(3, 1, true)] })), /depth's network does not fit/);
  assert.throws(broken((m) => (m.depth = { net: [linear(2, 2)], weights: pack([1, 2, 3, 4]) })), /one output/);
  assert.throws(broken((m) => (m.depth = { net: [], weights: pack([]) })), /one output/);
  assert.throws(broken((m) => (m.field.inputs = ["z", "y"])), /unknown input y/);
  assert.throws(broken((m) => (m.field.inputs = ["z", "x"])), /fit/);
  assert.throws(broken((m) => (m.field.net = [{ control: true, in: 2, out: 2 }])), /fit/);
  assert.throws(broken((m) => (m.field.weights.kind = "guess")), /guess/);
  assert.throws(broken((m) => (m.field.weights.weights = pack([1]))), /number of weights/);
  assert.throws(broken((m) => (m.field.weights.weights = pack([0, NaN, 1, 0]))), /finite/);
  assert.throws(() => unpack({ dtype: "int8", data: "" }), /int8/);
});
