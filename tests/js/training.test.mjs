// Gradients against finite differences, for every variant; and it learns.
import assert from "node:assert/strict";
import test from "node:test";
import {
  DATA, OWN, drawData, featuresOf, pointsToText, readCsv, textToPoints, withPoint,
} from "../../book/neural_odes_lab/widgets/shared/datasets.js";
import {
  VARIANTS, adam, forward, gradient, initial, makeModel,
} from "../../book/neural_odes_lab/widgets/shared/training.js";

const base = {
  width: 5, layers: 2, activation: "tanh", steps: 3, method: "rk4", extra: 2, modes: 5,
  features: 2,
};

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

test("Adam's epsilon stands beside the root, as torch's does", () => {
  const w = Float64Array.of(0);
  adam(1, { lr: 1 })(w, [1e-8]);
  assert.ok(Math.abs(w[0] + 0.5) < 1e-6, `${w[0]}`);
});

test("the penalty is a mean over the points", () => {
  const model = makeModel({ ...base, variant: "depth-invariant", penalty: 0.7 });
  const w = initial(model, 1);
  const { x, y, n } = drawData("spirals", 6, 0);
  const once = gradient(model, w, x, y, n);
  const twice = gradient(model, w, Float64Array.of(...x, ...x), Float64Array.of(...y, ...y), 2 * n);
  assert.ok(once.penalty > 0 && Math.abs(once.penalty - twice.penalty) < 1e-12);
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
  for (const name of DATA.filter((one) => one !== OWN)) {
    const [a, b, c] = [0, 0, 1].map((seed) => drawData(name, 50, seed));
    assert.deepEqual(a, b);
    if (featuresOf(name) === 2) assert.notDeepEqual(a.x, c.x);
    assert.equal(a.x.length, featuresOf(name) * 50);
    assert.ok(Math.abs(a.y.reduce((sum, v) => sum + v, 0)) < 1e-12);
    assert.ok(a.x.every((v) => Math.abs(v) < 2 && Math.round(100 * v) / 100 === v));
  }
});

test("an address holds points as they are", () => {
  const data = withPoint(drawData("spirals", 20, 0), [0.123, -1.5], 1);
  assert.deepEqual(textToPoints(pointsToText(data)), data);
  for (const text of ["", "1_2", "1_2_3", "a_2_1", "500_0_1", "1_2_1_1"])
    assert.throws(() => textToPoints(text), /no points/);
});

test("pasted lines are points and classes", () => {
  const { x, y, n } = readCsv("x,y,kind\n0.5,-1,b\n\n1,1.25,a\n");
  assert.deepEqual([[...x], [...y], n], [[0.5, -1, 1, 1.25], [1, -1], 2]);
  const far = readCsv("0;0;1\n300;600;0\n");
  assert.deepEqual([[...far.x], [...far.y]], [[-1.5, -1.5, 1.5, 1.5], [1, -1]]);
});

test("columns of any unit are kept apart, and it is said that they were scaled", () => {
  const table = readCsv("age\tsalary\tbought\n20\t50000\tno\n40\t90000\tyes\n60\t70000\tno\n");
  assert.deepEqual([...table.x], [-1.5, -1.5, 0, 1.5, 1.5, 0]);
  assert.ok(table.scaled && !readCsv("0,0,a\n1,1,b").scaled);
  const small = readCsv("0.001,1,a\n0.004,2,b");
  assert.ok(small.scaled && small.x[0] !== small.x[2]);
});

test("spaces, quotes and names of columns are understood, a bad first line is not a name", () => {
  for (const text of ["0.5 -1 b\n1 1.25 a", `"x","y","c"\n"0.5","-1","b"\n"1","1.25","a"`])
    assert.deepEqual([...readCsv(text).x], [0.5, -1, 1, 1.25]);
  assert.throws(() => readCsv("1.2.3,4.5.6,a\n1,1,b"), /line 1, .*“1.2.3” is not a number/);
  assert.throws(() => readCsv("0,5\ta\n1,2\tb"), /line 1, .*3 values, got 2/);
  assert.throws(() => readCsv("0,5\t1,5\ta\n1,2\t1,0\tb"), /“0,5” is not a number; decimals take a point/);
});

test("a wrong line is named", () => {
  for (const [text, message] of [
    ["0,0,a\n1,b\n", /line 2, “1,b”: .* got 2/],
    ["0,0,a\n1,one,b\n", /line 2, “1,one,b”: “one” is not a number/],
    ["0,0,a\n1,1,b\n\n2,2,c", /line 4, “2,2,c”: “c” is a third class/],
    ["0,0,a\n1,1,", /line 2, .*: the class is missing/],
    ["0,0,a\n1,1,a", /two classes are needed, got 1/],
    ["", /got 0/],
    ["0,0,a\n1,1,b\n".repeat(200), /line 301: at most 300/],
  ]) assert.throws(() => readCsv(text), message);
});
