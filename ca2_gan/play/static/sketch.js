// A canvas to draw a letter on, and the letter as the data have theirs: centred, its longer side 20 of 28 pixels.

const SIDE = 28, LONGER = 20, LEAST = 0.05;

/** First and last row and column with ink; null without any. */
function inkBox(ink, width, height) {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] <= LEAST) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    }
  }
  return right < 0 ? null : { left, right, top, bottom };
}

/**
 * A drawing as an image of 28x28: its box scaled to 20 on its longer side and centred; each pixel is the mean of what it covers.
 * @param {ArrayLike<number>} ink from 0 to 1, [height, width]
 * @returns {Float32Array|null} null if nothing is drawn
 */
export function toImage(ink, width, height) {
  const box = inkBox(ink, width, height);
  if (!box) return null;
  const scale = Math.max(box.right - box.left + 1, box.bottom - box.top + 1) / LONGER;
  const along = (first, last, size) => overlaps((first + last + 1) / 2 - (scale * SIDE) / 2, scale, size);
  const xs = along(box.left, box.right, width), ys = along(box.top, box.bottom, height);
  const image = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      let sum = 0;
      for (const [v, share] of ys[y]) for (const [h, part] of xs[x]) sum += ink[v * width + h] * share * part;
      image[y * SIDE + x] = Math.min(1, sum / (scale * scale));
    }
  }
  return image;
}

/** For each of 28 cells from `start` on, the pixels under it and how much of each. */
function overlaps(start, scale, size) {
  return Array.from({ length: SIDE }, (_, i) => {
    const from = start + i * scale, to = from + scale, found = [];
    for (let at = Math.max(0, Math.floor(from)); at < Math.min(size, Math.ceil(to)); at++) {
      found.push([at, Math.min(to, at + 1) - Math.max(from, at)]);
    }
    return found;
  });
}

const STEP = 6;

/** Lets a pointer, or arrow keys with the space bar, draw white on black. */
export class Sketch {
  /** @param {() => void} changed after each stroke */
  constructor(canvas, changed) {
    Object.assign(this, { canvas, changed, context: canvas.getContext("2d", { willReadFrequently: true }) });
    this.at = [canvas.width / 2, canvas.height / 2];
    this.isDown = false;
    this.clear();
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.at = this.place(event);
      this.lineTo(this.at);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.lineTo(this.place(event));
    });
    canvas.addEventListener("pointerup", () => this.changed());
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.canvas.width, ((event.clientY - box.top) / box.height) * this.canvas.height];
  }

  lineTo(to) {
    const { context } = this;
    Object.assign(context, { strokeStyle: "white", lineWidth: this.canvas.width / 13, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...this.at);
    context.lineTo(...to);
    context.stroke();
    this.at = to;
  }

  key(event) {
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === " ") this.isDown = !this.isDown;
    else if (!(event.key in steps)) return;
    event.preventDefault();
    const to = this.at.map((value, i) => Math.min(this.canvas.width, Math.max(0, value + (steps[event.key]?.[i] ?? 0))));
    if (this.isDown) this.lineTo(to);
    this.at = to;
    this.changed();
  }

  clear() {
    this.context.fillStyle = "black";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.isDown = false;
  }

  /** Paints an image of 28x28 there. */
  show(image) {
    this.clear();
    const scale = this.canvas.width / SIDE;
    image.forEach((value, i) => {
      this.context.fillStyle = `rgb(${[255, 255, 255].map((v) => Math.round(v * value)).join()})`;
      this.context.fillRect((i % SIDE) * scale, Math.floor(i / SIDE) * scale, scale, scale);
    });
  }

  /** How much ink each pixel has, from 0 to 1. */
  ink() {
    const { data } = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    return Float32Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] / 255);
  }
}
