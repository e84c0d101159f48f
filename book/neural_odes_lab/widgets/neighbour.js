// NeighbourWidget: a point, its neighbour, and how their distance grows.
import {
  distanceSlider, drawGaps, exponentOf, length, probe, rate,
  saturation, straight, typicalGap,
} from "./shared/chaos.js";
import { finite, positive } from "./shared/checks.js";
import { readModel } from "./shared/fields.js";
import { latest, once } from "./shared/memo.js";
import { inside, line, marker, pen, shapeOf, tidy } from "./shared/plot.js";
import {
  depthsOf, drawArrows, drawSides, frameOf, makeScene, moves, readData,
  stateAxes, vector,
} from "./shared/scene.js";
import {
  button, choice, CLASS_KEY, DRAG_KEY, key, mount, node, player, pair, pointCanvas,
  readout, slider, trait,
} from "./shared/ui.js";

const SETTINGS = { rtol: 1e-4, atol: 1e-4, maxSteps: 1000 };
const TURN = Math.PI / 180;

/** The plane: field, data, both ways up to frame k and both directions. */
function drawNeighbours(sheet, scene, data, found, k) {
  const { ctx, colours: c } = sheet;
  const { model } = scene;
  const frame = stateAxes(sheet, scene);
  const ways = [0, 1].map((i) => found.z.map((z) => frame.spot(0, z, i)));
  const [ring] = ways[0];
  const styles = [c.ink, c.lines[2]];
  const spoke = (angle, from, to) => [from, to].map((r) =>
    [ring[0] + r * Math.cos(angle), ring[1] - r * Math.sin(angle)]);
  inside(ctx, frame, () => {
    drawSides(sheet, frame, scene);
    drawArrows(sheet, frame, scene, { z: found.z, x: found.x, end: model.depth }, k);
    ctx.globalAlpha = 0.4;
    data.y.forEach((y, i) => {
      const label = Math.sign(y) || 1;
      marker(ctx, shapeOf(label), ...frame.spot(0, scene.z[k], i), 3, c.classes[label], c.paper, 0.8);
    });
    ctx.globalAlpha = 1;
    for (const way of ways) line(ctx, way, c.paper, 6);
    for (const i of [1, 0]) {
      line(ctx, ways[i], styles[i], 1.2, [3, 4]);
      line(ctx, ways[i].slice(0, k + 1), styles[i], i ? 3 : 2.2);
    }
    const { angle } = found.stretch[k];
    for (const turn of [0, Math.PI]) line(ctx, spoke(angle + turn, 10, 26), c.lines[1], 1.6, [2, 3]);
    line(ctx, spoke(found.angle, 8, 20), c.lines[2], 2.6);
    marker(ctx, "circle", ...ring, 8, c.paper, c.ink, 2.4);
    marker(ctx, "circle", ...ways[1][0], 3.4, c.lines[2], c.paper, 0.8);
    for (const i of [1, 0]) {
      const side = found.sides[i];
      marker(ctx, shapeOf(side || -1), ...ways[i][k], 6, c.classes[side] ?? c.paper, styles[i], 2.4);
    }
  });
  return { ...frame, handle: ring };
}

/** Whether an error has grown as large as the data, or less than linearly. */
function saturated(from, share) {
  if (from !== null) return `from s = ${tidy(from)}`;
  return share < 0.9 ? `no, ${tidy(100 * share, 0)} % of linear` : "no";
}

function renderNeighbour({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const states = new Map(python.get("models"));
    const names = ["selected", "point", "distance", "direction", "s"];
    const [selected, point, distance, direction, s] = names.map((name) => trait(python, name, shell));
    const traits = [selected, point, distance, direction, s];
    const first = traits.map((t) => t.get());
    finite({ point: point.get(), direction: direction.get(), s: s.get() });
    positive({ distance: distance.get() });
    const sceneOf = once((label) => {
      const model = readModel(states.get(label));
      if (model.adaptive || model.features !== 2 || model.size < 2)
        throw new Error("a model must take inputs of the plane and one depth for all");
      const made = makeScene(model, data, SETTINGS);
      return { ...made, typical: typicalGap(made.z.at(-1), model.size) };
    });
    const scene = () => sceneOf(selected.get());
    const causes = () => [selected, point, distance, direction].map((t) => t.get());
    const solution = latest(causes, (label, at, r, turn) => {
      const { model } = sceneOf(label);
      const x = Float64Array.from(at);
      const angle = TURN * turn;
      const found = probe(model, x, r, angle);
      const outputs = model.output(found.z.at(-1));
      const sides = model.outputs === 1 ? [...outputs].map((y) => Math.sign(y) || 1) : [0, 0];
      const { nfe } = model.solve(x, [0, model.depth], SETTINGS);
      return { ...found, x, angle, outputs, sides, nfe };
    });

    let frame = null;
    const plane = pointCanvas("A point and its neighbour", "ode-square", moves(point, scene, () => frame));
    const chart = node("canvas", { role: "img", "aria-label": "Error over depth" });
    const variant = choice("Model", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const radius = distanceSlider(slider, distance);
    const turn = slider("Direction", { min: 0, max: 355, step: 5 }, direction.set);
    const end = () => scene().model.depth;
    const depth = slider("Depth s", { min: 0, max: 1, step: 0.01 },
      (value) => (play.stop(), s.set(value)));
    const play = player(shell, () => s.get() / end(), (t) => s.set(t * end()));
    const reset = button("Reset", () => {
      play.stop();
      traits.forEach((t, i) => t.set(first[i]));
    });
    const values = readout();
    const panel = node("div", { className: "ode-panel" },
      ...(states.size > 1 ? [variant] : []), radius, turn, depth,
      node("div", { className: "ode-buttons" }, play, reset));
    const legend = key();
    shell.root.append(...pair(plane, chart, panel, values, legend));
    for (const t of traits) t.watch(shell.redraw);

    return () => {
      const now = scene();
      const { model } = now;
      const k = frameOf(model, s.get());
      const found = solution();
      const [r, at, depths] = [distance.get(), now.s[k], depthsOf(model)];
      const [gap, linear] = [found.gaps[k], found.linear[k]];
      const lambda = exponentOf(gap, r, at);
      const [largest, smallest] = ["largest", "smallest"].map((name) =>
        exponentOf(found.stretch[k][name], 1, at));
      const full = saturation(depths.slice(0, k + 1), found.gaps, now.typical);
      frame = drawNeighbours(pen(plane.canvas), now, data, found, k);
      const sheet = pen(chart);
      const { colours: c } = sheet;
      const drawn = drawGaps(sheet, {
        name: "depth s", end: model.depth, now: at,
        level: now.typical, words: "two data points at S",
        curves: [
          ...(Number.isFinite(largest) ? [straight(r, largest, at, { style: c.lines[1], width: 1.6, dash: [7, 4] })] : []),
          { s: depths, gaps: found.linear, style: c.muted, width: 1.6, dash: [2, 4] },
          { s: depths, gaps: found.gaps, style: c.lines[2], width: 3 },
          ...(Number.isFinite(lambda) ? [straight(r, lambda, at, { style: c.ink, width: 1.6, dash: [5, 4] })] : []),
        ],
      });
      marker(sheet.ctx, "circle", ...drawn.spot(at, gap), 5, c.lines[2], c.ink, 1.8);

      variant.show(selected.get());
      radius.display(r);
      turn.show(direction.get(), `${tidy(direction.get(), 0)}°`);
      depth.show(at, tidy(at), { max: model.depth, step: model.depth / 100 });
      const [from, to] = [vector(point.get()), vector(found.z.at(-1).slice(0, model.size))];
      plane.place(...frame.handle, point.get()[0], `at ${from}, ends at ${to}`);
      plane.describe(`The plane of states at depth ${tidy(at)}: the data, the point from ${from} ` +
        `and its neighbour at distance ${length(r)}, ${length(gap)} apart`);
      chart.setAttribute("aria-label", `Error over depth on a logarithmic axis, from ${length(r)} to ` +
        `${length(found.gaps.at(-1))}; the exponent is ${rate(lambda)}`);
      const outputs = [0, 1].map((i) =>
        vector(found.outputs.slice(i * model.outputs, (i + 1) * model.outputs), 3));
      const agree = found.sides[0] === found.sides[1];
      values.show({
        "depth s": tidy(at),
        "error |δz(s)|": length(gap),
        "λ by Algorithm 1": rate(lambda),
        "λ of the Jacobian": `${rate(smallest)} to ${rate(largest)}`,
        "error, linear flow": length(linear),
        "saturated?": saturated(full, gap / linear),
        ...(model.outputs ? { "outputs y, y′": outputs.join(", ") } : {}),
        ...(found.sides[0] ? { "classes": agree ? "agree" : "differ" } : {}),
        "NFE, point alone": String(found.nfe),
        ...(now.right === null ? {} : { "data classified": `${tidy(100 * now.right, 0)} % right` }),
      });
      legend.show(...(model.outputs === 1 ? CLASS_KEY.slice(0, 2) : []),
        ["━ point, - - λ by Algorithm 1", "ode-ink"], ["━ neighbour, error", "ode-green"],
        ["- - direction of fastest growth, its λ", "ode-plus"],
        "dotted: error of the linear flow", "solved to 10⁻⁹, NFE at 10⁻⁴", DRAG_KEY);
      shell.say(`Error ${length(gap)} at depth ${tidy(at)}; exponent ${rate(lambda)}, largest ${rate(largest)}` +
        (found.sides[0] ? `; classes ${agree ? "agree" : "differ"}` : ""));
    };
  });
}

export default { render: renderNeighbour };
