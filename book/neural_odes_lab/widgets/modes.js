// ModesWidget: how many functions of a basis the weights theta(s) need.
import { readModel } from "./shared/fields.js";
import { unpack } from "./shared/nets.js";
import { pen, tidy } from "./shared/plot.js";
import {
  depthsOf, drawFlow, followPoint, frameOf, makeScene, moves, readData, vector,
} from "./shared/scene.js";
import {
  button, CLASS_KEY, DRAG_KEY, key, mount, node, player, pair, pointCanvas, readout,
  slider, trait,
} from "./shared/ui.js";
import { drawWeights, strongest } from "./shared/weights.js";

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
    const chosen = strongest(full, depths, CURVES);
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
      key(`solid: the ${CURVES} weights that vary most, with m functions`, "dotted: with all", ...CLASS_KEY, DRAG_KEY)));
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
