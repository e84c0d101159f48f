import assert from "node:assert/strict";
import { test } from "node:test";
import {
  integrate, METHODS,
} from "../../book/neural_odes_lab/widgets/shared/numerics.js";

const rotation = (s, z) => Float64Array.of(-z[1], z[0]);
const forced = (s, z) => Float64Array.of(Math.cos(s) - z[0] + Math.sin(s));
const error = (z, s) => Math.hypot(z[0] - Math.cos(s), z[1] - Math.sin(s));

for (const [method, order] of [["euler", 1], ["midpoint", 2], ["rk4", 4]])
  test(`${method} converges at order ${order}`, () => {
    const miss = (steps) => error(integrate(rotation, [1, 0], [0, 2],
      { method, step: 2 / steps }).z[1], 2);
    const slope = Math.log2(miss(40) / miss(80));
    assert.ok(Math.abs(slope - order) < 0.15, `slope ${slope}`);
  });

test("a fixed method evaluates the field once per stage", () => {
  for (const [method, stages] of [["euler", 1], ["midpoint", 2], ["rk4", 4]]) {
    const { nfe, accepted, path } = integrate(rotation, [1, 0], [0, 0.35, 1], { method, step: 0.1 });
    assert.equal(accepted, 4 + 7);
    assert.equal(nfe, stages * 11);
    assert.equal(path.at(-1).s, 1);
  }
});

test("dopri5 keeps to its tolerance, at its ends and between steps", () => {
  const s = Array.from({ length: 31 }, (_, i) => i / 10);
  for (const tolerance of [1e-4, 1e-6, 1e-9]) {
    const settings = { rtol: tolerance, atol: tolerance };
    const { z, nfe, accepted, rejected, path } = integrate(rotation, [1, 0], s, settings);
    assert.equal(z.length, s.length);
    for (const [i, at] of s.entries()) assert.ok(error(z[i], at) < 20 * tolerance);
    assert.equal(nfe, 2 + 6 * (accepted + rejected));
    assert.equal(path.length, accepted + 1);
    assert.equal(path.at(-1).s, 3);
  }
});

test("the depth reaches every stage", () => {
  for (const settings of [{ method: "rk4", step: 0.01 }, { rtol: 1e-9, atol: 1e-9 }]) {
    const { z } = integrate(forced, [0], [0, 2], settings);
    assert.ok(Math.abs(z[1][0] - Math.sin(2)) < 1e-7);
  }
});

test("output depths do not change the steps", () => {
  const few = integrate(rotation, [1, 0], [0, 1]);
  const many = integrate(rotation, [1, 0], [0, 0.2, 0.21, 0.9, 1]);
  assert.equal(few.nfe, many.nfe);
  assert.deepEqual(few.z[1], many.z[4]);
});

test("a constant state takes no effort and stays", () => {
  const { z, accepted } = integrate(() => new Float64Array(2), [3, 4], [0, 1]);
  assert.deepEqual([...z[1]], [3, 4]);
  assert.ok(accepted < 12);
});

test("failures say why", () => {
  const square = (s, z) => Float64Array.of(z[0] * z[0]);
  assert.throws(() => integrate(square, [2], [0, 1]), /underflowed|not finite|too many steps/);
  assert.throws(() => integrate(rotation, [1, 0], [0, 1],
    { method: "euler", step: 1e-3, maxSteps: 10 }), /too many steps/);
  assert.throws(() => integrate(rotation, [1, 0], [0, 1], { method: "euler" }), /step/);
  assert.throws(() => integrate(rotation, [1, 0], [1, 0]), /increasing/);
  assert.throws(() => integrate(rotation, [1, 0], [0, 1], { method: "guess" }), /guess/);
  assert.deepEqual(METHODS, ["euler", "midpoint", "rk4", "dopri5"]);
});

test("rounding of a step's length makes no step more", () => {
  for (const n of [3, 7, 10, 30])
    assert.equal(integrate(rotation, [1, 0], [0, 0.3], { method: "euler", step: 0.3 / n }).accepted, n);
});

test("the field is read nowhere beyond the solve", () => {
  const seen = [];
  integrate((s) => (seen.push(s), Float64Array.of(0)), [1e3], [0, 0.5], {});
  assert.ok(Math.max(...seen) <= 0.5 && Math.min(...seen) >= 0);
});
