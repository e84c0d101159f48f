// The parts of a widget that are not drawn: controls, readout, the handle of a
// point, and what surrounds them. All of it works by touch, mouse and keys.
import { isDark } from "./plot.js";
import { keepPicture } from "./saved.js";

/** An element with properties and children; names with a dash are attributes. */
export function node(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** What is said of an error: our own are sentences, JavaScript's are not. */
const reason = (error) => error.constructor === Error ? error.message
  : "what the page holds for it cannot be read";

/** Keys are the widget's own: JupyterLab would delete its cell at "d d". */
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
}

/**
 * Build a widget in el by build(shell), whose result is called to draw. The
 * shell has root, redraw() (once per frame), say(text) (to screen readers,
 * when things have settled), guarded(f), after(f) (called after each
 * drawing) and leave(f) (called in the end). What
 * cannot be drawn is said in place of the pictures, and the controls stay; a
 * widget that cannot be built says so by the event widget-failed.
 */
export function mount(model, el, build) {
  const root = node("div", { className: "ode-widget" });
  const title = node("p", { className: "ode-title" }, model.get("title"));
  const status = node("p", { className: "ode-status", role: "status", "aria-live": "polite" });
  const alarm = node("p", { className: "ode-error", role: "alert", hidden: true });
  const [leaving, drawn] = [[], []];
  let draw = () => {};
  let [frame, speech] = [0, 0];
  let [alive, kept] = [true, false];
  const fail = (error) => {
    alarm.textContent = `This cannot be drawn: ${reason(error)}.`;
    alarm.hidden = false;
    root.setAttribute("data-failed", "");
  };
  const guarded = (action) => (...given) => {
    if (!alive) return undefined;
    try {
      return action(...given);
    } catch (error) {
      return fail(error);
    }
  };
  const shell = {
    root,
    guarded,
    redraw: () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(guarded(() => {
        root.toggleAttribute("data-dark", isDark());
        if (root.clientWidth === 0) return;
        draw();
        if (!kept) keepPicture(model, root);
        kept = true;
        drawn.forEach((action) => action());
        alarm.hidden = true;
        root.removeAttribute("data-failed");
      }));
    },
    say: (text) => {
      clearTimeout(speech);
      speech = setTimeout(() => (status.textContent = text), 400);
    },
    leave: (action) => leaving.push(action),
    after: (action) => drawn.push(action),
  };
  keepKeys(root);
  root.append(title, alarm);
  el.append(root);
  try {
    draw = build(shell);
    root.append(status);
  } catch (error) {
    alive = false;
    const message = `This interactive figure cannot be shown: ${reason(error)}.`;
    alarm.textContent = message;
    alarm.hidden = false;
    root.replaceChildren(title, alarm);
    el.dispatchEvent(new CustomEvent("widget-failed", { detail: message }));
  }
  const themes = new MutationObserver(shell.redraw);
  for (const watched of [document.documentElement, document.body])
    themes.observe(watched, {
      attributeFilter: ["data-theme", "theme", "data-jp-theme-light"],
    });
  const sizes = new ResizeObserver(() => {
    foldWhereNarrow(root);
    shell.redraw();
  });
  sizes.observe(root);
  return () => {
    alive = false;
    themes.disconnect();
    sizes.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(speech);
    leaving.forEach((action) => action());
  };
}

const NARROW = 672; // as in widgets.css, with the padding

/** Explanations are folded as a widget becomes narrow, and open as it widens. */
function foldWhereNarrow(root) {
  const narrow = root.clientWidth < NARROW;
  if (root.ownNarrow === narrow) return;
  root.ownNarrow = narrow;
  for (const part of root.querySelectorAll(".ode-fold")) part.open = !narrow;
}

/** What a phone shows on demand alone. */
export const fold = (summary, ...parts) =>
  node("details", { className: "ode-fold", open: true }, node("summary", {}, summary), ...parts);

/**
 * Two pictures side by side over controls and values: one below the other on a
 * phone, in the order of the keyboard's focus, with what the marks mean last.
 * A phone shows the chart flat, or ode-square, where both axes have one unit.
 */
export function pair(plane, chart, panel, values, legend, shape = "ode-wide") {
  const wide = node("div", { className: `ode-canvas ${shape}` }, chart);
  return [
    node("div", { className: "ode-body ode-pair" }, plane, wide, panel, values),
    fold("What the marks mean", legend),
  ];
}

/** A trait of the Python object: {get, set, watch}. */
export function trait(model, name, shell) {
  return {
    get: () => model.get(name),
    set: (value) => {
      model.set(name, value);
      model.save_changes();
    },
    watch: (action) => {
      const heard = shell.guarded(action);
      model.on(`change:${name}`, heard);
      shell.leave(() => model.off(`change:${name}`, heard));
    },
  };
}

function labelled(text, control, ...more) {
  // Each widget of a page has its own copy of this module: no counter.
  control.id = `ode-${Math.random().toString(36).slice(2)}`;
  const label = node("label", { htmlFor: control.id }, text);
  return node("div", { className: "ode-control" }, label, control, ...more);
}

/** A list to choose from: entries are [value, text]. */
export function choice(text, entries, value, onChange) {
  const select = node("select", { className: "ode-select" },
    ...entries.map(([key, name]) => node("option", { value: key }, name)));
  select.value = value;
  select.addEventListener("change", () => onChange(select.value));
  return Object.assign(labelled(text, select), {
    show: (key) => (select.value = key),
  });
}

/** A slider; show(value, said) sets it and what is said of its value. */
export function slider(text, { min, max, step }, onInput) {
  const input = node("input", { type: "range", className: "ode-range", min, max, step });
  const said = node("output", { className: "ode-value", "aria-live": "off" });
  input.addEventListener("input", () => onInput(Number(input.value)));
  return Object.assign(labelled(text, input, said), {
    show: (value, words, limits = {}) => {
      Object.assign(input, limits);
      input.value = value;
      said.textContent = words;
      input.setAttribute("aria-valuetext", words);
    },
  });
}

export function button(text, onClick) {
  const made = node("button", { type: "button", className: "ode-button" }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** A button that is in or out; show(pressed) sets it. */
export function toggle(text, onChange) {
  const made = button(text, () => onChange(made.getAttribute("aria-pressed") !== "true"));
  return Object.assign(made, { show: (on) => made.setAttribute("aria-pressed", on) });
}

/** A few entries to choose from, as choice() has them, with a button each. */
export function buttons(text, entries, value, onChange) {
  const all = entries.map(([key, name]) => [key, toggle(name, () => onChange(key))]);
  const show = (chosen) => all.forEach(([key, one]) => one.show(key === chosen));
  show(value);
  return Object.assign(node("div", {
    className: "ode-buttons ode-variants", role: "group", "aria-label": text,
  }, ...all.map(([, one]) => one)), { show });
}

/** Plays f from 0 to 1 in four seconds; straight to 1 for reduced motion. */
export function player(shell, getFraction, setFraction) {
  let frame = 0;
  const play = button("▶ Play", shell.guarded(() => (frame ? stop() : start())));
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const name = () => {
    const done = getFraction() >= 1;
    play.textContent = still.matches ? (done ? "To the start" : "To the end")
      : frame ? "❚❚ Pause" : done ? "↻ Replay" : "▶ Play";
  };
  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    name();
  }
  function start() {
    if (still.matches) return setFraction(getFraction() < 1 ? 1 : 0);
    let last = performance.now();
    let at = getFraction() < 1 ? getFraction() : 0;
    const tick = shell.guarded((now) => {
      at = Math.min(1, at + Math.max(0, now - last) / 4000);
      last = now;
      setFraction(at);
      if (at < 1) frame = requestAnimationFrame(tick);
      else stop();
    });
    frame = requestAnimationFrame(tick);
    name();
    return undefined;
  }
  shell.leave(() => cancelAnimationFrame(frame));
  shell.after(name);
  return Object.assign(play, { stop, start, still });
}

/**
 * Rows of a name and a value; show({name: value}) fills them. The list keeps
 * the height of the longest it has shown, lest what is dragged moves away.
 */
export function readout() {
  const list = node("dl", { className: "ode-readout" });
  let shown = "";
  return Object.assign(list, {
    show: (values) => {
      list.replaceChildren(...Object.entries(values).flatMap(([name, value]) =>
        [node("dt", {}, name), node("dd", {}, value)]));
      const size = `${list.clientWidth} ${Object.keys(values).length}`;
      if (size !== shown) list.style.minHeight = "";
      shown = size;
      // Rounded up: heights of text are fractions that differ by its glyphs.
      list.style.minHeight = `${Math.ceil(list.getBoundingClientRect().height)}px`;
    },
  });
}

const STEPS = { // of keys: right and up
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
  PageUp: [0, 10], PageDown: [0, -10],
};
const ENDS = { Home: 0, End: 1 };

/**
 * A canvas with a point on it that can be dragged, tapped or moved by keys.
 * move(x, y) is told where, in CSS pixels of the canvas; nudge(dx, dy) how many
 * small steps; jump(end) to which end of range(), the values that the handle
 * takes; label says what the point is. place(x, y, value, text) puts it there.
 */
export function pointCanvas(name, className, { move, nudge, jump, range, label = "Starting point" }) {
  const canvas = node("canvas", { role: "img", "aria-label": name });
  const handle = node("div", {
    className: "ode-handle", tabIndex: 0, role: "slider",
    "aria-label": label, "aria-roledescription": "movable point",
  });
  const box = node("div", { className: `ode-canvas ${className}` }, canvas, handle);
  const at = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    move(event.clientX - left, event.clientY - top);
  };
  let dragging = false;
  box.addEventListener("pointerdown", (event) => {
    // A finger beside the point may want to scroll: it moves it by a tap.
    if (event.button !== 0) return;
    if (event.pointerType === "touch" && event.target !== handle) return;
    dragging = true;
    box.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus({ preventScroll: true, focusVisible: false });
    at(event);
  });
  box.addEventListener("pointermove", (event) => dragging && at(event));
  for (const end of ["pointerup", "pointercancel"])
    box.addEventListener(end, () => (dragging = false));
  canvas.addEventListener("click", at);
  handle.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS || event.key in ENDS)) return;
    event.preventDefault();
    if (event.key in ENDS) return jump(range()[ENDS[event.key]]);
    return nudge(...STEPS[event.key].map((v) => v * (event.shiftKey ? 5 : 1)));
  });
  return Object.assign(box, {
    canvas,
    place: (x, y, value, text) => {
      handle.style.transform = `translate(${x}px, ${y}px)`;
      const [least, most] = range();
      for (const [name, number] of [["min", least], ["now", value], ["max", most]])
        handle.setAttribute(`aria-value${name}`, Number(number.toFixed(2)));
      handle.setAttribute("aria-valuetext", text);
    },
    describe: (text) => canvas.setAttribute("aria-label", text),
  });
}

/** What the marks mean: show(parts) of texts, or [text, name of a class]. */
export function key(...parts) {
  const list = node("p", { className: "ode-key" });
  const show = (...parts) => list.replaceChildren(...parts.map((part) =>
    typeof part === "string" ? node("span", {}, part)
      : node("span", { className: part[1] }, part[0])));
  show(...parts);
  return Object.assign(list, { show });
}

export const CLASS_KEY = [["● class −1", "ode-minus"], ["▲ class +1", "ode-plus"], "hollow: z(0)"];
export const DRAG_KEY = "large ring: drag it, or focus it and use the arrow keys";
