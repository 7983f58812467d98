// What a generator is given: classes of a text, noise, and walks from one noise to another.
import { generator, normal } from "./core/random.js";

/** Standard normal noise, the same for a seed and a place in the word. */
export function noise(size, seed, place) {
  const random = generator(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b));
  return Float32Array.from({ length: size }, () => normal(random));
}

/** From a to b around the origin as `ca2_gan.gan.slerp` (White 2016). */
export function slerp(a, b, share) {
  const length = (x) => Math.hypot(...x), [la, lb] = [length(a), length(b)];
  const mix = (u, v) => a.map((x, i) => u * x + v * b[i]);
  if (!la || !lb) return mix(1 - share, share);
  const cosine = Math.min(1, Math.max(-1, a.reduce((sum, x, i) => sum + x * b[i], 0) / (la * lb)));
  const angle = Math.acos(cosine), sine = Math.sin(angle);
  if (sine < 1e-4) return mix(1 - share, share);
  return mix(Math.sin((1 - share) * angle) / sine, Math.sin(share * angle) / sine);
}

/**
 * Classes that a text names: its characters, or names with commas between. "a" finds "A" where there is no class "a".
 * @param {string[]} classes
 * @returns {{labels: (number|null)[], wrong: string[]}} null for a space
 */
export function readText(classes, text) {
  const find = (name) => {
    for (const kind of [name, name.toUpperCase(), name.toLowerCase()]) if (classes.includes(kind)) return classes.indexOf(kind);
    return classes.findIndex((each) => each.toLowerCase() === name.toLowerCase());
  };
  const whole = text.trim();
  const parts = whole && find(whole) >= 0 ? [whole] : whole.includes(",") ? whole.split(",").map((part) => part.trim()).filter(Boolean) : [...text];
  const labels = [], wrong = [];
  for (const part of parts) {
    const label = part.trim() ? find(part) : null;
    if (label === null || label >= 0) labels.push(label);
    else if (!wrong.includes(part)) wrong.push(part);
  }
  return { labels, wrong };
}

/** One clear sentence about what is no class; empty if all are. */
export function complaint(model, wrong) {
  if (!wrong.length) return "";
  const known = model.classes.length > 40 ? `${model.classes.slice(0, 40).join(" ")} …` : model.classes.join(" ");
  return `${model.name} can't write ${wrong.map((each) => `“${each}”`).join(", ")}. It knows ${known}.`;
}

/** Weights of the classes: all of one, or a mixture of two. */
export function weights(count, label, other = label, share = 0) {
  const found = new Float32Array(count);
  found[label] += 1 - share;
  found[other] += share;
  return found;
}

/** Noise moved along directions: `scale * z + sum of amounts * rows`. */
export function move(z, scale, directions, amounts) {
  const moved = z.map((x) => x * scale);
  amounts.forEach((amount, k) => {
    if (amount && directions) for (let i = 0; i < moved.length; i++) moved[i] += amount * directions[k * moved.length + i];
  });
  return moved;
}
