// What a reader can set, and the address that keeps it.
import { DATA, OWN, featuresOf, pointsToText, textToPoints } from "../shared/datasets.js";
import { TRAINABLE } from "../shared/layers.js";
import { VARIANTS } from "../shared/training.js";
import { NO_FLOW } from "./view.js";

export const METHODS = { rk4: "Runge-Kutta", euler: "Euler" };
/** Of the models to compare with. */
export const NONE = "no other";
export const CHOICES = {
  variant: Object.keys(VARIANTS), data: DATA, activation: TRAINABLE, method: Object.keys(METHODS),
  compare: [NONE, ...Object.keys(VARIANTS)],
};
export const WHOLE = {
  width: [2, 32], layers: [1, 3], steps: [1, 20], extra: [1, 4], modes: [1, 9],
  batch: [0, 300], seed: [0, 99], points: [20, 300],
};
export const REAL = { lr: [1e-4, 1], decay: [0, 0.1], penalty: [0, 1] };
/** Steps that an address can ask to be trained. */
const LONGEST = 20000;

/** Settings that make sense, whatever an address says. */
export function sane(given, defaults) {
  const found = { ...defaults };
  for (const [name, known] of Object.entries(CHOICES))
    if (known.includes(given[name])) found[name] = given[name];
  for (const [name, [low, high]] of Object.entries({ ...WHOLE, ...REAL })) {
    const value = Number(given[name] ?? NaN);
    if (Number.isNaN(value)) continue;
    found[name] = Math.min(high, Math.max(low, name in WHOLE ? Math.round(value) : value));
  }
  return { ...found, features: featuresOf(found.data) };
}

/** Which settings a model of this kind has no use for. */
export function unused({ variant, data }) {
  const names = [];
  if (!["augmented", "input layer"].includes(variant)) names.push("extra");
  if (variant !== "GalNODE") names.push("modes");
  if (NO_FLOW.includes(variant)) names.push("method");
  if (variant === "network") names.push("steps", "penalty");
  if (data === OWN) names.push("points");
  return names;
}

/** Settings, points of one's own and how many steps were trained, as a hash. */
export function toAddress(settings, data, trained = 0) {
  const { features, ...all } = settings;
  if (settings.data === OWN) all.own = pointsToText(data);
  if (trained) all.trained = trained;
  return `#${new URLSearchParams(all)}`;
}

/** What such a hash holds, {given, data, trained}; null where it is none. */
export function fromAddress(hash) {
  const given = Object.fromEntries(new URLSearchParams(hash.slice(1)));
  if (!("variant" in given)) return null;
  let data = null;
  if (given.data === OWN)
    try {
      data = textToPoints(given.own ?? "");
    } catch {
      delete given.data;
    }
  const steps = Math.round(Number(given.trained)) || 0;
  const trained = steps > 0 && steps <= LONGEST ? steps : 0;
  return { given, data, trained };
}

/** In a few words how settings differ from others, besides model and data. */
export const differences = (settings, others) => Object.keys({ method: 0, ...WHOLE, ...REAL, compare: 0 })
  .filter((name) => settings[name] !== others[name] && !unused(settings).includes(name))
  .map((name) => SAID[name]?.(settings[name]) ?? `${name} ${settings[name]}`).join(", ");
const SAID = { method: (name) => METHODS[name], compare: (name) => `beside ${name}` };
