// Curves of a training: kept, drawn, and written as a table.

import { drawLine, surface, write } from "./view.js";

const SERIES = [
  { key: "return", label: "Return per 200 steps", colour: "return" },
  { key: "loss", label: "Loss", colour: "loss" },
  { key: "meanQ", label: "Mean Q", colour: "mean-q" },
  { key: "gradient", label: "Gradient norm, clipped at 10", colour: "gradient" },
];

/** Means of what has come since they were last asked for. */
export class Means {
  constructor() { this.clear(); }

  clear() {
    this.sums = {};
    this.counts = {};
  }

  add(values) {
    for (const [key, value] of Object.entries(values)) {
      if (!Number.isFinite(value)) continue;
      this.sums[key] = (this.sums[key] ?? 0) + value;
      this.counts[key] = (this.counts[key] ?? 0) + 1;
    }
  }

  /** The means by name; what never came is missing. */
  take() {
    const means = Object.fromEntries(Object.keys(this.sums).map((key) => [key, this.sums[key] / this.counts[key]]));
    this.clear();
    return means;
  }
}

const short = (value) => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3));

/** One below the other, each on its own scale. */
export function drawCurves(canvas, points, colour) {
  const { context, width, height } = surface(canvas), room = height / SERIES.length;
  const last = Math.max(1000, points.at(-1)?.step ?? 0);
  SERIES.forEach(({ key, label, colour: name }, n) => {
    const top = n * room + 18, tall = room - 24, known = points.filter((point) => Number.isFinite(point[key]));
    write(context, known.length ? `${label}: ${short(known.at(-1)[key])}` : label, 2, top - 5, "left", colour[name]);
    drawLine(context, [[0, top + tall], [width, top + tall]], colour.line);
    if (!known.length) return;
    const values = known.map((point) => point[key]), low = Math.min(...values), high = Math.max(...values);
    write(context, `${short(low)} to ${short(high)}`, width - 2, top - 5, "right", colour.muted);
    const y = (value) => top + tall - (tall * (value - low)) / (high - low || 1);
    drawLine(context, known.map((point) => [(width * point.step) / last, y(point[key])]), colour[name], 1.5);
  });
}

/** The same numbers as lines of text. */
export function toCsv(points) {
  const keys = SERIES.map(({ key }) => key);
  const lines = points.map((point) => [point.step, ...keys.map((key) => point[key] ?? "")].join(","));
  return `${["step", "return", "loss", "mean_q", "gradient_norm"].join(",")}\n${lines.join("\n")}\n`;
}
