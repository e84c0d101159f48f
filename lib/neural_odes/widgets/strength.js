// StrengthWidget: what a regulariser's strength does to exponent and accuracy.
import { axes, inside, line, marker, pen, tidy } from "./plot.js";
import { button, key, mount, node, pointCanvas, readout, slider, trait } from "./ui.js";

/** Values at a place between rows, linear from one to the next. */
export function valueAt(values, place) {
  const left = Math.min(Math.floor(place), values.length - 1);
  const right = Math.min(left + 1, values.length - 1);
  return values[left] + (place - left) * (values[right] - values[left]);
}

/** Curves {mean, std, style, shape} over the rows, with a mark at a place. */
function drawCurves(sheet, strengths, curves, place, name, [low, high]) {
  const { ctx, colours: c } = sheet;
  const rim = 0.06 * (high - low) || 1;
  const last = strengths.length - 1;
  const frame = axes(sheet, [-0.3, last + 0.3, low - rim, high + rim],
    { names: ["strength", name], columns: strengths.map((v, i) => [i, String(v)]) });
  const spot = (i, value) => [frame.x(i), frame.y(value)];
  inside(ctx, frame, () => {
    if (low < 0 && high > 0) line(ctx, [spot(-1, 0), spot(last + 1, 0)], c.faint, 1);
    line(ctx, [[frame.x(place), frame.top], [frame.x(place), frame.bottom]], c.muted, 1, [4, 4]);
    for (const { mean, std, style, shape } of curves) {
      mean.forEach((value, i) =>
        line(ctx, [spot(i, value - std[i]), spot(i, value + std[i])], style, 1.4));
      line(ctx, mean.map((value, i) => spot(i, value)), style, 2);
      mean.forEach((value, i) => marker(ctx, shape, ...spot(i, value), 3.6, style, c.paper));
      marker(ctx, shape, ...spot(place, valueAt(mean, place)), 6.5, style, c.ink, 2);
    }
  });
  return { ...frame, spot };
}

const rangeOf = (curves) => {
  const ends = curves.flatMap(({ mean, std }) => mean.flatMap((v, i) => [v - std[i], v + std[i]]));
  return [Math.min(...ends), Math.max(...ends)];
};

function renderStrength({ model: python, el }) {
  return mount(python, el, (shell) => {
    const strengths = python.get("strengths");
    const [exponent, ...accuracies] = python.get("curves");
    const place = trait(python, "place", shell);
    const last = strengths?.length - 1;
    for (const { mean, std } of [exponent, ...accuracies])
      if (![mean, std].every((v) => v.length === last + 1 && v.every(Number.isFinite)))
        throw new Error("a curve does not fit the strengths");
    const first = place.get();
    if (!Number.isFinite(first) || first < 0 || first > last) throw new Error(`place is ${first}`);
    const set = (value) => place.set(Math.min(last, Math.max(0, value)));
    let frame = null;
    const left = pointCanvas("Exponent over strength", "ode-square", {
      label: "Strength",
      move: (x) => frame && set(frame.across(x)),
      nudge: (dx, dy) => set(Math.round(place.get()) + Math.sign(dx + dy)),
    });
    const right = node("canvas", { role: "img", "aria-label": "Accuracy over strength" });
    const strength = slider("Strength", { min: 0, max: last, step: 1 }, set);
    const reset = button("Reset", () => set(first));
    const values = readout();
    const panel = node("div", { className: "ode-panel" }, strength,
      node("div", { className: "ode-buttons" }, reset));
    shell.root.append(node("div", { className: "ode-body ode-pair" },
      node("div", { className: "ode-canvas ode-wide" }, right), panel, left, values),
      key(["● " + accuracies[0].name, "ode-minus"], ...accuracies.slice(1).map((a) => ["■ " + a.name, "ode-plus"]),
        "bars: one standard deviation over the seeds", "large mark: drag it, or focus it and use the arrow keys"));
    place.watch(shell.redraw);

    return () => {
      const at = place.get();
      const measured = Number.isInteger(at);
      const words = measured ? String(strengths[at])
        : `between ${strengths[Math.floor(at)]} and ${strengths[Math.ceil(at)]}`;
      const say = ({ mean, std }, scale, unit, digits) => measured
        ? `${tidy(scale * mean[at], digits)} ± ${tidy(scale * std[at], digits)}${unit}`
        : `≈ ${tidy(scale * valueAt(mean, at), digits)}${unit}`;
      const sheets = [pen(left.canvas), pen(right)];
      const { lines } = sheets[0].colours;
      frame = drawCurves(sheets[0], strengths, [{ ...exponent, style: lines[2], shape: "diamond" }],
        at, "exponent", rangeOf([exponent]));
      drawCurves(sheets[1], strengths, accuracies.map((curve, i) =>
        ({ ...curve, style: lines[i], shape: ["circle", "square"][i] })), at, "accuracy", rangeOf(accuracies));
      strength.show(Math.round(at), measured ? words : "between");
      const said = say(exponent, 1, "", 2);
      left.place(...frame.spot(at, valueAt(exponent.mean, at)), at, `strength ${words}, exponent ${said}`);
      left.describe(`Exponent over strength; ${said} at ${words}`);
      const rates = accuracies.map((curve) => [curve.name, say(curve, 100, " %", 1)]);
      right.setAttribute("aria-label", `Accuracy over strength; at ${words}: ` +
        rates.map(([name, rate]) => `${name} ${rate}`).join(", "));
      values.show({ "strength": words, [exponent.name]: said, ...Object.fromEntries(rates) });
      shell.say(`Strength ${words}: exponent ${said}, ${rates.map(([name, rate]) => `${name} ${rate}`).join(", ")}`);
    };
  });
}

export default { render: renderStrength };
