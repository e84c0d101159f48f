// FlowWidget: a point and the data flow through one of several trained fields.
import { drawAdded, hasAdded } from "./shared/added.js";
import { readModel } from "./shared/fields.js";
import { classifyInputs, drawInputs, showsInputs } from "./shared/inputs.js";
import { pen, powerOfTen, tidy } from "./shared/plot.js";
import {
  drawFlow, followPoint, frameOf, makeScene, moves, readData, vector,
} from "./shared/scene.js";
import {
  button, choice, CLASS_KEY, DRAG_KEY, key, mount, node, player, pointCanvas,
  readout, slider, trait,
} from "./shared/ui.js";

const TOLERANCES = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8];

function toleranceName(value) {
  const power = Math.round(Math.log10(value));
  return 10 ** power === value ? powerOfTen(power) : String(value);
}

function renderFlow({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const states = new Map(python.get("models"));
    const [selected, point, s, tolerance] =
      ["selected", "point", "s", "tolerance"].map((name) => trait(python, name, shell));
    const first = { selected: selected.get(), point: point.get(), s: s.get(), tolerance: tolerance.get() };
    const models = new Map();
    const scenes = new Map();
    const model = () => {
      const label = selected.get();
      if (!models.has(label)) models.set(label, readModel(states.get(label)));
      return models.get(label);
    };
    const settings = () => ({ rtol: tolerance.get(), atol: tolerance.get() });
    const scene = () => {
      const key = `${tolerance.get()} ${selected.get()}`;
      if (!scenes.has(key)) scenes.set(key, makeScene(model(), data, settings()));
      return scenes.get(key);
    };

    const classes = new Map();
    const classified = () => {
      const label = selected.get();
      if (!classes.has(label)) classes.set(label, classifyInputs(model(), data.x));
      return classes.get(label);
    };

    let frame = null;
    const plane = pointCanvas("Flow of the data", "ode-square",
      moves(point, scene, () => frame));
    const variant = choice("Model", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const precision = choice("Tolerance", [...new Set([...TOLERANCES, tolerance.get()])]
      .sort((a, b) => b - a).map((t) => [t, toleranceName(t)]),
      tolerance.get(), (t) => tolerance.set(Number(t)));
    const depth = slider("Depth s", { min: 0, max: model().depth, step: model().depth / 100 },
      (value) => (play.stop(), s.set(value)));
    const play = player(shell, () => s.get() / model().depth, (t) => s.set(t * model().depth));
    const reset = button("Reset", () => {
      play.stop();
      for (const [t, name] of [[selected, "selected"], [point, "point"], [s, "s"], [tolerance, "tolerance"]])
        t.set(first[name]);
    });
    const values = readout();
    const inputs = node("canvas", { role: "img", "aria-label": "Class of each input" });
    const small = node("div", { className: "ode-canvas ode-square ode-small" }, inputs);
    const addedStates = node("canvas", { role: "img", "aria-label": "Added states" });
    const added = node("div", { className: "ode-canvas ode-square ode-small" }, addedStates);
    const panel = node("div", { className: "ode-panel" },
      ...(states.size > 1 ? [variant] : []), depth,
      node("div", { className: "ode-buttons" }, play, reset), precision, values);
    const strip = node("div", { className: "ode-strip" }, small, added);
    const legend = key();
    shell.root.append(node("div", { className: "ode-body" }, plane, panel), strip, legend);
    for (const t of [selected, point, s, tolerance]) t.watch(shell.redraw);

    return () => {
      const now = scene();
      const k = frameOf(now.model, s.get());
      const way = followPoint(now.model, point.get(), settings());
      frame = drawFlow(pen(plane.canvas), now, data, way, k);
      variant.show(selected.get());
      precision.show(tolerance.get());
      const { adaptive, controlled } = now.model;
      depth.querySelector("label").textContent = adaptive ? "Part of g(x)" : "Depth s";
      depth.show(now.s[k], tidy(now.s[k]), { max: now.model.depth, step: now.model.depth / 100 });
      small.hidden = !showsInputs(now.model);
      if (!small.hidden) {
        const region = classified();
        drawInputs(pen(inputs), region, data, way);
        inputs.setAttribute("aria-label", region.failed
          ? `The class of each input cannot be drawn: ${region.failed}`
          : `The class of each input in the plane, with the data and the point`);
      }
      added.hidden = !hasAdded(now.model);
      if (!added.hidden) {
        drawAdded(pen(addedStates), now, data, way, k);
        addedStates.setAttribute("aria-label", "The added states of the data and the point, at the same depth");
      }
      legend.show(...CLASS_KEY, ...(now.model.boundary ? ["dashed: output 0"] : []),
        controlled ? "arrows: the field of the dragged x alone"
          : hasAdded(now.model) ? "arrows: the field where the added states are the point's"
          : "arrows: one field for all",
        ...(small.hidden ? [] : ["small picture: class of each input; " + (classified().curve
          ? "its boundary is the dashed line, carried back"
          : "on a grid that may miss thin channels")]),
        ...(added.hidden ? [] : ["last picture: the added states"]), DRAG_KEY);
      const [from, to] = [vector(point.get()), vector(way.z.at(-1))];
      const output = vector(way.output);
      plane.place(...frame.handle, point.get()[0], `at ${from}, ends at ${to}`);
      plane.describe(`Vector field ${controlled ? "of the point " : ""}at depth ` +
        `${tidy((way.end * now.s[k]) / now.model.depth)}, ` +
        `${data.y.length} data points and a point that flows from ${from} to ${to}`);
      values.show({
        "start z(0)": from,
        ...(adaptive ? { "its depth g(x)": tidy(way.end) } : {}),
        [adaptive ? "end z(g(x))" : "end z(S)"]: to,
        ...(now.model.outputs ? { "output y": output } : {}),
        "NFE, point alone": String(way.nfe),
        "NFE, all data": String(now.nfe),
        ...(now.right === null ? {} : { "data classified": `${tidy(100 * now.right, 0)} % right` }),
      });
      shell.say(`From ${from} to ${to}` + (now.model.outputs ? `, output ${output}` : "") +
        `, ${way.nfe} evaluations`);
    };
  });
}

export default { render: renderFlow };
