// A second model beside the first: from the same data and seed, after as many
// steps, in a plane of its own.
import { pen, tidy } from "../shared/plot.js";
import { drawFlow, frameOf } from "../shared/scene.js";
import { initial, makeModel } from "../shared/training.js";
import { node } from "../shared/ui.js";
import { canvasOf, drawGhost } from "./pictures.js";
import { lampOf } from "./readings.js";
import { connect } from "./trainer.js";
import { holding, measure, SEEN, steady, wayOf } from "./view.js";

/** What stands below a model's plane: show(net, measured, exact, line) says how it does. */
export function caption() {
  const [score, lamp] = [node("p", { className: "ode-score" }), node("p", { className: "ode-lamp" })];
  return Object.assign(node("div", {}, score, lamp), {
    show: (net, { trained: { right, loss } }, exact, line = "") => {
      const [word, why] = lampOf(net, exact);
      score.textContent = `${net.variant}${line}: loss ${tidy(loss, 3)}` +
        (net.features === 2 ? `, ${tidy(100 * right, 0)} % right` : "");
      lamp.replaceChildren(node("strong", {}, `● ${word}`), `: ${why}`);
      lamp.dataset.is = word;
      return word;
    },
  });
}

/** source is the text of this module; redraw() is called as there is news. */
export function makeRival(source, redraw) {
  const [canvas, box] = canvasOf("Flow of the same data by the other model", "ode-square");
  const said = caption();
  let [trainer, net, data, w, path, exact, losses, step, failed, now, frame, goal, then, busy] = [];
  const hear = (result) => {
    ({ step, w, path, exact = exact } = result);
    losses.push(...result.losses);
    failed ||= result.failed;
    [now, busy] = [null, false];
    catchUp();
    redraw();
  };
  const ask = (most) => {
    busy = true;
    trainer.train(Infinity, most);
  };
  const catchUp = () => {
    if (busy) return;
    if (step < goal && !failed) return ask(goal - step);
    const next = then;
    then = null;
    next?.();
  };
  const stop = () => {
    trainer?.stop();
    trainer = null;
  };
  return Object.assign(node("div", { className: "ode-rival" }, box, said), {
    stop,
    losses: () => (net ? losses : null),
    /** Begin with the first model's data; without settings, end. */
    start: (settings, given) => {
      net = settings && makeModel(settings);
      [data, path, exact, losses, step] = [given, null, null, [], 0];
      [failed, now, frame, goal, then] = [false, null, null, 0, null];
      if (!net) return stop();
      w = initial(net, settings.seed);
      trainer ??= connect(source, hear);
      trainer.start(settings, data, w);
      ask(0);
    },
    /** Train up to a step, and then call next(). */
    follow: (to, next) => {
      if (!net) return next();
      [goal, then] = [to, next];
      catchUp();
    },
    look: () => (now = null),
    draw: (view, point, depth) => {
      if (!net) return;
      now ??= measure(net, w, data, view, path);
      said.show(net, now, exact, ", grey");
      const way = wayOf(now, point);
      if (way.stopped) return;
      const { scene, model } = now;
      const k = frameOf(model, depth);
      scene.box = steady(frame?.box, holding(scene.box, point));
      const sheet = pen(canvas);
      frame = { ...drawFlow(sheet, scene, data, way, k), box: scene.box };
      if (exact?.z && exact.gap > SEEN && view.solver === "trained") drawGhost(sheet, frame, scene, exact.z, k);
      canvas.setAttribute("aria-label", `Flow of the same data by ${net.variant}, ${tidy(100 * now.trained.right, 0)} % right`);
    },
  });
}
