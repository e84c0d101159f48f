// A circle of inputs around the origin, carried through a model: what a shared
// flow of the plane cannot tear, and whether it still goes around a point.
import { curveOverDepth, depthsOf, distance, ladder } from "./scene.js";

const [START, MOST] = [120, 1500]; // points

/**
 * For each frame (see scene.js) the closed curve that the circle of a radius has
 * become, as states; null where it cannot be solved. fine is how far
 * apart its points may be.
 */
export function carryCircle(model, radius, settings, fine) {
  const carry = (angles) => {
    const x = Float64Array.from(angles.flatMap((a) => [radius * Math.cos(a), radius * Math.sin(a)]));
    const { z } = model.solve(x, depthsOf(model), settings);
    return angles.map((t, i) =>
      ({ t, way: z.map((states) => [...states.subarray(i * model.size, (i + 1) * model.size)]) }));
  };
  const apart = (p, q) => distance(p.way.at(-1), q.way.at(-1)) > fine;
  return curveOverDepth(model, carry, ladder([0, 2 * Math.PI], START), apart, { rounds: 10, most: MOST });
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
