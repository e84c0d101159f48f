// Eight missions in the order of the book. Each is done by what the model does:
// done(seen), of {net, w, data}, how it is viewed and what view.js measures.
import { LINE } from "../shared/datasets.js";
import { fitOf, NO_FLOW, outputsOf, viewOf } from "./view.js";

const RING = "disc in a ring";
const FLOWS = ["depth-invariant", "concat", "GalNODE"];
const ENOUGH = 0.95;
const BROKEN = 0.9;

/** Outputs at places of a circle, each of the sign asked for. */
function circle(model, radius, sign) {
  const angles = Array.from({ length: 48 }, (_, i) => (i * Math.PI) / 24);
  const x = Float64Array.from(angles.flatMap((a) => [radius * Math.cos(a), radius * Math.sin(a)]));
  return outputsOf(model, x).every((v) => Math.sign(v) === sign);
}

/** The fit of the flow itself, whatever steps it was trained by. */
const asFlow = ({ net, w, data }) =>
  fitOf(outputsOf(viewOf(net, w, { solver: "dopri5" }), data.x), data);

const fits = ({ right }) => right >= ENOUGH;
const onPlane = ({ net }) => net.features === 2;
const flows = ({ net }) => !NO_FLOW.includes(net.variant);

export const MISSIONS = [
  {
    title: "Find the channel",
    task: "Train the depth-invariant flow until 95 % of the ring and the disc are right. " +
      "No flow in the plane can separate them completely: somewhere the disc’s colour leaks out " +
      "through the ring. " +
      "Drag the large point into that channel, between the ring’s two radii, 1 and 1.5.",
    start: { data: RING, variant: "depth-invariant" },
    done: (seen) => seen.net.data === RING && FLOWS.includes(seen.net.variant) && fits(seen) &&
      Math.hypot(...seen.x) >= 1 && Math.hypot(...seen.x) <= 1.5 && seen.output < 0,
  },
  {
    title: "Close it",
    task: "Choose a model whose boundary is closed: every place of the ring on the ring’s side, " +
      "and the whole disc on its own.",
    start: { data: RING, variant: "depth-invariant" },
    done: (seen) => seen.net.data === RING && fits(seen) &&
      [1, 1.25, 1.5].every((r) => circle(seen.model, r, 1)) && circle(seen.model, 0.5, -1),
  },
  {
    title: "Let the weights move",
    task: "Train a GalNODE on the half-moons until 95 % are right and a weight moves by 0.2 over " +
      "the depth. Watch θ(s).",
    start: { data: "half-moons", variant: "GalNODE" },
    done: (seen) => seen.net.data === "half-moons" && seen.net.variant === "GalNODE" && fits(seen) &&
      seen.moved >= 0.2,
  },
  {
    title: "Turn the line over",
    task: "Map every x to −x with a mean squared error below 0.01. States on a line cannot pass " +
      "each other, unless the steps are too coarse, so the error is that of a solve by dopri5. " +
      "What lets them pass?",
    start: { data: LINE, variant: "depth-invariant" },
    done: (seen) => seen.net.data === LINE && flows(seen) && asFlow(seen).loss < 0.01,
  },
  {
    title: "Make it cheap",
    task: "Let the step size adapt (solve by dopri5) and get 95 % of the ring and the disc right " +
      "in fewer than 30 evaluations.",
    start: { data: RING },
    done: (seen) => seen.net.data === RING && flows(seen) && fits(seen) &&
      seen.view.solver === "dopri5" && seen.nfe < 30,
  },
  {
    title: "Break it with Euler",
    task: "Train with Runge-Kutta until 95 % are right. Then, without training, solve the same " +
      "field with so few Euler steps that fewer than 90 % are still right.",
    start: { data: "spirals", method: "rk4" },
    done: (seen) => onPlane(seen) && flows(seen) && seen.net.method === "rk4" && seen.view.solver === "euler" &&
      seen.trained.right >= ENOUGH && seen.right < BROKEN,
  },
  {
    title: "A network in disguise",
    task: "Train with one or two Euler steps until 95 % are right. Then solve the same field by " +
      "dopri5: if fewer than 90 % stay right, it was a network of one or two layers, not a flow.",
    start: { data: RING, variant: "depth-invariant", method: "euler", steps: 1 },
    done: (seen) => onPlane(seen) && flows(seen) && seen.net.method === "euler" && seen.net.steps <= 2 &&
      seen.view.solver === "dopri5" && seen.trained.right >= ENOUGH && seen.right < BROKEN,
  },
  {
    title: "Come to rest",
    task: "Make the states slow down until they arrive at a quarter of their mean speed or less, " +
      "with 95 % right. Penalty (21) helps.",
    start: { data: RING },
    done: (seen) => onPlane(seen) && flows(seen) && fits(seen) && seen.rest <= 0.25,
  },
];

/** Whether a mission is done; a model that cannot be solved does none. */
export function isDone(mission, seen) {
  try {
    return mission.done(seen);
  } catch {
    return false;
  }
}
