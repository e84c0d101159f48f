// LorenzWidget: a chaotic system's error beside that of a network.
import {
  distanceSlider, drawGaps, exponentOf, FINE, gapOf, length,
  probe, rate, saturation, straight, typicalGap,
} from "./shared/chaos.js";
import { among, finite, positive } from "./shared/checks.js";
import { readModel } from "./shared/fields.js";
import { latest, once } from "./shared/memo.js";
import { integrate } from "./shared/numerics.js";
import { axes, inside, line, marker, pen, tidy } from "./shared/plot.js";
import { depthsOf, moves, vector } from "./shared/scene.js";
import {
  button, choice, DRAG_KEY, key, mount, node, player, pair, pointCanvas, readout,
  slider, trait,
} from "./shared/ui.js";

const [SIGMA, RHO, BETA] = [10, 28, 8 / 3];
const PUBLISHED = 0.9056;
const LONGEST = 30;
const TICKS = 2400;
export const TIMES = Array.from({ length: TICKS + 1 }, (_, k) => (LONGEST * k) / TICKS);
const VIEW = { model: { size: 2 }, box: [-26, 26, -2, 52] };

/** Slopes of a batch of states (x, y, z). */
export function lorenz(_, z) {
  const out = new Float64Array(z.length);
  for (let i = 0; i < z.length; i += 3) {
    out[i] = SIGMA * (z[i + 1] - z[i]);
    out[i + 1] = z[i] * (RHO - z[i + 2]) - z[i + 1];
    out[i + 2] = z[i] * z[i + 1] - BETA * z[i + 2];
  }
  return out;
}

/** A long way on the attractor, and how far two of its points lie apart. */
function attractor() {
  const s = Array.from({ length: 4001 }, (_, k) => (k ? 5 + k / 100 : 0));
  const z = integrate(lorenz, [1, 1, 20], s, { rtol: 1e-5, atol: 1e-5 }).z.slice(1);
  return { z, typical: typicalGap(z.flatMap((state) => [...state]), 3) };
}

/** The point (x, x, z) and its neighbour (x + r, x, z), at TIMES. */
export function followLorenz([x, z], r) {
  const solved = integrate(lorenz, [x, x, z, x + r, x, z], TIMES, FINE);
  return { z: solved.z, gaps: solved.z.map((state) => gapOf(state, 3)) };
}

function drawButterfly(sheet, cloud, found, k) {
  const { ctx, colours: c } = sheet;
  const frame = axes(sheet, VIEW.box, { names: ["x", "z"] });
  const spot = (z, i = 0) => [frame.x(z[3 * i]), frame.y(z[3 * i + 2])];
  inside(ctx, frame, () => {
    line(ctx, cloud.z.map((z) => spot(z)), c.faint, 0.8);
    for (const i of [1, 0]) {
      const style = i ? c.lines[2] : c.ink;
      ctx.globalAlpha = 0.75;
      line(ctx, found.z.slice(0, k + 1).map((z) => spot(z, i)), style, i ? 2 : 1.2);
      ctx.globalAlpha = 1;
      marker(ctx, "circle", ...spot(found.z[k], i), 5.5, style, c.paper, 1.6);
    }
    marker(ctx, "circle", ...spot(found.z[0]), 8, c.paper, c.ink, 2.4);
  });
  return { ...frame, handle: spot(found.z[0]) };
}

function renderLorenz({ model: python, el }) {
  return mount(python, el, (shell) => {
    const states = new Map(python.get("models"));
    const names = ["selected", "point", "distance", "span"];
    const [selected, point, distance, span] = names.map((name) => trait(python, name, shell));
    const traits = [selected, point, distance, span];
    const first = traits.map((t) => t.get());
    finite({ point: point.get(), span: span.get(), start: python.get("start") });
    positive({ distance: distance.get() });
    if (first[0]) among("model", first[0], [...states.keys()]);
    const cloud = attractor();
    const modelOf = once((label) => (states.has(label) ? readModel(states.get(label)) : null));
    const x = Float64Array.from(python.get("start"));
    const butterfly = latest(() => [point.get(), distance.get()], followLorenz);
    // In the direction that grows most, which a first solve finds.
    const network = latest(() => [selected.get(), distance.get()], (label, r) => {
      const model = modelOf(label);
      if (!model) return null;
      const { angle } = probe(model, x, r, 0).stretch.at(-1);
      return { end: model.depth, s: depthsOf(model), ...probe(model, x, r, angle) };
    });

    let frame = null;
    const plane = pointCanvas("Two solutions of the Lorenz system", "ode-square",
      moves(point, () => VIEW, () => frame));
    const chart = node("canvas", { role: "img", "aria-label": "Error over time" });
    const variant = choice("Network", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const radius = distanceSlider(slider, distance);
    const time = slider("Time span T", { min: 0.5, max: LONGEST, step: 0.5 },
      (value) => (play.stop(), span.set(value)));
    const play = player(shell, () => span.get() / LONGEST,
      (t) => span.set(Math.max(0.5, t * LONGEST)));
    const reset = button("Reset", () => {
      play.stop();
      traits.forEach((t, i) => t.set(first[i]));
    });
    const values = readout();
    const panel = node("div", { className: "ode-panel" },
      ...(states.size > 1 ? [variant] : []), radius, time,
      node("div", { className: "ode-buttons" }, play, reset));
    shell.root.append(...pair(plane, chart, panel, values,
      key("start (x, y, z) with y = x, its neighbour at x + r", ["━ neighbour, error of Lorenz", "ode-green"],
        ...(states.size ? [["━ error of the network, in its direction of fastest growth", "ode-plus"]] : []),
        ["- - λ by Algorithm 1", "ode-ink"], ["- - growth at the rate 0.9056", "ode-minus"], DRAG_KEY)));
    for (const t of traits) t.watch(shell.redraw);

    return () => {
      const found = butterfly();
      const net = network();
      const r = distance.get();
      const k = Math.max(1, Math.round((TICKS * Math.min(span.get(), LONGEST)) / LONGEST));
      const [end, gap] = [TIMES[k], found.gaps[k]];
      const lambda = exponentOf(gap, r, end);
      const full = saturation(TIMES.slice(0, k + 1), found.gaps, cloud.typical);
      frame = drawButterfly(pen(plane.canvas), cloud, found, k);
      const sheet = pen(chart);
      const { colours: c } = sheet;
      const drawn = drawGaps(sheet, {
        name: "time t, depth s", end, now: end, level: cloud.typical, words: "two points of the attractor",
        curves: [
          straight(r, PUBLISHED, LONGEST, { style: c.lines[0], width: 1.8, dash: [8, 5] }),
          { s: TIMES.slice(0, k + 1), gaps: found.gaps.slice(0, k + 1), style: c.lines[2], width: 2 },
          straight(r, lambda, end, { style: c.ink, width: 1.6, dash: [4, 4] }),
          ...(net ? [{ s: net.s, gaps: net.gaps, style: c.lines[1], width: 3 }] : []),
        ],
      });
      marker(sheet.ctx, "circle", ...drawn.spot(end, gap), 5, c.lines[2], c.ink, 1.8);

      variant.show(selected.get());
      radius.display(r);
      time.show(end, tidy(end, 1));
      const from = vector(point.get(), 1);
      const apart = full === null ? `not by t = ${tidy(end, 1)}` : `from t = ${tidy(full, 1)}`;
      plane.place(...frame.handle, point.get()[0], `x, z = ${from}`);
      plane.describe(`The Lorenz attractor from the side, with solutions from x, z = ${from} and a ` +
        `neighbour up to time ${tidy(end, 1)}, ${length(gap)} apart`);
      chart.setAttribute("aria-label", `Error over time on a logarithmic axis, from ${length(r)} to ` +
        `${length(gap)}, growing at ${rate(lambda)}; saturated: ${apart}`);
      const early = full && exponentOf(found.gaps[TIMES.indexOf(full)], r, full);
      const own = net && exponentOf(net.gaps.at(-1), r, net.end);
      values.show({
        "error |δz(T)|": length(gap),
        "λ by Algorithm 1": rate(lambda),
        "published, T → ∞": String(PUBLISHED),
        "saturated?": apart,
        "λ until then": full ? rate(early) : "–",
        ...(net ? { "λ of the network": rate(own) } : {}),
      });
      shell.say(`Over time ${tidy(end, 1)} the exponent is ${rate(lambda)}, published ${PUBLISHED}; ` +
        `saturated: ${apart}` + (net ? `; the network's is ${rate(own)}` : ""));
    };
  });
}

export default { render: renderLorenz };
