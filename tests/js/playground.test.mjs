// What the playground keeps, shows and hands out.
import assert from "node:assert/strict";
import test from "node:test";
import {
  differences, fromAddress, sane, toAddress,
} from "../../book/neural_odes_lab/widgets/playground/settings.js";
import { stateOf } from "../../book/neural_odes_lab/widgets/playground/state.js";
import { lampOf } from "../../book/neural_odes_lab/widgets/playground/readings.js";
import { makeTrainer } from "../../book/neural_odes_lab/widgets/playground/trainer.js";
import { drawData } from "../../book/neural_odes_lab/widgets/shared/datasets.js";
import { readModel } from "../../book/neural_odes_lab/widgets/shared/fields.js";
import {
  forward, initial, makeModel, VARIANTS,
} from "../../book/neural_odes_lab/widgets/shared/training.js";

const DEFAULTS = {
  variant: "depth-invariant", data: "disc in a ring", activation: "elu", width: 5, layers: 2,
  steps: 4, method: "rk4", extra: 2, modes: 3, lr: 0.01, decay: 0, penalty: 0, batch: 0, seed: 0,
  points: 40, compare: "no other",
};

for (const variant of Object.keys(VARIANTS))
  for (const data of ["spirals", "reflection of a line"])
    test(`${variant} is drawn as it is trained, on ${data}`, () => {
      const model = makeModel(sane({ variant, data }, DEFAULTS));
      const { x, n } = drawData(data, 20, 0);
      const w = initial(model, 1).map((v, i) => v + 0.2 * Math.sin(i));
      const want = forward(model, w, x, n).output;
      const shown = readModel(stateOf(model, w));
      const { z } = shown.solve(x, [0, 1], { method: model.method, step: 1 / model.steps });
      shown.output(z[1]).forEach((v, i) => assert.ok(Math.abs(v - want[i]) < 1e-12));
    });

test("an address keeps settings, points and how long it was trained", () => {
  const settings = sane({ variant: "concat", data: "your own", lr: 0.03, compare: "augmented" }, DEFAULTS);
  const data = drawData("half-moons", 30, 4);
  const { given, data: own, trained } = fromAddress(toAddress(settings, data, 120));
  assert.deepEqual([sane(given, DEFAULTS), own, trained], [settings, data, 120]);
  assert.equal(differences(settings, DEFAULTS), "lr 0.03, beside augmented");
});

test("an address that makes no sense changes nothing", () => {
  assert.equal(fromAddress("#things-to-try"), null);
  const { given, trained } = fromAddress("#variant=none&data=your+own&own=x&lr=fast&steps=999&trained=-5");
  assert.deepEqual(sane(given, sane({}, DEFAULTS)), { ...sane({}, DEFAULTS), steps: 20 });
  assert.equal(trained, 0);
  for (const steps of ["1e99", "20001", "-1", "x"])
    assert.equal(fromAddress(`#variant=concat&trained=${steps}`).trained, 0);
});

test("a mini-batch at a time, an epoch sees each sample once", () => {
  const settings = sane({ batch: 16, lr: 1e-4 }, DEFAULTS);
  const data = drawData("spirals", 40, 0);
  const runs = [1, 1].map(() => {
    const trainer = makeTrainer();
    trainer({ settings, data, w: initial(makeModel(settings), 0) });
    return trainer({ budget: Infinity, most: 3 });
  });
  assert.deepEqual(runs[0].w, runs[1].w);
  const { losses, step, nfes } = runs[0];
  assert.deepEqual([losses.length, step, nfes.length], [3, 3, 1]);
  const all = forward(makeModel(settings), initial(makeModel(settings), 0), data.x, 40).output;
  const loss = all.reduce((sum, v, i) => sum + (v - data.y[i]) ** 2 / 40, 0);
  const mean = (16 * losses[0] + 16 * losses[1] + 8 * losses[2]) / 40;
  assert.ok(Math.abs(mean - loss) < 0.01, `${mean} ${loss}`);
});

test("a training that fails says so and keeps its weights", () => {
  const settings = sane({}, DEFAULTS);
  const [trainer, w] = [makeTrainer(), initial(makeModel(settings), 0)];
  w[0] = NaN;
  trainer({ settings, data: drawData("spirals", 20, 0), w });
  const { failed, step } = trainer({ budget: 0, most: 1 });
  assert.deepEqual([failed, step], [true, 0]);
});

test("two steps of Euler become layers, eight of Runge-Kutta stay a flow", () => {
  const judged = [["euler", 2], ["rk4", 8]].map(([method, steps]) => {
    const settings = sane({ method, steps, activation: "tanh", width: 16 }, DEFAULTS);
    const [trainer, model] = [makeTrainer(), makeModel(settings)];
    trainer({ settings, data: drawData("disc in a ring", 60, 0), w: initial(model, 0) });
    const fresh = trainer({ budget: 0, most: 0 });
    assert.deepEqual([fresh.step, lampOf(model, fresh.exact)[0]], [0, "flow"]);
    trainer({ budget: Infinity, most: 80 });
    return lampOf(model, trainer({ budget: 0, most: 0 }).exact)[0];
  });
  assert.deepEqual(judged, ["layers", "flow"]);
  for (const variant of ["ResNet", "network"]) assert.equal(lampOf({ variant }, null)[0], "layers");
});
