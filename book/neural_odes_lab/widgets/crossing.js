// CrossingWidget: dz/ds = -theta (z + x) takes x towards -x (Theorem 1). All
// that is drawn comes from its solution, none of it from a solver.
import { finite } from "./shared/checks.js";
import {
  axes, inside, line, marker, pen, scientific, shapeOf, tidy,
} from "./shared/plot.js";
import { moves } from "./shared/scene.js";
import {
  button, choice, DRAG_KEY, key, mount, node, pair, pointCanvas, readout, slider,
  trait,
} from "./shared/ui.js";

const INPUTS = [-1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1];
const ERRORS = [0.5, 0.2, 0.1, 0.05, 0.01, 0.001];
const THETA = [0.1, 10];
const PARTS = 100;

/** z(s) from z(0) = x. */
export const stateOf = (x, theta, s) => x * (2 * Math.exp(-theta * s) - 1);

/** |-x - z(1)|. */
export const errorOf = (x, theta) => 2 * Math.abs(x) * Math.exp(-theta);

/** The error is below eps where theta is above this. */
export const boundOf = (x, eps) => Math.log((2 * Math.abs(x)) / eps);

const view = { model: { size: 1 }, box: [-0.03, 1.06, -1.18, 1.18], range: [-1, 1] };

function drawPaths(sheet, x, theta, eps) {
  const { ctx, colours: c } = sheet;
  const frame = axes(sheet, view.box, { names: ["depth s", "z"] });
  const spot = (s, z) => [frame.x(s), frame.y(z)];
  const path = (x) => Array.from({ length: PARTS + 1 }, (_, k) =>
    spot(k / PARTS, stateOf(x, theta, k / PARTS)));
  const band = (x, style, width) => {
    const [top, bottom] = [-x + eps, -x - eps];
    line(ctx, [spot(1, top), spot(1, bottom)], style, width);
    for (const z of [top, bottom])
      line(ctx, [spot(0.985, z), spot(1.015, z)], style, width);
  };
  const meeting = Math.log(2) / theta;
  inside(ctx, frame, () => {
    line(ctx, [spot(1, -2), spot(1, 2)], c.faint, 1);
    ctx.globalAlpha = 0.5;
    for (const input of INPUTS) line(ctx, path(input), c.classes[Math.sign(-input)], 1.2);
    ctx.globalAlpha = 1;
    for (const input of INPUTS) {
      const side = Math.sign(-input);
      marker(ctx, shapeOf(side), ...spot(0, input), 3, c.paper, c.classes[side]);
      marker(ctx, shapeOf(side), ...spot(1, stateOf(input, theta, 1)), 3.4, c.classes[side], c.paper, 0.8);
    }
    if (meeting <= 1)
      line(ctx, [spot(meeting, -2), spot(meeting, 2)], c.muted, 1, [3, 4]);
    const color = errorOf(x, theta) < eps ? c.lines[2] : c.ink;
    ctx.fillStyle = c.broad;
    ctx.globalAlpha = 0.35;
    ctx.fillRect(frame.x(0), frame.y(-x + eps), frame.x(1) - frame.x(0), frame.y(-x - eps) - frame.y(-x + eps));
    ctx.globalAlpha = 1;
    line(ctx, path(x), c.paper, 6);
    line(ctx, path(x), color, 3.2);
    band(x, c.ink, 1.6);
    if (meeting <= 1) marker(ctx, "square", ...spot(meeting, 0), 4.5, c.paper, c.ink, 1.8);
    marker(ctx, "circle", ...spot(0, x), 8, c.paper, c.ink, 2.4);
    marker(ctx, "circle", ...spot(1, stateOf(x, theta, 1)), 5.5, color, c.ink, 1.8);
  });
  return { ...frame, handle: spot(0, x) };
}

function drawErrors(sheet, x, theta, eps) {
  const { ctx, colours: c } = sheet;
  const frame = axes(sheet, [0, THETA[1], -4.5, 0.7],
    { names: ["θ", "error at s = 1"], log: [false, true] });
  const bound = boundOf(x, eps);
  const level = frame.y(Math.log10(eps));
  const text = (words, x, y, align, base) => {
    ctx.font = "12px system-ui, sans-serif";
    ctx.fillStyle = c.ink;
    [ctx.textAlign, ctx.textBaseline] = [align, base];
    ctx.fillText(words, x, y);
  };
  const spot = (theta) => [frame.x(theta), frame.y(Math.log10(errorOf(x, theta)))];
  inside(ctx, frame, () => {
    const from = frame.x(Math.max(0, bound));
    ctx.fillStyle = c.fills[-1];
    ctx.fillRect(from, frame.top, frame.right - from, frame.bottom - frame.top);
    line(ctx, [[frame.left, level], [frame.right, level]], c.muted, 1.2, [5, 4]);
    text("ε", frame.left + 6, level - 3, "left", "bottom");
    if (bound > 0)
      line(ctx, [[from, frame.top], [from, frame.bottom]], c.muted, 1.2, [5, 4]);
    text("θ above its bound", frame.right - 6, frame.top + 6, "right", "top");
    if (x === 0) {
      text("no error at x = 0", frame.left + 8, frame.bottom - 8, "left", "bottom");
      return;
    }
    line(ctx, [spot(0), spot(THETA[1])], c.lines[0], 2.4);
    const good = errorOf(x, theta) < eps;
    line(ctx, [[spot(theta)[0], frame.bottom], spot(theta)], c.ink, 1, [2, 4]);
    marker(ctx, "circle", ...spot(theta), 6, good ? c.lines[2] : c.ink, c.ink, 1.8);
  });
}

function renderCrossing({ model: python, el }) {
  return mount(python, el, (shell) => {
    const [theta, eps, point] = ["theta", "eps", "point"].map((name) => trait(python, name, shell));
    const first = [theta, eps, point].map((t) => t.get());
    finite({ theta: theta.get(), eps: eps.get(), point: point.get()[0] });
    let frame = null;
    const plane = pointCanvas("Trajectories that cross", "ode-square",
      moves(point, () => view, () => frame));
    const errors = node("canvas", { role: "img", "aria-label": "Error over theta" });
    const strength = slider("Parameter θ", { min: THETA[0], max: THETA[1], step: 0.1 }, theta.set);
    const allowed = choice("Error ε", [...new Set([...ERRORS, eps.get()])]
      .sort((a, b) => b - a).map((e) => [e, String(e)]), eps.get(), (e) => eps.set(Number(e)));
    const reset = button("Reset", () => [theta, eps, point].forEach((t, i) => t.set(first[i])));
    const values = readout();
    const panel = node("div", { className: "ode-panel" }, strength, allowed,
      node("div", { className: "ode-buttons" }, reset));
    shell.root.append(...pair(plane, errors, panel, values,
      key(["● from above 0", "ode-minus"], ["▲ from below 0", "ode-plus"], "drawn from the solution z(s) = x (2 exp(−θs) − 1)", "square: where all meet",
        "band and bar: −x ± ε", DRAG_KEY)));
    for (const t of [theta, eps, point]) t.watch(shell.redraw);

    return () => {
      const [x] = point.get();
      const [t, e] = [theta.get(), eps.get()];
      const [end, error, bound, meeting] =
        [stateOf(x, t, 1), errorOf(x, t), boundOf(x, e), Math.log(2) / t];
      const enough = error < e;
      frame = drawPaths(pen(plane.canvas), x, t, e);
      drawErrors(pen(errors), x, t, e);
      strength.show(t, tidy(t, 1));
      allowed.show(e);
      plane.place(...frame.handle, x, `x = ${tidy(x)}, ends at ${tidy(end, 3)}`);
      plane.describe(`Trajectories over depth, which meet at s = ${tidy(meeting)}; ` +
        `that of ${tidy(x)} ends at ${tidy(end, 3)}`);
      errors.setAttribute("aria-label", `Error over theta, falling as exp(−theta); ` +
        `below ${e} from theta = ${tidy(Math.max(0, bound))} on`);
      const needs = bound > 0 ? `θ > ${tidy(bound)}` : "any θ will do";
      const missed = error > 0 ? (error < 0.001 ? scientific(error) : tidy(error, 3)) : "0";
      values.show({
        "x and target −x": `${tidy(x)}, ${tidy(-x)}`,
        "end z(1)": tidy(end, 3),
        "error |−x − z(1)|": missed,
        "needed": needs,
        "this θ": enough ? "suffices" : "too small",
        "meet at s = ln 2 / θ": meeting <= 1 ? tidy(meeting) : `${tidy(meeting)} > 1`,
      });
      shell.say(`Error ${missed}. Needed: ${needs}; θ = ${tidy(t, 1)} ` +
        `${enough ? "suffices" : "is too small"}`);
    };
  });
}

export default { render: renderCrossing };
