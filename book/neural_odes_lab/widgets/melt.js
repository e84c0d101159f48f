// MeltWidget: layers become thin and many, and one of them is bent.
import { readModel } from "./shared/fields.js";
import { axes, inside, line, marker, pen, ring, shapeOf, tidy } from "./shared/plot.js";
import {
  boxAround, drawArrows, drawSides, makeView, readData, stateAxes, vector,
} from "./shared/scene.js";
import {
  button, key, mount, node, pair, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const LAYERS = [1, 2, 4, 8, 16, 32, 64];
const LEAST = 1e-4;
const MOST = 6; // of a bend, in units of the field

/** States from layer to layer; layer `bent` adds `bend` to the field. */
export function network(model, x, layers, bent, bend) {
  const h = model.depth / layers;
  const states = [Float64Array.from(model.lift(x))];
  for (let k = 0; k < layers; k++) {
    const z = states.at(-1);
    const slope = model.slope(k * h, z, x);
    states.push(z.map((v, i) => v + h * (slope[i] + (k === bent ? bend[i % 2] : 0))));
  }
  return states;
}

export const bentLayer = (layers, at) => Math.min(layers - 1, Math.floor(at * layers));

/** How far a bend moves the ends of a batch, on average. */
export function shift(model, x, layers, at, bend) {
  const bent = bentLayer(layers, at);
  const [with_, without] = [bend, [0, 0]].map((b) => network(model, x, layers, bent, b).at(-1));
  let total = 0;
  for (let i = 0; i < with_.length; i += 2)
    total += Math.hypot(with_[i] - without[i], with_[i + 1] - without[i + 1]);
  return (2 * total) / with_.length;
}

function drawPaths(sheet, frame, states, labels, width) {
  const { ctx, colours: c } = sheet;
  labels.forEach((label, i) => {
    const path = states.map((z) => frame.spot(0, z, i));
    const style = c.classes[label];
    line(ctx, path, style, 1.2 * width);
    if (states.length <= 17)
      for (const at of path.slice(1, -1)) marker(ctx, "circle", ...at, 2 * width, style, c.paper, 0.5);
    marker(ctx, shapeOf(label), ...path[0], 2.6 * width, c.paper, style, 1.2);
    marker(ctx, shapeOf(label), ...path.at(-1), 3.4 * width, style, c.paper, 0.8);
  });
}

function drawShifts(sheet, shifts, chosen) {
  const { ctx, colours: c } = sheet;
  const log = (v) => Math.log10(Math.max(v, LEAST));
  const frame = axes(sheet, [-0.1, log(LAYERS.at(-1)) + 0.1, log(LEAST), 1], {
    names: ["layers L", "how far the bend moves the ends"], log: [false, true],
    columns: LAYERS.map((layers) => [log(layers), String(layers)]),
  });
  const spot = (i) => [frame.x(log(LAYERS[i])), frame.y(log(shifts[i]))];
  inside(ctx, frame, () => {
    const all = LAYERS.map((_, i) => spot(i));
    line(ctx, all, c.lines[2], 1.8);
    for (const at of all) marker(ctx, "circle", ...at, 4, c.lines[2], c.paper, 0.8);
    ring(ctx, ...spot(chosen), c.ink);
  });
}

function renderMelt({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const labels = Array.from(data.y, (y) => Math.sign(y) || 1);
    const model = readModel(python.get("models")[0][1]);
    const [doublings, place, bend] = ["doublings", "at", "bend"].map((name) => trait(python, name, shell));
    const first = [doublings, place, bend].map((t) => t.get());
    const own = Float64Array.from(python.get("point"));
    const ways = LAYERS.slice(1).flatMap((layers) => network(model, data.x, layers, -1, [0, 0]));
    const view = makeView(model, boxAround(model, ways, { rim: 0.1 }));
    const limited = (v) => Math.min(MOST, Math.max(-MOST, v));

    let [frame, tip] = [null, null]; // tip: of the arrow, were it not bent
    const set = (u, v) => bend.set([limited(u), limited(v)]);
    const step = () => model.depth / LAYERS[doublings.get()];
    const plane = pointCanvas("Layers, one of them bent", "ode-square", {
      label: "Tip of the arrow",
      move: (x, y) => frame && tip &&
        set((frame.across(x) - tip[0]) / step(), (frame.up(y) - tip[1]) / step()),
      nudge: (dx, dy) => set(bend.get()[0] + 0.25 * dx, bend.get()[1] + 0.25 * dy),
      range: () => [-MOST, MOST],
      jump: (end) => set(end, bend.get()[1]),
    });
    const chart = node("canvas", { role: "img", "aria-label": "How far the bend moves the ends" });
    const layers = slider("Layers L", { min: 0, max: LAYERS.length - 1, step: 1 }, doublings.set);
    const where = slider("Bent layer, at depth", { min: 0, max: 0.95, step: 0.05 }, place.set);
    const straight = button("Unbend", () => bend.set([0, 0]));
    const reset = button("Reset", () => [doublings, place, bend].forEach((t, i) => t.set(first[i])));
    const panel = node("div", { className: "ode-panel" }, layers, where,
      node("div", { className: "ode-buttons" }, straight, reset));
    const values = readout();
    shell.root.append(...pair(plane, chart, panel, values, key(
      "hollow: inputs, filled: outputs, small dots: layers",
      "thick: the arrow of one layer; drag its tip, or focus it and use the arrow keys",
      "dashed: the path before the bend")));
    for (const t of [doublings, place, bend]) t.watch(shell.redraw);

    return () => {
      const count = LAYERS[doublings.get()];
      const bent = bentLayer(count, place.get());
      const [u, v] = bend.get();
      const all = network(model, data.x, count, bent, [u, v]);
      const alone = network(model, own, count, bent, [u, v]);
      const before = network(model, own, count, bent, [0, 0]);
      const shifts = LAYERS.map((n) => shift(model, data.x, n, place.get(), [u, v]));
      tip = before[bent + 1];
      const sheet = pen(plane.canvas);
      const { ctx, colours: c } = sheet;
      frame = stateAxes(sheet, view);
      const path = (states) => states.map((z) => frame.spot(0, z));
      const [way, old] = [path(alone), path(before)];
      inside(ctx, frame, () => {
        drawSides(sheet, frame, view);
        drawArrows(sheet, frame, view, { z: [own], x: own, end: model.depth }, 0);
        drawPaths(sheet, frame, all, labels, 1);
        line(ctx, old, c.ink, 1.4, [3, 4]);
        line(ctx, way, c.paper, 5);
        line(ctx, way, c.ink, 2);
        line(ctx, way.slice(bent, bent + 2), c.lines[2], 5);
        marker(ctx, "circle", ...way.at(-1), 5, c.ink, c.paper, 1);
        marker(ctx, "circle", ...way[bent + 1], 8, c.paper, c.lines[2], 2.6);
      });
      drawShifts(pen(chart), shifts, doublings.get());

      const moved = shifts[doublings.get()];
      const bending = `(${tidy(u, 1)}, ${tidy(v, 1)})`;
      layers.show(doublings.get(), String(count));
      where.show(place.get(), tidy(place.get()));
      plane.place(...way[bent + 1], u, `bend ${bending}, the path ends at ${vector(alone.at(-1))}`);
      plane.describe(`A residual network of ${count} layers; layer ${bent + 1} is bent by ` +
        `${bending}, which moves the ends by ${tidy(moved, 3)} on average`);
      chart.setAttribute("aria-label", `How far the bend moves the ends, against layers: ` +
        `${tidy(moved, 3)} with ${count}`);
      values.show({
        "layers L": String(count),
        "thickness S/L": tidy(step(), 3),
        "layer bent": `${bent + 1} of ${count}`,
        "bend": bending,
        "it moves the ends by": tidy(moved, 3),
      });
      shell.say(`${count} layers, layer ${bent + 1} bent by ${bending}: ends move by ${tidy(moved, 3)}`);
    };
  });
}

export default { render: renderMelt };
