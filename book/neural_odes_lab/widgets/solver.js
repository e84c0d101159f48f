// SolverWidget: the steps of a method, what they cost and how far they miss.
import { readModel } from "./shared/fields.js";
import { latest, once } from "./shared/memo.js";
import { integrate, METHODS } from "./shared/numerics.js";
import {
  axes, inside, line, marker, pen, powerOfTen, ring, scientific, tidy,
} from "./shared/plot.js";
import { depthsOf, drawArrows, moves, stateAxes, vector, viewAround } from "./shared/scene.js";
import {
  button, choice, DRAG_KEY, key, mount, node, pair, pointCanvas, readout, slider,
  trait,
} from "./shared/ui.js";

const SHAPE = { euler: "circle", midpoint: "square", rk4: "triangle", dopri5: "diamond" };
const SETTINGS = Array.from({ length: 9 }, (_, i) => i);
const EXACT = { rtol: 1e-11, atol: 1e-11 };
const LEAST = 1e-11;

/** Settings of a method from coarse to fine: 1 to 256 steps, or tolerances. */
function settingOf(method, i, depth) {
  if (method === "dopri5") return { method, rtol: 10 ** -(i + 1), atol: 10 ** -(i + 1) };
  return { method, step: depth / 2 ** i };
}

function solveBy(model, x, method, i, exact) {
  const slope = (s, z) => model.slope(s, z, x);
  const settings = settingOf(method, i, model.depth);
  try {
    const solved = integrate(slope, model.lift(x), [0, model.depth], settings);
    const miss = Math.hypot(...solved.z[1].map((v, j) => v - exact[j]));
    return { ...solved, error: Math.max(miss, LEAST) };
  } catch (error) {
    return { path: [], nfe: NaN, error: NaN, failed: error.message };
  }
}

const missBy = (value) => {
  if (!(value > LEAST)) return Number.isNaN(value) ? "–" : `below ${powerOfTen(-11)}`;
  return scientific(value);
};

const log = Math.log10;

function drawErrors(sheet, results, method, setting) {
  const { ctx, colours: c } = sheet;
  const all = Object.values(results).flat().filter((r) => r.error < 1e6);
  const low = Math.floor(Math.min(...all.map((r) => log(r.error))) - 0.3);
  const high = Math.ceil(Math.max(...all.map((r) => log(r.error))) + 0.3);
  const box = [0, log(Math.max(...all.map((r) => r.nfe))) + 0.15, low, high];
  const frame = axes(sheet, box, { names: ["function evaluations (NFE)", "error at S"], log: [true, true] });
  const spot = (r) => [frame.x(log(r.nfe)), frame.y(log(r.error))];
  inside(ctx, frame, () => {
    METHODS.forEach((name, i) => {
      const chosen = name === method;
      const shown = results[name].filter((r) => r.error < 1e6);
      ctx.globalAlpha = chosen ? 1 : 0.55;
      line(ctx, shown.map(spot), c.lines[i], chosen ? 2.2 : 1.2);
      for (const r of shown) marker(ctx, SHAPE[name], ...spot(r), chosen ? 4.2 : 3.2, c.lines[i], c.paper);
    });
    ctx.globalAlpha = 1;
    const current = results[method][setting];
    if (current.error < 1e6) {
      ring(ctx, ...spot(current), c.ink);
    }
  });
  // Errors fall to the right, so the lower left is free.
  ctx.font = "12px system-ui, sans-serif";
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const row = Math.min(17, (frame.bottom - frame.top) / 7);
  METHODS.forEach((name, i) => {
    const y = frame.bottom - row * (METHODS.length - 0.2 - i);
    marker(ctx, SHAPE[name], frame.left + 14, y, 4.2, c.lines[i], c.paper);
    ctx.fillStyle = name === method ? c.ink : c.muted;
    ctx.fillText(name, frame.left + 25, y);
  });
}

function renderSolver({ model: python, el }) {
  return mount(python, el, (shell) => {
    const states = new Map(python.get("models"));
    const names = ["selected", "method", "setting", "point"];
    const [selected, method, setting, point] = names.map((name) => trait(python, name, shell));
    const first = [selected, method, setting, point].map((t) => t.get());
    const viewOf = once((label) => viewAround(readModel(states.get(label)), first[3], EXACT));
    const view = () => viewOf(selected.get());
    const results = latest(() => [selected.get(), point.get()], (label, at) => {
      const { model } = viewOf(label);
      const x = Float64Array.from(at);
      const exact = model.solve(x, depthsOf(model), EXACT).z;
      const by = Object.fromEntries(METHODS.map((name) =>
        [name, SETTINGS.map((i) => solveBy(model, x, name, i, exact.at(-1)))]));
      return { x, exact, by };
    });

    let frame = null;
    const plane = pointCanvas("A trajectory and a solver's steps", "ode-square",
      moves(point, view, () => frame));
    const errors = node("canvas", { role: "img", "aria-label": "Error against function evaluations" });
    const system = choice("System", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const solver = choice("Method", METHODS.map((k) => [k, k]), method.get(), method.set);
    const fineness = slider("Step", { min: 0, max: SETTINGS.length - 1, step: 1 }, setting.set);
    const reset = button("Reset", () =>
      [selected, method, setting, point].forEach((t, i) => t.set(first[i])));
    const values = readout();
    const panel = node("div", { className: "ode-panel" },
      fineness, solver, ...(states.size > 1 ? [system] : []),
      node("div", { className: "ode-buttons" }, reset));
    shell.root.append(...pair(plane, errors, panel, values,
      key("broad grey line: exact", "marks: the solver's steps", "circled: this setting", DRAG_KEY)));
    for (const t of [selected, method, setting, point]) t.watch(shell.redraw);

    return () => {
      const { x, exact, by } = results();
      const now = view();
      const { model } = now;
      const own = by[method.get()][setting.get()];
      const sheet = pen(plane.canvas);
      const { ctx, colours: c } = sheet;
      const color = c.lines[METHODS.indexOf(method.get())];
      const s = depthsOf(model);
      frame = stateAxes(sheet, now);
      const path = own.path.map((step) => frame.spot(step.s, step.z));
      const truth = exact.map((z, k) => frame.spot(s[k], z));
      inside(ctx, frame, () => {
        drawArrows(sheet, frame, now, { z: exact, x, end: model.depth }, 0);
        line(ctx, truth, c.paper, 8);
        line(ctx, truth, c.broad, 6);
        line(ctx, path, color, 2);
        const r = path.length > 100 ? 2 : 4;
        for (const at of path.slice(1)) marker(ctx, SHAPE[method.get()], ...at, r, color, c.paper, 0.8);
        marker(ctx, "circle", ...truth[0], 8, c.paper, c.ink, 2.4);
      });
      drawErrors(pen(errors), by, method.get(), setting.get());

      const { step, rtol } = settingOf(method.get(), setting.get(), model.depth);
      const words = step ? tidy(step, 3) : powerOfTen(Math.round(log(rtol)));
      system.show(selected.get());
      solver.show(method.get());
      fineness.querySelector("label").textContent = step ? "Step size" : "Tolerance";
      fineness.show(setting.get(), words);
      plane.place(...truth[0], point.get()[0], `at ${vector(point.get())}`);
      plane.describe(`The exact trajectory from ${vector(point.get())} and ` +
        `${own.path.length - 1} steps of ${method.get()}`);
      errors.setAttribute("aria-label", "Error against function evaluations of four methods; " +
        `${method.get()} takes ${own.nfe} and misses by ${missBy(own.error)}`);
      values.show(own.failed ? { "the solver stopped": own.failed } : {
        "NFE": String(own.nfe),
        "steps": `${own.accepted} taken` + (own.rejected ? `, ${own.rejected} rejected` : ""),
        "error |z(S) − exact|": missBy(own.error),
      });
      shell.say(own.failed ? `The solver stopped: ${own.failed}`
        : `${method.get()}: ${own.nfe} evaluations, error ${missBy(own.error)}`);
    };
  });
}

export default { render: renderSolver };
