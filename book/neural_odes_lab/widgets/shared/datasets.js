// Points and their classes, drawn from a seed or given by the reader. They lie
// on hundredths, so that an address or a few lines of Python hold them exactly.
import { normal, random } from "./random.js";

const around = (radius, angle) => [radius * Math.cos(angle), radius * Math.sin(angle)];

/** Data sets of the plane: (k of n, draw, class) => a point. */
const PLANES = {
  "disc in a ring": (t, draw, label) =>
    around(label < 0 ? 0.5 * Math.sqrt(draw()) : 1 + 0.5 * draw(), 2 * Math.PI * draw()),
  "half-moons": (t, draw, label) => {
    const angle = Math.PI * draw();
    const [x, y] = label < 0 ? [Math.cos(angle) - 0.5, Math.sin(angle) - 0.25]
      : [0.5 - Math.cos(angle), 0.25 - Math.sin(angle)];
    return [x + 0.08 * normal(draw), y + 0.08 * normal(draw)];
  },
  spirals: (t, draw, label) => {
    const turn = 0.15 + 0.85 * t;
    const [x, y] = around(1.4 * turn, 3 * Math.PI * turn + (label < 0 ? 0 : Math.PI));
    return [x + 0.03 * normal(draw), y + 0.03 * normal(draw)];
  },
  "exclusive or": (t, draw, label) => {
    const [x, y] = [0.1 + 1.1 * draw(), 0.1 + 1.1 * draw()];
    const side = draw() < 0.5 ? 1 : -1;
    return label < 0 ? [side * x, side * y] : [side * x, -side * y];
  },
};

export const LINE = "reflection of a line";
export const OWN = "your own";
export const DATA = [...Object.keys(PLANES), LINE, OWN];
export const MOST = 300;
/** Points of one's own lie in [-REACH, REACH]. */
export const REACH = 3;

export const featuresOf = (name) => (name === LINE ? 1 : 2);

const hundredths = (v) => Math.round(100 * v) / 100;

/** n points of a data set: {x, y, n}. */
export function drawData(name, n, seed) {
  if (name === LINE) {
    const x = Float64Array.from({ length: n }, (_, i) => hundredths((2 * i) / (n - 1) - 1));
    return { x, y: x.map((v) => -v), n };
  }
  const draw = random(seed + 1000);
  const [x, y] = [new Float64Array(2 * n), new Float64Array(n)];
  for (let i = 0; i < n; i++) {
    y[i] = i % 2 ? 1 : -1;
    x.set(PLANES[name](i / n, draw, y[i]).map(hundredths), 2 * i);
  }
  return { x, y, n };
}

/** Data with one more point of the plane. */
export const withPoint = ({ x, y, n }, at, label) => ({
  x: Float64Array.of(...x, ...at.map(hundredths)), y: Float64Array.of(...y, label), n: n + 1,
});

/** Where the samples stand if those of class -1 come first. */
export const byClass = ({ y }) => [...y.keys()].sort((i, j) => y[i] - y[j]);

/** Points of the plane as text for an address: m, then thousandths and the class. */
export const pointsToText = ({ x, y, n }) => `m${Array.from({ length: n }, (_, i) =>
  [1000 * x[2 * i], 1000 * x[2 * i + 1], y[i]].map(Math.round).join("_")).join(".")}`;

/** The points of such a text; throws where it is none. */
export function textToPoints(text) {
  const part = text.startsWith("m") ? 1000 : 100; // older links have hundredths
  const rows = text.replace(/^m/, "").split(".").map((row) => row.split("_").map(Number));
  const good = ([u, v, label, ...more]) => [u, v].every((one) => Math.abs(one) <= part * REACH) &&
    Math.abs(label) === 1 && !more.length;
  if (!rows.every(good) || rows.length > MOST) throw new Error("the address holds no points");
  return {
    n: rows.length, y: Float64Array.from(rows, (row) => row[2]),
    x: Float64Array.from(rows.flatMap(([u, v]) => [u / part, v / part])),
  };
}

const THIN = 0.2; // a column's range, below which it is widened

/** What separates a table's values: what its first line has of these. */
const separatorOf = (line) => ["\t", ";", ","].find((one) => line.includes(one)) ?? /\s+/;

/**
 * Data from lines of two numbers and a class, by tabs, semicolons, commas or
 * spaces. A first line of names is left out. Columns that do not fit the picture,
 * or are thin in it, are each moved and scaled, which `scaled` says. Throws,
 * naming the line that is wrong.
 */
export function readCsv(text) {
  const full = text.split(/\r?\n/).map((line, i) => ({ number: i + 1, line })).filter(({ line }) => line.trim());
  const separator = separatorOf(full[0]?.line ?? "");
  const lines = full.map((one) => ({
    ...one, cells: one.line.trim().split(separator).map((cell) => cell.trim().replace(/^(["'])(.*)\1$/, "$2")),
  }));
  const isNumber = (cell) => cell !== "" && Number.isFinite(Number(cell));
  const isName = (cell) => /^[^\d+.,-]/.test(cell ?? "");
  if (lines.length && lines[0].cells.slice(0, 2).every(isName)) lines.shift();
  const classes = [];
  for (const { number, line, cells } of lines) {
    const wrong = (why) => {
      throw new Error(`line ${number}, “${line.trim().slice(0, 40)}”: ${why}`);
    };
    if (cells.length !== 3)
      wrong(`a line takes two numbers and a class, 3 values, got ${cells.length}`);
    for (const cell of cells.slice(0, 2))
      if (!isNumber(cell)) wrong(`“${cell}” is not a number${cell.includes(",") ? "; decimals take a point" : ""}`);
    if (!cells[2]) wrong("the class is missing");
    if (!classes.includes(cells[2])) classes.push(cells[2]);
    if (classes.length > 2)
      wrong(`“${cells[2]}” is a third class after “${classes[0]}” and “${classes[1]}”`);
  }
  if (classes.length < 2) throw new Error(`two classes are needed, got ${classes.length}`);
  if (lines.length > MOST)
    throw new Error(`line ${lines[MOST].number}: at most ${MOST} points fit, got ${lines.length}`);
  classes.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
  const columns = [0, 1].map((j) => lines.map(({ cells }) => Number(cells[j])));
  const ranges = columns.map((column) => [Math.min(...column), Math.max(...column)]);
  const fits = ranges.flat().every((v) => Math.abs(v) <= REACH) &&
    ranges.every(([low, high]) => high - low >= THIN || high === low);
  const place = (v, [low, high]) => fits ? v : (3 * (v - (low + high) / 2)) / (high - low || 1);
  return {
    n: lines.length, scaled: !fits,
    x: Float64Array.from(lines.flatMap((_, i) =>
      columns.map((column, j) => Math.round(1000 * place(column[i], ranges[j])) / 1000))),
    y: Float64Array.from(lines, ({ cells }) => (cells[2] === classes[0] ? -1 : 1)),
  };
}
