// PlaygroundWidget: train a model in the page, and watch its boundary bend.
import { ownData } from "./playground/owndata.js";
import { folded, missionList, settingControls, takeAway } from "./playground/controls.js";
import { isDone, MISSIONS } from "./playground/missions.js";
import { drawSpace, drawTraining, turnByHand } from "./playground/pictures.js";
import { marks, readings, stoppedReadings } from "./playground/readings.js";
import { fromAddress, sane, toAddress } from "./playground/settings.js";
import { pythonOf, safetensors } from "./playground/takeaway.js";
import { connect, serve } from "./playground/trainer.js";
import { measure, seenAt, wayOf } from "./playground/view.js";
import { drawData, OWN } from "./shared/datasets.js";
import { classifyInputs, drawInputs } from "./shared/inputs.js";
import { unpack } from "./shared/nets.js";
import { pen, tidy } from "./shared/plot.js";
import { depthsOf, drawFlow, frameOf, moves, vector } from "./shared/scene.js";
import { initial, makeModel } from "./shared/training.js";
import {
  button, choice, key, mount, node, player, pointCanvas, readout, slider, trait,
} from "./shared/ui.js";
import { drawWeights, strongest } from "./shared/weights.js";

const BUDGET = 14; // milliseconds of training for each picture
const CURVES = 8;

/** Only a page of the book keeps its settings in the address. */
const inBook = () => document.documentElement.hasAttribute("data-content_root");

const canvasOf = (name) => {
  const canvas = node("canvas", { role: "img", "aria-label": name });
  return [canvas, node("div", { className: "ode-canvas ode-square ode-small" }, canvas)];
};

function renderPlayground({ model: python, el }) {
  return mount(python, el, (shell) => {
    const kept = trait(python, "settings", shell);
    const asked = (inBook() && fromAddress(location.hash)) || null;
    const defaults = sane(kept.get(), {});
    let settings = sane(asked?.given ?? {}, defaults);
    const given = python.get("data");
    let own = asked?.data ?? (given && {
      x: unpack(given.x), y: unpack(given.y), n: unpack(given.y).length,
    });
    if (settings.data === OWN && !own) settings = sane({ data: "disc in a ring" }, settings);
    const opened = !asked && python.get("weights") ? unpack(python.get("weights")) : null;

    let [net, w, path, fresh, data, losses, nfes, step] = [];
    let [running, failed, goal, point] = [false, false, 0, [1.2, 0.4]];
    let [view, depth, angles] = [{ solver: "trained", steps: 4 }, 1, { turn: 0.6, tilt: 0.35 }];
    let [now, region, frame, map, pace, learning] = [null, null, null, null, 0, 0];
    const done = MISSIONS.map(() => false);

    // Training.
    const trainer = connect(python.get("_esm") ?? "", shell.guarded((result) => {
      ({ step, w, path, failed } = result);
      losses.push(...result.losses);
      nfes.push(...result.nfes);
      if (result.losses.length) learning = result.took / result.losses.length;
      now = null;
      if (failed || (goal && step >= goal)) stop();
      if (running) ask();
      else region = null;
      shell.redraw();
    }));
    shell.leave(trainer.stop);
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
      shell.redraw();
    };
    const restart = (weights) => {
      net = makeModel(settings);
      fresh = weights?.length !== net.size;
      w = fresh ? initial(net, settings.seed) : weights;
      data = settings.data === OWN ? own : drawData(settings.data, settings.points, settings.seed);
      if (point.length !== settings.features) point = settings.features === 1 ? [0.5] : [1.2, 0.4];
      [losses, nfes, step, failed, goal] = [[], [], 0, false, 0];
      [path, now, region, frame] = [null, null, null, null];
      trainer.start(settings, data, w);
      if (running) ask();
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
    const [space, spaceBox] = canvasOf("The first three states");
    const [moving, movingBox] = canvasOf("Weights over depth");
    const turned = (name, text, min, max) => slider(text, { min, max, step: 0.05 },
      (value) => ((angles = { ...angles, [name]: value }), shell.redraw()));
    const [turn, tilt] = [turned("turn", "Turn", -3.15, 3.15), turned("tilt", "Tilt", -1.55, 1.55)];
    spaceBox.append(turn, tilt);
    turnByHand(space, (dx, dy) => {
      const keep = (v, most) => Math.min(most, Math.max(-most, v));
      angles = { turn: keep(angles.turn + dx / 90, 3.15), tilt: keep(angles.tilt + dy / 90, 1.55) };
      shell.redraw();
    });

    // Controls.
    const controls = settingControls(settings, change);
    const look = (given) => {
      [view, now, region] = [{ ...view, ...given }, null, null];
      shell.redraw();
    };
    const solver = choice("Solve by", [["trained", "as it was trained"],
      ["euler", "Euler"], ["dopri5", "dopri5, 10⁻⁴"]], view.solver, (value) => look({ solver: value }));
    const coarse = slider("Euler steps", { min: 1, max: 50, step: 1 }, (value) => look({ steps: value }));
    const deep = slider("Depth s", { min: 0, max: 1, step: 0.01 }, (value) => (play.stop(), show(value)));
    const show = (value) => ((depth = value), shell.redraw());
    const play = player(shell, () => depth, show);
    const values = readout();
    const buttons = (...all) => node("div", { className: "ode-buttons" }, ...all);
    const panel = node("div", { className: "ode-panel" },
      controls.data, controls.variant, controls.extra, controls.modes, controls.method, controls.steps,
      controls.lr, values);
    const left = node("div", { className: "ode-panel" }, plane,
      buttons(train, button("Step", () => (stop(), trainer.train(0, 1))),
        button("Restart", () => (stop(), restart()))), deep, solver, coarse, buttons(play));
    const more = folded("More settings", controls.activation, controls.layers, controls.width,
      controls.penalty, controls.decay, controls.batch, controls.points, controls.seed);
    const missions = missionList(MISSIONS, (i) => {
      stop();
      [view, depth] = [{ ...view, solver: "trained" }, 1];
      change({ ...defaults, ...MISSIONS[i].start });
      train.focus(); // which is far above the list
    });
    const ownPart = ownData(inputs, { map: () => map, point: () => point, data: () => data, take });
    const away = takeAway({
      python: () => pythonOf(net, data, epochs()), link: () => toAddress(settings, own, fresh ? step : 0),
      file: () => safetensors(net, w, settings),
    });
    const epochs = () => Math.round(step / (net.batch ? Math.ceil(data.n / net.batch) : 1));
    const legend = key();
    shell.root.append(node("div", { className: "ode-body ode-even" }, left, panel),
      node("div", { className: "ode-strip ode-below" }, inputsBox, curveBox, spaceBox, movingBox),
      legend, missions, more, ownPart, away);
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
      controls.show(settings);
      solver.show(view.solver);
      coarse.show(view.steps, String(view.steps));
      coarse.hidden = view.solver !== "euler";
      solver.hidden = net.variant === "network";
      deep.show(depth, tidy(depth));
      deep.querySelector("label").textContent = settings.variant === "adaptive depth" ? "Share of g(x)" : "Depth s";
      drawTraining(pen(curve), losses, nfes);
      const way = wayOf(now, point);
      if (way.stopped || failed) {
        values.show(stoppedReadings(net, step, failed
          ? "the loss or its gradient is not finite; a smaller learning rate helps" : way.stopped));
        return;
      }
      const { scene, model } = now;
      const k = frameOf(model, depth);
      frame = { ...drawFlow(pen(plane.canvas), scene, data, way, k), box: scene.box };
      inputsBox.hidden = net.features !== 2;
      if (!inputsBox.hidden) drawRegion(way);
      spaceBox.hidden = net.states < 3;
      if (!spaceBox.hidden) drawSpace(pen(space), scene, data, k, angles);
      turn.show(angles.turn, `${Math.round((180 * angles.turn) / Math.PI)}°`);
      tilt.show(angles.tilt, `${Math.round((180 * angles.tilt) / Math.PI)}°`);
      movingBox.hidden = !net.functions;
      if (!movingBox.hidden) {
        const s = depthsOf(model);
        drawWeights(pen(moving), model, model, strongest(model, s, CURVES), s, k);
      }
      const [from, to] = [vector(point), vector(way.z.at(-1))];
      plane.place(...frame.handle, point[0], `at ${from}, ends at ${to}`);
      plane.describe(`Field at depth ${tidy(depth)}, ${data.n} points on their way, and one from ${from} to ${to}`);
      checkMissions(way);
      values.show(readings(now, way, { step, done, learning, pace: running ? pace : 0 }));
      legend.show(...marks(model));
      away.show();
      shell.say(`Step ${step}, loss ${tidy(now.trained.loss, 3)}, ${tidy(100 * now.right, 0)} % right`);
      pace = 0.8 * pace + 0.2 * (performance.now() - start);
    };
  });
}

/** A box, square in the plane, that holds a point as well. */
function holding(box, point) {
  if (point.length < 2) return box;
  const middle = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  const half = Math.max((box[1] - box[0]) / 2, ...point.map((v, i) => 1.1 * Math.abs(v - middle[i])));
  return middle.flatMap((m) => [m - half, m + half]);
}

/** The old box as long as it holds the new one and is not much larger. */
function steady(old, box) {
  const [left, right, low, high] = box;
  const fits = old && old[0] <= left && old[1] >= right && old[2] <= low && old[3] >= high;
  return fits && old[3] - old[2] < 1.6 * (high - low) ? old : box;
}

export default { render: renderPlayground };

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) serve(self);
