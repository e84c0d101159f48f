// BallWidget: a ball of inputs on the map of exponents, and its image at the end.
import { aside, serve } from "./shared/aside.js";
import { rate, stretchOf } from "./shared/chaos.js";
import { readModel } from "./shared/fields.js";
import { carriedBack } from "./shared/inputs.js";
import { latest, once } from "./shared/memo.js";
import { axes, inside, line, marker, pen, shapeOf, tidy } from "./shared/plot.js";
import { prediction } from "./shared/predict.js";
import { boxAround, curveOf, drawSides, moves, readData, stateAxes, vector } from "./shared/scene.js";
import {
  button, choice, CLASS_KEY, DRAG_KEY, key, mount, node, pair, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const SETTINGS = { rtol: 1e-6, atol: 1e-6, patience: 10000 };
// Of a map's many points, whose colours need no more.
const COARSE = { ...SETTINGS, rtol: 1e-4, atol: 1e-4 };
const CELLS = 24;
const RING = 180;
const NUDGE = 1e-4;
const QUESTION = "All inputs in the ball flow to the end. Does their image cross the readout's " +
  "line, so that an attack within the ball succeeds?";
const CHOICES = [["crosses", "It crosses"], ["stays", "It stays on its side"]];

/** Ends of inputs, [z1, z2] of each. */
function endsOf(model, inputs, settings = SETTINGS) {
  const z = model.solve(Float64Array.from(inputs.flat()), [0, model.depth], settings).z[1];
  return inputs.map((_, i) => [z[2 * i], z[2 * i + 1]]);
}

/** The first finite-time exponent of the flow at each of the inputs. */
export function exponentsAt(model, inputs, settings) {
  const offsets = [[NUDGE, 0], [-NUDGE, 0], [0, NUDGE], [0, -NUDGE]];
  const around = inputs.flatMap(([u, v]) => offsets.map(([du, dv]) => [u + du, v + dv]));
  const ends = endsOf(model, around, settings);
  const slope = (k) => ends[k].map((v, i) => (v - ends[k + 1][i]) / (2 * NUDGE));
  return inputs.map((_, n) =>
    Math.log(stretchOf(slope(4 * n), slope(4 * n + 2)).largest) / model.depth);
}

/** The ring of a ball of inputs, its image and which of it has another class. */
export function imageOf(model, [u, v], radius) {
  const ring = Array.from({ length: RING }, (_, i) => {
    const angle = (2 * Math.PI * i) / RING;
    return [u + radius * Math.cos(angle), v + radius * Math.sin(angle)];
  });
  const [middle, ...image] = endsOf(model, [[u, v], ...ring]);
  const outputs = model.output(Float64Array.from([middle, ...image].flat()));
  const side = Math.sign(outputs[0]) || 1;
  const crossed = Array.from(outputs.slice(1), (y) => (Math.sign(y) || 1) !== side);
  return { ring, middle, image, side, crossed, crosses: crossed.includes(true) };
}

/** How far a point lies from a curve of pairs, jumps longer than `apart` left out. */
export function distanceTo([u, v], curve, apart) {
  let least = Infinity;
  for (let i = 1; i < curve.length; i++) {
    const [[a, b], [c, d]] = [curve[i - 1], curve[i]];
    const [p, q] = [c - a, d - b];
    const square = p * p + q * q;
    if (!(square < apart * apart)) continue;
    const t = square ? Math.min(1, Math.max(0, ((u - a) * p + (v - b) * q) / square)) : 0;
    least = Math.min(least, Math.hypot(u - a - t * p, v - b - t * q));
  }
  return least;
}

/** What pictures need of a model that does not change as the ball moves; a worker may send it. */
function surveyOf({ state, data }) {
  const model = readModel(state);
  if (!model.boundary) throw new Error("a model must take the plane to itself and have a linear readout");
  const box = boxAround({ size: 2 }, [data.x], { rim: 0.12 });
  const width = (box[1] - box[0]) / CELLS;
  const cells = Array.from({ length: CELLS * CELLS }, (_, i) =>
    [box[0] + (i % CELLS + 0.5) * width, box[2] + (Math.floor(i / CELLS) + 0.5) * width]);
  const exponents = exponentsAt(model, cells, COARSE);
  const inputs = data.y.length;
  const ends = endsOf(model, Array.from({ length: inputs }, (_, i) => [data.x[2 * i], data.x[2 * i + 1]]));
  const all = Float64Array.from([...ends, ...endsOf(model, cells, COARSE)].flat());
  return {
    box, exponents, ends, top: Math.max(...exponents.map(Math.abs)),
    carried: carriedBack(model, box)?.[0] ?? null, reach: boxAround(model, [all], { rim: 0.04 }),
  };
}

/**
 * Maps by the labels of models: ask(label), a promise that it is there, and
 * get(label), undefined until then.
 */
function mapsOf(python, states, data) {
  const known = new Map();
  return {
    ask: once((label) => aside(python.get("_esm") ?? "", surveyOf, { state: states.get(label), data })
      .then((survey) => {
        const model = readModel(states.get(label));
        return { ...survey, model, states: { model, box: survey.reach } };
      })
      .catch((error) => ({ error }))
      .then((map) => void known.set(label, map))),
    get: (label) => {
      const found = known.get(label);
      if (found?.error) throw found.error;
      return found;
    },
  };
}

function judge({ image, middle, crosses }, radius, exponent, shortest) {
  const reach = Math.max(...image.map(([u, v]) => Math.hypot(u - middle[0], v - middle[1])));
  const least = shortest === null ? "" : ` The smallest ball that crosses has a radius of ${tidy(shortest, 3)}.`;
  return {
    right: crosses ? "crosses" : "stays",
    words: `The exponent here is ${rate(exponent)}; the flow stretches the ball's radius from ${tidy(radius)} to as ` +
      `much as ${tidy(reach)}, and the image ${crosses ? "crosses the line" : "stays on its side"}.${least}`,
  };
}

/** A ring of pixels, filled, with the parts of another class in its colour. */
function drawRing({ ctx, colours: c }, pixels, { crossed, side }) {
  ctx.beginPath();
  for (const [x, y] of pixels) ctx.lineTo(x, y);
  ctx.closePath();
  ctx.globalAlpha = 0.25;
  ctx.fillStyle = c.ink;
  ctx.fill();
  ctx.globalAlpha = 1;
  line(ctx, [...pixels, pixels[0]], c.paper, 4.5);
  pixels.forEach((from, i) => {
    const next = (i + 1) % pixels.length;
    const other = crossed[i] || crossed[next];
    line(ctx, [from, pixels[next]], other ? c.classes[-side] : c.ink, other ? 3.4 : 2);
  });
}

/** Exponents, data and ball; where the class changes, for those who answered. */
function drawMap(sheet, map, data, found, point, free) {
  const { ctx, colours: c } = sheet;
  const frame = axes(sheet, map.box, { names: ["x₁", "x₂"] });
  inside(ctx, frame, () => {
    // Whole pixels, lest seams show between the cells.
    const across = (i) => Math.round(frame.left + (i * (frame.right - frame.left)) / CELLS);
    const up = (i) => Math.round(frame.bottom - (i * (frame.bottom - frame.top)) / CELLS);
    map.exponents.forEach((value, n) => {
      const [column, row] = [n % CELLS, Math.floor(n / CELLS)];
      ctx.globalAlpha = 0.75 * Math.min(1, Math.abs(value) / map.top);
      ctx.fillStyle = value > 0 ? c.lines[1] : c.lines[7];
      ctx.fillRect(across(column), up(row + 1), across(column + 1) - across(column), up(row) - up(row + 1));
    });
    ctx.globalAlpha = 1;
    if (free && map.carried) curveOf(ctx, frame, map.carried, map.box, c.ink);
    data.y.forEach((y, i) => {
      const label = Math.sign(y) || 1;
      marker(ctx, shapeOf(label), frame.x(data.x[2 * i]), frame.y(data.x[2 * i + 1]), 2.8, c.classes[label], c.paper, 0.8);
    });
    const ring = found.ring.map(([u, v]) => [frame.x(u), frame.y(v)]);
    drawRing(sheet, ring, free ? found : { ...found, crossed: [] });
    marker(ctx, "circle", frame.x(point[0]), frame.y(point[1]), 6, c.paper, c.ink, 2.4);
  });
  return { ...frame, handle: [frame.x(point[0]), frame.y(point[1])] };
}

/** The plane of states at the end; the image is kept for those who answered. */
function drawImage(sheet, map, data, found, free) {
  const { ctx, colours: c } = sheet;
  const frame = stateAxes(sheet, map.states);
  inside(ctx, frame, () => {
    drawSides(sheet, frame, map.states);
    data.y.forEach((y, i) => {
      const label = Math.sign(y) || 1;
      marker(ctx, shapeOf(label), ...frame.spot(0, map.ends[i]), 2.8, c.classes[label], c.paper, 0.8);
    });
    if (free) drawRing(sheet, found.image.map((z) => frame.spot(0, z)), found);
    marker(ctx, "circle", ...frame.spot(0, found.middle), 5, c.paper, c.ink, 2.4);
  });
}

async function renderBall({ model: python, el }) {
  const data = readData(python.get("data"));
  const states = new Map(python.get("models"));
  const maps = mapsOf(python, states, data);
  await maps.ask(python.get("selected")); // until then a page shows a picture
  return mount(python, el, (shell) => {
    const names = ["selected", "radius", "point", "answer"];
    const [selected, radius, point, answer] = names.map((name) => trait(python, name, shell));
    const moved = [selected, radius, point];
    const first = moved.map((t) => t.get());
    let shown = selected.get(); // whose map is there
    const map = () => maps.get(shown);
    const solution = latest(() => [shown, radius.get(), point.get()], (label, r, at) => {
      const { model, carried, box } = maps.get(label);
      const shortest = () => carried && distanceTo(at, carried, (box[1] - box[0]) / 4);
      const [exponent] = exponentsAt(model, [at]);
      return { exponent, shortest, ...imageOf(model, at, r) };
    });

    let frame = null;
    // As a scene, the map has the plane of inputs for a box.
    const plane = pointCanvas("Inputs and a ball of them", "ode-square",
      moves(point, map, () => frame));
    const chart = node("canvas", { role: "img", "aria-label": "The image of the ball" });
    const size = slider("Radius r", { min: 0.01, max: 1, step: 0.01 }, radius.set);
    const variant = choice("Model", [...states.keys()].map((k) => [k, k]), selected.get(), selected.set);
    const reset = button("Reset", () => moved.forEach((t, i) => t.set(first[i])));
    const panel = node("div", { className: "ode-panel" }, size,
      ...(states.size > 1 ? [variant] : []), node("div", { className: "ode-buttons" }, reset));
    const values = readout();
    const guess = prediction(shell, answer, {
      question: QUESTION, choices: CHOICES,
      judge: () => judge(solution(), radius.get(), solution().exponent, solution().shortest()),
    });
    shell.root.append(...pair(plane, chart, panel, values,
      key(...CLASS_KEY.slice(0, 2), "orange: differences grow, violet: they shrink",
        "line: where the class changes, dashed at the end", "grey: the ball and its image", DRAG_KEY)));
    panel.after(guess);
    for (const t of [...moved, answer]) t.watch(shell.redraw);

    return () => {
      const wanted = selected.get();
      if (!maps.get(wanted)) return void maps.ask(wanted).then(shell.redraw);
      shown = wanted;
      guess.show();
      const free = !guess.locked();
      const [now, found, at] = [map(), solution(), point.get()];
      frame = drawMap(pen(plane.canvas), now, data, found, at, free);
      drawImage(pen(chart), now, data, found, free);
      const crosses = found.crosses ? "crosses the line" : "stays on its side";
      const [r, from] = [tidy(radius.get()), vector(at)];
      const shortest = free ? found.shortest() : null;
      variant.show(selected.get());
      size.show(radius.get(), r);
      plane.place(...frame.handle, at[0], `at ${from}${free ? `, the ball's image ${crosses}` : ""}`);
      plane.describe(`The plane of inputs, coloured by the first exponent, with the data and a ball of radius ${r} ` +
        `around ${from}, where the exponent is ${rate(found.exponent)}`);
      chart.setAttribute("aria-label", "The plane of states at the end, with the data, the readout's line and " +
        (free ? `the image of the ball, which ${crosses}` : "the centre of the ball; its image is shown after an answer"));
      values.show({
        "radius r": r,
        "exponent at its centre": rate(found.exponent),
        "line crossed?": free ? (found.crosses ? "yes" : "no") : "?",
        "smallest ball that crosses": free ? (shortest === null ? "–" : tidy(shortest, 3)) : "?",
        "output at its centre": tidy(now.model.output(Float64Array.from(found.middle))[0]),
      });
      shell.say(`Ball of radius ${r} around ${from}${free ? `: its image ${crosses}` : ""}`);
    };
  });
}

export default { render: renderBall };

serve(surveyOf);
