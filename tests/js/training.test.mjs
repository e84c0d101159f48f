// Gradients against finite differences, for every variant; and it learns.
import assert from "node:assert/strict";
import test from "node:test";
import {
  DATA, VARIANTS, adam, drawData, forward, gradient, initial, makeModel,
} from "../../lib/neural_odes/lab/widgets/shared/training.js";

const base = { width: 5, steps: 3, method: "rk4", extra: 2 };

for (const variant of Object.keys(VARIANTS))
  for (const method of ["euler", "rk4"])
    test(`gradient of ${variant} by ${method}`, () => {
      const model = makeModel({ ...base, variant, method });
      const { x, y, n } = drawData("spirals", 12, 0);
      const w = initial(model, 1).map((v, i) => v + 0.2 * Math.sin(i));
      const { grad } = gradient(model, w, x, y, n);
      const h = 1e-6;
      for (let i = 0; i < w.length; i += 7) {
        const [up, down] = [1, -1].map((sign) => {
          const moved = Float64Array.from(w);
          moved[i] += sign * h;
          return gradient(model, moved, x, y, n).loss;
        });
        assert.ok(Math.abs((up - down) / (2 * h) - grad[i]) < 1e-7, `${i}`);
      }
    });

test("it parts the disc and the ring", () => {
  const model = makeModel({ ...base, variant: "augmented", width: 12, steps: 6 });
  const { x, y, n } = drawData("disc in a ring", 100, 0);
  const [w, step] = [initial(model, 0), adam(model.size, { lr: 0.03 })];
  for (let i = 0; i < 200; i++) step(w, gradient(model, w, x, y, n).grad);
  const { loss, right } = gradient(model, w, x, y, n);
  assert.ok(loss < 0.1, `${loss}`);
  assert.equal(Math.round(100 * right), 100);
});

test("a GalNODE begins as the depth-invariant model", () => {
  const { x, n } = drawData("half-moons", 10, 3);
  const [a, b] = ["depth-invariant", "GalNODE"].map((variant) => {
    const model = makeModel({ ...base, variant });
    return forward(model, initial(model, 5), x, n).output;
  });
  a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) < 1e-12));
});

test("the same seed draws the same, and classes are balanced", () => {
  for (const name of Object.keys(DATA)) {
    const [a, b, c] = [0, 0, 1].map((seed) => drawData(name, 50, seed));
    assert.deepEqual(a, b);
    assert.notDeepEqual(a.x, c.x);
    assert.equal(a.y.reduce((sum, v) => sum + v, 0), 0);
    assert.ok(a.x.every((v) => Math.abs(v) < 2));
  }
});
