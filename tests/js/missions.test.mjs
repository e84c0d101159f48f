// Each mission can be done, and is not done before.
import assert from "node:assert/strict";
import test from "node:test";
import { MISSIONS } from "../../book/neural_odes_lab/widgets/playground/missions.js";
import { sane } from "../../book/neural_odes_lab/widgets/playground/settings.js";
import {
  measure, seenAt, wayOf,
} from "../../book/neural_odes_lab/widgets/playground/view.js";
import { drawData } from "../../book/neural_odes_lab/widgets/shared/datasets.js";
import {
  adam, gradient, initial, makeModel,
} from "../../book/neural_odes_lab/widgets/shared/training.js";

const DEFAULTS = {
  variant: "depth-invariant", data: "disc in a ring", activation: "tanh", width: 16, layers: 2,
  steps: 8, method: "rk4", extra: 1, modes: 5, lr: 0.01, decay: 0, penalty: 0, batch: 0, seed: 0,
  points: 120,
};
const AS_TRAINED = { solver: "trained", steps: 4 };
const ADAPTIVE = { solver: "dopri5", steps: 4 };
const around = Array.from({ length: 48 }, (_, i) =>
  [1.3 * Math.cos((i * Math.PI) / 24), 1.3 * Math.sin((i * Math.PI) / 24)]);

/** How each is done: what is set besides its start, how long, how looked at. */
const WAYS = {
  "Find the channel": [{}, 200, AS_TRAINED, around],
  "Close it": [{ variant: "augmented" }, 100, AS_TRAINED],
  "Let the weights move": [{}, 100, AS_TRAINED],
  "Turn the line over": [{ variant: "data-controlled" }, 100, AS_TRAINED],
  "Make it cheap": [{ variant: "data-controlled" }, 100, ADAPTIVE],
  "Break it with Euler": [{}, 200, { solver: "euler", steps: 4 }],
  "A network in disguise": [{}, 200, ADAPTIVE],
  "Come to rest": [{ penalty: 0.1 }, 300, AS_TRAINED],
};

/** The first step at which a mission is done, looked at every 20 steps. */
function solvedAt(mission, [given, most, view, places = [[1.2, 0.4]]]) {
  const settings = sane({ ...mission.start, ...given }, DEFAULTS);
  const model = makeModel(settings);
  const data = drawData(settings.data, settings.points, settings.seed);
  const [w, step] = [initial(model, settings.seed), adam(model.size, settings)];
  for (let i = 0; i <= most; i++) {
    if (i % 20 === 0) {
      const now = measure(model, w, data, view);
      for (const place of settings.features === 1 ? [[0.5]] : places)
        if (mission.done(seenAt(now, place, wayOf(now, place)))) return i;
    }
    step(w, gradient(model, w, data.x, data.y, data.n).grad);
  }
  return Infinity;
}

test("there are eight", () => {
  assert.deepEqual(MISSIONS.map(({ title }) => title), Object.keys(WAYS));
});

for (const mission of MISSIONS)
  test(`the mission “${mission.title}” is done by training alone`, () => {
    const at = solvedAt(mission, WAYS[mission.title]);
    assert.ok(at > 0 && at < Infinity, `at step ${at}`);
  });

test("a flow closes no ring and turns no line over", () => {
  const titled = (title) => MISSIONS.find((one) => one.title === title);
  assert.equal(solvedAt(titled("Close it"), [{}, 160, AS_TRAINED]), Infinity);
  for (const variant of ["depth-invariant", "GalNODE"])
    assert.equal(solvedAt(titled("Turn the line over"), [{ variant }, 160, AS_TRAINED]), Infinity);
});
