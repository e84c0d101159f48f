// GenerationWidget: train a flow from noise to data, and see its paths bend.
import { among, within } from "./shared/checks.js";
import { drawData } from "./shared/datasets.js";
import {
  apart, assign, bendOf, between, energyDistance, firstWeights, follow, learner, noise, pairsOf, some, take,
} from "./shared/matching.js";
import { pad, scattered } from "./shared/pad.js";
import { line, marker, pen, tidy } from "./shared/plot.js";
import { vector } from "./shared/scene.js";
import { random } from "./shared/random.js";
import {
  button, buttons, choice, DRAG_KEY, fold, key, mount, node, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const STEPS = [1, 2, 4, 8, 16, 32, 64];
const DRAWN = "your drawing";
const DATA = ["half-moons", "spirals", "disc in a ring", DRAWN];
const PAIRS = [["independent", "by chance"], ["transport", "by transport"]];
const BATCH = { independent: 128, transport: 64 };
const [POINTS, OWN, SHOWN, SAMPLES, SCALE] = [600, 2048, 30, 200, 1.45];
const [MOST, BUDGET] = [3, 60]; // ms of training for each picture

/** The picture: states at depth s stand s times WIDE further to the right. */
const [WIDE, SQUEEZE] = [5.4, 0.7];
function drawFlows(sheet, { data, cloud, lines, paths, ends, own }) {
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
    line(ctx, [spot(0, z0, i), spot(1, z1, i)], c.broad, 1);
  for (let i = 0; i < SHOWN; i++) {
    const way = paths.map((z, k) => spot(k / steps, z, i));
    const style = c.lines[i % 3];
    line(ctx, way, style, 1.3);
    if (steps <= 16) for (const at of way.slice(1, -1)) marker(ctx, "circle", ...at, 1.8, style, c.paper, 0.4);
    marker(ctx, "circle", ...way[0], 2.6, c.paper, style, 1.2);
  }
  dots(1, ends, 1.4, c.lines[1]);
  for (let i = 0; i < SHOWN; i++) marker(ctx, "circle", ...spot(1, paths.at(-1), i), 3, c.lines[i % 3], c.paper, 0.8);
  const way = own.map((z, k) => spot(k / steps, z, 0));
  line(ctx, way, c.paper, 6);
  line(ctx, way, c.ink, 2.6);
  marker(ctx, "circle", ...way.at(-1), 5, c.ink, c.paper, 1);
  marker(ctx, "circle", ...way[0], 8, c.paper, c.ink, 2.4);
  ctx.font = "12px system-ui, sans-serif";
  ctx.fillStyle = c.muted;
  [ctx.textAlign, ctx.textBaseline] = ["center", "bottom"];
  for (const [s, text] of [[0, "noise, s = 0"], [1, "data, s = 1"]])
    ctx.fillText(text, width / 2 + unit * (s - 0.5) * WIDE, height - 3);
  return {
    handle: way[0],
    noiseAt: (x, y) => [((x - width / 2) / unit + WIDE / 2) / SQUEEZE, (height / 2 - y) / unit],
  };
}

function renderGeneration({ model: python, el }) {
  return mount(python, el, (shell) => {
    const [name, kind, doublings, point] = ["data", "pairs", "doublings", "point"]
      .map((one) => trait(python, one, shell));
    among("data", name.get(), DATA);
    among("pairs", kind.get(), PAIRS.map(([one]) => one));
    within({ doublings: doublings.get() }, 0, STEPS.length - 1);
    const cloud = noise(SAMPLES, random(1));
    let [data, spread, learning, draw, own, lines, frame] = [];
    let [running, step, loss, times] = [false, 0, NaN, 0];

    const look = () => { // the pairs that are drawn start where its paths do
      const first = cloud.slice(0, 2 * SHOWN);
      if (own) lines = [first, follow(own.soft, first, 64).at(-1)];
      else {
        const z1 = take(data, some(SHOWN, POINTS, random(2)));
        lines = [first, kind.get() === "transport" ? take(z1, assign(first, z1)) : z1];
      }
    };
    const restart = () => {
      data = name.get() === DRAWN ? scattered(sheet.spots(), POINTS, random(0))
        : drawData(name.get(), POINTS, 0).x.map((v) => SCALE * v);
      [learning, draw, own] = [learner(firstWeights(0)), random(3), null];
      [step, loss, times, spread] = [0, NaN, 0, between(data, data)];
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
    const place = (...z) => point.set(z.map((v) => Math.min(MOST, Math.max(-MOST, v))));
    const plane = pointCanvas("Paths from noise to data", "ode-wide", {
      label: "Noise z(0)", range: () => [-MOST, MOST],
      move: (x, y) => frame && place(...frame.noiseAt(x, y)),
      nudge: (dx, dy) => place(point.get()[0] + 0.05 * dx, point.get()[1] + 0.05 * dy),
      jump: (end) => place(end, point.get()[1]),
    });
    const sheet = pad(shell.guarded(() => (stop(), restart())));
    const sets = choice("Data", DATA.map((one) => [one, one]), name.get(), name.set);
    const pairs = buttons("Pairs", PAIRS, kind.get(), kind.set);
    const steps = slider("Euler steps", { min: 0, max: STEPS.length - 1, step: 1 }, doublings.set);
    const again = button("Rectify", shell.guarded(rectify));
    const values = readout();
    const row = (...all) => node("div", { className: "ode-buttons" }, ...all);
    const controls = node("div", { className: "ode-panel" },
      row(train, again, button("Restart", () => (stop(), restart()))), steps, pairs, sets, sheet);
    shell.root.append(node("div", { className: "ode-body ode-panorama" }, plane, controls, values),
    fold("What the marks mean", key("hollow: noise, filled: samples", "small squares: more samples, over the data in grey",
      "grey lines: pairs", "coloured: paths of the learned field", DRAG_KEY)));
    name.watch(restart);
    kind.watch(restart);
    for (const one of [doublings, point]) one.watch(shell.redraw);
    restart();

    return () => {
      if (running) learn();
      const n = STEPS[doublings.get()];
      const [paths, fine] = [n, 64].map((m) => follow(learning.soft, lines[0], m));
      const ends = follow(learning.soft, cloud, n).at(-1);
      const [bend, miss] = [tidy(bendOf(fine)), tidy(apart(paths.at(-1), fine.at(-1)))];
      const way = follow(learning.soft, Float64Array.from(point.get()), n);
      const [from, to] = [vector(way[0]), vector(way.at(-1))];
      frame = drawFlows(pen(plane.canvas), { data, cloud, lines, paths, ends, own: way });
      plane.place(...frame.handle, way[0][0], `noise at ${from} ends at ${to}`);
      sets.show(name.get());
      sheet.hidden = name.get() !== DRAWN;
      if (!sheet.hidden) sheet.show();
      pairs.show(kind.get());
      again.disabled = step === 0;
      steps.show(doublings.get(), String(n));
      plane.describe(`Paths from noise to ${name.get()} in ${n} Euler steps, after ${step} ` +
        `updates; they bend by ${bend} and miss the ends of 64 steps by ${miss}`);
      values.show({
        "updates": String(step), "loss": Number.isFinite(loss) ? tidy(loss) : "–",
        "times rectified": String(times), "bend, 0 is straight": bend,
        "ends off those of 64 steps": miss,
        "energy distance": tidy(energyDistance(ends, data, spread), 3), "noise z(0)": from, "its end z(1)": to,
      });
      shell.say(`${step} updates, ${n} steps: bend ${bend}, off by ${miss}`);
    };
  });
}

export default { render: renderGeneration };
