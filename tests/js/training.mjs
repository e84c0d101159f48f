// Reads cases {settings, w, x, y, steps} from standard input and writes what the
// page's trainer makes of them: {w: initial weights, loss, grad, losses}.
import { readFileSync } from "node:fs";
import {
  adam, gradient, initial, makeModel,
} from "../../book/neural_odes_lab/widgets/shared/training.js";

const cases = JSON.parse(readFileSync(0, "utf8"));
const results = cases.map(({ settings, w, x, y, steps }) => {
  const model = makeModel(settings);
  const [inputs, labels] = [x, y].map((v) => Float64Array.from(v));
  const weights = w ? Float64Array.from(w) : initial(model, settings.seed);
  const first = Array.from(weights);
  const { loss, penalty, grad } = gradient(model, weights, inputs, labels, labels.length);
  const [losses, descend] = [[], adam(model.size, settings)];
  for (let i = 0; i < steps; i++) {
    const now = gradient(model, weights, inputs, labels, labels.length);
    losses.push(now.loss);
    descend(weights, now.grad);
  }
  return { w: first, loss: loss + penalty, grad: [...grad], losses };
});
process.stdout.write(JSON.stringify(results));
