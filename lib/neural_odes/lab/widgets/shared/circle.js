// A circle of inputs around the origin, carried through a model: what a shared
// flow of the plane cannot tear, and whether it still goes around a point.
import { depthsOf } from "./scene.js";

const [START, MOST] = [120, 1500]; // points

/**
 * For each frame (see scene.js) the closed curve that the circle of a radius has
 * become, as pairs [z1, z2]; null where it cannot be solved. fine is how far
 * apart its points may be.
 */
export function carryCircle(model, radius, settings, fine) {
  const carry = (angles) => {
    const x = Float64Array.from(angles.flatMap((a) => [radius * Math.cos(a), radius * Math.sin(a)]));
    const { z } = model.solve(x, depthsOf(model), settings);
    return angles.map((angle, i) =>
      ({ angle, way: z.map((states) => [states[i * model.size], states[i * model.size + 1]]) }));
  };
  const gap = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
  try {
    let found = carry(Array.from({ length: START + 1 }, (_, i) => (2 * Math.PI * i) / START));
    for (let round = 0; round < 10 && found.length < MOST; round++) {
      const between = [];
      for (let i = 1; i < found.length; i++) {
        const [p, q] = [found[i - 1], found[i]];
        if (gap(p.way.at(-1), q.way.at(-1)) > fine) between.push((p.angle + q.angle) / 2);
      }
      if (!between.length) break;
      found = [...found, ...carry(between)].sort((p, q) => p.angle - q.angle);
    }
    return depthsOf(model).map((_, k) => found.map(({ way }) => way[k]));
  } catch {
    return null; // some fields leave the numbers there are
  }
}

/** Whether a closed curve winds around a point. */
export function windsAround(curve, [x, y]) {
  let turned = 0;
  curve.forEach(([u, v], i) => {
    const [p, q] = curve[(i || curve.length) - 1];
    const [a, b] = [Math.atan2(v - y, u - x), Math.atan2(q - y, p - x)];
    turned += Math.atan2(Math.sin(a - b), Math.cos(a - b));
  });
  return Math.abs(turned) > Math.PI;
}
