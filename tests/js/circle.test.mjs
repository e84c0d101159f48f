import assert from "node:assert/strict";
import { test } from "node:test";
import { carryCircle, windsAround } from "../../book/neural_odes_lab/widgets/shared/circle.js";
import { readModel } from "../../book/neural_odes_lab/widgets/shared/fields.js";

const SETTINGS = { rtol: 1e-8, atol: 1e-8 };
const pack = (values) => ({
  dtype: "float64",
  data: Buffer.from(Float64Array.from(values).buffer).toString("base64"),
});
const linear = (weights) => readModel({
  version: 2, features: 2, size: 2, depth: 1, lift: null, readout: null,
  field: {
    inputs: ["z"], net: [{ in: 2, out: 2, bias: false }],
    weights: { kind: "constant", weights: pack(weights) },
  },
});

test("a linear flow makes an ellipse of a circle", () => {
  const curve = carryCircle(linear([1, 0, 0, -1]), 2, SETTINGS, 0.1).at(-1);
  const [long, short] = [2 * Math.E, 2 / Math.E];
  for (const [u, v] of curve)
    assert.ok(Math.abs((u / long) ** 2 + (v / short) ** 2 - 1) < 1e-5);
  const closed = [...curve, curve[0]];
  curve.forEach(([u, v], i) =>
    assert.ok(Math.hypot(u - closed[i + 1][0], v - closed[i + 1][1]) <= 0.1 + 1e-9));
  assert.ok(windsAround(curve, [long - 0.05, 0]));
  assert.ok(!windsAround(curve, [0, short + 0.05]));
});

test("what lies within a circle stays within its image", () => {
  const model = linear([0.3, -2, 1, 0.8]);
  const curves = carryCircle(model, 1, SETTINGS, 0.1);
  for (const x of [[0.1, 0.2], [-0.6, 0.7], [0, -0.97], [0.9, 0.9], [-1.1, 0]]) {
    const end = model.solve(Float64Array.from(x), [0, 1], SETTINGS).z[1];
    assert.equal(windsAround(curves.at(-1), end), Math.hypot(...x) < 1);
  }
});

test("a flow that cannot be solved has no circle", () => {
  assert.equal(carryCircle(linear([900, 0, 0, 900]), 1, SETTINGS, 0.1), null);
});
