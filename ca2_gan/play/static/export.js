// Files of what is written.
import { encodeGif } from "./core/gif.js";
import { paint } from "./draw.js";

const LEVELS = 6; // of each of red, green and blue in the palette of coloured animations

export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A PNG of images in rows; with an ink, only that is there and the rest is transparent. */
export async function png(images, how) {
  const canvas = document.createElement("canvas");
  paint(canvas, images, how);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Numbers of colours for RGBA pixels: 256 greys, or a cube of colours. */
export function numbersOfColours(pixels, isGrey) {
  return Uint8Array.from({ length: pixels.length / 4 }, (_, i) => {
    if (isGrey) return pixels[4 * i];
    const [r, g, b] = [0, 1, 2].map((c) => Math.round((pixels[4 * i + c] / 255) * (LEVELS - 1)));
    return (r * LEVELS + g) * LEVELS + b;
  });
}

export function palette(isGrey) {
  if (isGrey) return Array.from({ length: 256 }, (_, i) => [i, i, i]);
  const level = (i) => Math.round((255 * i) / (LEVELS - 1));
  return Array.from({ length: LEVELS ** 3 }, (_, i) => [Math.floor(i / LEVELS ** 2), Math.floor(i / LEVELS) % LEVELS, i % LEVELS].map(level));
}

/**
 * An animation.
 * @param {(Float32Array|null)[][]} frames images of each, all of the same number
 */
export function gif(frames, how, delay) {
  const canvas = document.createElement("canvas"), isGrey = how.shape[0] === 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const numbered = frames.map((images) => {
    paint(canvas, images, how);
    return numbersOfColours(context.getImageData(0, 0, canvas.width, canvas.height).data, isGrey);
  });
  const file = encodeGif({ width: canvas.width, height: canvas.height, frames: numbered, palette: palette(isGrey), delay });
  return new Blob([file], { type: "image/gif" });
}
