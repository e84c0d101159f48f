// The states that a lift has added: the third component, over the fourth.
import { axes, inside, line, marker, shapeOf } from "./plot.js";

export const hasAdded = (model) => model.size > 2;

/** Where added state i of a sample is drawn: a lone one over the depth. */
function place({ model, s, ends }, k, z, i) {
  const at = i * model.size;
  return model.size > 3 ? [z[at + 2], z[at + 3]] : [(ends[i] * s[k]) / model.depth, z[at + 2]];
}

/** The data's added states at frame k, and the point's; scene as makeScene's. */
export function drawAdded(sheet, scene, data, point, k) {
  const { ctx, colours: c } = sheet;
  const own = { ...scene, ends: [point.end] };
  const samples = data.y.map((_, i) => i);
  const spots = scene.z.map((z, at) => Array.from(samples, (i) => place(scene, at, z, i)));
  const path = point.z.map((z, at) => place(own, at, z, 0));
  const frame = axes(sheet, around([...spots.flat(), ...path]),
    { names: scene.model.size > 3 ? ["z₃", "z₄"] : ["depth s", "z₃"] });
  const pixels = ([x, y]) => [frame.x(x), frame.y(y)];
  inside(ctx, frame, () => {
    ctx.globalAlpha = 0.4;
    for (const i of samples)
      line(ctx, spots.slice(0, k + 1).map((all) => pixels(all[i])), c.classes[Math.sign(data.y[i]) || 1], 0.8);
    ctx.globalAlpha = 1;
    for (const i of samples) {
      const label = Math.sign(data.y[i]) || 1;
      marker(ctx, shapeOf(label), ...pixels(spots[k][i]), 2.4, c.classes[label], c.paper, 0.8);
    }
    line(ctx, path.slice(0, k + 1).map(pixels), c.ink, 1.6);
    marker(ctx, "circle", ...pixels(path[k]), 5, c.paper, c.ink, 2);
  });
}

function around(spots) {
  return [0, 1].flatMap((part) => {
    const values = spots.map((spot) => spot[part]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const rim = 0.1 * (high - low) || 1;
    return [low - rim, high + rim];
  });
}
