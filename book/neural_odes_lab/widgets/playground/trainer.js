// Training beside the page: in a worker, or where workers are refused in turns
// with the page. It trains when asked and reports once, so that a slow picture
// slows the training down and nothing piles up.
import { byClass } from "../shared/datasets.js";
import { readModel } from "../shared/fields.js";
import { torchPermutation } from "../shared/random.js";
import { adam, forward, gradient, makeModel } from "../shared/training.js";
import { stateOf } from "./state.js";
import { exactFlow, NO_FLOW } from "./view.js";

const EVERY = 10; // steps between measurements of NFE
const SHARE = 4; // times as long as the exact flow took, it is not asked for again
const TOLERANCE = { rtol: 1e-4, atol: 1e-4, maxSteps: 500 }; // the paper's

/** Evaluations that an adaptive solve of all the data takes; NaN: it failed. */
export function evaluationsOf(model, w, x) {
  if (NO_FLOW.includes(model.variant)) return NaN;
  try {
    return readModel(stateOf(model, w)).solve(x, [0, 1], TOLERANCE).nfe;
  } catch {
    return NaN;
  }
}

/** Answers {settings, data, w}, a fresh start, and {budget, most}. */
export function makeTrainer() {
  let [model, data, sorted, w, descend, permute, order, step, due] = [];
  const start = (given) => {
    ({ data, w } = given);
    model = makeModel(given.settings);
    sorted = byClass(data); // as the lines of Python have them
    [descend, permute, order, step, due] = [adam(model.size, model), torchPermutation(model.seed), [], 0, 0];
  };
  /** The next mini-batch, in fit's order; an epoch takes each sample once. */
  const batch = () => {
    const { features, batch: size } = model;
    if (!size || size >= data.n) return data;
    if (!order.length) order = permute(data.n).map((i) => sorted[i]);
    const rows = order.splice(0, size);
    return {
      n: rows.length, y: Float64Array.from(rows, (i) => data.y[i]),
      x: Float64Array.from(rows.flatMap((i) => [...data.x.subarray(features * i, features * (i + 1))])),
    };
  };
  /** Train for some milliseconds, at most so many steps; by none, just look. */
  const train = ({ budget, most }) => {
    const [begin, losses, nfes] = [performance.now(), [], []];
    let failed = false;
    while (losses.length < most && (!losses.length || performance.now() - begin < budget)) {
      if (step % EVERY === 0) nfes.push([step, evaluationsOf(model, w, data.x)]);
      const { x, y, n } = batch();
      const { loss, grad } = gradient(model, w, x, y, n);
      failed = !Number.isFinite(loss) || !grad.every(Number.isFinite);
      if (failed) break;
      losses.push(loss);
      descend(w, grad);
      step++;
    }
    const trained = performance.now();
    const { path } = forward(model, w, data.x, data.n); // which the page need not solve again
    const result = { step, losses, nfes, failed, w: w.slice(), path, took: trained - begin };
    if (most > 0 && trained < due) return result;
    result.exact = exactFlow(model, w, data, path);
    due = performance.now() + SHARE * (performance.now() - trained);
    return result;
  };
  return (message) => ("settings" in message ? start(message) : train(message));
}

/** What a worker does with the page's messages. */
export function serve(scope) {
  const trainer = makeTrainer();
  scope.onmessage = ({ data: { run, message } }) => {
    const result = trainer(message);
    if (result) scope.postMessage({ run, result });
  };
}

/**
 * A trainer {start, train, stop} that reports to heard(result); source is the
 * text of this module, which the worker runs.
 */
export function connect(source, heard) {
  let [run, last, worker] = [0, [], null];
  const local = makeTrainer();
  const hear = (of, result) => of === run && heard(result);
  const post = (message) => {
    last = "settings" in message ? [message] : [last[0], message];
    if (worker) worker.postMessage({ run, message });
    else if ("settings" in message) local({ ...message, w: message.w.slice() });
    else {
      // Half of a frame, which the picture needs as well.
      const [of, short] = [run, { ...message, budget: Math.min(8, message.budget) }];
      setTimeout(() => of === run && hear(of, local(short)));
    }
  };
  try {
    if (!source) throw new Error("no module for a worker");
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(url, { type: "module" });
    worker.onmessage = ({ data }) => hear(data.run, data.result);
    worker.onerror = () => {
      worker = null;
      last.forEach(post);
    };
  } catch {
    worker = null;
  }
  return {
    start: (settings, data, w) => {
      run++;
      post({ settings, data, w });
    },
    train: (budget, most = Infinity) => post({ budget, most }),
    stop: () => {
      run++;
      worker?.terminate();
    },
  };
}
