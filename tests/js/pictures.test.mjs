import assert from "node:assert/strict";
import { test } from "node:test";
import { angleOf, leastCovers } from "../../book/neural_odes_lab/widgets/cover.js";
import { targetsOf } from "../../book/neural_odes_lab/widgets/depths.js";
import {
  classifyInputs,
} from "../../book/neural_odes_lab/widgets/shared/inputs.js";
import {
  scientific, ticks,
} from "../../book/neural_odes_lab/widgets/shared/plot.js";

test("targets are linear between inputs, in whatever order they come", () => {
  const target = targetsOf({ x: [1, -1, 0], y: [-1, 1, 3] });
  for (const [x, y] of [[-1, 1], [-0.5, 2], [0, 3], [0.25, 2], [1, -1]])
    assert.ok(Math.abs(target(x) - y) < 1e-12);
});

test("covers of the circle and of the sphere match their closed forms", () => {
  for (const r of [0.1, 0.5, 1.2]) {
    const [, , circle, sphere] = leastCovers(r, 3);
    assert.ok(Math.abs(circle - Math.PI / angleOf(r)) < 1e-9);
    assert.ok(Math.abs(sphere / (4 / r ** 2) - 1) < 1e-7);
  }
});

test("a cover beyond all numbers is infinite", () => {
  assert.equal(leastCovers(0.1, 400)[400], Infinity);
});

test("inputs are classified row by row, from the lower left", () => {
  const model = { depth: 1, solve: (x) => ({ z: [x, x] }), output: (z) => z };
  const { box, values } = classifyInputs(model, [2, -1]);
  assert.deepEqual(box, [1, 3, -2, 0]);
  assert.deepEqual([values[0], values[1], values.at(-2), values.at(-1)], [1, -2, 3, 0]);
  assert.ok(values[2] > 1 && values[3] === -2);
});

test("inputs that cannot be solved say why", () => {
  const model = { solve: () => { throw new Error("too stiff"); } };
  assert.equal(classifyInputs(model, [1]).failed, "too stiff");
});

test("numbers are rounded before their power is told", () => {
  assert.equal(scientific(9.96e-4), "1.0 · 10⁻³");
  assert.equal(scientific(12345), "1.2 · 10⁴");
  assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
});
