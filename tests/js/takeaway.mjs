// Reads cases {settings, steps} from standard input, trains each and writes
// what a reader takes away: {python, file, x, loss, output}.
import { readFileSync } from "node:fs";
import { sane } from "../../book/neural_odes_lab/widgets/playground/settings.js";
import {
  pythonOf, safetensors,
} from "../../book/neural_odes_lab/widgets/playground/takeaway.js";
import { makeTrainer } from "../../book/neural_odes_lab/widgets/playground/trainer.js";
import { fitOf } from "../../book/neural_odes_lab/widgets/playground/view.js";
import { drawData } from "../../book/neural_odes_lab/widgets/shared/datasets.js";
import {
  forward, initial, makeModel,
} from "../../book/neural_odes_lab/widgets/shared/training.js";

const results = JSON.parse(readFileSync(0, "utf8")).map(({ settings: given, steps }) => {
  const settings = sane(given, {});
  const model = makeModel(settings);
  const data = drawData(settings.data, settings.points, settings.seed);
  const trainer = makeTrainer();
  trainer({ settings, data, w: initial(model, settings.seed) });
  const { w } = trainer({ budget: Infinity, most: steps });
  const epochs = steps / (settings.batch ? Math.ceil(data.n / settings.batch) : 1);
  const { output } = forward(model, w, data.x, data.n);
  return {
    python: pythonOf(model, data, epochs),
    file: Buffer.from(safetensors(model, w, settings)).toString("base64"),
    x: [...data.x], loss: fitOf(output, data).loss, output: [...output],
  };
});
process.stdout.write(JSON.stringify(results));
