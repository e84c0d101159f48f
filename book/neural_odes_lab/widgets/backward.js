// BackwardWidget: a path to the end and the one solved backwards from there.
import { probe } from "./shared/chaos.js";
import { readModel } from "./shared/fields.js";
import { latest, once } from "./shared/memo.js";
import { integrate } from "./shared/numerics.js";
import { axes, inside, line, marker, pen, powerOfTen, ring, scientific, tidy } from "./shared/plot.js";
import { prediction } from "./shared/predict.js";
import { depthsOf, drawArrows, moves, stateAxes, vector, viewAround } from "./shared/scene.js";
import {
  button, choice, DRAG_KEY, key, mount, node, pair, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const DIGITS = [1, 2, 3, 4, 5, 6, 7, 8];
const LEAST = 1e-15;
const QUESTION = "Solve to the end, then backwards from there at the same tolerance: " +
  "how near does the way back come to the start?";
const CHOICES = [
  ["exact", "It ends there exactly"], ["within", "Within the tolerance"],
  ["beyond", "Farther off than the tolerance"],
];

/**
 * A point's way to the end and back at a tolerance: `there` and `back`, its
 * states at depthsOf(model), both from depth 0 on; `steps` of both, [{s, z}];
 * `miss`, how far from its start the way back ends; nfe of both solves.
 */
export function thereAndBack(model, x, tolerance) {
  const { depth } = model;
  const settings = { rtol: tolerance, atol: tolerance };
  const start = model.lift(x);
  const there = integrate((s, z) => model.slope(s, z, x), start, depthsOf(model), settings);
  const back = integrate((t, z) => model.slope(depth - t, z, x).map((v) => -v),
    there.z.at(-1), depthsOf(model), settings);
  return {
    there: there.z, back: [...back.z].reverse(),
    steps: [there.path, back.path.map(({ s, z }) => ({ s: depth - s, z }))],
    miss: Math.hypot(...back.z.at(-1).map((v, i) => v - start[i])),
    nfe: [there.nfe, back.nfe],
  };
}

/** Which of the choices is true of a distance. */
export const comesBack = (miss, tolerance) =>
  miss < 1e-12 ? "exact" : miss <= tolerance ? "within" : "beyond";

function attempt(model, x, digits) {
  try {
    return thereAndBack(model, x, 10 ** -digits);
  } catch (error) {
    return { failed: error.message, miss: NaN };
  }
}

const log = (value) => Math.log10(Math.max(value, LEAST));
const distance = (value) => (Number.isNaN(value) ? "–" : scientific(Math.max(value, LEAST)));

function judge(label, { failed, miss, nfe }, digits) {
  const tolerance = 10 ** -digits;
  const right = failed ? "beyond" : comesBack(miss, tolerance);
  const words = failed ? `The solver stopped: ${failed}.`
    : `At a tolerance of ${powerOfTen(-digits)} the way back of “${label}” ends ${distance(miss)} from its start, ` +
      (right === "exact" ? "which is only rounding." : `${tidy(miss / tolerance, 1)} times the tolerance, ` +
      `after ${nfe[0]} evaluations there and ${nfe[1]} back.`);
  return { right, words };
}

/** What is missed against the tolerance, down to the chosen one. */
function drawMisses(sheet, tries, digits, free) {
  const { ctx, colours: c } = sheet;
  const heights = tries.filter(({ miss }) => miss > 0).map(({ miss }) => log(miss));
  const [low, high] = [Math.floor(Math.min(-8, ...heights) - 0.2), Math.ceil(Math.max(0, ...heights) + 0.2)];
  const frame = axes(sheet, [0.5, 8.5, low, high], {
    names: ["tolerance", "distance from the start"], log: [false, true],
    columns: DIGITS.filter((d) => d % 2).map((d) => [d, powerOfTen(-d)]),
  });
  const spot = (i) => [frame.x(DIGITS[i]), frame.y(log(tries[i].miss))];
  inside(ctx, frame, () => {
    line(ctx, [0.5, 8.5].map((d) => [frame.x(d), frame.y(-d)]), c.muted, 1.2, [5, 4]);
    if (!free) return;
    const shown = DIGITS.map((_, i) => i).filter((i) => !tries[i].failed);
    line(ctx, shown.map(spot), c.lines[1], 1.8);
    for (const i of shown) marker(ctx, "diamond", ...spot(i), 4, c.lines[1], c.paper, 0.8);
    if (tries[digits - 1].failed) return;
    ring(ctx, ...spot(digits - 1), c.ink);
  });
}

/** Both ways with their steps; the way back is kept for those who answered. */
function drawWays(sheet, frame, view, { there, back, steps }, free) {
  const { ctx, colours: c } = sheet;
  const s = depthsOf(view.model);
  const path = (states) => states.map((z, k) => frame.spot(s[k], z));
  const start = frame.spot(0, there[0]);
  line(ctx, path(there), c.paper, 8);
  line(ctx, path(there), c.lines[0], 3.4);
  for (const { s: at, z } of steps[0].slice(1)) marker(ctx, "circle", ...frame.spot(at, z), 4, c.lines[0], c.paper, 0.8);
  marker(ctx, "circle", ...start, 8, c.paper, c.ink, 2.4);
  if (!free) return start;
  line(ctx, [frame.spot(0, back[0]), start], c.ink, 1.4, [2, 3]);
  line(ctx, path(back), c.lines[1], 1.8);
  for (const { s: at, z } of steps[1].slice(1)) marker(ctx, "diamond", ...frame.spot(at, z), 3.4, c.lines[1], c.paper, 0.8);
  marker(ctx, "diamond", ...frame.spot(0, back[0]), 5, c.lines[1], c.ink, 1.4);
  return start;
}

function renderBackward({ model: python, el }) {
  return mount(python, el, (shell) => {
    const states = new Map(python.get("models"));
    const names = ["selected", "digits", "point", "answer"];
    const [selected, digits, point, answer] = names.map((name) => trait(python, name, shell));
    const moved = [selected, digits, point];
    const first = moved.map((t) => t.get());
    const viewOf = once((label) =>
      viewAround(readModel(states.get(label)), first[2], { rtol: 1e-5, atol: 1e-5 }));
    const view = () => viewOf(selected.get());
    const solution = latest(() => [selected.get(), point.get()], (label, at) => {
      const { model } = viewOf(label);
      const x = Float64Array.from(at);
      const { smallest } = probe(model, x, 1e-3, 0).stretch.at(-1);
      return { x, tries: DIGITS.map((d) => attempt(model, x, d)), growth: 1 / smallest };
    });

    let frame = null;
    const plane = pointCanvas("There and back", "ode-square", moves(point, view, () => frame));
    const chart = node("canvas", { role: "img", "aria-label": "Distance against tolerance" });
    const precision = slider("Tolerance", { min: 1, max: 8, step: 1 }, digits.set);
    const system = choice("System", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const reset = button("Reset", () => moved.forEach((t, i) => t.set(first[i])));
    const panel = node("div", { className: "ode-panel" }, precision,
      ...(states.size > 1 ? [system] : []), node("div", { className: "ode-buttons" }, reset));
    const values = readout();
    const guess = prediction(shell, answer, {
      question: QUESTION, choices: CHOICES,
      judge: () => judge(selected.get(), solution().tries[digits.get() - 1], digits.get()),
    });
    shell.root.append(...pair(plane, chart, panel, values,
      key(["● there, a mark for each step", "ode-minus"], ["◆ back", "ode-plus"],
        "dotted: from the end to the start", "dashed: as far off as the tolerance", DRAG_KEY)));
    panel.after(guess);
    for (const t of [...moved, answer]) t.watch(shell.redraw);

    return () => {
      guess.show();
      const free = !guess.locked();
      const { x, tries, growth } = solution();
      const own = tries[digits.get() - 1];
      const now = view();
      const sheet = pen(plane.canvas);
      frame = stateAxes(sheet, now);
      let start = frame.spot(0, now.model.lift(x));
      inside(sheet.ctx, frame, () => {
        drawArrows(sheet, frame, now, { z: [now.model.lift(x)], x, end: now.model.depth }, 0);
        if (own.failed) marker(sheet.ctx, "circle", ...start, 8, sheet.colours.paper, sheet.colours.ink, 2.4);
        else start = drawWays(sheet, frame, now, own, free);
      });
      drawMisses(pen(chart), tries, digits.get(), free);

      const tolerance = powerOfTen(-digits.get());
      const missed = free ? distance(own.miss) : "?";
      system.show(selected.get());
      precision.show(digits.get(), tolerance);
      const from = vector(point.get());
      plane.place(...start, point.get()[0], `at ${from}, missed by ${missed}`);
      plane.describe(`The plane of states: the way of a point from ${from} to the end, solved at a tolerance of ` +
        `${tolerance}${free ? `, and the way back, which misses its start by ${missed}` : ""}`);
      chart.setAttribute("aria-label", "Distance between the start and where the way back ends, against the " +
        `tolerance, on logarithmic axes${free ? `; ${missed} at ${tolerance}` : ", to be shown after an answer"}`);
      values.show({
        "tolerance": tolerance,
        "NFE there, back": own.failed ? "–" : own.nfe.join(", "),
        "distance from the start": missed,
        "in tolerances": free && !own.failed ? tidy(own.miss * 10 ** digits.get(), 1) : "?",
        "growth of errors, back": `${tidy(growth, 1)} times`,
        ...(own.failed ? { "the solver stopped": own.failed } : {}),
      });
      shell.say(`At a tolerance of ${tolerance} the way back misses its start by ${missed}`);
    };
  });
}

export default { render: renderBackward };
