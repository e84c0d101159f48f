// Reads {euler: [{state, x}]} from standard input and writes what the page
// computes of them.
import { readFileSync } from "node:fs";
import { compareLayers } from "../../lib/neural_odes/lab/widgets/euler.js";
import { readModel } from "../../lib/neural_odes/lab/widgets/shared/fields.js";

const { euler } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify({
  euler: euler.map(({ state, x }) => {
    const { exact, networks } = compareLayers(readModel(state), Float64Array.from(x));
    return {
      exact: [...exact.at(-1)],
      ends: networks.map(({ states }) => [...states.at(-1)]),
      misses: networks.map(({ misses }) => [...misses]),
    };
  }),
}));
