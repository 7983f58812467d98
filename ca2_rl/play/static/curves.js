// Curves of a training: kept, drawn, and written as a table.

import { surface } from "./view.js";

export const SERIES = [
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
    context.fillStyle = colour[name];
    context.textAlign = "left";
    context.fillText(known.length ? `${label}: ${short(known.at(-1)[key])}` : label, 2, top - 5);
    context.strokeStyle = colour.line;
    context.beginPath();
    context.moveTo(0, top + tall);
    context.lineTo(width, top + tall);
    context.stroke();
    if (!known.length) return;
    const values = known.map((point) => point[key]), low = Math.min(...values), high = Math.max(...values);
    context.fillStyle = colour.muted;
    context.textAlign = "right";
    context.fillText(`${short(low)} to ${short(high)}`, width - 2, top - 5);
    context.strokeStyle = colour[name];
    context.lineWidth = 1.5;
    context.beginPath();
    for (const point of known) context.lineTo((width * point.step) / last, top + tall - (tall * (point[key] - low)) / (high - low || 1));
    context.stroke();
    context.lineWidth = 1;
  });
}

/** The same numbers as lines of text. */
export function toCsv(points) {
  const keys = SERIES.map(({ key }) => key);
  const lines = points.map((point) => [point.step, ...keys.map((key) => point[key] ?? "")].join(","));
  return `${["step", "return", "loss", "mean_q", "gradient_norm"].join(",")}\n${lines.join("\n")}\n`;
}
