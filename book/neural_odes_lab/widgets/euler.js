// EulerWidget: a residual network of L layers beside the flow it becomes.
import { readModel } from "./shared/fields.js";
import { latest } from "./shared/memo.js";
import { integrate } from "./shared/numerics.js";
import { axes, inside, line, marker, pen, ring, shapeOf, tidy } from "./shared/plot.js";
import { prediction } from "./shared/predict.js";
import {
  boxAround, depthsOf, drawArrows, drawSides, makeView, moves, readData,
  stateAxes, vector,
} from "./shared/scene.js";
import {
  button, DRAG_KEY, key, mount, node, pair, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

export const LAYERS = [1, 2, 4, 8, 16, 32, 64];
const EXACT = { rtol: 1e-10, atol: 1e-10 };
const LEAST = 1e-9;
const QUESTION = "With twice as many layers, 64 instead of 32, what happens to the " +
  "distance between the ends of the network and the flow?";
const CHOICES = [["4", "It falls to a quarter"], ["2", "It halves"], ["1", "It hardly changes"]];

/** |a - b| of each sample of two batches of states. */
export function distances(a, b, size) {
  const squares = new Float64Array(a.length / size);
  a.forEach((v, i) => (squares[Math.floor(i / size)] += (v - b[i]) ** 2));
  return squares.map(Math.sqrt);
}

/**
 * Inputs x through the flow, `exact` at depthsOf(model), and through networks
 * of LAYERS: for each, `states` from layer to layer and `misses`, how far the
 * samples end from the flow's.
 */
export function compareLayers(model, x) {
  const exact = model.solve(x, depthsOf(model), EXACT).z;
  const networks = LAYERS.map((layers) => {
    const slope = (s, z) => model.slope(s, z, x);
    const { path } = integrate(slope, model.lift(x), [0, model.depth],
      { method: "euler", step: model.depth / layers });
    const states = path.map(({ z }) => z);
    return { states, misses: distances(states.at(-1), exact.at(-1), model.size) };
  });
  return { exact, networks };
}

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** Which of "4", "2" and "1" is nearest to the factor, on a logarithmic scale. */
export function nearest(factor) {
  const away = ([value]) => Math.abs(Math.log(factor / Number(value)));
  return CHOICES.reduce((a, b) => (away(b) < away(a) ? b : a))[0];
}

function judge(networks) {
  const [before, after] = networks.slice(-2).map(({ misses }) => mean(misses));
  const right = nearest(before / after);
  const found = { 4: "it falls to about a quarter", 2: "it halves", 1: "it hardly changes" }[right];
  return { right, words: `From 32 layers to 64 the mean distance goes from ${tidy(before, 4)} to ` +
    `${tidy(after, 4)}, a factor of ${tidy(before / after)}: ${found}.` };
}

const log = (value) => Math.log10(Math.max(value, LEAST));

/** Distance against layers, up to those chosen; a line of slope -1 once free. */
function drawDistances(sheet, curves, chosen, free) {
  const { ctx, colours: c } = sheet;
  const heights = curves.flatMap(({ values }) => values.map(log));
  const [low, high] = [Math.floor(Math.min(...heights) - 0.1), Math.ceil(Math.max(...heights) + 0.1)];
  const frame = axes(sheet, [-0.1, log(LAYERS.at(-1)) + 0.1, low, high], {
    names: ["layers L", "distance at S"], log: [false, true],
    columns: LAYERS.map((layers) => [log(layers), String(layers)]),
  });
  const spot = (i, value) => [frame.x(log(LAYERS[i])), frame.y(log(value))];
  inside(ctx, frame, () => {
    if (free) {
      const last = curves[0].values.at(-1);
      line(ctx, LAYERS.map((layers, i) => spot(i, (last * LAYERS.at(-1)) / layers)), c.muted, 1.2, [5, 4]);
    }
    for (const { values, style, shape } of curves) {
      const shown = values.slice(0, chosen + 1).map((v, i) => spot(i, v));
      line(ctx, shown, style, 1.8);
      for (const at of shown) marker(ctx, shape, ...at, 4, style, c.paper, 0.8);
    }
    ring(ctx, ...spot(chosen, curves[0].values[chosen]), c.ink);
  });
}

/** Exact paths, broad and grey, and the network's layers, sample by sample. */
function drawLayers(sheet, frame, { model }, { exact, networks }, chosen, labels, width) {
  const { ctx, colours: c } = sheet;
  const { states } = networks[chosen];
  const s = depthsOf(model);
  const ends = exact.at(-1).length / model.size;
  const each = (draw) => Array.from({ length: ends }, (_, i) => draw(i));
  const layerAt = (k) => (model.depth * k) / LAYERS[chosen];
  each((i) => line(ctx, exact.map((z, k) => frame.spot(s[k], z, i)), c.broad, 3 * width));
  each((i) => {
    const style = c.classes[labels[i]] ?? c.ink;
    const path = states.map((z, k) => frame.spot(layerAt(k), z, i));
    const goal = frame.spot(model.depth, exact.at(-1), i);
    line(ctx, [path.at(-1), goal], c.ink, 1.2, [2, 3]);
    line(ctx, path, style, 1.2 * width);
    if (LAYERS[chosen] <= 16)
      for (const at of path.slice(1, -1)) marker(ctx, "circle", ...at, 1.6 * width, style, c.paper, 0.5);
    marker(ctx, "circle", ...goal, 2.6 * width, c.paper, c.ink, 1.2);
    marker(ctx, shapeOf(labels[i] || -1), ...path.at(-1), 3 * width, style, c.paper, 0.8);
  });
}

function renderEuler({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const labels = Array.from(data.y, (y) => Math.sign(y) || 1);
    const model = readModel(python.get("models")[0][1]);
    const [doublings, point, answer] = ["doublings", "point", "answer"].map((name) => trait(python, name, shell));
    const first = [doublings, point].map((t) => t.get());
    const all = compareLayers(model, data.x);
    const states = [...all.exact, ...all.networks.flatMap((network) => network.states)];
    const view = makeView(model, boxAround(model, states, { rim: 0.05 }));
    const own = latest(() => [point.get()], (at) => {
      const x = Float64Array.from(at);
      return { x, ...compareLayers(model, x) };
    });

    let frame = null;
    const plane = pointCanvas("Layers and the flow", "ode-square", moves(point, () => view, () => frame));
    const chart = node("canvas", { role: "img", "aria-label": "Distance against layers" });
    const layers = slider("Layers L", { min: 0, max: LAYERS.length - 1, step: 1 }, doublings.set);
    const reset = button("Reset", () => [doublings, point].forEach((t, i) => t.set(first[i])));
    const panel = node("div", { className: "ode-panel" }, layers,
      node("div", { className: "ode-buttons" }, reset));
    const values = readout();
    const guess = prediction(shell, answer, {
      question: QUESTION, choices: CHOICES, judge: () => judge(all.networks),
    });
    shell.root.append(...pair(plane, chart, panel, values,
      key("broad grey line: the flow, hollow its end", "thin line: the network, a dot for each layer up to 16",
        "dotted: the distance at the end", ["● its mean", "ode-minus"], ["■ of your point", "ode-ink"], "dashed: slope −1", DRAG_KEY)));
    panel.after(guess);
    for (const t of [doublings, point, answer]) t.watch(shell.redraw);

    return () => {
      guess.show();
      const chosen = doublings.get();
      const now = own();
      const sheet = pen(plane.canvas);
      const { ctx, colours: c } = sheet;
      frame = stateAxes(sheet, view);
      const start = frame.spot(0, now.exact[0]);
      inside(ctx, frame, () => {
        drawSides(sheet, frame, view);
        drawArrows(sheet, frame, view, { z: now.exact, x: now.x, end: model.depth }, 0);
        drawLayers(sheet, frame, view, all, chosen, labels, 1);
        drawLayers(sheet, frame, view, now, chosen, [0], 1.7);
        marker(ctx, "circle", ...start, 8, c.paper, c.ink, 2.4);
      });
      const curves = [
        { values: all.networks.map(({ misses }) => mean(misses)), style: c.lines[0], shape: "circle" },
        { values: now.networks.map(({ misses }) => misses[0]), style: c.ink, shape: "square" },
      ];
      drawDistances(pen(chart), curves, chosen, !guess.locked());

      const count = LAYERS[chosen];
      const [average, alone] = curves.map((curve) => curve.values[chosen]);
      const before = curves[0].values[chosen - 1];
      layers.show(chosen, String(count));
      const [from, to] = [vector(point.get()), vector(now.networks[chosen].states.at(-1))];
      plane.place(...start, point.get()[0], `at ${from}, the network ends at ${to}`);
      plane.describe(`The plane of states: ${labels.length} points and one more from ${from}, each by the ` +
        `flow and by a residual network of ${count} layers, which end ${tidy(average, 4)} apart on average`);
      chart.setAttribute("aria-label", "Distance at the end against layers on logarithmic axes, " +
        `${tidy(average, 4)} with ${count} layers`);
      values.show({
        "layers L": String(count),
        "step S/L": tidy(model.depth / count, 3),
        "mean distance": tidy(average, 4),
        "with L/2 layers": before ? `${tidy(before / average)} times as far` : "–",
        "distance of the point": tidy(alone, 4),
      });
      shell.say(`${count} layers: mean distance ${tidy(average, 4)}, of the point ${tidy(alone, 4)}`);
    };
  });
}

export default { render: renderEuler };
