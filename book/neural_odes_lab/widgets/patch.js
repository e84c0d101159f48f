// PatchWidget: inputs that are painted, and how depth stretches each of them.
import { stretchOf } from "./shared/chaos.js";
import { readModel } from "./shared/fields.js";
import { axes, inside, line, marker, pen, shapeOf, tidy } from "./shared/plot.js";
import {
  boxAround, depthsOf, drawSides, frameOf, makeView, moves, readData, stateAxes, vector,
} from "./shared/scene.js";
import {
  button, key, mount, node, pair, player, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const SETTINGS = { rtol: 1e-7, atol: 1e-7, patience: 20000 };
const NUDGE = 1e-4;
const PATCH = 160; // points of the first patch, and of each stroke a part
const STROKE = 16;
const MOST = 900;
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

/** Points that fill a disc evenly, turned by an angle. */
export function disc([u, v], radius, count, turn = 0) {
  return Array.from({ length: count }, (_, i) => {
    const r = radius * Math.sqrt((i + 0.5) / count);
    const angle = turn + i * GOLDEN;
    return [u + r * Math.cos(angle), v + r * Math.sin(angle)];
  });
}

/** The ways of inputs: for each, its state and largest stretch at each frame. */
export function waysOf(model, inputs) {
  const three = inputs.flatMap(([u, v]) => [u, v, u + NUDGE, v, u, v + NUDGE]);
  const { z } = model.solve(Float64Array.from(three), depthsOf(model), SETTINGS);
  return inputs.map((_, n) => z.map((state) => {
    const [u, v, ...near] = state.slice(6 * n, 6 * n + 6);
    const column = (k) => [(near[k] - u) / NUDGE, (near[k + 1] - v) / NUDGE];
    return { at: [u, v], stretch: stretchOf(column(0), column(2)).largest };
  }));
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** From one colour, #rrggbb, to another. */
function blend(from, to, part) {
  const read = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  const [a, b] = [read(from), read(to)];
  return `rgb(${a.map((v, i) => Math.round(v + part * (b[i] - v))).join(" ")})`;
}

function drawStretch(sheet, { s, most, middle }, k) {
  const { ctx, colours: c } = sheet;
  const log = (v) => Math.log10(Math.max(v, 1e-3));
  const heights = [...most, ...middle, 1].map(log);
  const [low, high] = [Math.min(...heights) - 0.15, Math.max(0.6, ...heights) + 0.15];
  const frame = axes(sheet, [0, s.at(-1), low, high], { names: ["depth s", "stretch"], log: [false, true] });
  const spot = (i, v) => [frame.x(s[i]), frame.y(log(v))];
  inside(ctx, frame, () => {
    line(ctx, [spot(0, 1), spot(s.length - 1, 1)], c.muted, 1.2, [5, 4]);
    for (const [values, style, shape] of [[most, c.lines[1], "triangle"], [middle, c.lines[0], "circle"]]) {
      line(ctx, values.slice(0, k + 1).map((v, i) => spot(i, v)), style, 2.2);
      marker(ctx, shape, ...spot(k, values[k]), 5, style, c.paper, 1);
    }
  });
}

function renderPatch({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const model = readModel(python.get("models")[0][1]);
    const [point, depth, radius] = ["point", "s", "radius"].map((name) => trait(python, name, shell));
    const first = [point, depth, radius].map((t) => t.get());
    const s = depthsOf(model);
    const all = model.solve(data.x, s, SETTINGS).z;
    const view = makeView(model, boxAround(model, all, { rim: 0.08 }));
    const inputs = makeView(model, boxAround({ size: 2 }, [data.x], { rim: 0.12 }));

    let ways = [];
    let strokes = 0;
    const paint = (count) => {
      const stroke = disc(point.get(), radius.get(), count, strokes++);
      ways = [...ways, ...waysOf(model, stroke)].slice(-MOST);
    };
    const clear = () => {
      ways = [];
      paint(PATCH);
      shell.redraw();
    };
    clear();

    let frame = null;
    const brush = moves(point, () => inputs, () => frame);
    const starting = (action) => (...given) => {
      depth.set(0); // one paints inputs
      action(...given);
      paint(STROKE);
    };
    const plane = pointCanvas("The painted inputs on their way", "ode-square", {
      ...brush, label: "Brush",
      move: starting(brush.move), nudge: starting(brush.nudge), jump: starting(brush.jump),
    });
    const chart = node("canvas", { role: "img", "aria-label": "Stretch over depth" });
    const along = slider("Depth s", { min: 0, max: model.depth, step: model.depth / 100 }, depth.set);
    const size = slider("Brush", { min: 0.02, max: 0.5, step: 0.02 }, (r) => {
      radius.set(r);
      depth.set(0);
      clear();
    });
    const play = player(shell, () => depth.get() / model.depth, (part) => depth.set(part * model.depth));
    const anew = button("Clear", clear);
    const reset = button("Reset", () => {
      [point, depth, radius].forEach((t, i) => t.set(first[i]));
      clear();
    });
    const panel = node("div", { className: "ode-panel" }, along, size,
      node("div", { className: "ode-buttons" }, play, anew, reset));
    const values = readout();
    shell.root.append(...pair(plane, chart, panel, values, key(
      ["painted: orange where differences grow", "ode-plus"], ["blue where they shrink", "ode-minus"],
      "small marks: the data", ["▲ the largest stretch", "ode-plus"], ["● the median", "ode-minus"],
      "large ring: the brush; drag it to paint, or focus it and use the arrow keys")));
    for (const t of [point, depth, radius]) t.watch(shell.redraw);

    return () => {
      const k = frameOf(model, depth.get());
      const sheet = pen(plane.canvas);
      const { ctx, colours: c } = sheet;
      frame = stateAxes(sheet, k ? view : inputs);
      const tops = s.map((_, i) => Math.max(...ways.map((way) => way[i].stretch)));
      const middles = s.map((_, i) => median(ways.map((way) => way[i].stretch)));
      const scale = Math.log(Math.max(2, ...tops));
      inside(ctx, frame, () => {
        if (k) drawSides(sheet, frame, view);
        ctx.globalAlpha = 0.35;
        data.y.forEach((y, i) => {
          const label = Math.sign(y) || 1;
          marker(ctx, shapeOf(label), ...frame.spot(0, all[k], i), 2.4, c.classes[label], c.paper, 0.5);
        });
        ctx.globalAlpha = 1;
        for (const way of ways) {
          const growth = Math.log(way[k].stretch) / scale;
          const colour = blend(c.muted, c.lines[growth > 0 ? 1 : 0], Math.min(1, Math.abs(growth)));
          ctx.fillStyle = colour;
          ctx.beginPath();
          ctx.arc(frame.x(way[k].at[0]), frame.y(way[k].at[1]), 2.2, 0, 2 * Math.PI);
          ctx.fill();
        }
      });
      drawStretch(pen(chart), { s, most: tops, middle: middles }, k);
      const [x, y] = point.get();
      const here = k ? waysOf(model, [[x, y]])[0][k].at : [x, y];
      inside(ctx, frame, () => marker(ctx, "circle", frame.x(here[0]), frame.y(here[1]), 8, c.paper, c.ink, 2.4));
      const told = `${tidy(tops[k])} times at most, ${tidy(middles[k])} in the median`;
      along.show(depth.get(), tidy(depth.get()));
      size.show(radius.get(), tidy(radius.get()));
      plane.place(frame.x(here[0]), frame.y(here[1]), x, `at ${vector([x, y])}`);
      plane.describe(`${ways.length} painted inputs at depth ${tidy(depth.get())}, ` +
        `neighbourhoods stretched ${told}`);
      chart.setAttribute("aria-label", `Stretch over depth: ${told}, at ${tidy(depth.get())}`);
      values.show({
        "painted": `${ways.length} inputs`,
        "brush at": vector([x, y]),
        "depth s": tidy(depth.get()),
        "largest stretch": `× ${tidy(tops[k])}`,
        "median": `× ${tidy(middles[k])}`,
      });
      shell.say(`Depth ${tidy(depth.get())}: stretched ${told}`);
    };
  });
}

export default { render: renderPatch };
