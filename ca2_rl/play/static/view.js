// Drawing: the pendulum, its torques, Q-values and values of states.

import { MAX_SPEED, MAX_TORQUE, STEPS, wrap } from "./physics.js";

const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/** The page's colours by their names in the style sheet. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["background", "panel", "text", "muted", "line", "accent", "return", "loss", "mean-q", "gradient", "warning"];
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
  return { context, width, height };
}

/** Where the n-th of several pendulums hangs in a canvas, and how long it is drawn. */
export function placeOf(n, count, width, height, length) {
  const room = width / count, radius = Math.min(room, height) / 2 - 26;
  return { x: room * (n + 0.5), y: height / 2, radius: radius * (0.45 + 0.275 * length) };
}

/** One pendulum. Positive angles lean to the left, as Gymnasium draws them. */
export function drawPendulum(context, { x, y, radius }, theta, torque, mass, colour, label) {
  const bob = { x: x - radius * Math.sin(theta), y: y - radius * Math.cos(theta) };
  context.strokeStyle = colour.line;
  context.lineWidth = 1;
  context.setLineDash([3, 4]);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x, y - radius - 16);
  context.stroke();
  context.setLineDash([]);
  context.strokeStyle = colour.text;
  context.lineWidth = 6;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(bob.x, bob.y);
  context.stroke();
  context.fillStyle = colour.accent;
  context.beginPath();
  context.arc(bob.x, bob.y, 12 + 5 * mass, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = colour.text;
  context.beginPath();
  context.arc(x, y, 5, 0, 2 * Math.PI);
  context.fill();
  drawTurn(context, x, y, torque, colour);
  if (label) {
    context.fillStyle = colour.muted;
    context.textAlign = "center";
    context.fillText(label, x, 14);
  }
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
  context.strokeStyle = colour.line;
  context.fillStyle = colour.muted;
  context.textAlign = "right";
  for (const torque of [-2, 0, 2]) {
    context.beginPath();
    context.moveTo(left, y(torque));
    context.lineTo(width - 4, y(torque));
    context.stroke();
    context.fillText(`${torque}`, left - 5, y(torque) + 4);
  }
  episodes.forEach((episode, n) => {
    context.strokeStyle = n ? colour.gradient : colour.loss;
    context.lineWidth = 1.5;
    context.beginPath();
    episode.torques.forEach((torque, i) => {
      context.lineTo(x(i), y(torque));
      context.lineTo(x(i + 1), y(torque));
    });
    context.stroke();
  });
  context.lineWidth = 1;
}

/** Q-values as bars above the lowest; the highest is filled. */
export function drawBars(canvas, found, colour) {
  const { context, width, height } = surface(canvas);
  context.textAlign = "center";
  if (!found) return;
  const { torques, values } = found, low = Math.min(...values), high = Math.max(...values), span = Math.max(high - low, 1e-6);
  const room = width / torques.length;
  values.forEach((value, i) => {
    const tall = 4 + ((height - 26) * (value - low)) / span;
    context.fillStyle = value === high ? colour["mean-q"] : colour.line;
    context.fillRect(room * (i + 0.15), height - 18 - tall, room * 0.7, tall);
    context.fillStyle = colour.muted;
    context.fillText(`${+torques[i].toFixed(2)}`, room * (i + 0.5), height - 4);
  });
}

/** A colour between dark (0) and bright (1). */
export function shade(part) {
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
  if (picture) {
    context.imageSmoothingEnabled = true;
    context.drawImage(picture.canvas, left, 2, w, h);
  }
  context.strokeStyle = colour.line;
  context.strokeRect(left, 2, w, h);
  context.fillStyle = colour.muted;
  context.textAlign = "right";
  for (const speed of [-8, -4, 0, 4, 8]) context.fillText(`${speed}`, left - 5, Math.min(Math.max(y(speed) + 4, 12), h));
  for (const [text, theta, align] of [["180°", Math.PI - 1e-9, "left"], ["90°", Math.PI / 2, "center"], ["0° up", 0, "center"], ["-90°", -Math.PI / 2, "center"], ["-180°", -Math.PI, "right"]]) {
    context.textAlign = align;
    context.fillText(text, x(theta), height - 4);
  }
  episodes.forEach(({ path }, n) => {
    for (const [line, thickness] of [["#000000", 4], [n ? "#7da2ff" : "#ffffff", 2]]) {
      context.strokeStyle = line;
      context.lineWidth = thickness;
      context.beginPath();
      path.forEach(([theta, speed], i) => {
        const far = i > 0 && Math.abs(wrap(theta) - wrap(path[i - 1][0])) > Math.PI;
        context[i === 0 || far ? "moveTo" : "lineTo"](x(theta), y(speed));
      });
      context.stroke();
    }
    const [theta, speed] = path.at(-1);
    context.fillStyle = n ? "#7da2ff" : "#ffffff";
    context.beginPath();
    context.arc(x(theta), y(speed), 5, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
  context.lineWidth = 1;
}
