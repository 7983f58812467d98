// Files of what is written.
import { encodeGif, numbersOfColours, palette } from "./core/gif.js";
import { paint } from "./draw.js";

/** A PNG of images in rows; with an ink, only that is there and the rest is transparent. */
export async function png(images, how) {
  const canvas = document.createElement("canvas");
  paint(canvas, images, how);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
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
  return encodeGif({ width: canvas.width, height: canvas.height, frames: numbered, palette: palette(isGrey), delay });
}
