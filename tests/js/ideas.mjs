// Reads {euler: [{state, x}], backward: [{state, x, tolerance}], balls: [{state,
// point, radius}], lifts: [{x, height}]} from standard input and writes what the
// page computes of them.
import { readFileSync } from "node:fs";
import { exponentsAt, imageOf } from "../../lib/neural_odes/lab/widgets/ball.js";
import { thereAndBack } from "../../lib/neural_odes/lab/widgets/backward.js";
import { compareLayers } from "../../lib/neural_odes/lab/widgets/euler.js";
import { leastGap, stateOf, steepness } from "../../lib/neural_odes/lab/widgets/lift.js";
import { readModel } from "../../lib/neural_odes/lab/widgets/shared/fields.js";

const { euler = [], backward = [], balls = [], lifts = [] } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify({
  euler: euler.map(({ state, x }) => {
    const { exact, networks } = compareLayers(readModel(state), Float64Array.from(x));
    return {
      exact: [...exact.at(-1)],
      ends: networks.map(({ states }) => [...states.at(-1)]),
      misses: networks.map(({ misses }) => [...misses]),
    };
  }),
  backward: backward.map(({ state, x, tolerance }) => {
    const { there, back, miss, nfe } = thereAndBack(readModel(state), Float64Array.from(x), tolerance);
    return { end: [...there.at(-1)], home: [...back[0]], miss, nfe };
  }),
  lifts: lifts.map(({ x, height }) => ({
    states: [0, 0.3, 0.5, 1].map((s) => stateOf(x, height, s)),
    least: leastGap(x, height), steepness: steepness(height),
  })),
  balls: balls.map(({ state, point, radius }) => {
    const model = readModel(state);
    return { ...imageOf(model, point, radius), exponent: exponentsAt(model, [point])[0] };
  }),
}));
