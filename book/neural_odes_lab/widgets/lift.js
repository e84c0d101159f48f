// LiftWidget: a line with one state added, turned over in the plane. All that is
// drawn comes from the solution, none of it from a solver.
import { finite } from "./shared/checks.js";
import { axes, inside, line, marker, pen, shapeOf, tidy } from "./shared/plot.js";
import { prediction } from "./shared/predict.js";
import { drawArrows, makeView, moves, vector } from "./shared/scene.js";
import {
  button, DRAG_KEY, key, mount, node, pair, player, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const INPUTS = [-1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1];
const HEIGHT = [0.05, 1.2];
const PARTS = 100;
const DEPTHS = Array.from({ length: PARTS + 1 }, (_, k) => k / PARTS);
const EDGE = 1.25;
const QUESTION = "On the line the trajectories of x and −x would have to meet. With one state added, " +
  "how close do the point x and its mirror image −x come?";
const CHOICES = [
  ["meet", "They meet"], ["nearer", "They come closer than at the start"],
  ["same", "They stay as far apart as at the start"],
];

/** [z, a] at depth s from [x, 0]. */
export const stateOf = (x, height, s) =>
  [x * Math.cos(Math.PI * s), height * x * Math.sin(Math.PI * s)];

/** How far x and -x are apart at depth s, and the least of that on the way. */
export const gapAt = (x, height, s) => 2 * Math.hypot(...stateOf(x, height, s));
export const leastGap = (x, height) => Math.min(...DEPTHS.map((s) => gapAt(x, height, s)));

/** The largest singular value of the field's matrix: how steep the field is. */
export const steepness = (height) => Math.PI * Math.max(height, 1 / height);

const view = { model: { size: 1 }, box: [-0.03, 1.06, -EDGE, EDGE], range: [-1, 1] };

/** The field of the plane, as scenes take it. */
const fieldOf = (height) => ({
  features: 1, size: 2, depth: 1, lift: () => Float64Array.of(0, 0),
  slope: (s, z) => z.map((_, i) => (i % 2 ? Math.PI * height * z[i - 1] : (-Math.PI / height) * z[i + 1])),
});

function judge(x, height) {
  const [start, least] = [gapAt(x, height, 0), leastGap(x, height)];
  const right = least < 1e-9 ? "meet" : least < 0.999 * start ? "nearer" : "same";
  return { right, words: `${tidy(start)} apart at the start, they are never nearer than ${tidy(least)}: ` +
    (right === "meet" ? "they meet." : "they pass each other, and both end in the other's place.") };
}

/** Trajectories over depth, up to s. */
function drawDepths(sheet, x, s) {
  const { ctx, colours: c } = sheet;
  const frame = axes(sheet, view.box, { names: ["depth s", "z"] });
  const path = (from, to) => DEPTHS.filter((at) => at <= to + 1e-9)
    .map((at) => [frame.x(at), frame.y(stateOf(from, 1, at)[0])]);
  inside(ctx, frame, () => {
    line(ctx, [[frame.x(s), frame.top], [frame.x(s), frame.bottom]], c.muted, 1, [4, 4]);
    for (const input of INPUTS) {
      line(ctx, path(input, s), c.classes[Math.sign(input)], 1);
      marker(ctx, shapeOf(input), frame.x(0), frame.y(input), 3, c.paper, c.classes[Math.sign(input)]);
    }
    for (const [from, style] of [[-x, c.lines[2]], [x, c.ink]]) {
      line(ctx, path(from, s), c.paper, 6);
      line(ctx, path(from, s), style, 3);
      marker(ctx, "circle", ...path(from, s).at(-1), 5, style, c.ink, 1.6);
    }
    marker(ctx, "circle", frame.x(0), frame.y(x), 8, c.paper, c.ink, 2.4);
  });
  return { ...frame, handle: [frame.x(0), frame.y(x)] };
}

/** The plane of z and a; trajectories are kept for those who answered. */
function drawPlane(sheet, x, height, s, free) {
  const { ctx, colours: c } = sheet;
  const frame = axes(sheet, [-EDGE, EDGE, -EDGE, EDGE], { names: ["z", "added state a"] });
  const spot = (from, at) => {
    const [z, a] = stateOf(from, height, at);
    return [frame.x(z), frame.y(a)];
  };
  const path = (from) => DEPTHS.map((at) => spot(from, at));
  const shown = free ? s : 0;
  inside(ctx, frame, () => {
    if (free) {
      const scene = makeView(fieldOf(height), [-EDGE, EDGE, -EDGE, EDGE]);
      drawArrows(sheet, frame, scene, { z: [Float64Array.of(0, 0)], x: Float64Array.of(x), end: 1 }, 0);
    }
    line(ctx, [spot(-1, 0), spot(1, 0)], c.faint, 2);
    line(ctx, [spot(-1, shown), spot(1, shown)], c.broad, 5);
    for (const input of INPUTS) {
      const style = c.classes[Math.sign(input)];
      if (free) line(ctx, path(input), style, 1, [2, 4]);
      marker(ctx, shapeOf(input), ...spot(input, shown), 3.4, style, c.paper, 0.8);
    }
    for (const [from, style] of [[-x, c.lines[2]], [x, c.ink]]) {
      if (free) line(ctx, DEPTHS.filter((at) => at <= s + 1e-9).map((at) => spot(from, at)), style, 3);
      marker(ctx, "circle", ...spot(from, shown), 5, style, c.ink, 1.6);
    }
  });
}

function renderLift({ model: python, el }) {
  return mount(python, el, (shell) => {
    const [height, point, s, answer] = ["height", "point", "s", "answer"].map((name) => trait(python, name, shell));
    const moved = [height, point, s];
    const first = moved.map((t) => t.get());
    finite({ height: height.get(), point: point.get()[0], s: s.get() });
    let frame = null;
    const depths = pointCanvas("Trajectories over depth", "ode-square", moves(point, () => view, () => frame));
    const plane = node("canvas", { role: "img", "aria-label": "The plane with the added state" });
    const depth = slider("Depth s", { min: 0, max: 1, step: 0.01 }, (value) => (play.stop(), s.set(value)));
    const room = slider("Height h", { min: HEIGHT[0], max: HEIGHT[1], step: 0.05 }, height.set);
    const play = player(shell, s.get, s.set);
    const reset = button("Reset", () => {
      play.stop();
      moved.forEach((t, i) => t.set(first[i]));
    });
    const values = readout();
    const panel = node("div", { className: "ode-panel" }, depth, room,
      node("div", { className: "ode-buttons" }, play, reset));
    const guess = prediction(shell, answer, {
      question: QUESTION, choices: CHOICES, judge: () => judge(point.get()[0], height.get()),
    });
    shell.root.append(...pair(depths, plane, panel, values,
      key(["━ the point x", "ode-ink"], ["━ its mirror image −x", "ode-green"], "broad grey: the line, turned over",
        "drawn from the solution z = x cos πs, a = h x sin πs", DRAG_KEY)));
    panel.after(guess);
    for (const t of [...moved, answer]) t.watch(shell.redraw);

    return () => {
      guess.show();
      const free = !guess.locked();
      const [[x], h, at] = [point.get(), height.get(), s.get()];
      frame = drawDepths(pen(depths.canvas), x, at);
      drawPlane(pen(plane), x, h, at, free);
      const state = vector(stateOf(x, h, at));
      const [gap, least] = [gapAt(x, h, at), leastGap(x, h)].map((v) => tidy(v));
      depth.show(at, tidy(at));
      room.show(h, tidy(h));
      depths.place(...frame.handle, x, `x = ${tidy(x)}${free ? `, at ${state}` : ""}`);
      depths.describe(`z over depth up to s = ${tidy(at)}: trajectories that all cross at s = 0.5, ` +
        `among them those of ${tidy(x)} and ${tidy(-x)}`);
      plane.setAttribute("aria-label", "The plane of z and the added state: the line of inputs" + (free
        ? ` turned over; at depth ${tidy(at)} the point lies at ${state}, ${gap} from its mirror image`
        : " before it is turned over, as is shown after an answer"));
      values.show({
        "depth s": tidy(at),
        "state (z, a)": free ? state : "?",
        "from its mirror image": free ? gap : "?",
        "least on the way": free ? least : "?",
        "steepness of f": tidy(steepness(h), 1),
      });
      shell.say(free ? `At depth ${tidy(at)} at ${state}, ${gap} from its mirror image; never nearer than ${least}`
        : `x = ${tidy(x)}`);
    };
  });
}

export default { render: renderLift };
