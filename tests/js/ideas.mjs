// Reads {euler: [{state, x}], backward: [{state, x, tolerance}], balls: [{state,
// point, radius}], lifts: [{x, height}], gauges: [{state, x, point, c}], melts:
// [{state, x, layers, bent, bend}], patches: [{state, inputs}], matches: [{w,
// z0, z1, s, steps}]} from standard input and writes what the page computes of
// them.
import { readFileSync } from "node:fs";
import { exponentsAt, imageOf } from "../../book/neural_odes_lab/widgets/ball.js";
import { thereAndBack } from "../../book/neural_odes_lab/widgets/backward.js";
import { compareLayers } from "../../book/neural_odes_lab/widgets/euler.js";
import {
  assign, bendOf, energyDistance, firstWeights, follow, matching,
} from "../../book/neural_odes_lab/widgets/shared/matching.js";
import { gauged, inGauge, measure, penaltyOf } from "../../book/neural_odes_lab/widgets/gauge.js";
import { leastGap, stateOf, steepness } from "../../book/neural_odes_lab/widgets/lift.js";
import { network } from "../../book/neural_odes_lab/widgets/melt.js";
import { waysOf } from "../../book/neural_odes_lab/widgets/patch.js";
import { readModel } from "../../book/neural_odes_lab/widgets/shared/fields.js";
import { depthsOf } from "../../book/neural_odes_lab/widgets/shared/scene.js";

const {
  euler = [], backward = [], balls = [], lifts = [], gauges = [], melts = [], patches = [],
  matches = [],
} = JSON.parse(readFileSync(0, "utf8"));
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
  melts: melts.map(({ state, x, layers, bent, bend }) =>
    [...network(readModel(state), Float64Array.from(x), layers, bent, bend).at(-1)]),
  patches: patches.map(({ state, inputs }) =>
    waysOf(readModel(state), inputs).map((way) => way.at(-1))),
  matches: matches.map(({ w, z0, z1, s, steps }) => {
    const [weights, first, last, depths] = [w, z0, z1, s].map((v) => Float64Array.from(v));
    const { loss, grad } = matching(weights, first, last, depths);
    const path = follow(weights, first, steps);
    return {
      first: [...firstWeights(0)], loss, grad: [...grad], end: [...path.at(-1)],
      bend: bendOf(path), to: assign(first, last), energy: energyDistance(first, last),
    };
  }),
  lifts: lifts.map(({ x, height }) => ({
    states: [0, 0.3, 0.5, 1].map((s) => stateOf(x, height, s)),
    least: leastGap(x, height), steepness: steepness(height),
  })),
  gauges: gauges.map(({ state, x, point, c }) => {
    const model = readModel(state);
    const inputs = Float64Array.from(x);
    const s = depthsOf(model);
    const flow = model.solve(inputs, s, { rtol: 1e-9, atol: 1e-9 });
    const states = inGauge(flow.z, s, c);
    const own = gauged(model, c);
    const { output, exponent, exponents, z, gap } = measure(model, c, point);
    return {
      s, states: states.map((z) => [...z]), outputs: [...own.output(states.at(-1))],
      penalty: penaltyOf(own, states.at(-1), inputs), boundary: own.boundary,
      output: output[0], exponent, exponents, starts: [...z[0]], ends: [...z.at(-1)], gap,
    };
  }),
  balls: balls.map(({ state, point, radius }) => {
    const model = readModel(state);
    return { ...imageOf(model, point, radius), exponent: exponentsAt(model, [point])[0] };
  }),
}));
