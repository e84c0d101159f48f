// Reads {covers: [{r, most}], crossings: [{x, theta, s, eps}]} from standard
// input and writes what the page computes of them.
import { readFileSync } from "node:fs";
import { leastCovers } from "../../book/neural_odes_lab/widgets/cover.js";
import { boundOf, errorOf, stateOf } from "../../book/neural_odes_lab/widgets/crossing.js";

const { covers, crossings } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify({
  covers: covers.map(({ r, most }) => [...leastCovers(r, most)]),
  crossings: crossings.map(({ x, theta, s, eps }) => ({
    state: stateOf(x, theta, s), error: errorOf(x, theta), bound: boundOf(x, eps),
  })),
}));
