// Reads [{study, n}] from standard input and writes the page's verdicts over the
// first n seeds: [{word, p}] of each claim, with both p of each comparison.
import { readFileSync } from "node:fs";
import { interval, verdicts } from "../../book/neural_odes_lab/widgets/shared/verdicts.js";

const cases = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(({ study, n }) =>
  verdicts(study, n).map(({ word, evidence }) => ({
    word,
    p: evidence.filter((one) => !one.check).map(({ p, pMatters }) => [p, pMatters]),
    interval: evidence.filter((one) => !one.check && one.values.length > 1)
      .map(({ values }) => interval(values)),
  })))));
