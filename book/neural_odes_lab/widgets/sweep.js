// SweepWidget: two pictures of what was measured over one setting.
import { within } from "./shared/checks.js";
import { axes, inside, line, marker, pen, tidy } from "./shared/plot.js";
import {
  button, key, mount, node, pair, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";

/** Values at a place between rows, linear from one to the next. */
export function valueAt(values, place) {
  const left = Math.min(Math.floor(place), values.length - 1);
  const right = Math.min(left + 1, values.length - 1);
  return values[left] + (place - left) * (values[right] - values[left]);
}

/** Curves {mean, std, style, shape} over the rows, with a mark at a place. */
function drawCurves(sheet, setting, values, curves, place, name) {
  const { ctx, colours: c } = sheet;
  const [low, high] = rangeOf(curves);
  const rim = 0.06 * (high - low) || 1;
  const last = values.length - 1;
  const frame = axes(sheet, [-0.3, last + 0.3, low - rim, high + rim],
    { names: [setting, name], columns: values.map((v, i) => [i, String(v)]) });
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

/** Decimals that show two digits of a standard deviation. */
export const decimals = (std) =>
  std > 0 ? Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(std)))) : 3;

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function renderSweep({ model: python, el }) {
  return mount(python, el, (shell) => {
    const [setting, settings] = [python.get("name"), python.get("values")];
    const [first, second] = python.get("panels");
    const [lead] = first.curves;
    const place = trait(python, "place", shell);
    const last = settings?.length - 1;
    for (const { mean, std } of [lead, ...second.curves])
      if (![mean, std].every((v) => v.length === last + 1 && v.every(Number.isFinite)))
        throw new Error(`a curve must have ${last + 1} finite numbers, one for each value`);
    const start = place.get();
    within({ place: start }, 0, last);
    const set = (value) => place.set(Math.min(last, Math.max(0, value)));
    let frame = null;
    const left = pointCanvas(`${capital(first.axis)} over ${setting}`, "ode-square", {
      label: capital(setting),
      move: (x) => frame && set(frame.across(x)),
      nudge: (dx, dy) => set(Math.round(place.get()) + Math.sign(dx + dy)),
      range: () => [0, last],
      jump: set,
    });
    const beside = `${capital(second.axis)} over ${setting}`;
    const right = node("canvas", { role: "img", "aria-label": beside });
    const choice = slider(capital(setting), { min: 0, max: last, step: 1 }, set);
    const reset = button("Reset", () => set(start));
    const values = readout();
    const panel = node("div", { className: "ode-panel" }, choice,
      node("div", { className: "ode-buttons" }, reset));
    const marks = [["● ", "ode-minus"], ["■ ", "ode-plus"]];
    shell.root.append(...pair(left, right, panel, values,
      key(...second.curves.map(({ name }, i) => [marks[i][0] + name, marks[i][1]]),
        "bars: one standard deviation over the seeds", "large mark: drag it, or focus it and use the arrow keys")));
    place.watch(shell.redraw);

    return () => {
      const at = place.get();
      const measured = Number.isInteger(at);
      const words = measured ? String(settings[at])
        : `between ${settings[Math.floor(at)]} and ${settings[Math.ceil(at)]}`;
      const say = ({ mean, std }) => {
        const [value, by] = [valueAt(mean, at), valueAt(std, at)];
        const digits = decimals(by);
        return measured ? `${tidy(value, digits)} ± ${tidy(by, digits)}` : `≈ ${tidy(value, digits)}`;
      };
      const sheets = [pen(left.canvas), pen(right)];
      const { lines } = sheets[0].colours;
      frame = drawCurves(sheets[0], setting, settings,
        [{ ...lead, style: lines[2], shape: "diamond" }], at, first.axis);
      drawCurves(sheets[1], setting, settings, second.curves.map((curve, i) =>
        ({ ...curve, style: lines[i], shape: ["circle", "square"][i] })), at, second.axis);
      choice.show(Math.round(at), measured ? words : "between");
      const rates = second.curves.map((curve) => [curve.name, say(curve)]);
      const told = rates.map(([name, rate]) => `${name} ${rate}`).join(", ");
      const said = `${lead.name} ${say(lead)}`;
      left.place(...frame.spot(at, valueAt(lead.mean, at)), at, `${setting} ${words}, ${said}`);
      left.describe(`${capital(first.axis)} over ${setting}; ${said} at ${words}`);
      right.setAttribute("aria-label", `${beside}; at ${words}: ${told}`);
      values.show({ [setting]: words, [lead.name]: say(lead), ...Object.fromEntries(rates) });
      shell.say(`${capital(setting)} ${words}: ${said}, ${told}`);
    };
  });
}

export default { render: renderSweep };
