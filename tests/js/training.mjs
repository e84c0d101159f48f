// Reads {settings, w, x, y} from standard input and writes what the page's
// trainer makes of them: {loss, grad}.
import { readFileSync } from "node:fs";
import { gradient, makeModel } from "../../lib/neural_odes/lab/widgets/shared/training.js";

const { settings, w, x, y } = JSON.parse(readFileSync(0, "utf8"));
const [weights, inputs, labels] = [w, x, y].map((v) => Float64Array.from(v));
const { loss, grad } = gradient(makeModel(settings), weights, inputs, labels, labels.length);
process.stdout.write(JSON.stringify({ loss, grad: [...grad] }));
