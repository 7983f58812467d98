// An episode as an animation to keep.

import { encodeGif, numbersOfColours, palette } from "./core/gif.js";
import { DT } from "./physics.js";
import { drawPendulum, placeOf } from "./view.js";

const SIDE = 180;

/** A GIF of an episode as the page draws it. */
export function filmOf(episode, world, colour) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d", { willReadFrequently: true }), place = placeOf(0, 1, SIDE, SIDE, world.l);
  const frames = episode.path.map(([theta], i) => {
    context.fillStyle = colour.panel;
    context.fillRect(0, 0, SIDE, SIDE);
    drawPendulum(context, place, theta, episode.torques[i] ?? 0, world.m, colour, "");
    return numbersOfColours(context.getImageData(0, 0, SIDE, SIDE).data);
  });
  return encodeGif({ width: SIDE, height: SIDE, frames, palette: palette(), delay: DT * 1000 });
}
