// Drawing: the pendulum, its torques, Q-values and values of states.

import { MAX_SPEED, MAX_TORQUE, STEPS, wrap } from "./physics.js";

const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/** The page's colours by their names in the style sheet. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["background", "panel", "text", "muted", "line", "edge", "accent", "return", "loss", "mean-q", "gradient", "warning"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** A canvas at the resolution of the screen, cleared: its context, width and height in CSS pixels. */
export function surface(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas, scale = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "13px system-ui, sans-serif";
  context.lineWidth = 1;
  return { context, width, height };
}

/** A line through points, each [x, y]. */
export function drawLine(context, points, colour, thickness = 1) {
  Object.assign(context, { strokeStyle: colour, lineWidth: thickness });
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}

function drawDisc(context, { x, y }, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

export function write(context, text, x, y, align, colour) {
  Object.assign(context, { textAlign: align, fillStyle: colour });
  context.fillText(text, x, y);
}

/** Where the n-th of several pendulums hangs in a canvas, and how long it is drawn. */
export function placeOf(n, count, width, height, length) {
  const room = width / count, radius = Math.min(room, height) / 2 - 26;
  return { x: room * (n + 0.5), y: height / 2, radius: radius * (0.45 + 0.275 * length) };
}

/** One pendulum. Positive angles lean to the left, as Gymnasium draws them. */
export function drawPendulum(context, { x, y, radius }, theta, torque, mass, colour, label) {
  const bob = { x: x - radius * Math.sin(theta), y: y - radius * Math.cos(theta) };
  context.setLineDash([3, 4]);
  drawLine(context, [[x, y], [x, y - radius - 16]], colour.line);
  context.setLineDash([]);
  context.lineCap = "round";
  drawLine(context, [[x, y], [bob.x, bob.y]], colour.text, 6);
  drawDisc(context, bob, 12 + 5 * mass, colour.accent);
  drawDisc(context, { x, y }, 5, colour.text);
  drawTurn(context, x, y, torque, colour);
  write(context, label, x, 14, "center", colour.muted);
}

/** An arc with an arrowhead, as long as the torque is strong. */
function drawTurn(context, x, y, torque, colour) {
  if (Math.abs(torque) < 0.02) return;
  const size = 24, sweep = (torque / MAX_TORQUE) * 1.9, from = Math.PI / 2, to = from - sweep, side = Math.sign(torque);
  context.strokeStyle = context.fillStyle = colour.loss;
  context.lineWidth = 3;
  context.beginPath();
  context.arc(x, y, size, from, to, torque > 0);
  context.stroke();
  const tip = { x: x + size * Math.cos(to), y: y + size * Math.sin(to) };
  const along = to - (side * Math.PI) / 2;
  context.beginPath();
  for (const [angle, far] of [[along, 9], [along + 2.2, 7], [along - 2.2, 7]]) context.lineTo(tip.x + far * Math.cos(angle), tip.y + far * Math.sin(angle));
  context.fill();
}

/** Torques of one or two episodes over time. */
export function drawTorques(canvas, episodes, colour) {
  const { context, width, height } = surface(canvas), left = 26, x = (i) => left + ((width - left - 4) * i) / STEPS;
  const y = (torque) => height / 2 - (torque / MAX_TORQUE) * (height / 2 - 9);
  for (const torque of [-2, 0, 2]) {
    drawLine(context, [[left, y(torque)], [width - 4, y(torque)]], colour.line);
    write(context, `${torque}`, left - 5, y(torque) + 4, "right", colour.muted);
  }
  episodes.forEach(({ torques }, n) => {
    drawLine(context, torques.flatMap((torque, i) => [[x(i), y(torque)], [x(i + 1), y(torque)]]), n ? colour.gradient : colour.loss, 1.5);
  });
}

/** Q-values as bars above the lowest; the highest is filled. */
export function drawBars(canvas, found, colour) {
  const { context, width, height } = surface(canvas);
  if (!found) return;
  const { torques, values } = found, low = Math.min(...values), high = Math.max(...values), span = Math.max(high - low, 1e-6);
  const room = width / torques.length;
  values.forEach((value, i) => {
    const tall = 4 + ((height - 26) * (value - low)) / span;
    context.fillStyle = value === high ? colour["mean-q"] : colour.edge;
    context.fillRect(room * (i + 0.15), height - 18 - tall, room * 0.7, tall);
    write(context, `${+torques[i].toFixed(2)}`, room * (i + 0.5), height - 4, "center", colour.muted);
  });
}

/** A colour between dark (0) and bright (1). */
function shade(part) {
  const at = Math.min(Math.max(part, 0), 1) * (STOPS.length - 1), i = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[i].map((low, c) => Math.round(low + (STOPS[i + 1][c] - low) * (at - i)));
}

/** A picture of values: [side, side], speeds from high to low, angles from pi to -pi as the pendulum leans. */
export function paint(values, side) {
  const known = values.filter(Number.isFinite), low = Math.min(...known), high = Math.max(...known), image = new ImageData(side, side);
  values.forEach((value, i) => {
    if (Number.isFinite(value)) image.data.set([...shade((value - low) / (high - low || 1)), 255], 4 * i);
  });
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: side, height: side });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return { canvas, low, high };
}

/** The picture with axes, and the paths of episodes on it. */
export function drawMap(canvas, picture, episodes, colour) {
  const { context, width, height } = surface(canvas), left = 30, bottom = 20, w = width - left - 2, h = height - bottom - 4;
  const x = (theta) => left + (w * (Math.PI - wrap(theta))) / (2 * Math.PI), y = (speed) => 2 + (h * (MAX_SPEED - speed)) / (2 * MAX_SPEED);
  if (picture) context.drawImage(picture.canvas, left, 2, w, h);
  context.strokeStyle = colour.line;
  context.strokeRect(left, 2, w, h);
  for (const speed of [-8, -4, 0, 4, 8]) write(context, `${speed}`, left - 5, Math.min(Math.max(y(speed) + 4, 12), h), "right", colour.muted);
  for (const [text, theta, align] of [["180°", Math.PI - 1e-9, "left"], ["90°", Math.PI / 2, "center"], ["0° up", 0, "center"], ["-90°", -Math.PI / 2, "center"], ["-180°", -Math.PI, "right"]]) {
    write(context, text, x(theta), height - 4, align, colour.muted);
  }
  episodes.forEach(({ path }, n) => {
    const bright = n ? "#7da2ff" : "#ffffff", pieces = [];
    path.forEach(([theta, speed], i) => {
      if (i === 0 || Math.abs(wrap(theta) - wrap(path[i - 1][0])) > Math.PI) pieces.push([]);
      pieces.at(-1).push([x(theta), y(speed)]);
    });
    for (const piece of pieces) drawLine(context, piece, "#000000", 4);
    for (const piece of pieces) drawLine(context, piece, bright, 2);
    const [theta, speed] = path.at(-1);
    drawDisc(context, { x: x(theta), y: y(speed) }, 6, bright);
  });
}
