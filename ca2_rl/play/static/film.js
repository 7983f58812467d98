// An episode as an animation to keep.

import { encodeGif } from "./core/gif.js";
import { DT } from "./physics.js";
import { drawPendulum, placeOf } from "./view.js";

const SIDE = 180;
const LEVELS = [0, 51, 102, 153, 204, 255];
const PALETTE = LEVELS.flatMap((r) => LEVELS.flatMap((g) => LEVELS.map((b) => [r, g, b])));

/** A GIF of an episode as the page draws it. */
export function filmOf(episode, world, colour) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d", { willReadFrequently: true }), place = placeOf(0, 1, SIDE, SIDE, world.l);
  const frames = episode.path.map(([theta], i) => {
    context.fillStyle = colour.panel;
    context.fillRect(0, 0, SIDE, SIDE);
    drawPendulum(context, place, theta, episode.torques[i] ?? 0, world.m, colour, "");
    const { data } = context.getImageData(0, 0, SIDE, SIDE), level = (value) => Math.round(value / 51);
    return Uint8Array.from({ length: SIDE * SIDE }, (_, k) => 36 * level(data[4 * k]) + 6 * level(data[4 * k + 1]) + level(data[4 * k + 2]));
  });
  return encodeGif({ width: SIDE, height: SIDE, frames, palette: PALETTE, delay: DT * 1000 });
}
