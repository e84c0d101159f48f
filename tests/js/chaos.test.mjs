import assert from "node:assert/strict";
import { test } from "node:test";
import {
  exponentOf, gapOf, length, probe, rate, saturation, stretchOf, typicalGap,
} from "../../book/neural_odes_lab/widgets/shared/chaos.js";
import { followLorenz, lorenz, TIMES } from "../../book/neural_odes_lab/widgets/lorenz.js";
import { decimals, valueAt } from "../../book/neural_odes_lab/widgets/sweep.js";

const close = (a, b, tolerance = 1e-9) =>
  assert.ok(Math.abs(a - b) < tolerance, `${a}, not ${b}`);

/** dz/ds = diag(rates) z, of depth 2. */
const linear = (rates) => ({
  size: rates.length, depth: 2,
  lift: (x) => Float64Array.from(rates, (_, i) => x[i] ?? 0),
  slope: (s, z) => z.map((v, i) => rates[i % rates.length] * v),
});

test("a linear field has the exponents of its matrix, at every depth", () => {
  for (const rates of [[1.5, -2], [0, 0], [-1, -3], [0.5, 1, 9]])
    for (const r of [1e-6, 0.3]) {
      const found = probe(linear(rates), [0.4, -0.2], r, 0);
      const [a, b] = [...rates.slice(0, 2)].sort((p, q) => q - p);
      for (const k of [10, 50, 100]) {
        const s = k / 50;
        close(exponentOf(found.gaps[k], r, s), rates[0], 1e-6);
        close(exponentOf(found.linear[k], r, s), rates[0], 1e-6);
        close(Math.log(found.stretch[k].largest) / s, a, 1e-6);
        close(Math.log(found.stretch[k].smallest) / s, b, 1e-6);
      }
    }
});

test("an error lies between the singular values, and grows most along one", () => {
  const model = linear([1, -1]);
  const along = probe(model, [1, 1], 0.01, 0.3);
  const { largest, smallest, angle } = along.stretch.at(-1);
  close(Math.sin(angle), 0, 1e-6);
  assert.ok(along.gaps.at(-1) < 0.01 * largest && along.gaps.at(-1) > 0.01 * smallest);
  const most = probe(model, [1, 1], 0.01, angle);
  close(most.gaps.at(-1) / (0.01 * largest), 1, 1e-6);
});

test("singular values of a shear, a rotation and a tall matrix", () => {
  const golden = (1 + Math.sqrt(5)) / 2;
  const shear = stretchOf([1, 0], [1, 1]);
  close(shear.largest, golden);
  close(shear.smallest, 1 / golden);
  const turned = stretchOf([0.6, 0.8], [-0.8, 0.6]);
  close(turned.largest, 1);
  close(turned.smallest, 1);
  const tall = stretchOf([0, 3, 4], [0, 0, 0]);
  close(tall.largest, 5);
  close(tall.smallest, 0);
  close(Math.abs(stretchOf([0, 0], [0, 2]).angle), Math.PI / 2);
});

test("distances, their typical size and where they saturate", () => {
  close(gapOf([1, 2, 4, 6], 2), 5);
  // Two points at -1 and 1: drawn twice, half of the pairs are 2 apart.
  close(typicalGap(Float64Array.of(-1, 1), 1), Math.SQRT2);
  assert.equal(saturation([0, 1, 2], [0.1, 0.6, 0.9], 1), 1);
  assert.equal(saturation([0, 1], [0.1, 0.2], 1), null);
  assert.equal(saturation([0, 1], [0.1, 0.2, 0.9], 1), null); // later than asked
});

test("what cannot be told is said", () => {
  assert.equal(rate(exponentOf(1, 1, 0)), "–");
  assert.equal(rate(exponentOf(0, 1, 1)), "below double precision");
  assert.equal(length(0), "below 1.0 · 10⁻¹⁵");
  assert.equal(length(0.25), "0.25");
});

test("Lorenz's equilibria rest", () => {
  const side = Math.sqrt(72);
  for (const state of [[0, 0, 0], [side, side, 27], [-side, -side, 27]])
    for (const v of lorenz(0, state)) close(v, 0, 1e-12);
});

test("Lorenz's error grows at some 0.9 on average, and then saturates", () => {
  const rates = [[-3, 15], [5, 15], [1, 20], [10, 25], [-6, 30]].map((point) => {
    const { gaps } = followLorenz(point, 1e-6);
    assert.ok(Math.max(...gaps) < 80);
    const k = TIMES.findIndex((t) => t >= 15);
    return exponentOf(gaps[k], 1e-6, 15);
  });
  close(rates.reduce((sum, v) => sum + v / rates.length, 0), 0.9056, 0.2);
});

test("between measured rows a curve is linear", () => {
  for (const [place, value] of [[0, 1], [0.5, 2], [1, 3], [1.25, 2], [2, -1]])
    close(valueAt([1, 3, -1], place), value);
});

test("the spread decides how many decimals are shown", () => {
  assert.deepEqual([12, 5.02, 0.0155, 0].map(decimals), [0, 1, 3, 3]);
});
