// The controls of the playground: one for each setting.
import { button, choice, node, slider } from "../shared/ui.js";
import { CHOICES, unused, WHOLE } from "./settings.js";

const METHODS = { rk4: "Runge-Kutta 4", euler: "Euler" };
const LISTS = {
  lr: ["Learning rate", [0.001, 0.003, 0.01, 0.03, 0.1]],
  decay: ["Weight decay", [0, 1e-4, 1e-3, 1e-2]],
  penalty: ["Penalty (21)", [0, 0.01, 0.03, 0.1, 0.3]],
  batch: ["Batch", [0, 8, 16, 32, 64]],
};
const SLIDERS = {
  steps: "Steps", extra: "Added states", modes: "Functions m", width: "Width", layers: "Hidden layers",
  points: "Points", seed: "Seed",
};

/** A folded part of the page. */
export const folded = (summary, ...children) => node("details", { className: "ode-folded" },
  node("summary", {}, summary), node("div", { className: "ode-panel" }, ...children));

/** Controls by the names of settings, and show(settings), which sets them. */
export function settingControls(settings, change) {
  const pairs = (values) => values.map((v) => [String(v), String(v)]);
  const all = {};
  for (const [name, text] of Object.entries({ data: "Data", variant: "Model", activation: "Activation" }))
    all[name] = choice(text, pairs(CHOICES[name]), settings[name], (v) => change({ [name]: v }));
  all.method = choice("Solver", Object.entries(METHODS), settings.method, (v) => change({ method: v }));
  for (const [name, [text, values]] of Object.entries(LISTS)) {
    const known = [...new Set([...values, settings[name]])].sort((a, b) => a - b);
    const entries = known.map((v) => [String(v), name === "batch" && v === 0 ? "all points" : String(v)]);
    all[name] = choice(text, entries, String(settings[name]), (v) => change({ [name]: Number(v) }));
  }
  for (const [name, text] of Object.entries(SLIDERS)) {
    const [min, max] = WHOLE[name];
    all[name] = slider(text, { min, max, step: 1 }, (v) => change({ [name]: v }));
  }
  return {
    ...all,
    show: (now) => {
      const idle = unused(now);
      for (const name of [...Object.keys(CHOICES), ...Object.keys(LISTS)]) all[name].show(String(now[name]));
      for (const name of Object.keys(SLIDERS)) all[name].show(now[name], String(now[name]));
      for (const name of Object.keys({ ...SLIDERS, ...LISTS, method: 0 })) all[name].hidden = idle.includes(name);
    },
  };
}

/** Missions with their state: show([done or not]); begin(i) sets one up. */
export function missionList(missions, begin) {
  const marks = missions.map(() => node("span", { className: "ode-mark" }, "open"));
  const items = missions.map(({ title, task }, i) => node("li", {},
    node("strong", {}, title), " ", marks[i], node("p", {}, task),
    button("Set it up", () => begin(i))));
  items.forEach((item, i) =>
    item.querySelector("button").setAttribute("aria-label", `Set it up: ${missions[i].title}`));
  const list = folded("Eight missions", node("ol", { className: "ode-missions" }, ...items));
  return Object.assign(list, {
    show: (done) => {
      done.forEach((yes, i) => {
        marks[i].textContent = yes ? "✓ done" : "open";
        marks[i].classList.toggle("ode-green", yes);
      });
      list.querySelector("summary").textContent =
        `Eight missions, ${done.filter(Boolean).length} of them done`;
    },
  });
}

/** Buttons for what is taken away, of python(), link() and file(). */
export function takeAway({ python, link, file }) {
  const code = node("textarea", {
    className: "ode-text", rows: 8, readOnly: true, spellcheck: false, "aria-label": "Python that trains the same model",
  });
  const said = node("p", { className: "ode-said", role: "status" });
  const copy = (text, what) => Promise.resolve(navigator.clipboard?.writeText(text))
    .then(() => (said.textContent = navigator.clipboard ? `${what} copied.` : `${what}: ${text}`))
    .catch(() => (said.textContent = `${what}: ${text}`));
  const save = () => {
    const url = URL.createObjectURL(new Blob([file()]));
    node("a", { href: url, download: "playground.safetensors" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    said.textContent = "Saved; neural_odes_lab.widgets.load_model reads it.";
  };
  const part = folded("Share it, take it away",
    node("div", { className: "ode-buttons" },
      button("Copy link", () => {
        const address = location.href.replace(/#.*/, "") + link();
        window.history.replaceState(null, "", link());
        return copy(address, "Link");
      }),
      button("Copy Python", () => copy(python(), "Python")), button("Save weights", save)),
    code, said);
  // Thousands of characters need not follow each step of a folded part.
  const write = () => part.open && (code.value = python());
  part.addEventListener("toggle", write);
  return Object.assign(part, { show: write });
}
