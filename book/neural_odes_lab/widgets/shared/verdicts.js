// Verdicts over the first seeds of a study, as neural_odes_lab/verdicts.py has them.

const sum = (values) => values.reduce((total, v) => total + v, 0);
export const mean = (values) => sum(values) / values.length;
const deviation = (values) => {
  const middle = mean(values);
  return Math.sqrt(sum(values.map((v) => (v - middle) ** 2)) / (values.length - 1));
};

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln of the gamma function, for x >= 0.5. */
function lnGamma(x) {
  const t = x + 6.5;
  const series = LANCZOS.reduce((total, c, i) => total + c / (x + i), 0.99999999999980993);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series);
}

/** The regularised incomplete beta function, by Lentz's continued fraction. */
function beta(x, a, b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) +
    a * Math.log(x) + b * Math.log1p(-x)) / a;
  let [c, d, f] = [1, 1 / (1 - ((a + b) * x) / (a + 1)), 0];
  f = d;
  for (let m = 1; m < 500; m++) {
    for (const step of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / (1 + step * d);
      c = 1 + step / c;
      f *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * f;
}

/** The probability that Student's t is above a number. */
export function tail(t, freedom) {
  const half = 0.5 * beta(freedom / (freedom + t * t), freedom / 2, 0.5);
  return t > 0 ? half : 1 - half;
}

/** The number that Student's t is above with a probability < 0.5. */
export function quantile(probability, freedom) {
  let [low, high] = [0, 1];
  while (tail(high, freedom) > probability) high *= 2;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (tail(middle, freedom) > probability) low = middle;
    else high = middle;
  }
  return high;
}

/** p of no effect, two-sided, and of one that matters, one-sided. */
function uncorrected(gains, matters) {
  if (gains.length < 2) return [1, 1];
  const [middle, spread] = [mean(gains), deviation(gains)];
  const [root, freedom] = [Math.sqrt(gains.length), gains.length - 1];
  const none = spread <= 1e-12 * Math.abs(middle) ? (middle ? 0 : 1)
    : 2 * tail(Math.abs((middle / spread) * root), freedom);
  if (matters === null) return [none, 1];
  const short = middle - matters;
  return [none, spread <= 1e-12 * Math.abs(matters) ? Number(short >= 0)
    : tail((-short / spread) * root, freedom)];
}

/** Holm's correction of p-values, over so many looks. */
function holm(p, looks) {
  const corrected = [];
  let highest = 0;
  [...p.keys()].sort((i, j) => p[i] - p[j]).forEach((i, rank) => {
    highest = Math.max(highest, Math.min(1, looks * (p.length - rank) * p[i]));
    corrected[i] = highest;
  });
  return corrected;
}

/** Claims judged over evidence [{values, check, matters}] of each. */
function judged(claims, looks, level) {
  const compared = claims.flat().filter((one) => !one.check);
  const raw = compared.map(({ values, matters }) => uncorrected(values, matters));
  const [p, matters] = [0, 1].map((i) => holm(raw.map((each) => each[i]), looks));
  compared.forEach((one, i) => Object.assign(one, { p: p[i], pMatters: matters[i] }));
  const sign = (one) => {
    if (one.check) return one.values.length ? (one.values.every(Boolean) ? 1 : -1) : 0;
    if (one.pMatters <= level) return -1;
    if (!(one.p <= level)) return 0;
    return mean(one.values) > 0 ? 1 : -1;
  };
  return claims.map((evidence) => {
    const signs = evidence.map(sign);
    if (signs.includes(-1)) return "not held";
    return signs.includes(0) || !signs.length ? "undecided" : "held";
  });
}

/** The verdicts of all claims over the first n seeds: {word, evidence} each. */
export function verdicts(study, n) {
  const seen = new Set(study.seeds.slice(0, n));
  const looks = 1 + (seen.size > study.firstLook);
  const evidence = (kept) => study.claims.map((claim) =>
    [...seen].some((seed) => seed >= claim.after) ? claim.evidence.map((one) => ({
      ...one,
      values: one.values.filter((_, i) => seen.has(one.seeds[i]) &&
        (!kept || one.kept.includes(one.seeds[i]))),
    })) : []);
  const found = evidence(false);
  let words = judged(found, looks, study.level);
  if (study.lost.some((seed) => seen.has(seed)))
    words = words.map((word) => (word === "held" ? "undecided" : word));
  const any = (seeds) => seeds.some((seed) => seen.has(seed));
  const count = (seeds) => seeds.filter((seed) => seen.has(seed)).length;
  const variants = Object.keys(study.runs);
  if (variants.some((v) => count(study.runs[v]) > count(study.kept[v] ?? []))) {
    const gone = variants.some((v) => any(study.runs[v]) && !any(study.kept[v] ?? []));
    const others = gone ? [] : judged(evidence(true), looks, study.level);
    words = words.map((word, i) => (word === others[i] ? word : "undecided"));
  }
  return words.map((word, i) => ({ word, evidence: found[i] }));
}

/** The mean of gains and its 95 % interval: [mean, low, high]. */
export function interval(gains) {
  const middle = mean(gains);
  if (gains.length < 2) return [middle, NaN, NaN];
  const half = (quantile(0.025, gains.length - 1) * deviation(gains)) / Math.sqrt(gains.length);
  return [middle, middle - half, middle + half];
}
