// SeedsWidget: the verdict of one claim as more seeds are looked at.
import { within } from "./shared/checks.js";
import { axes, inside, line, marker, pen, tidy } from "./shared/plot.js";
import { interval, verdicts } from "./shared/verdicts.js";
import {
  button, key, mount, node, pair, player, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

const COLOURS = { held: 2, "not held": 1, undecided: 6 };
const LEAST = 1e-4;

/** What each number of seeds shows of a claim: {word, mean, low, high, p, pMatters}. */
export function history(study, id) {
  const at = study.claims.findIndex((claim) => claim.id === id);
  if (at < 0) throw new Error(`the study has no claim ${id}`);
  return study.seeds.map((_, i) => {
    const { word, evidence: [one] } = verdicts(study, i + 1)[at];
    if (!one?.values.length) return null;
    const [mean, low, high] = interval(one.values);
    return { word, mean, low, high, p: one.p, pMatters: one.pMatters };
  });
}

/** A dot for each seed, the mean so far, and its interval. */
function drawGains(sheet, { seeds, values, matters }, told, n, what) {
  const { ctx, colours: c } = sheet;
  const all = [0, matters ?? 0, ...values];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const rim = 0.15 * (most - least) || 1;
  const frame = axes(sheet, [0.3, told.length + 0.7, least - rim, most + rim],
    { names: ["seeds looked at", what] });
  const spot = (i, value) => [frame.x(i + 1), frame.y(value)];
  const now = told[n - 1];
  inside(ctx, frame, () => {
    line(ctx, [spot(-1, 0), spot(told.length, 0)], c.muted, 1.4);
    if (matters !== null)
      line(ctx, [spot(-1, matters), spot(told.length, matters)], c.muted, 1.2, [5, 4]);
    told.slice(0, n).forEach((one, i) => {
      if (one && Number.isFinite(one.low))
        line(ctx, [spot(i, one.low), spot(i, one.high)], c.lines[COLOURS[one.word]], 3);
    });
    line(ctx, told.slice(0, n).flatMap((one, i) => (one ? [spot(i, one.mean)] : [])), c.ink, 1.6);
    values.forEach((value, i) => {
      const place = seeds[i];
      if (place >= n) return;
      const side = value > 0 ? 1 : -1;
      marker(ctx, side > 0 ? "triangle" : "circle", ...spot(place, value), 4, c.classes[-side], c.paper, 0.8);
    });
    if (now) marker(ctx, "diamond", ...spot(n - 1, now.mean), 6.5, c.lines[COLOURS[now.word]], c.ink, 2);
  });
  return { ...frame, handle: spot(n - 1, now ? now.mean : 0) };
}

/** Both p over the number of seeds: what falls below the level decides. */
function drawChances(sheet, told, n, level) {
  const { ctx, colours: c } = sheet;
  const power = (p) => Math.log10(Math.max(p, LEAST));
  const frame = axes(sheet, [0.3, told.length + 0.7, power(LEAST), 0.15],
    { names: ["seeds looked at", "p, corrected"], log: [false, true] });
  const spot = (i, p) => [frame.x(i + 1), frame.y(power(p))];
  inside(ctx, frame, () => {
    line(ctx, [spot(-1, level), spot(told.length, level)], c.ink, 1.2, [5, 4]);
    for (const [name, style, shape] of [["p", c.lines[0], "circle"], ["pMatters", c.lines[1], "square"]]) {
      const shown = told.slice(0, n).flatMap((one, i) => (one ? [spot(i, one[name])] : []));
      line(ctx, shown, style, 1.8);
      for (const at of shown) marker(ctx, shape, ...at, 3.4, style, c.paper, 0.8);
    }
  });
}

function renderSeeds({ model: python, el }) {
  return mount(python, el, (shell) => {
    const [study, id, what] = ["study", "claim", "what"].map((name) => python.get(name));
    const seeds = trait(python, "seeds", shell);
    const last = study.seeds.length;
    const start = seeds.get();
    within({ seeds: start }, 1, last);
    const told = history(study, id);
    const { sentence, evidence: [one] } = study.claims.find((claim) => claim.id === id);
    const own = { ...one, seeds: one.seeds.map((seed) => study.seeds.indexOf(seed)) };
    const set = (value) => seeds.set(Math.min(last, Math.max(1, Math.round(value))));
    let frame = null;
    const plane = pointCanvas("The difference of each seed", "ode-square", {
      label: "Seeds looked at",
      move: (x) => frame && set(frame.across(x)),
      nudge: (dx, dy) => set(seeds.get() + Math.sign(dx + dy)),
      range: () => [1, last],
      jump: set,
    });
    const chart = node("canvas", { role: "img", "aria-label": "p over seeds" });
    const count = slider("Seeds", { min: 1, max: last, step: 1 }, set);
    const play = player(shell, () => (seeds.get() - 1) / (last - 1), (part) => set(1 + part * (last - 1)));
    const reset = button("Reset", () => set(start));
    const panel = node("div", { className: "ode-panel" }, count,
      node("div", { className: "ode-buttons" }, play, reset));
    const values = readout();
    shell.root.append(
      node("p", { className: "ode-question" }, sentence),
      ...pair(plane, chart, panel, values, key(
        ["▲ a seed for the claim", "ode-minus"], ["● a seed against it", "ode-plus"],
        "line: the mean so far, bars: its 95 % interval",
        ...(one.matters === null ? [] : ["dashed, first picture: what would matter"]),
        ["● p of no difference", "ode-minus"], ["■ p of one that matters", "ode-plus"],
        `dashed, second picture: ${study.level}`)));
    seeds.watch(shell.redraw);

    return () => {
      const n = seeds.get();
      const now = told[n - 1];
      frame = drawGains(pen(plane.canvas), own, told, n, what);
      drawChances(pen(chart), told, n, study.level);
      const digits = 3;
      const mean = now ? tidy(now.mean, digits) : "–";
      const verdict = now?.word ?? "undecided"; // a mark is of another height
      const p = (value) => (value < 0.001 ? "< 0.001" : tidy(value, digits));
      count.show(n, String(n));
      plane.place(...frame.handle, n, `${n} seeds, mean ${mean}, ${verdict}`);
      plane.describe(`The ${what} of ${n} seeds: mean ${mean}, verdict ${verdict}`);
      chart.setAttribute("aria-label", now ? `p of no difference ${p(now.p)}, ` +
        `of one that matters ${p(now.pMatters)}, over ${n} seeds` : "no seeds yet");
      values.show({
        verdict,
        "mean": mean,
        "95 % interval": now && Number.isFinite(now.low)
          ? `${tidy(now.low, digits)} to ${tidy(now.high, digits)}` : "none from one seed",
        "p of no difference": now ? p(now.p) : "–",
        "p of one that matters": now ? p(now.pMatters) : "–",
      });
      shell.say(`${n} seeds: ${verdict}, mean ${mean}`);
    };
  });
}

export default { render: renderSeeds };
