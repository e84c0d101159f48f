// DepthsWidget: where each input of the line stops, and its depth g(x).
import { readModel } from "./shared/fields.js";
import { once } from "./shared/memo.js";
import {
  axes, inside, line, marker, pen, shapeOf, tidy,
} from "./shared/plot.js";
import {
  drawFlow, followPoint, frameOf, ladder, makeScene, moves, readData,
} from "./shared/scene.js";
import {
  button, choice, DRAG_KEY, key, mount, node, player, pair, pointCanvas, readout,
  slider, trait,
} from "./shared/ui.js";

const SETTINGS = { rtol: 1e-4, atol: 1e-4, maxSteps: 1000 };

/** Targets between the data, linear from one input to the next. */
export function targetsOf({ x, y }) {
  const order = [...x.keys()].sort((a, b) => x[a] - x[b]);
  const [inputs, targets] = [order.map((i) => x[i]), order.map((i) => y[i])];
  return (at) => {
    const right = Math.max(1, inputs.findIndex((v) => v >= at));
    const t = (at - inputs[right - 1]) / (inputs[right] - inputs[right - 1]);
    return targets[right - 1] + t * (targets[right] - targets[right - 1]);
  };
}

function drawDepths(sheet, scene, data, point) {
  const { ctx, colours: c } = sheet;
  const inputs = ladder(scene.range);
  const depths = scene.model.depths(inputs);
  const rim = 0.06 * (scene.range[1] - scene.range[0]);
  const top = 1.08 * Math.max(...depths, ...scene.ends) || 1;
  const box = [scene.range[0] - rim, scene.range[1] + rim, -0.05 * top, top];
  const frame = axes(sheet, box, { names: ["x", "depth g(x)"] });
  const at = [frame.x(point.x[0]), frame.y(point.end)];
  inside(ctx, frame, () => {
    line(ctx, [[frame.left, frame.y(0)], [frame.right, frame.y(0)]], c.faint, 1);
    line(ctx, [...inputs].map((x, i) => [frame.x(x), frame.y(depths[i])]), c.muted, 2);
    data.x.forEach((x, i) => {
      const label = Math.sign(data.y[i]) || 1;
      marker(ctx, shapeOf(label), frame.x(x), frame.y(scene.ends[i]), 3.6, c.classes[label], c.paper, 0.8);
    });
    line(ctx, [[at[0], frame.bottom], at, [frame.left, at[1]]], c.ink, 1, [3, 4]);
    marker(ctx, "circle", ...at, 6.5, c.ink, c.paper, 2);
  });
}

function renderDepths({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const states = new Map(python.get("models"));
    const [selected, point, s] = ["selected", "point", "s"].map((name) => trait(python, name, shell));
    const first = [selected, point, s].map((t) => t.get());
    const target = targetsOf(data);
    const sceneOf = once((label) => {
      const model = readModel(states.get(label));
      if (!model.adaptive || model.size !== 1)
        throw new Error("a model must have a state of one component and depths of its own");
      return makeScene(model, data, SETTINGS);
    });
    const scene = () => sceneOf(selected.get());

    let frame = null;
    const plane = pointCanvas("Trajectories, each to its own depth", "ode-square",
      moves(point, scene, () => frame));
    const depths = node("canvas", { role: "img", "aria-label": "Depth over input" });
    const variant = choice("Model", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const part = slider("Share of g(x)", { min: 0, max: 1, step: 0.01 },
      (value) => (play.stop(), s.set(value)));
    const play = player(shell, s.get, s.set);
    const reset = button("Reset", () => {
      play.stop();
      [selected, point, s].forEach((t, i) => t.set(first[i]));
    });
    const values = readout();
    const panel = node("div", { className: "ode-panel" },
      ...(states.size > 1 ? [variant] : []), part,
      node("div", { className: "ode-buttons" }, play, reset));
    shell.root.append(...pair(plane, depths, panel, values,
      key(["● target below 0", "ode-minus"], ["▲ target above 0", "ode-plus"],
        "dotted: target of the dragged x", DRAG_KEY)));
    for (const t of [selected, point, s]) t.watch(shell.redraw);

    return () => {
      const now = scene();
      const k = frameOf(now.model, s.get());
      const way = followPoint(now.model, point.get(), SETTINGS);
      const [x, end, aim] = [point.get()[0], way.z.at(-1)[0], target(point.get()[0])];
      const sheet = pen(plane.canvas);
      frame = drawFlow(sheet, now, data, way, k);
      const level = frame.y(aim);
      line(sheet.ctx, [[frame.left, level], [frame.right, level]], sheet.colours.ink, 1.2, [1, 4]);
      drawDepths(pen(depths), now, data, way);
      variant.show(selected.get());
      part.show(s.get(), tidy(now.s[k]));
      plane.place(...frame.handle, x, `x = ${tidy(x)}, stops at depth ${tidy(way.end)}`);
      plane.describe(`Trajectories over depth, each to its own; that of ${tidy(x)} stops at depth ` +
        `${tidy(way.end)}, at z = ${tidy(end)}`);
      depths.setAttribute("aria-label", `Depth over input; of ${tidy(x)} it is ${tidy(way.end)}`);
      values.show({
        "input x": tidy(x),
        "its depth g(x)": tidy(way.end, 3),
        "end z(g(x))": tidy(end, 3),
        "target y": tidy(aim, 3),
        "error": tidy(Math.abs(end - aim), 3),
        "NFE, point alone": String(way.nfe),
        "NFE, all data": String(now.nfe),
      });
      shell.say(`${tidy(x)} stops at depth ${tidy(way.end)}, at z = ${tidy(end)}; target ${tidy(aim)}`);
    };
  });
}

export default { render: renderDepths };
