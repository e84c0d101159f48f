// What the playground tells in words and numbers.
import { tidy } from "../shared/plot.js";
import { vector } from "../shared/scene.js";
import { CLASS_KEY, DRAG_KEY } from "../shared/ui.js";
import { VARIANTS } from "../shared/training.js";
import { exponentAt, LAYERS } from "./view.js";

const FLUID = 1000 / 30; // milliseconds for a picture, in training

/** Of a training that failed, or a model that the solver stopped at. */
export const stoppedReadings = (step, why) => ({ steps: String(step), "it stopped": why });

/** What a model is. */
export const about = ({ variant, size }) => `${VARIANTS[variant]}; ${size} parameters`;

/** Whether the steps of training are still a flow: [a word, why]. */
export function lampOf({ variant, steps }, exact) {
  if (variant === "network") return ["layers", "no field at all"];
  if (variant === "ResNet") return ["layers", "each step has weights of its own"];
  if (!exact) return ["flow", "…"];
  if (!exact.z) return ["layers", "dopri5 cannot follow this field"];
  const off = `${tidy(100 * exact.gap, 0)} % off the exact flow`;
  return [exact.gap > LAYERS ? "layers" : "flow", steps === 1 ? `1 step ends ${off}` : `${steps} steps end ${off}`];
}

/** Of a measured model, a point's way and how training goes. */
export function readings(now, way, { step, learning, pace }) {
  const { net, model, trained } = now;
  const exponent = exponentAt(model, way.x);
  return {
    steps: String(step),
    loss: tidy(trained.loss, 4),
    ...(net.features === 2 ? { "points classified right": `${tidy(100 * now.right, 0)} %` }
      : { "error, as solved": tidy(now.loss, 4) }),
    evaluations: net.variant === "network" ? "0" : String(now.nfe),
    "the point": `${vector(way.x)} → ${vector(way.z.at(-1))}`,
    "its output": vector(way.output),
    ...(model.adaptive ? { "its depth g(x)": tidy(way.end) } : {}),
    "its exponent": Number.isFinite(exponent) ? tidy(exponent) : "–",
    ...(learning ? { "a step takes": `${tidy(learning, 1)} ms` } : {}),
    ...(pace > FLUID ? { "a picture takes": `${tidy(pace, 0)} ms; fewer points help` } : {}),
  };
}

/** What the marks of the pictures mean. */
export const marks = (model, against) => [
  ...CLASS_KEY, ...(model.boundary ? ["dashed: output 0"] : []),
  model.controlled ? "arrows: the field of the large point" : "arrows: the field",
  "dotted: the exact flow", `solid: loss, grey that of ${against || "the run before"}`, ["dashed green: NFE by dopri5 at 10⁻⁴", "ode-green"], DRAG_KEY,
];
