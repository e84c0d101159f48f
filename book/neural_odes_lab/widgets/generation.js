// GenerationWidget: train a flow from noise to data, and see its paths bend.
import { among, within } from "./shared/checks.js";
import { drawData } from "./shared/datasets.js";
import { count, layersBackward, layersForward } from "./shared/layers.js";
import { line, marker, pen, tidy } from "./shared/plot.js";
import { normal, random } from "./shared/random.js";
import { adam, initial, makeModel } from "./shared/training.js";
import {
  button, buttons, choice, key, mount, node, readout, slider, toggle, trait,
} from "./shared/ui.js";

const NET = { sizes: [3, 48, 48, 2], activation: "relu" };
const STEPS = [1, 2, 4, 8, 16, 32, 64];
const DATA = ["half-moons", "spirals", "disc in a ring"];
const PAIRS = [["independent", "by chance"], ["transport", "by transport"]];
const BATCH = { independent: 128, transport: 64 };
const [POINTS, OWN, SHOWN, SAMPLES, SCALE] = [600, 2048, 30, 200, 1.45];
const [LR, LATEST, BUDGET] = [0.01, 0.005, 60]; // ms of training for each picture

/** Weights as torch draws them for DepthConcat(mlp(3, 48, 48, 2)). */
export function firstWeights(seed) {
  const model = makeModel({
    variant: "concat", features: 2, activation: "relu", width: 48, layers: 2, steps: 1,
    extra: 0, modes: 0, method: "euler",
  });
  return initial(model, seed).slice(0, count(NET));
}

/** What the network keeps of points z, each at its own depth s. */
function kept(w, z, s) {
  const given = new Float64Array(3 * s.length);
  s.forEach((depth, i) => given.set([z[2 * i], z[2 * i + 1], depth], 3 * i));
  return layersForward(NET, w, 0, given, s.length);
}

/** Flow matching of pairs (z0, z1) at depths s: the loss and its gradient. */
export function matching(w, z0, z1, s) {
  const layers = kept(w, z0.map((v, i) => v + s[i >> 1] * (z1[i] - v)), s);
  const off = layers.at(-1).map((v, i) => v - (z1[i] - z0[i]));
  const grad = new Float64Array(w.length);
  layersBackward(NET, w, 0, layers, off.map((v) => v / s.length), grad, s.length);
  return { loss: off.reduce((sum, v) => sum + v * v, 0) / off.length, grad };
}

/**
 * Adam from weights w on; soft is a running mean of them, which is drawn: each
 * update sees a few pairs of many, and shakes them.
 */
export function learner(w) {
  const [soft, descend] = [w.slice(), adam(w.length, { lr: LR })];
  let step = 0;
  const update = (z0, z1, s) => {
    const { loss, grad } = matching(w, z0, z1, s);
    descend(w, grad);
    const share = Math.max(1 / ++step, LATEST);
    w.forEach((v, i) => (soft[i] += share * (v - soft[i])));
    return loss;
  };
  return { soft, update };
}

/** States of Euler's method from noise z, from step to step. */
export function follow(w, z, steps) {
  const states = [z];
  for (let k = 0; k < steps; k++) {
    const slope = kept(w, states[k], new Float64Array(z.length / 2).fill(k / steps)).at(-1);
    states.push(states[k].map((v, i) => v + slope[i] / steps));
  }
  return states;
}

/**
 * Optimal transport: to which of z1 each of z0 goes, for the least sum of
 * squared distances, by shortest paths that grow one row at a time
 * (the Hungarian method).
 */
export function assign(z0, z1) {
  const n = z0.length / 2;
  const cost = (i, j) => (z0[2 * i] - z1[2 * j]) ** 2 + (z0[2 * i + 1] - z1[2 * j + 1]) ** 2;
  const [rows, columns, owner] = [new Float64Array(n), new Float64Array(n + 1), Array(n + 1).fill(-1)];
  for (let row = 0; row < n; row++) {
    const [least, from, seen] = [Array(n).fill(Infinity), Array(n).fill(n), Array(n + 1).fill(false)];
    let at = n; // a column of its own, from which the path starts
    owner[n] = row;
    while (owner[at] >= 0) {
      seen[at] = true;
      const i = owner[at];
      let next = -1;
      for (let j = 0; j < n; j++) {
        if (seen[j]) continue;
        const left = cost(i, j) - rows[i] - columns[j];
        if (left < least[j]) [least[j], from[j]] = [left, at];
        if (next < 0 || least[j] < least[next]) next = j;
      }
      const shift = least[next];
      for (let j = 0; j <= n; j++)
        if (seen[j]) {
          rows[owner[j]] += shift;
          columns[j] -= shift;
        } else if (j < n) least[j] -= shift;
      at = next;
    }
    for (; at !== n; at = from[at]) owner[at] = owner[from[at]];
  }
  const to = new Array(n);
  for (let j = 0; j < n; j++) to[owner[j]] = j;
  return to;
}

const noise = (n, draw) => Float64Array.from({ length: 2 * n }, () => normal(draw));
const take = (points, rows) => Float64Array.from(rows.flatMap((i) => [points[2 * i], points[2 * i + 1]]));
const some = (n, most, draw) => Array.from({ length: n }, () => Math.floor(draw() * most));

/** n pairs of noise and data; own: a flow's pairs, if it is rectified. */
export function pairsOf(kind, data, n, draw, own) {
  if (own) {
    const rows = some(n, own[0].length / 2, draw);
    return own.map((points) => take(points, rows));
  }
  const [z0, z1] = [noise(n, draw), take(data, some(n, data.length / 2, draw))];
  return [z0, kind === "transport" ? take(z1, assign(z0, z1)) : z1];
}

/** How far paths are from straight at constant speed, as the library's bend. */
export function bendOf(states) {
  const [first, last, steps] = [states[0], states.at(-1), states.length - 1];
  let sum = 0;
  for (let k = 0; k < steps; k++)
    first.forEach((v, i) => (sum += ((states[k + 1][i] - states[k][i]) * steps - last[i] + v) ** 2));
  return (2 * sum) / steps / first.length;
}

/** Root mean square distance of paired points. */
export const apart = (a, b) =>
  Math.sqrt((2 * a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0)) / a.length);

/** The picture: states at depth s stand s times WIDE further to the right. */
const [WIDE, SQUEEZE] = [5.4, 0.7];
function drawFlows(sheet, { data, cloud, lines, paths, ends, grey }) {
  const { ctx, width, height, colours: c } = sheet;
  const unit = Math.min(width / (WIDE + 3.8), height / 6.2);
  const spot = (s, z, i) => [
    width / 2 + unit * ((s - 0.5) * WIDE + SQUEEZE * z[2 * i]), height / 2 - unit * z[2 * i + 1],
  ];
  const dots = (s, z, radius, style) => {
    ctx.fillStyle = style;
    for (let i = 0; i < z.length / 2; i++) {
      const [x, y] = spot(s, z, i);
      ctx.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    }
  };
  dots(0, cloud, 1, c.broad);
  dots(1, data, 1, c.broad);
  const [z0, z1] = lines;
  const steps = paths.length - 1;
  for (let i = 0; i < SHOWN; i++)
    if (grey) line(ctx, [spot(0, z0, i), spot(1, z1, i)], c.broad, 1);
  for (let i = 0; i < SHOWN; i++) {
    const way = paths.map((z, k) => spot(k / steps, z, i));
    const style = c.lines[i % 3];
    line(ctx, way, style, 1.3);
    if (steps <= 16) for (const at of way.slice(1, -1)) marker(ctx, "circle", ...at, 1.8, style, c.paper, 0.4);
    marker(ctx, "circle", ...way[0], 2.6, c.paper, style, 1.2);
  }
  dots(1, ends, 1.4, c.lines[1]);
  for (let i = 0; i < SHOWN; i++) marker(ctx, "circle", ...spot(1, paths.at(-1), i), 3, c.lines[i % 3], c.paper, 0.8);
  ctx.font = "12px system-ui, sans-serif";
  ctx.fillStyle = c.muted;
  [ctx.textAlign, ctx.textBaseline] = ["center", "bottom"];
  for (const [s, text] of [[0, "noise, s = 0"], [1, "data, s = 1"]])
    ctx.fillText(text, width / 2 + unit * (s - 0.5) * WIDE, height - 3);
}

function renderGeneration({ model: python, el }) {
  return mount(python, el, (shell) => {
    const [name, kind, doublings] = ["data", "pairs", "doublings"].map((one) => trait(python, one, shell));
    among("data", name.get(), DATA);
    among("pairs", kind.get(), PAIRS.map(([one]) => one));
    within({ doublings: doublings.get() }, 0, STEPS.length - 1);
    const cloud = noise(SAMPLES, random(1));
    let [data, learning, draw, own, lines] = [];
    let [running, step, loss, times, grey] = [false, 0, NaN, 0, true];

    const look = () => { // the pairs that are drawn start where its paths do
      const first = cloud.slice(0, 2 * SHOWN);
      if (own) lines = [first, follow(own.soft, first, 64).at(-1)];
      else {
        const z1 = take(data, some(SHOWN, POINTS, random(2)));
        lines = [first, kind.get() === "transport" ? take(z1, assign(first, z1)) : z1];
      }
    };
    const restart = () => {
      data = drawData(name.get(), POINTS, 0).x.map((v) => SCALE * v);
      [learning, draw, own] = [learner(firstWeights(0)), random(3), null];
      [step, loss, times] = [0, NaN, 0];
      look();
      shell.redraw();
    };
    const stop = (on = false) => {
      running = on;
      train.textContent = running ? "❚❚ Pause" : "▶ Train";
      shell.redraw();
    };
    const learn = () => {
      const begin = performance.now();
      do {
        const n = BATCH[kind.get()];
        const pairs = pairsOf(kind.get(), data, n, draw, own?.pairs);
        const found = learning.update(...pairs, Float64Array.from({ length: n }, draw));
        loss = step++ ? 0.98 * loss + 0.02 * found : found;
      } while (performance.now() - begin < BUDGET);
      shell.redraw();
    };
    const rectify = () => {
      const [z0, { soft }] = [noise(OWN, draw), learning];
      own = { soft, pairs: [z0, follow(soft, z0, 64).at(-1)] };
      [learning, times] = [learner(soft.slice()), times + 1];
      look();
      stop(true);
    };
    const train = button("▶ Train", () => stop(!running));
    const canvas = node("canvas", { role: "img", "aria-label": "Paths from noise to data" });
    const sets = choice("Data", DATA.map((one) => [one, one]), name.get(), name.set);
    const pairs = buttons("Pairs", PAIRS, kind.get(), kind.set);
    const steps = slider("Euler steps", { min: 0, max: STEPS.length - 1, step: 1 }, doublings.set);
    const again = button("Rectify", shell.guarded(rectify));
    const shown = toggle("Pairs in grey", (on) => ((grey = on), shell.redraw()));
    const values = readout();
    const row = (...all) => node("div", { className: "ode-buttons" }, ...all);
    shell.root.append(node("div", { className: "ode-body" },
      node("div", { className: "ode-canvas ode-wide" }, canvas),
      node("div", { className: "ode-panel" }, row(train, button("Restart", () => (stop(), restart()))),
        steps, pairs, row(again, shown), sets, values)),
    key("hollow: noise, filled: samples", "small squares: more samples, over the data in grey",
      "grey lines: pairs", "coloured: paths of the learned field"));
    name.watch(restart);
    kind.watch(restart);
    doublings.watch(shell.redraw);
    restart();

    return () => {
      if (running) learn();
      const n = STEPS[doublings.get()];
      const [paths, fine] = [n, 64].map((m) => follow(learning.soft, lines[0], m));
      const ends = follow(learning.soft, cloud, n).at(-1);
      const [bend, miss] = [tidy(bendOf(fine)), tidy(apart(paths.at(-1), fine.at(-1)))];
      drawFlows(pen(canvas), { data, cloud, lines, paths, ends, grey });
      sets.show(name.get());
      pairs.show(kind.get());
      shown.show(grey);
      again.disabled = step === 0;
      steps.show(doublings.get(), String(n));
      canvas.setAttribute("aria-label", `Paths from noise to ${name.get()} in ${n} Euler steps, after ${step} ` +
        `updates; they bend by ${bend} and miss the ends of 64 steps by ${miss}`);
      values.show({
        "updates": String(step), "loss": Number.isFinite(loss) ? tidy(loss) : "–",
        "times rectified": String(times), "bend, 0 is straight": bend,
        "ends off those of 64 steps": miss,
      });
      shell.say(`${step} updates, ${n} steps: bend ${bend}, off by ${miss}`);
    };
  });
}

export default { render: renderGeneration };
