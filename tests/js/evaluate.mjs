// Reads cases {state, x, s, settings} from standard input and writes what the
// page computes of them: {z, nfe, output, theta, depths}.
import { readFileSync } from "node:fs";
import { readModel } from "../../book/neural_odes_lab/widgets/shared/fields.js";

const cases = JSON.parse(readFileSync(0, "utf8"));
const results = cases.map(({ state, x, s, settings, modes }) => {
  const model = readModel(state, { modes: modes ?? undefined });
  const { z, nfe } = model.solve(Float64Array.from(x), s, settings);
  return {
    nfe,
    z: z.map((state) => [...state]),
    output: [...model.output(z.at(-1))],
    theta: [...model.theta(s.at(-1) / 3)],
    depths: [...model.depths(Float64Array.from(x))],
  };
});
process.stdout.write(JSON.stringify(results));
