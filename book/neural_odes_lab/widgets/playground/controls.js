// The controls of the playground: one for each setting.
import { DATA, drawData, OWN } from "../shared/datasets.js";
import { isDark, pen } from "../shared/plot.js";
import { button, choice, node, slider, toggle } from "../shared/ui.js";
import { drawThumb } from "./pictures.js";
import { CHOICES, differences, METHODS, unused, WHOLE } from "./settings.js";

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
  for (const [name, text] of Object.entries({ variant: "Model", activation: "Activation", compare: "Compare with" }))
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
  all.data = thumbnails((v) => change({ data: v }));
  return {
    ...all,
    show: (now, own) => {
      const idle = unused(now);
      all.data.show(now.data, own);
      for (const name of ["variant", "activation", "compare", "method", ...Object.keys(LISTS)]) all[name].show(String(now[name]));
      for (const name of Object.keys(SLIDERS)) all[name].show(now[name], String(now[name]));
      for (const name of Object.keys({ ...SLIDERS, ...LISTS, method: 0 })) all[name].hidden = idle.includes(name);
    },
  };
}

/** Data sets as pictures to press; show(chosen, own) with points of one's own. */
function thumbnails(choose) {
  const all = DATA.map((name) => {
    const canvas = node("canvas", { role: "img", "aria-label": `Points: ${name}` });
    const one = toggle(name, () => choose(name));
    one.setAttribute("aria-label", name);
    one.prepend(canvas);
    return { name, one, canvas };
  });
  let [drawn, points] = ["", null];
  return Object.assign(node("div", {
    className: "ode-thumbs", role: "group", "aria-label": "Data",
  }, ...all.map(({ one }) => one)), {
    show: (chosen, own) => {
      for (const { name, one } of all) one.show(name === chosen);
      const look = `${isDark()} ${all[0].canvas.clientWidth}`;
      if (look === drawn && own === points) return;
      [drawn, points] = [look, own];
      for (const { name, canvas } of all) {
        if (name !== OWN) drawThumb(pen(canvas), drawData(name, 80, 0));
        else if (own) drawThumb(pen(canvas), own);
      }
    },
  });
}

/** Missions in a row, one of them told: show([done or not]); begin(i) sets it up. */
export function missionRail(missions, begin) {
  const told = node("p", { className: "ode-task" }, "Eight missions: press one to set it up.");
  const all = missions.map(({ title, task }, i) => {
    const mark = node("span", { className: "ode-mark" }, "open");
    const one = button(title, () => {
      all.forEach((other) => other.one.setAttribute("aria-pressed", other.one === one));
      told.textContent = task;
      begin(i);
    });
    one.setAttribute("aria-pressed", false);
    one.append(" ", mark);
    return { one, mark };
  });
  return Object.assign(node("div", { className: "ode-missions" },
    node("div", { className: "ode-rail", role: "group", "aria-label": "Missions" }, ...all.map(({ one }) => one)),
    told), {
    show: (done) => all.forEach(({ mark }, i) => {
      mark.textContent = done[i] ? "✓ done" : "open";
      mark.classList.toggle("ode-green", done[i]);
    }),
  });
}

const RUNS = 8;

/**
 * A table of what was trained in this visit: add(settings, defaults) begins a
 * row, note(words) fills the latest. A press on a row calls restore(settings).
 */
export function runTable(restore) {
  const body = node("tbody");
  const names = ["model", "data", "settings", "steps", "right", "NFE", "it is"];
  let cells = [];
  const table = node("div", { className: "ode-runs", hidden: true }, node("table", {},
    node("caption", {}, "Your runs; press one to have its settings back"),
    node("thead", {}, node("tr", {}, ...names.map((name) => node("th", { scope: "col" }, name)))), body));
  return Object.assign(table, {
    add: (settings, defaults) => {
      cells = names.slice(3).map(() => node("td"));
      body.prepend(node("tr", {}, node("td", {}, button(settings.variant, () => restore(settings))),
        node("td", {}, settings.data), node("td", {}, differences(settings, defaults) || "as given"), ...cells));
      while (body.children.length > RUNS) body.lastChild.remove();
      table.hidden = false;
    },
    note: (words) => words.forEach((text, i) => {
      if (cells[i].textContent !== text) cells[i].textContent = text;
    }),
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
