// GaugeWidget: a field in other gauges, which change exponents and no output.
import { exponentOf, length, probe, rate } from "./shared/chaos.js";
import { finite } from "./shared/checks.js";
import { readModel } from "./shared/fields.js";
import { classifyInputs, drawInputs } from "./shared/inputs.js";
import { latest, once } from "./shared/memo.js";
import { integrate } from "./shared/numerics.js";
import { inside, line, marker, pen, ring, tidy } from "./shared/plot.js";
import { prediction } from "./shared/predict.js";
import { boxAround, depthsOf, drawFlow, frameOf, makeScene, makeView, moves, readData, vector } from "./shared/scene.js";
import {
  button, choice, CLASS_KEY, DRAG_KEY, key, mount, node, pair, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const SETTINGS = { rtol: 1e-6, atol: 1e-6, patience: 10000 };
const DISTANCE = 0.15;
const ANGLE = Math.PI / 4;
const FAR = 2;
const QUESTION = "At c = 2 every exponent is lower by 2 than at c = 0, and no output differs. " +
  "What about penalty (21), the mean speed of the data at the end?";
const CHOICES = [["lower", "It is lower"], ["same", "It is the same"], ["higher", "It is higher"]];

const times = (factor, values) => values.map((v) => factor * v);

/** A model of the plane in the gauge c: field f_c, and a readout exp(cS) times as steep. */
export function gauged(model, c) {
  const slope = (s, w, x) => {
    const f = model.slope(s, times(Math.exp(c * s), w), x);
    return f.map((v, i) => Math.exp(-c * s) * v - c * w[i]);
  };
  const steep = Math.exp(c * model.depth);
  const [offset, ...weight] = model.boundary;
  return {
    ...model, slope,
    output: (w) => model.output(times(steep, w)),
    boundary: [offset, ...times(steep, weight)],
    solve: (x, s, settings) => integrate((at, w) => slope(at, w, x), model.lift(x), s, settings),
  };
}

/** States of the model's flow at depths s as the gauge c has them. */
export const inGauge = (states, s, c) => states.map((z, k) => times(Math.exp(-c * s[k]), z));

/** Penalty (21) of states at the end: their mean speed there. */
export function penaltyOf(model, ends, x) {
  const slopes = model.slope(model.depth, ends, x);
  const rows = slopes.length / 2;
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += Math.hypot(slopes[2 * i], slopes[2 * i + 1]);
  return sum / rows;
}

/** A point and its neighbour, both solved for in the gauge c. */
export function measure(model, c, point) {
  const own = gauged(model, c);
  const x = Float64Array.from(point);
  const { z, gaps, stretch } = probe(own, x, DISTANCE, ANGLE);
  const exponent = (growth) => exponentOf(growth, 1, model.depth);
  const { largest, smallest } = stretch.at(-1);
  return {
    x, z, end: model.depth, gap: gaps.at(-1), output: own.output(z.at(-1).slice(0, 2)),
    exponent: exponent(gaps.at(-1) / DISTANCE), exponents: [exponent(smallest), exponent(largest)],
  };
}

function judge(scene, point) {
  const [before, after] = [0, FAR].map((c) => ({ ...measure(scene.model, c, point), penalty: scene.penalty(c) }));
  const [from, to] = [before.penalty, after.penalty];
  return {
    right: to < 0.99 * from ? "lower" : to > 1.01 * from ? "higher" : "same",
    words: `Penalty (21) is ${tidy(from, 3)} at c = 0 and ${tidy(to, 3)} at c = 2. The exponent at the point goes from ` +
      `${rate(before.exponent)} to ${rate(after.exponent)}, its output from ` +
      `${tidy(before.output[0], 3)} to ${tidy(after.output[0], 3)}.`,
  };
}

/** The plane of inputs, with point and neighbour. */
function drawStarts(sheet, inputs, data, found) {
  const { ctx, colours: c } = sheet;
  const frame = drawInputs(sheet, inputs, data, found);
  const [x, neighbour] = [found.z[0].slice(0, 2), found.z[0].slice(2)].map(([u, v]) => [frame.x(u), frame.y(v)]);
  inside(ctx, frame, () => {
    marker(ctx, "circle", ...neighbour, 4, c.lines[2], c.paper, 0.8);
    ring(ctx, ...x, c.ink);
  });
  return { ...frame, handle: x };
}

/** The plane of states: data, point and neighbour on their way to S. */
function drawStates(sheet, scene, data, found) {
  const { ctx, colours: c } = sheet;
  const k = frameOf(scene.model, scene.model.depth);
  const point = { ...found, z: found.z.map((z) => z.slice(0, 2)) };
  const frame = drawFlow(sheet, scene, data, point, k);
  const way = found.z.map((z) => frame.spot(0, z, 1));
  inside(ctx, frame, () => {
    line(ctx, way, c.lines[2], 2.4);
    marker(ctx, "circle", ...way[0], 3.4, c.paper, c.lines[2], 1.6);
    marker(ctx, "circle", ...way[k], 5, c.lines[2], c.ink, 1.8);
  });
}

function renderGauge({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const states = new Map(python.get("models"));
    const names = ["selected", "c", "point", "answer"];
    const [selected, gauge, point, answer] = names.map((name) => trait(python, name, shell));
    const moved = [selected, gauge, point];
    const first = moved.map((t) => t.get());
    finite({ c: gauge.get(), point: point.get() });
    const sceneOf = once((label) => {
      const model = readModel(states.get(label));
      if (!model.boundary || model.adaptive || model.features !== 2)
        throw new Error("a model must take the plane to itself and have a linear readout");
      const { z, ends } = makeScene(model, data, SETTINGS);
      const s = depthsOf(model);
      const penalty = (c) => penaltyOf(gauged(model, c), inGauge([z.at(-1)], s.slice(-1), c)[0], data.x);
      return { model, z, s, ends, penalty, inputs: classifyInputs(model, data.x) };
    });
    const scene = () => sceneOf(selected.get());
    const solution = latest(() => moved.map((t) => t.get()), (label, c, at) => measure(sceneOf(label).model, c, at));
    const carried = latest(() => [selected.get(), gauge.get()], (label, c) => {
      const { model, z, s, ends } = sceneOf(label);
      const own = gauged(model, c);
      const moving = inGauge(z, s, c);
      return { ...makeView(own, boxAround(own, moving)), z: moving, ends, range: null, names: ["w₁", "w₂"] };
    });

    let frame = null;
    const plane = pointCanvas("Inputs, the boundary and a point", "ode-square",
      moves(point, () => ({ model: scene().model, box: scene().inputs.box }), () => frame));
    const chart = node("canvas", { role: "img", "aria-label": "States at the end" });
    const turn = slider("Gauge c", { min: -FAR, max: FAR, step: 0.1 }, gauge.set);
    const variant = choice("Model", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const reset = button("Reset", () => moved.forEach((t, i) => t.set(first[i])));
    const panel = node("div", { className: "ode-panel" }, turn,
      ...(states.size > 1 ? [variant] : []), node("div", { className: "ode-buttons" }, reset));
    const values = readout();
    const guess = prediction(shell, answer, {
      question: QUESTION, choices: CHOICES, judge: () => judge(scene(), point.get()),
    });
    shell.root.append(...pair(plane, chart, panel, values,
      key(...CLASS_KEY.slice(0, 2), "hollow: w(0) = x", ["● neighbour, 0.15 from the point", "ode-green"],
        "line: where the class changes, dashed at the end", "arrows: f_c at S", DRAG_KEY), "ode-square"));
    panel.after(guess);
    for (const t of [...moved, answer]) t.watch(shell.redraw);

    return () => {
      guess.show();
      const [now, found, c] = [scene(), solution(), tidy(gauge.get(), 1)];
      frame = drawStarts(pen(plane.canvas), now.inputs, data, found);
      drawStates(pen(chart), carried(), data, found);
      const from = vector(point.get());
      const [y, lambda, penalty] = [tidy(found.output[0], 3), rate(found.exponent), tidy(now.penalty(gauge.get()), 3)];
      const to = vector(found.z.at(-1).slice(0, 2));
      variant.show(selected.get());
      turn.show(gauge.get(), c);
      plane.place(...frame.handle, point.get()[0], `at ${from}, output ${y}`);
      plane.describe(`The plane of inputs with the data, the boundary, which is the same for every c, the point ` +
        `${from} and its neighbour`);
      chart.setAttribute("aria-label", `The plane of states in the gauge c = ${c}: the data on their way to the end, ` +
        `the readout's line, and the point, which ends at ${to}, ${length(found.gap)} from its neighbour`);
      const [least, most] = found.exponents.map((v) => tidy(v));
      values.show({
        "output y": y,
        "λ by Algorithm 1": lambda,
        "λ of the Jacobian": `${least} to ${most}`,
        "distance at S": length(found.gap),
        "readout's steepness": tidy(Math.hypot(...gauged(now.model, gauge.get()).boundary.slice(1))),
        "penalty (21)": penalty,
      });
      shell.say(`c = ${c}: exponent ${lambda}, output ${y}, penalty ${penalty}`);
    };
  });
}

export default { render: renderGauge };
