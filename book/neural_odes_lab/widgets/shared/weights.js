// Weights that move with depth, theta(s).
import { axes, inside, line, marker } from "./plot.js";

/** Indices of the weights that move most, and what they take at depths s. */
export function strongest(model, s, most) {
  const rows = s.map((at) => Float64Array.from(model.theta(at)));
  const spread = Array.from(rows[0], (_, p) => {
    const mean = rows.reduce((sum, row) => sum + row[p], 0) / s.length;
    return rows.reduce((sum, row) => sum + (row[p] - mean) ** 2, 0);
  });
  return [...spread.keys()].sort((a, b) => spread[b] - spread[a]).slice(0, most);
}

/** Curves of chosen weights over depths s up to frame k; those of full dotted. */
export function drawWeights(sheet, full, kept, chosen, s, k) {
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
