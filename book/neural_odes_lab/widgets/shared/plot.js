// Drawing on canvases, in the colours of the book's figures.

const LIGHT = {
  paper: "#ffffff", ink: "#1f2328", muted: "#57606a", faint: "#d8dce1", broad: "#a9b1ba",
  arrow: "70, 78, 90", classes: { "-1": "#0072B2", 1: "#D55E00" },
  fills: { "-1": "#e9f2f8", 1: "#fcf0e8" },
  lines: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B07A00", "#56B4E9", "#000000", "#7A5195"],
};
const DARK = {
  paper: "#171b21", ink: "#e9ecef", muted: "#a7b0ba", faint: "#39414b", broad: "#66717d",
  arrow: "176, 186, 198", classes: { "-1": "#5CB8F0", 1: "#F5924E" },
  fills: { "-1": "#1a2833", 1: "#2c221c" },
  lines: ["#5CB8F0", "#F5924E", "#2FC79A", "#E5A3C8", "#E8B339", "#A6D8F5", "#ffffff", "#B79AD6"],
};

/** The page's scheme: the book's, Colab's or JupyterLab's; light by default. */
export function isDark() {
  const html = document.documentElement;
  const theme = html.dataset.theme ?? html.getAttribute("theme");
  if (theme) return theme === "dark";
  return document.body.dataset.jpThemeLight === "false";
}

export const colours = () => (isDark() ? DARK : LIGHT);

/** A cleared canvas as {ctx, width, height, colours}, in CSS pixels. */
export function pen(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1])
    [canvas.width, canvas.height] = size;
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.lineJoin = ctx.lineCap = "round";
  return { ctx, width, height, colours: colours() };
}

/** Round numbers in [low, high], about `count` of them. */
export function ticks(low, high, count = 5) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999);
  const all = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) all.push(i * step);
  return all;
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 10 to an integer power, as text. */
export const powerOfTen = (power) =>
  "10" + (power < 0 ? "⁻" : "") +
  [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[digit]).join("");

/** A number with a true minus sign and few digits. */
export const tidy = (value, digits = 2) =>
  value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");

/** A number > 0 as text, by its power of ten. */
export function scientific(value) {
  const [digits, power] = value.toExponential(1).split("e");
  return `${digits} · ${powerOfTen(Number(power))}`;
}

/**
 * Axes over box = [left, right, low, high] of the data's units, or of powers
 * of ten where log = [across, up] says so; the maps {x, y} to pixels, their
 * inverses {across, up} and the frame's edges. columns are [place, text] of
 * marks across, instead of round numbers.
 */
export function axes(sheet, box, { names, log = [false, false], columns }) {
  const { ctx, width, height, colours: c } = sheet;
  const [left, right, low, high] = box;
  const edges = { left: 44, right: width - 10, top: 20, bottom: height - 38 };
  const dx = (edges.right - edges.left) / (right - left);
  const dy = (edges.bottom - edges.top) / (high - low);
  const x = (v) => edges.left + (v - left) * dx;
  const y = (v) => edges.bottom - (v - low) * dy;
  ctx.font = "12px system-ui, sans-serif";
  ctx.fillStyle = c.muted;
  ctx.strokeStyle = c.faint;
  ctx.lineWidth = 1;
  const label = (value, all, power) => {
    if (power) return powerOfTen(value);
    const step = all.length > 1 ? all[1] - all[0] : 1;
    return tidy(value, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  };
  const marks = (from, to, pixels, power) => {
    const all = ticks(from, to, Math.max(2, Math.min(6, pixels / 45)));
    return power ? all.filter(Number.isInteger) : all;
  };
  ctx.beginPath();
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const round = marks(left, right, edges.right - edges.left, log[0]);
  for (const [value, text] of columns ?? round.map((v) => [v, label(v, round, log[0])])) {
    ctx.moveTo(x(value), edges.bottom);
    ctx.lineTo(x(value), edges.bottom + 4);
    ctx.fillText(text, x(value), edges.bottom + 7);
  }
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const rows = marks(low, high, edges.bottom - edges.top, log[1]);
  for (const value of rows) {
    ctx.moveTo(edges.left - 4, y(value));
    ctx.lineTo(edges.left, y(value));
    ctx.fillText(label(value, rows, log[1]), edges.left - 7, y(value));
  }
  ctx.rect(edges.left, edges.top, edges.right - edges.left, edges.bottom - edges.top);
  ctx.stroke();
  ctx.fillStyle = c.ink;
  ctx.font = "italic 13px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.fillText(names[0], edges.right, height - 2);
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  ctx.fillText(names[1], 2, 0);
  return {
    x, y, ...edges,
    across: (pixel) => left + (pixel - edges.left) / dx,
    up: (pixel) => low + (edges.bottom - pixel) / dy,
  };
}

/** Draw inside the frame only. */
export function inside(ctx, frame, draw) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
  ctx.clip();
  draw();
  ctx.restore();
}

/** A line through pixels [[x, y], ...]. */
export function line(ctx, pixels, style, width, dash = []) {
  ctx.strokeStyle = style;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.beginPath();
  for (const [x, y] of pixels) ctx.lineTo(x, y);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** An arrow of vector (dx, dy) pixels about its middle (x, y). */
export function arrow(ctx, x, y, dx, dy, style) {
  const length = Math.hypot(dx, dy);
  if (!(length > 1)) return;
  const [ux, uy] = [dx / length, dy / length];
  const head = Math.min(5, length * 0.5);
  const [tx, ty] = [x + dx / 2, y + dy / 2];
  ctx.strokeStyle = style;
  ctx.lineWidth = 1.1;
  ctx.beginPath();
  ctx.moveTo(x - dx / 2, y - dy / 2);
  ctx.lineTo(tx, ty);
  ctx.moveTo(tx - head * (ux + 0.55 * uy), ty - head * (uy - 0.55 * ux));
  ctx.lineTo(tx, ty);
  ctx.lineTo(tx - head * (ux - 0.55 * uy), ty - head * (uy + 0.55 * ux));
  ctx.stroke();
}

const SHAPES = {
  circle: (ctx, x, y, r) => ctx.arc(x, y, r, 0, 2 * Math.PI),
  triangle: (ctx, x, y, r) => polygon(ctx, x, y, r * 1.3, 3),
  square: (ctx, x, y, r) => ctx.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  diamond: (ctx, x, y, r) => polygon(ctx, x, y, r * 1.3, 4),
};

function polygon(ctx, x, y, r, corners) {
  for (let i = 0; i < corners; i++) {
    const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
    ctx.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  ctx.closePath();
}

export function marker(ctx, shape, x, y, r, fill, edge, width = 1) {
  ctx.beginPath();
  SHAPES[shape](ctx, x, y, r);
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.strokeStyle = edge;
  ctx.lineWidth = width;
  ctx.stroke();
}

/** A ring around the mark that is chosen. */
export function ring(ctx, x, y, style) {
  ctx.beginPath();
  SHAPES.circle(ctx, x, y, 9);
  ctx.strokeStyle = style;
  ctx.lineWidth = 2.2;
  ctx.stroke();
}

export const shapeOf = (label) => (label < 0 ? "circle" : "triangle");
