"use strict";
// From numbers to text and pictures; nothing here asks or changes anything.

const PREFIXES = ["", "k", "M", "G", "T"];
const HEIGHT = 150;
const LEFT = 56;
const BOTTOM = 130;

function digits(value) {
  const size = Math.abs(value);
  if (size === 0 || size >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(size >= 10 ? 3 : 2)));
}

function scaled(value, step, unit) {
  let power = 0;
  while (Math.abs(value) >= step && power < PREFIXES.length - 1) {
    value /= step;
    power += 1;
  }
  const binary = step === 1024 && power > 0 ? "i" : "";
  const suffix = (power ? PREFIXES[power] + binary : "") + unit;
  return digits(value) + (suffix && step === 1024 ? " " : "") + suffix;
}

function seconds(value) {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 1e-6) return digits(value * 1e9) + " ns";
  if (size < 1e-3) return digits(value * 1e6) + " µs";
  if (size < 1) return digits(value * 1e3) + " ms";
  if (size < 120) return digits(value) + " s";
  return size < 7200 ? digits(value / 60) + " min" : digits(value / 3600) + " h";
}

function formatted(value, unit) {
  switch (unit) {
    case "s": return seconds(value);
    case "bytes": return scaled(value, 1024, "B");
    case "binBps": return scaled(value, 1024, "B/s");
    case "cps": return scaled(value, 1000, "/s");
    case "percentunit": return digits(value * 100) + " %";
    default: return scaled(value, 1000, "");
  }
}

// What the numbers of an axis up to `top` are multiples of: a whole KiB, minute or hour, as they are written.
function axisBase(top, unit) {
  if (unit === "bytes" || unit === "binBps") return Math.pow(1024, Math.floor(Math.log2(top) / 10));
  if (unit === "s") return top < 120 ? 1 : top < 7200 ? 60 : 3600;
  return 1;
}

// The step of an axis up to `top`: 1, 2 or 5 times a power of its base.
function axisStep(top, unit) {
  const base = axisBase(top, unit);
  const rough = top / base / 3;
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].find((one) => one * power >= rough);
  return step * power * base;
}

function escaped(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function colour(index) {
  return `var(--c${index % 8})`;
}

// Each series with what lies below it, where panels are stacked; NaN is left out of the sum.
function stacked(series, isStacked) {
  const below = new Map();
  return series.map((one) => ({
    ...one,
    points: one.points.map(([time, value]) => {
      const floor = isStacked ? below.get(time) || 0 : 0;
      if (isStacked) below.set(time, floor + value);
      return [time, floor + value, floor];
    }),
  }));
}

function chart(panel, series, from, to, width) {
  const shapes = stacked(series, panel.shape === "stacked");
  const highest = Math.max(0, ...shapes.flatMap((one) => one.points.map((point) => point[1])));
  const near = panel.line !== null && highest >= panel.line / 4;
  const top = (near ? Math.max(highest, panel.line) : highest) * 1.08 || 1;
  const x = (time) => LEFT + ((time - from) / (to - from)) * (width - LEFT);
  const y = (value) => BOTTOM - (value / top) * (BOTTOM - 6);
  const parts = [];
  const step = axisStep(top, panel.unit);
  for (let value = 0; value <= top; value += step) {
    parts.push(`<line class="grid" x1="${LEFT}" x2="${width}" y1="${y(value)}" y2="${y(value)}"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${formatted(value, panel.unit)}</text>`);
  }
  for (const part of [0, 0.5, 1]) {
    const time = from + (to - from) * part;
    const anchor = ["start", "middle", "end"][part * 2];
    const text = new Date(time * 1000).toTimeString().slice(0, 8);
    parts.push(`<text x="${x(time)}" y="${BOTTOM + 17}" text-anchor="${anchor}">${text}</text>`);
  }
  if (near) {
    parts.push(`<line class="line" x1="${LEFT}" x2="${width}" y1="${y(panel.line)}" y2="${y(panel.line)}"/>`);
  }
  shapes.forEach((one, index) => parts.push(path(panel, one.points, index, x, y)));
  parts.push(`<line class="cursor" y1="0" y2="${BOTTOM}" visibility="hidden"/>`);
  return `<svg viewBox="0 0 ${width} ${HEIGHT}" role="img">${parts.join("")}</svg>`;
}

function path(panel, points, index, x, y) {
  const line = points.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`);
  if (line.length === 1) line.push(`${(x(points[0][0]) + 1).toFixed(1)},${y(points[0][1]).toFixed(1)}`);
  const stroke = `stroke="${colour(index)}"`;
  if (panel.shape !== "stacked") return `<path ${stroke} d="M${line.join("L")}"/>`;
  const floor = points.map(([time, , below]) => `${x(time).toFixed(1)},${y(below).toFixed(1)}`).reverse();
  return `<path class="area" ${stroke} style="color: ${colour(index)}" d="M${line.join("L")}L${floor.join("L")}Z"/>`;
}

// What stands under a chart: each series by name, with its value at a time, or its last one; the largest first.
function legend(panel, series, time) {
  const entries = series.map((one, index) => {
    const at = time === null ? one.points.length - 1 : one.points.findLastIndex((point) => point[0] <= time);
    const value = at < 0 ? -1 : one.points[at][1];
    const text = at < 0 ? "" : formatted(value, panel.unit);
    return [value, `<span><i style="background:${colour(index)}"></i>${escaped(one.name)}<b>${text}</b></span>`];
  });
  return entries.sort((one, other) => other[0] - one[0]).map((entry) => entry[1]).join("");
}

function number(panel, series) {
  if (!series.length) return `<div class="none">no data</div>`;
  const value = series[0].points[0][1];
  const judged = panel.line === null ? "" : value >= panel.line ? " over" : " fine";
  return `<div class="number${judged}">${formatted(value, panel.unit)}</div>`;
}

// A process and a factory lead to the pages about them. A page that a process serves itself has a name and no pid in
// c4trace_info, and neither in any other metric: there the target is the process.
function cell(column, labels, columns) {
  const text = escaped(labels[column] || "");
  const page = { name: "process", factory: "factory" }[column];
  if (!text || !page) return `<td>${text}</td>`;
  const named = !columns.includes("pid") || labels.pid;
  const choices = new URLSearchParams(location.search);
  for (const label of ["instance", named ? "name" : "", column === "name" ? "" : column]) {
    if (labels[label]) choices.set(label, labels[label]);
  }
  return `<td><a href="${page}.html?${escaped(choices)}">${text}</a></td>`;
}

function rows(panel, series) {
  const head = panel.columns.map((column) => `<th>${column}</th>`).join("");
  const lines = series.map((one) => panel.columns.map((column) => cell(column, one.labels, panel.columns)).join(""));
  const body = lines.sort().map((line) => `<tr>${line}</tr>`).join("");
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}
