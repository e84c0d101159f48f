// Train a model in the page, and watch its boundary bend.
import { axes, inside, line, marker, pen, tidy }
  from "./shared/plot.js";
import {
  DATA, VARIANTS, adam, drawData, forward, gradient, initial, makeModel,
} from "./shared/training.js";
import { button, choice, key, mount, node, readout, slider, trait }
  from "./shared/ui.js";

const BOX = [-2, 2, -2, 2];
const CELLS = 40;
const BUDGET = 10; // milliseconds of training in a frame
const RATES = [0.001, 0.003, 0.01, 0.03, 0.1];
const DECAYS = [0, 1e-4, 1e-3, 1e-2];
const METHODS = { rk4: "Runge-Kutta 4", euler: "Euler" };
const WHOLE = { width: [2, 32], steps: [1, 16], extra: [1, 4], seed: [0, 99], points: [20, 300] };

/** Settings that make sense, whatever an address says. */
function sane(given, defaults) {
  const found = { ...defaults };
  const among = (name, known) => {
    if (known.map(String).includes(String(given[name])))
      found[name] = known.find((v) => String(v) === String(given[name]));
  };
  among("variant", Object.keys(VARIANTS));
  among("data", Object.keys(DATA));
  among("method", Object.keys(METHODS));
  among("lr", RATES);
  among("decay", DECAYS);
  for (const [name, [low, high]] of Object.entries(WHOLE)) {
    const value = Number(given[name]);
    if (Number.isInteger(value)) found[name] = Math.min(high, Math.max(low, value));
  }
  return found;
}

/** Only a page of the book keeps its settings in the address. */
const inBook = () => document.documentElement.hasAttribute("data-content_root");

function renderPlayground({ model: python, el }) {
  return mount(python, el, (shell) => {
    const kept = trait(python, "settings", shell);
    const defaults = kept.get();
    const asked = inBook() && location.hash.includes("variant=")
      ? Object.fromEntries(new URLSearchParams(location.hash.slice(1))) : {};
    let settings = sane(asked, defaults);
    let [net, w, descend, data, history, epoch] = [];
    let [running, frame, cost, last] = [false, 0, 0, null];
    let region = null;

    const restart = (fresh = true) => {
      net = makeModel(settings);
      w = initial(net, settings.seed);
      descend = adam(net.size, settings);
      if (fresh) data = drawData(settings.data, settings.points, settings.seed);
      [history, epoch, region] = [[], 0, null];
      last = gradient(net, w, data.x, data.y, data.n);
      shell.redraw();
    };
    const change = (name, value) => {
      settings = sane({ ...settings, [name]: value }, settings);
      kept.set(settings);
      if (inBook()) remember(settings);
      restart(["data", "points", "seed"].includes(name));
    };
    const remember = (all) =>
      window.history.replaceState(null, "", `#${new URLSearchParams(all)}`);

    const step = () => {
      const start = performance.now();
      last = gradient(net, w, data.x, data.y, data.n);
      if (!Number.isFinite(last.loss)) return stop();
      descend(w, last.grad);
      history.push(last.loss);
      epoch++;
      cost = 0.9 * cost + 0.1 * (performance.now() - start);
      return undefined;
    };
    const tick = shell.guarded(() => {
      const start = performance.now();
      do step(); while (running && performance.now() - start < BUDGET);
      // The picture of the plane takes longer than a step: now and then.
      if (epoch % 4 === 0) region = null;
      shell.redraw();
      if (running) frame = requestAnimationFrame(tick);
    });
    const train = button("▶ Train", () => (running ? stop() : go()));
    const go = () => {
      running = true;
      train.textContent = "❚❚ Pause";
      frame = requestAnimationFrame(tick);
    };
    const stop = () => {
      running = false;
      cancelAnimationFrame(frame);
      train.textContent = "▶ Train";
      region = null;
      shell.redraw();
    };
    shell.leave(stop);

    const canvas = node("canvas", { role: "img", "aria-label": "Class of each input" });
    const plane = node("div", { className: "ode-canvas ode-square" }, canvas);
    let map = null;
    let brush = "0";
    canvas.addEventListener("click", (event) => {
      if (brush === "0" || !map) return;
      const { left, top } = canvas.getBoundingClientRect();
      const at = [map.across(event.clientX - left), map.up(event.clientY - top)];
      if (at.some((v) => Math.abs(v) > 2) || data.n >= 400) return;
      data = {
        n: data.n + 1,
        x: Float64Array.of(...data.x, ...at),
        y: Float64Array.of(...data.y, Number(brush)),
      };
      region = null;
      last = gradient(net, w, data.x, data.y, data.n);
      shell.redraw();
    });

    const list = (text, name, entries) =>
      choice(text, entries, String(settings[name]), (value) => change(name, value));
    const number = (text, name) =>
      slider(text, { min: WHOLE[name][0], max: WHOLE[name][1], step: 1 },
        (value) => change(name, value));
    const controls = {
      variant: list("Model", "variant", Object.keys(VARIANTS).map((v) => [v, v])),
      data: list("Data", "data", Object.keys(DATA).map((v) => [v, v])),
      method: list("Solver", "method", Object.entries(METHODS)),
      lr: list("Learning rate", "lr", RATES.map((v) => [v, String(v)])),
      decay: list("Weight decay", "decay", DECAYS.map((v) => [v, String(v)])),
      steps: number("Steps", "steps"), width: number("Width", "width"),
      extra: number("Added states", "extra"), points: number("Points", "points"),
      seed: number("Seed", "seed"),
    };
    const paint = choice("A tap adds", [["0", "nothing"], ["-1", "a blue point"], ["1", "an orange point"]],
      brush, (value) => (brush = value));
    const values = readout();
    const more = node("details", {}, node("summary", {}, "more settings"),
      node("div", { className: "ode-panel" }, controls.width, controls.decay,
        controls.points, controls.seed, paint));
    const panel = node("div", { className: "ode-panel" },
      node("div", { className: "ode-buttons" }, train,
        button("Step", () => (stop(), tick())), button("Restart", () => (stop(), restart()))),
      controls.data, controls.variant, controls.extra, controls.method, controls.steps, controls.lr,
      values, more);
    const [flows, losses] = ["Where the points flow", "Loss over steps"].map((name) =>
      node("canvas", { role: "img", "aria-label": name }));
    const strip = node("div", { className: "ode-strip" },
      ...[flows, losses].map((one) =>
        node("div", { className: "ode-canvas ode-square ode-small" }, one)));
    const legend = key(["● class −1", "ode-minus"], ["▲ class +1", "ode-plus"],
      "left below: the way of each point through depth", "right below: training loss");
    shell.root.append(node("div", { className: "ode-body" }, plane, panel), strip, legend);
    restart();

    return () => {
      region ??= classify(net, w);
      map = drawPlane(pen(canvas), region, data);
      drawWays(pen(flows), net.states, last.path, data);
      drawLoss(pen(losses), history);
      for (const name of ["variant", "data", "method", "lr", "decay"])
        controls[name].show(String(settings[name]));
      for (const name of Object.keys(WHOLE))
        controls[name].show(settings[name], String(settings[name]));
      controls.extra.hidden = settings.variant !== "augmented";
      controls.method.hidden = ["ResNet", "network"].includes(settings.variant);
      controls.steps.hidden = settings.variant === "network";
      const evaluations = settings.variant === "network" ? 0
        : settings.steps * (net.method === "rk4" ? 4 : 1);
      values.show({
        "what it is": VARIANTS[settings.variant],
        steps: String(epoch),
        loss: Number.isFinite(last.loss) ? tidy(last.loss, 4) : "not finite: a smaller rate helps",
        "points on their side": `${tidy(100 * last.right, 0)} %`,
        parameters: String(net.size),
        evaluations: String(evaluations),
        "a step takes": epoch ? `${tidy(cost, 1)} ms${cost > 16 ? ", too long to be fluid" : ""}` : "–",
      });
      shell.say(`Step ${epoch}, loss ${tidy(last.loss, 3)}, ${tidy(100 * last.right, 0)} % right`);
    };
  });
}

/** Outputs at the middles of the cells of a grid. */
function classify(net, w) {
  const x = new Float64Array(2 * CELLS * CELLS);
  for (let i = 0; i < CELLS * CELLS; i++)
    x.set([BOX[0] + (4 * ((i % CELLS) + 0.5)) / CELLS,
      BOX[2] + (4 * (Math.floor(i / CELLS) + 0.5)) / CELLS], 2 * i);
  return forward(net, w, x, CELLS * CELLS).output;
}

function points({ ctx, colours }, map, data, at, r) {
  for (let i = 0; i < data.n; i++) {
    const [x, y] = at(i);
    marker(ctx, data.y[i] > 0 ? "triangle" : "circle", map.x(x), map.y(y), r,
      colours.classes[data.y[i]], colours.paper, 0.8);
  }
}

function drawPlane(sheet, region, data) {
  const { ctx, colours } = sheet;
  const map = axes(sheet, BOX, { names: ["x₁", "x₂"] });
  inside(ctx, map, () => {
    // Edges on whole pixels: cells neither overlap nor leave a line between.
    const edge = (k) => BOX[0] + (4 * k) / CELLS;
    const across = Array.from({ length: CELLS + 1 }, (_, k) => Math.round(map.x(edge(k))));
    const up = Array.from({ length: CELLS + 1 }, (_, k) => Math.round(map.y(edge(k))));
    region.forEach((value, i) => {
      const [k, l] = [i % CELLS, Math.floor(i / CELLS)];
      ctx.globalAlpha = 0.08 + 0.3 * Math.min(1, Math.abs(value));
      ctx.fillStyle = colours.classes[value > 0 ? 1 : -1];
      ctx.fillRect(across[k], up[l + 1], across[k + 1] - across[k], up[l] - up[l + 1]);
    });
    ctx.globalAlpha = 1;
    points(sheet, map, data, (i) => [data.x[2 * i], data.x[2 * i + 1]], 3.5);
  });
  return map;
}

function drawWays(sheet, n, path, data) {
  const { ctx, colours } = sheet;
  let reach = 2;
  for (const z of path) for (let i = 0; i < z.length; i += n)
    reach = Math.max(reach, Math.min(20, Math.abs(z[i])), Math.min(20, Math.abs(z[i + 1])));
  const map = axes(sheet, [-reach, reach, -reach, reach], { names: ["z₁", "z₂"] });
  inside(ctx, map, () => {
    ctx.globalAlpha = 0.35;
    for (let i = 0; i < data.n; i++)
      line(ctx, path.map((z) => [map.x(z[i * n]), map.y(z[i * n + 1])]),
        colours.classes[data.y[i]], 0.8);
    ctx.globalAlpha = 1;
    const end = path.at(-1);
    points(sheet, map, data, (i) => [end[i * n], end[i * n + 1]], 2.2);
  });
}

function drawLoss(sheet, losses) {
  const { ctx, colours } = sheet;
  const log = losses.map((v) => Math.log10(Math.max(v, 1e-9)));
  const low = Math.min(-2, Math.floor(Math.min(0, ...log.slice(-4000))));
  const map = axes(sheet, [0, Math.max(50, losses.length), low, 0.5],
    { names: ["step", "loss"], log: [false, true] });
  const every = Math.max(1, Math.floor(log.length / 400));
  inside(ctx, map, () =>
    line(ctx, log.filter((_, i) => i % every === 0)
      .map((v, i) => [map.x(i * every), map.y(v)]), colours.ink, 1.3));
}

export default { render: renderPlayground };
