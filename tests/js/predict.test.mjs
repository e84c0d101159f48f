import assert from "node:assert/strict";
import { test } from "node:test";
import { distanceTo } from "../../book/neural_odes_lab/widgets/ball.js";
import { comesBack } from "../../book/neural_odes_lab/widgets/backward.js";
import { nearest } from "../../book/neural_odes_lab/widgets/euler.js";
import { verdict } from "../../book/neural_odes_lab/widgets/shared/predict.js";

const choices = [["2", "It halves"], ["1", "It hardly changes"]];

test("a prediction is called right or not, with what was measured", () => {
  const judged = { right: "2", words: "A factor of 2.01." };
  assert.equal(verdict(judged, "2", choices), "Right. A factor of 2.01.");
  assert.equal(verdict(judged, "1", choices),
    "Not so; you said “It hardly changes”. A factor of 2.01.");
});

test("the choice nearest to what was measured is the right one", () => {
  assert.deepEqual([1.2, 1.9, 2.3, 3.5, 9].map(nearest), ["1", "2", "2", "4", "4"]);
});

test("a way back ends exactly, within the tolerance or beyond it", () => {
  assert.deepEqual([1e-15, 1e-5, 1e-3].map((miss) => comesBack(miss, 1e-4)),
    ["exact", "within", "beyond"]);
});

test("a curve is as near as its nearest piece, and jumps are no part of it", () => {
  const curve = [[-1, 1], [1, 1], [9, 9], [9, -9]];
  assert.equal(distanceTo([0.5, 0], curve, 4), 1);
  assert.equal(distanceTo([2, 1], curve, 4), 1);
  assert.ok(Math.abs(distanceTo([5, 5], curve, 20)) < 1e-12);
});
