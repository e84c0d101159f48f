// Training in the page reaches two moons, and straight pairs need one step.
import assert from "node:assert/strict";
import test from "node:test";
import {
  apart, bendOf, energyDistance, firstWeights, follow, learner, pairsOf,
} from "../../book/neural_odes_lab/widgets/shared/matching.js";
import { drawData } from "../../book/neural_odes_lab/widgets/shared/datasets.js";
import { random } from "../../book/neural_odes_lab/widgets/shared/random.js";

const [data, fresh] = [0, 7].map((seed) => drawData("half-moons", 300, seed).x.map((v) => 1.45 * v));
const energy = (a) => energyDistance(a, fresh);
const [noise] = pairsOf("independent", data, 300, random(9));

function learn(kind, updates, w = firstWeights(0), own = null) {
  const [draw, { soft, update }] = [random(3), learner(w)];
  for (let i = 0; i < updates; i++)
    update(...pairsOf(kind, data, 64, draw, own), Float64Array.from({ length: 64 }, draw));
  return soft;
}

test("it reaches two moons, along paths that bend until they are rectified", () => {
  const w = learn("independent", 600);
  const [one, many] = [1, 64].map((steps) => follow(w, noise, steps));
  assert.ok(energy(many.at(-1)) < 0.03, `${energy(many.at(-1))}`);
  assert.ok(energy(one.at(-1)) > 0.2, `${energy(one.at(-1))}`);
  const straight = learn("independent", 400, w.slice(), [noise, many.at(-1)]);
  const again = follow(straight, noise, 64);
  assert.ok(bendOf(again) < bendOf(many) / 10, `${bendOf(again)}`);
  assert.ok(apart(follow(straight, noise, 1).at(-1), again.at(-1)) < 0.2);
});

test("pairs by transport make straight paths", () => {
  const [chance, transport] = ["independent", "transport"].map((kind) =>
    bendOf(follow(learn(kind, 200), noise, 16)));
  assert.ok(transport < chance / 5, `${transport}, ${chance}`);
});

test("a path at constant speed is straight, another is not", () => {
  const at = (s) => Float64Array.of(s, 2 * s, -s, 1);
  const path = [0, 0.25, 0.5, 0.75, 1];
  assert.ok(bendOf(path.map(at)) < 1e-20);
  assert.ok(bendOf(path.map((s) => at(s * s))) > 0.1);
});

test("what is drawn is the mean of all weights, and later of the last ones", () => {
  const [draw, w] = [random(3), firstWeights(0)];
  const { soft, update } = learner(w);
  let mean = 0;
  for (let step = 1; step <= 210; step++) {
    update(...pairsOf("independent", data, 2, draw), Float64Array.of(draw(), draw()));
    mean += (w[7] - mean) * Math.max(1 / step, 0.005);
    if ([1, 3, 200, 210].includes(step)) assert.ok(Math.abs(soft[7] - mean) < 1e-12, `${step}`);
  }
});
