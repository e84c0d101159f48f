// FlowWidget: a point and the data flow through trained fields, one of them or
// several side by side.
import { drawAdded, hasAdded } from "./shared/added.js";
import { carryCircle, windsAround } from "./shared/circle.js";
import { readModel } from "./shared/fields.js";
import { classifyInputs, drawInputs, magnified, showsInputs } from "./shared/inputs.js";
import { latest, once } from "./shared/memo.js";
import { inside, line, pen, powerOfTen, tidy } from "./shared/plot.js";
import {
  drawFlow, followPoint, frameOf, makeScene, moves, readData, vector,
} from "./shared/scene.js";
import {
  button, buttons, choice, CLASS_KEY, DRAG_KEY, fold, key, mount, node, player,
  pointCanvas, readout, slider, toggle, trait,
} from "./shared/ui.js";

const TOLERANCES = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8];

function toleranceName(value) {
  const power = Math.round(Math.log10(value));
  return 10 ** power === value ? powerOfTen(power) : String(value);
}

const MOST = 4; // side by side
const TIMES = 10; // as large, around the point
const BUTTONS = 3; // up to so many models have one each
const TRIES = 5; // after which a reader is told that there is a theorem
const TILT = 1.05; // at which a plane is seen as lying in space
const LEAN = 0.04; // of it, for each picture
const ROOM = 0.93; // of the circle's radius, where its point stays

/** An input within a circle: what lies outside comes back along its ray. */
export function keptWithin(input, radius) {
  const size = Math.hypot(...input);
  const most = ROOM * radius;
  return size <= most ? input : input.map((v) => (v * most) / size);
}

/** Up to four labels, the chosen one among them. */
function besideEachOther(labels, chosen) {
  const first = labels.slice(0, MOST);
  return first.includes(chosen) ? first : [...first.slice(0, MOST - 1), chosen];
}

function renderFlow({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const states = new Map(python.get("models"));
    const labels = [...states.keys()];
    const names = ["selected", "point", "s", "tolerance", "together"];
    const traits = names.map((name) => trait(python, name, shell));
    const [selected, point, s, tolerance, together] = traits;
    const first = traits.map((t) => t.get());
    const settings = (most = tolerance.get()) => ({ rtol: most, atol: most });
    const modelOf = once((label) => readModel(states.get(label)));
    const model = () => modelOf(selected.get());
    const scenesAt = once((most) => once((label) => makeScene(modelOf(label), data, settings(most))));
    const sceneOf = (label) => scenesAt(tolerance.get())(label);
    const classesOf = once((label) => classifyInputs(modelOf(label), data.x));
    let close = false;
    const aroundPoint = latest(() => [selected.get(), ...point.get()], (label, ...at) =>
      classifyInputs(modelOf(label), data.x, { box: magnified(classesOf(label).box, at, TIMES) }));
    const lineOf = (label) => showsInputs(modelOf(label)) ? classesOf(label).carried ?? null : null;
    const radius = python.get("circle");
    const circlesAt = once((most) => once((label) => {
      const [left, right] = sceneOf(label).box;
      return carryCircle(modelOf(label), radius, settings(most), (right - left) / 80);
    }));
    const circleOf = (label) => radius ? circlesAt(tolerance.get())(label) : null;
    // Of one shared flow of the plane the circle stays a closed curve around what it held.
    const flowOf = (label) => !modelOf(label).controlled && modelOf(label).size === 2;
    const shown = () => together.get() ? besideEachOther(labels, selected.get()) : [selected.get()];

    const frames = [];
    let [tries, tilt] = [0, 0];
    /** In a figure with a circle, three states are tilted into space, bit by bit. */
    const leans = () => radius > 0 && model().size === 3 && !together.get();
    if (radius) {
      const free = point.set;
      point.set = (input) => free(keptWithin([...input], radius));
    }
    const range = () => {
      const most = Math.sqrt(Math.max(0, (ROOM * radius) ** 2 - point.get()[1] ** 2));
      return [-most, most];
    };
    const planes = labels.slice(0, MOST).map((_, i) => {
      const canvas = pointCanvas("Flow of the data", "ode-square", {
        ...moves(point, () => sceneOf(shown()[i]), () => frames[i]), ...(radius ? { range } : {}),
      });
      if (radius) canvas.addEventListener("pointerup", () => (tries += 1, shell.redraw()));
      const name = node("p", { className: "ode-name" });
      return Object.assign(node("div", { className: "ode-plane" }, name, canvas), { canvas, name });
    });
    const depth = slider("Depth s", { min: 0, max: 1, step: 0.01 },
      (value) => (play.stop(), s.set(value)));
    const choose = labels.length <= BUTTONS ? buttons : choice;
    const variant = choose("Model", labels.map((k) => [k, k]), selected.get(), (label) => {
      selected.set(label);
      open();
    });
    const beside = toggle("Side by side", together.set);
    const play = player(shell, () => s.get() / model().depth, (t) => s.set(t * model().depth));
    const reset = button("Reset", () => {
      play.stop();
      close = false;
      traits.forEach((t, i) => t.set(first[i]));
      shell.redraw();
    });
    const precision = choice("Tolerance", [...new Set([...TOLERANCES, tolerance.get()])]
      .sort((a, b) => b - a).map((t) => [t, toleranceName(t)]),
      tolerance.get(), (t) => tolerance.set(Number(t)));
    const values = readout();
    const inputs = node("canvas", { role: "img", "aria-label": "Class of each input" });
    const zoom = toggle(`${TIMES}× zoom on the point`, (on) => (close = on, shell.redraw()));
    const small = node("div", { className: "ode-canvas ode-square" }, inputs, zoom);
    const addedStates = node("canvas", { role: "img", "aria-label": "Added states" });
    const added = node("div", { className: "ode-canvas ode-square" }, addedStates);
    const several = states.size > 1;
    const controls = node("div", { className: "ode-panel" }, depth,
      node("div", { className: "ode-buttons" }, play, ...(several ? [beside] : []), reset),
      ...(several ? [variant] : []), precision);
    const panel = node("div", { className: "ode-panel ode-beside" }, controls, values);
    const legend = key();
    const body = node("div", { className: "ode-body ode-flow" },
      node("div", { className: "ode-planes" }, ...planes), panel, small, added);
    const told = node("p", { className: "ode-told", hidden: true },
      "You have tried, and it stays in. ", node("a", { href: python.get("theorem") }, "That is a theorem."));
    shell.root.append(body, ...(python.get("theorem") ? [told] : []), fold("What the marks mean", legend));
    const open = shell.guarded(() => {
      if (!python.get("opening") || play.still.matches) return;
      play.stop();
      s.set(0);
      play.start();
    });
    open();
    added.hidden = true;
    planes.forEach((plane, i) => (plane.hidden = i >= shown().length));
    for (const t of traits) t.watch(shell.redraw);

    /** Draw one model's plane; what there is to tell of it. */
    function drawPlane(label, i) {
      const now = sceneOf(label);
      const k = frameOf(now.model, partOf(now.model));
      const way = followPoint(now.model, point.get(), settings());
      const { canvas } = planes[i];
      const sheet = pen(canvas.canvas);
      frames[i] = drawFlow(sheet, now, data, way, k, lineOf(label), tilt);
      const circle = circleOf(label);
      if (circle) drawWall(sheet, frames[i], circle[k], label);
      const [from, to] = [vector(point.get()), vector(way.z.at(-1))];
      canvas.place(...frames[i].handle, point.get()[0], `at ${from}, ends at ${to}`);
      canvas.describe(`${label}: vector field ${now.model.controlled ? "of the point " : ""}at depth ` +
        `${tidy((way.end * now.s[k]) / now.model.depth)}, ` +
        `${data.y.length} data points and a point that flows from ${from} to ${to}`);
      const kept = circle && windsAround(circle.at(-1), way.z.at(-1));
      return { label, now, k, way, from, to, kept };
    }

    // Models may differ in depth: side by side all are at the same part of it.
    const partOf = (one) => (s.get() / model().depth) * one.depth;

    /** The circle carried along, with its name at its highest point. */
    function drawWall({ ctx, colours }, frame, points, label) {
      const curve = points.map((z) => frame.spot(0, z));
      const [x, y] = curve.reduce((a, b) => (b[1] < a[1] ? b : a));
      inside(ctx, frame, () => {
        line(ctx, curve, colours.lines[2], 2);
        Object.assign(ctx, { font: "600 13px system-ui, sans-serif", textAlign: "center", textBaseline: "bottom" });
        Object.assign(ctx, { lineWidth: 4, lineJoin: "round", strokeStyle: colours.paper, fillStyle: colours.lines[2] });
        const name = flowOf(label) ? "the wall" : tilt ? "the wall, stepped over" : "the wall, broken";
        const at = [Math.min(Math.max(x, frame.left + 40), frame.right - 40), Math.max(y - 4, frame.top + 18)];
        ctx.strokeText(name, ...at);
        ctx.fillText(name, ...at);
      });
    }

    function drawSmall({ label, now, k, way }) {
      const single = !together.get();
      small.hidden = !(single && showsInputs(now.model));
      if (!small.hidden) {
        const region = close ? aroundPoint() : classesOf(label);
        zoom.show(close);
        drawInputs(pen(inputs), region, data, way);
        inputs.setAttribute("aria-label", region.failed
          ? `The class of each input cannot be drawn: ${region.failed}`
          : "The class of each input in the plane, with the data and the point");
      }
      added.hidden = !(single && hasAdded(now.model) && !leans());
      if (!added.hidden) {
        drawAdded(pen(addedStates), now, data, way, k);
        addedStates.setAttribute("aria-label",
          "The added states of the data and the point, at the same depth");
      }
    }

    function explain({ label, now }) {
      const { controlled, boundary } = now.model;
      const carried = lineOf(label);
      legend.show(...CLASS_KEY,
        ...(carried ? ["dashed: output 0, carried back to this depth"] : boundary ? ["dashed: output 0"] : []),
        controlled ? "arrows: the field of the dragged x alone"
          : tilt ? "upright: the added state" : hasAdded(now.model) ? "arrows: the field at the point's added states"
          : "arrows: one field for all",
        ...(small.hidden ? [] : ["other picture: class of each input; " + (carried
          ? "its boundary is the dashed line, carried back to depth 0"
          : "on a grid that may miss thin channels")]),
        ...(added.hidden ? [] : ["last picture: the added states"]),
        ...(radius ? [["closed line: a circle around the disc, carried along", "ode-green"]] : []), DRAG_KEY);
    }

    return () => {
      const all = shown();
      planes.forEach((plane, i) => {
        plane.hidden = i >= all.length;
        plane.name.hidden = !together.get();
        plane.name.textContent = all[i] ?? "";
      });
      body.toggleAttribute("data-together", together.get());
      variant.hidden = together.get() && shown().length === labels.length;
      variant.show(selected.get());
      precision.show(tolerance.get());
      beside.show(together.get());
      tilt = leans() ? Math.min(TILT, play.still.matches ? TILT : tilt + LEAN) : 0;
      if (leans() && tilt < TILT) shell.redraw();
      const drawn = all.map(drawPlane);
      const own = drawn.find(({ label }) => label === selected.get());
      const { now, k, way, from, to, kept } = own;
      const { adaptive } = now.model;
      depth.querySelector("label").textContent = adaptive ? "Share of g(x)" : "Depth s";
      depth.show(now.s[k], tidy(now.s[k]), { max: now.model.depth, step: now.model.depth / 100 });
      drawSmall(own);
      explain(own);
      told.hidden = !(kept && tries >= TRIES && python.get("theorem"));
      const right = (share) => share === null ? "" : `${tidy(100 * share, 0)} % right`;
      const output = vector(way.output);
      values.show(together.get() ? Object.fromEntries(drawn.map((one) => [one.label,
        [right(one.now.right), one.now.model.outputs ? vector(one.way.output) : one.to]
          .filter(Boolean).join(", ")])) : {
        "start z(0)": from,
        ...(adaptive ? { "its depth g(x)": tidy(way.end) } : {}),
        [adaptive ? "end z(g(x))" : "end z(S)"]: to,
        ...(kept === null ? {} : { "within the wall": kept ? "yes" : "no" }),
        ...(now.model.outputs ? { "output y": output } : {}),
        "NFE, point alone": String(way.nfe),
        "NFE, all data": String(now.nfe),
        ...(now.right === null ? {} : { "data classified": right(now.right) }),
      });
      const circle = kept === null ? "" : `, ${kept ? "within" : "outside"} the circle`;
      shell.say(`From ${from} to ${to}${circle}` + (now.model.outputs ? `, output ${output}` : "") +
        `, ${way.nfe} evaluations`);
    };
  });
}

export default { render: renderFlow };
