// PlaygroundWidget: train a model in the page, and watch its boundary bend.
import { ownData } from "./playground/owndata.js";
import { folded, missionRail, runTable, settingControls, takeAway } from "./playground/controls.js";
import { isDone, MISSIONS } from "./playground/missions.js";
import { canvasOf, drawGhost, drawSpace, drawTraining, turnByHand } from "./playground/pictures.js";
import { about, marks, readings, stoppedReadings } from "./playground/readings.js";
import { caption, makeRival } from "./playground/rival.js";
import { fromAddress, NONE, sane, toAddress } from "./playground/settings.js";
import { pythonOf, safetensors } from "./playground/takeaway.js";
import { connect, serve } from "./playground/trainer.js";
import { holding, measure, SEEN, seenAt, steady, wayOf } from "./playground/view.js";
import { drawData, OWN } from "./shared/datasets.js";
import { classifyInputs, drawInputs } from "./shared/inputs.js";
import { unpack } from "./shared/nets.js";
import { pen, tidy } from "./shared/plot.js";
import { depthsOf, drawFlow, frameOf, moves, vector } from "./shared/scene.js";
import { initial, makeModel } from "./shared/training.js";
import {
  button, buttons, choice, fold, key, mount, node, player, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";
import { drawWeights, strongest } from "./shared/weights.js";

const BUDGET = 14; // milliseconds of training for each picture
const CURVES = 8;
const OTHERS = [["loss", "Loss"], ["space", "Space"], ["weights", "Weights θ(s)"]];

/** Only a page of the book keeps its settings in the address. */
const inBook = () => document.documentElement.hasAttribute("data-content_root");

function renderPlayground({ model: python, el }) {
  return mount(python, el, (shell) => {
    const kept = trait(python, "settings", shell);
    const asked = (inBook() && fromAddress(location.hash)) || null;
    const defaults = sane(kept.get(), { compare: NONE });
    let settings = sane(asked?.given ?? {}, defaults);
    const given = python.get("data");
    let own = asked?.data ?? (given && {
      x: unpack(given.x), y: unpack(given.y), n: unpack(given.y).length,
    });
    if (settings.data === OWN && !own) settings = sane({ data: "disc in a ring" }, settings);
    const opened = !asked && python.get("weights") ? unpack(python.get("weights")) : null;

    let [net, w, path, fresh, data, losses, nfes, step] = [];
    let [running, failed, goal, point] = [false, false, 0, [1.2, 0.4]];
    let [noted, before] = [false, []]; // this run, in the table; the losses of the last
    let [view, depth, angles] = [{ solver: "trained", steps: 4 }, 1, { turn: 0.6, tilt: 0.35 }];
    let [now, region, exact, frame, map, pace, learning, other] = [null, null, null, null, null, 0, 0, "loss"];
    const done = MISSIONS.map(() => false);

    // Training.
    const trainer = connect(python.get("_esm") ?? "", shell.guarded((result) => {
      ({ step, w, path, exact = exact } = result);
      failed ||= result.failed;
      losses.push(...result.losses);
      nfes.push(...result.nfes);
      if (result.losses.length) {
        learning = result.took / result.losses.length;
        if (!noted) runs.add(settings, defaults);
        noted = true;
        region = running ? region : null;
      }
      if (result.failed || (running && goal && step >= goal)) stop();
      if (!result.failed && result.losses.length) rival.follow(step, () => running && ask());
      now = null;
      shell.redraw();
    }));
    const rival = makeRival(python.get("_esm") ?? "", shell.redraw);
    shell.leave(() => [trainer, rival].forEach((one) => one.stop()));
    const against = () => (settings.compare === NONE ? null : settings.compare);
    const ask = () => trainer.train(BUDGET, goal ? goal - step : undefined);
    const train = button("▶ Train", () => (running ? stop() : go()));
    const go = (until = 0) => {
      [running, goal] = [true, until];
      train.textContent = "❚❚ Pause";
      ask();
    };
    const stop = () => {
      running = false;
      train.textContent = "▶ Train";
      region = null;
      trainer.train(0, 0);
      shell.redraw();
    };
    const restart = (weights) => {
      net = makeModel(settings);
      fresh = weights?.length !== net.size;
      w = fresh ? initial(net, settings.seed) : weights;
      data = settings.data === OWN ? own : drawData(settings.data, settings.points, settings.seed);
      if (point.length !== settings.features) point = settings.features === 1 ? [0.5] : [1.2, 0.4];
      if (noted) before = losses;
      [losses, nfes, step, failed, goal] = [[], [], 0, false, 0];
      [path, now, region, exact, frame, noted] = [null, null, null, null, null, false];
      trainer.start(settings, data, w);
      rival.start(against() && { ...settings, variant: against() }, data);
      shell.root.toggleAttribute("data-compare", against() !== null);
      if (running) ask();
      else trainer.train(0, 0);
      shell.redraw();
    };
    const change = (given) => {
      if (given.data === OWN) own ??= drawData("disc in a ring", settings.points, settings.seed);
      settings = sane({ ...settings, ...given }, settings);
      kept.set(settings);
      if (inBook()) window.history.replaceState(null, "", toAddress(settings, own));
      restart();
    };
    const take = (points) => {
      own = points;
      change({ data: OWN });
    };

    // Pictures.
    const spot = { get: () => point, set: (x) => ((point = x), shell.redraw()) };
    const plane = pointCanvas("Flow of the data", "ode-square", moves(spot, () => now.scene, () => frame));
    const [inputs, inputsBox] = canvasOf("Class of each input");
    const [curve, curveBox] = canvasOf("Loss and evaluations over training steps");
    const picture = buttons("Small picture", OTHERS, other, (name) => ((other = name), shell.redraw()));
    const second = node("div", { className: "ode-second" }, picture, curveBox);
    const others = { loss: ["Loss and evaluations over training steps", "default"],
      space: ["The first three states, to be turned by hand", "grab"], weights: ["Weights over depth", "default"] };
    turnByHand(curve, () => other === "space", (dx, dy) => {
      const keep = (v, most) => Math.min(most, Math.max(-most, v));
      angles = { turn: keep(angles.turn + dx / 90, 3.15), tilt: keep(angles.tilt + dy / 90, 1.55) };
      shell.redraw();
    });

    // Controls.
    const controls = settingControls(settings, change);
    const look = (given) => {
      [view, now, region] = [{ ...view, ...given }, null, null];
      rival.look();
      shell.redraw();
    };
    const solver = choice("Solve by", [["trained", "as it was trained"],
      ["euler", "Euler"], ["dopri5", "dopri5, 10⁻⁴"]], view.solver, (value) => look({ solver: value }));
    const coarse = slider("Euler steps", { min: 1, max: 50, step: 1 }, (value) => look({ steps: value }));
    const deep = slider("Depth s", { min: 0, max: 1, step: 0.01 }, (value) => (play.stop(), show(value)));
    const show = (value) => ((depth = value), shell.redraw());
    const play = player(shell, () => depth, show);
    const values = readout();
    const under = caption();
    const what = node("p", { className: "ode-about" });
    const more = folded("More settings", controls.activation, controls.layers, controls.width,
      controls.penalty, controls.decay, controls.batch, controls.points, controls.seed);
    const missions = missionRail(MISSIONS, (i) => {
      stop();
      [view, depth] = [{ ...view, solver: "trained" }, 1];
      change({ ...defaults, compare: settings.compare, ...MISSIONS[i].start });
    });
    const runs = runTable(change);
    const ownPart = ownData(inputs, { map: () => map, point: () => point, data: () => data, take });
    const away = takeAway({
      python: () => pythonOf(net, data, epochs()), link: () => toAddress(settings, own, fresh ? step : 0),
      file: () => safetensors(net, w, settings),
    });
    const epochs = () => Math.round(step / (net.batch ? Math.ceil(data.n / net.batch) : 1));
    const legend = key();
    const part = (name, ...children) => node("div", { className: `ode-${name}` }, ...children);
    shell.root.classList.add("ode-playground");
    shell.root.append(part("lab", controls.data,
      part("top", controls.variant, what, part("buttons", train, button("Step", () => (trainer.train(0, 1), stop())),
        button("Restart", () => (stop(), restart())))),
      part("main", plane, under), rival, part("play", play, deep), part("map", inputsBox), second,
      part("rest", controls.compare, controls.method, controls.steps, controls.lr, controls.extra, controls.modes, solver, coarse, values),
      missions), runs, fold("What the marks mean", legend), more, ownPart, away);
    restart(opened);
    if (asked?.trained) go(asked.trained);
    const follow = shell.guarded(() => {
      const next = inBook() && fromAddress(location.hash);
      if (!next) return;
      stop();
      own = next.data ?? own;
      change(sane(next.given, defaults));
      if (next.trained) go(next.trained);
    });
    addEventListener("hashchange", follow); // a link pasted into the open page
    shell.leave(() => removeEventListener("hashchange", follow));

    /** Of data of one's own there is room to draw more. */
    const canvasBox = () => {
      const half = Math.max(2, 1.05 * Math.max(...data.x.map(Math.abs)));
      return settings.data === OWN ? [-half, half, -half, half] : undefined;
    };
    /** Loss and, where there are any, added states or weights that move. */
    const drawSecond = ({ scene, model }, k) => {
      const has = { loss: true, space: net.states > 2, weights: net.functions > 0 };
      if (!has[other]) other = "loss";
      picture.show(other);
      OTHERS.forEach(([name], i) => (picture.children[i].hidden = !has[name]));
      picture.hidden = !has.space && !has.weights;
      const [said, cursor] = others[other];
      curve.setAttribute("aria-label", said);
      curve.style.cursor = cursor;
      if (other === "space") curve.tabIndex = 0;
      else curve.removeAttribute("tabindex");
      const sheet = pen(curve);
      if (other === "space") drawSpace(sheet, scene, data, k, angles);
      else if (other === "weights") {
        const s = depthsOf(model);
        drawWeights(sheet, model, model, strongest(model, s, CURVES), s, k);
      } else drawTraining(sheet, losses, nfes, rival.losses() ?? before);
    };
    const drawRegion = (way) => {
      const start = performance.now();
      // It takes long: in training now and then, and without the curve.
      if (region && running && start < region.until) return;
      if (!region || running)
        region = classifyInputs(now.model, data.x, { carry: !running, box: canvasBox() });
      map = drawInputs(pen(inputs), region, data, way);
      region.until = performance.now() + 8 * (performance.now() - start);
    };
    const checkMissions = (way) => {
      const seen = seenAt(now, point, way);
      MISSIONS.forEach((mission, i) => {
        done[i] ||= isDone(mission, seen);
      });
      missions.show(done);
    };

    return () => {
      const start = performance.now();
      now ??= measure(net, w, data, view, path);
      if (now.scene) now.scene.box = steady(frame?.box, holding(now.scene.box, point));
      controls.show(settings, own);
      what.textContent = about(net);
      const word = under.show(net, now, exact);
      solver.show(view.solver);
      coarse.show(view.steps, String(view.steps));
      coarse.hidden = view.solver !== "euler";
      solver.hidden = net.variant === "network";
      deep.show(depth, tidy(depth));
      deep.querySelector("label").textContent = settings.variant === "adaptive depth" ? "Share of g(x)" : "Depth s";
      const way = wayOf(now, point);
      if (way.stopped || failed) {
        drawTraining(pen(curve), losses, nfes, before);
        values.show(stoppedReadings(step, failed
          ? "the loss or its gradient is not finite; a smaller learning rate helps" : way.stopped));
        return;
      }
      const { scene, model } = now;
      const k = frameOf(model, depth);
      const sheet = pen(plane.canvas);
      frame = { ...drawFlow(sheet, scene, data, way, k), box: scene.box };
      if (exact?.z && exact.gap > SEEN && view.solver === "trained") drawGhost(sheet, frame, scene, exact.z, k);
      shell.root.toggleAttribute("data-line", net.features === 1);
      if (net.features === 2 && !against()) drawRegion(way);
      rival.draw(view, point, depth);
      drawSecond(now, k);
      const [from, to] = [vector(point), vector(way.z.at(-1))];
      plane.place(...frame.handle, point[0], `at ${from}, ends at ${to}`);
      plane.describe(`Field at depth ${tidy(depth)}, ${data.n} points on their way, and one from ${from} to ${to}`);
      checkMissions(way);
      values.show(readings(now, way, { step, learning, pace: running ? pace : 0 }));
      legend.show(...marks(model, against()));
      away.show();
      // A line has no classes.
      const right = net.features === 2 ? `${tidy(100 * now.trained.right, 0)} %` : "–";
      if (noted) runs.note([String(step), right, String(nfes.at(-1)?.[1] || "–"), word]);
      shell.say(`Step ${step}, loss ${tidy(now.trained.loss, 3)}, ${right} right, ${word}`);
      pace = 0.8 * pace + 0.2 * (performance.now() - start);
    };
  });
}

export default { render: renderPlayground };

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) serve(self);
