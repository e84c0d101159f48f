// Reads {probes: [{state, x, r, angle}], lorenz: {point, r}} from standard
// input and writes what the page computes of them: of a probe its end, of the
// Lorenz system the first three units of time.
import { readFileSync } from "node:fs";
import { probe } from "../../book/neural_odes_lab/widgets/shared/chaos.js";
import { readModel } from "../../book/neural_odes_lab/widgets/shared/fields.js";
import { followLorenz, TIMES } from "../../book/neural_odes_lab/widgets/lorenz.js";

const { probes, lorenz } = JSON.parse(readFileSync(0, "utf8"));
const s = TIMES.filter((t) => t <= 3);
const { z, gaps } = followLorenz(lorenz.point, lorenz.r);
process.stdout.write(JSON.stringify({
  probes: probes.map(({ state, x, r, angle }) => {
    const found = probe(readModel(state), Float64Array.from(x), r, angle);
    return {
      start: found.gaps[0], gap: found.gaps.at(-1), linear: found.linear.at(-1),
      ...found.stretch.at(-1),
    };
  }),
  lorenz: { s, z: s.map((_, k) => [...z[k]]), gaps: gaps.slice(0, s.length) },
}));
