// ModesWidget: how many functions of a basis the weights theta(s) need.
import { readModel } from "./shared/fields.js";
import { unpack } from "./shared/nets.js";
import { axes, inside, line, marker, pen, tidy } from "./shared/plot.js";
import {
  depthsOf, drawFlow, followPoint, frameOf, makeScene, moves, readData, vector,
} from "./shared/scene.js";
import {
  button, CLASS_KEY, DRAG_KEY, key, mount, node, player, pair, pointCanvas, readout,
  slider, trait,
} from "./shared/ui.js";

const CURVES = 8;
const SETTINGS = { rtol: 1e-4, atol: 1e-4, maxSteps: 1000 };

/** The j-th function of a basis, as text. */
function modeName({ name, domain }, j) {
  const u = domain[0] === 0 && domain[1] === 1 ? "s" : "u";
  const turn = `${2 * Math.ceil(j / 2)}π${u}`;
  if (name === "Fourier") return j === 0 ? "1" : `${j % 2 ? "cos" : "sin"} ${turn}`;
  if (name === "Polynomial") return j === 0 ? "1" : j === 1 ? u : `${u}^${j}`;
  return `${name === "Chebyshev" ? "T" : "ψ"}${j + (name === "Chebyshev" ? 0 : 1)}`;
}

/** Indices of the weights that move most, and what they take at depths s. */
function strongest(model, s) {
  const rows = s.map((at) => Float64Array.from(model.theta(at)));
  const spread = Array.from(rows[0], (_, p) => {
    const mean = rows.reduce((sum, row) => sum + row[p], 0) / s.length;
    return rows.reduce((sum, row) => sum + (row[p] - mean) ** 2, 0);
  });
  return [...spread.keys()].sort((a, b) => spread[b] - spread[a]).slice(0, CURVES);
}

function drawWeights(sheet, full, kept, chosen, s, k) {
  const { ctx, colours: c } = sheet;
  const curves = (model) => chosen.map((p) => s.map((at) => model.theta(at)[p]));
  const [all, now] = [curves(full), curves(kept)];
  const [low, high] = [Math.min(...all.flat()), Math.max(...all.flat())];
  const rim = 0.2 * (high - low) || 1;
  const frame = axes(sheet, [0, s.at(-1), low - rim, high + rim], { names: ["depth s", "weights θ(s)"] });
  const path = (curve) => curve.map((v, i) => [frame.x(s[i]), frame.y(v)]);
  inside(ctx, frame, () => {
    line(ctx, [[frame.x(s[k]), frame.top], [frame.x(s[k]), frame.bottom]], c.muted, 1, [4, 4]);
    if (kept !== full) {
      ctx.globalAlpha = 0.45;
      all.forEach((curve, i) => line(ctx, path(curve), c.lines[i], 1, [2, 4]));
      ctx.globalAlpha = 1;
    }
    now.forEach((curve, i) => line(ctx, path(curve), c.lines[i], 2));
    now.forEach((curve, i) => marker(ctx, "circle", ...path(curve)[k], 3.4, c.lines[i], c.paper));
  });
}

/** Models by their number of functions: truncated ones, or each its own. */
function variantsOf(entries) {
  const [size, state] = entries.at(-1);
  if (entries.length > 1) return entries;
  return Array.from({ length: size }, (_, j) => [j + 1, state]);
}

function renderModes({ model: python, el }) {
  return mount(python, el, (shell) => {
    const data = readData(python.get("data"));
    const entries = python.get("models");
    const variants = variantsOf(entries);
    const [modes, point, s] = ["modes", "point", "s"].map((name) => trait(python, name, shell));
    const first = { modes: modes.get(), point: point.get(), s: s.get() };
    const [most, fullState] = variants.at(-1);
    const full = readModel(fullState);
    const depths = depthsOf(full);
    const chosen = strongest(full, depths);
    const { basis, coefficients } = fullState.field.weights;
    const weights = unpack(coefficients).length / basis.size;
    const fullScene = makeScene(full, data, SETTINGS);
    const scenes = new Map([[most, fullScene]]);
    const index = () => Math.max(0, variants.findIndex(([m]) => m === modes.get()));
    const scene = () => {
      const [m, state] = variants[index()];
      if (!scenes.has(m)) {
        const model = readModel(state, { modes: m });
        const box = entries.length > 1 ? undefined : fullScene.box;
        try {
          scenes.set(m, makeScene(model, data, SETTINGS, box));
        } catch (error) {
          scenes.set(m, { ...fullScene, model, failed: error.message });
        }
      }
      return scenes.get(m);
    };

    let frame = null;
    const plane = pointCanvas("Flow of the data", "ode-square", moves(point, scene, () => frame));
    const curves = node("canvas", { role: "img", "aria-label": "Weights over depth" });
    const number = slider("Functions m", { min: 0, max: variants.length - 1, step: 1 },
      (i) => modes.set(variants[i][0]));
    const depth = slider("Depth s", { min: 0, max: full.depth, step: full.depth / 100 },
      (value) => (play.stop(), s.set(value)));
    const play = player(shell, () => s.get() / full.depth, (t) => s.set(t * full.depth));
    const reset = button("Reset", () => {
      play.stop();
      modes.set(first.modes);
      point.set(first.point);
      s.set(first.s);
    });
    const values = readout();
    const panel = node("div", { className: "ode-panel" },
      number, depth, node("div", { className: "ode-buttons" }, play, reset));
    shell.root.append(...pair(plane, curves, panel, values,
      key(`solid: the ${CURVES} weights that move most, by m functions`, "dotted: by all", ...CLASS_KEY, DRAG_KEY)));
    for (const t of [modes, point, s]) t.watch(shell.redraw);

    return () => {
      const now = scene();
      const [m] = variants[index()];
      const k = frameOf(full, s.get());
      const all = Array.from({ length: m }, (_, j) => modeName(basis, j));
      const names = (m > 3 ? [all[0], all[1], "…", all.at(-1)] : all).join(", ");
      number.show(index(), String(m));
      depth.show(depths[k], tidy(depths[k]));
      drawWeights(pen(curves), full, now.model, chosen, depths, k);
      curves.setAttribute("aria-label", `The ${chosen.length} weights that move most, ` +
        `over depth, as sums of ${m} functions`);
      const shown = now.failed ? fullScene : now;
      const way = followPoint(shown.model, point.get(), SETTINGS);
      frame = drawFlow(pen(plane.canvas), shown, data, way, k);
      const [from, to] = [vector(point.get(), 1), vector(way.z.at(-1), 1)];
      plane.place(...frame.handle, point.get()[0], `at ${from}, ends at ${to}`);
      plane.describe(`Data flowing under weights of ${m} functions, at depth ${tidy(depths[k])}`);
      const right = now.right === null ? "" : `${tidy(100 * now.right, 0)} % right`;
      values.show({
        "functions": names,
        "parameters": `${m} × ${weights} = ${m * weights}`,
        ...(now.failed ? { "the solver stopped": now.failed } : {
          ...(right ? { "data classified": right } : {}),
          "NFE, all data": String(now.nfe),
          "the point": `${from} → ${to}`,
        }),
      });
      shell.say(now.failed ? `With ${m} functions the solver stopped: ${now.failed}`
        : `With ${m} functions: data ${right}, ${now.nfe} evaluations`);
    };
  });
}

export default { render: renderModes };
