// What is written: a text or a wall of samples, its noise, the moves along directions; images of it from the worker.
import { complaint, move, noise, readText, slerp, weights } from "./models.js";

const WALL = 32;
export const DIRECTIONS = 8;

export class Writer {
  constructor(runner) {
    Object.assign(this, { runner, model: null, scale: 1, seed: 0, otherSeed: 1, amounts: Array(DIRECTIONS).fill(0), directions: null });
    this.moment = null;
  }

  get isWall() {
    return !this.model.classes.length;
  }

  get generator() {
    return `models/${this.model.key}/${this.moment === null ? "generator" : `kept/${this.moment}`}.bin`;
  }

  /** Letters of a text: class and noise of each, null for a space; and a sentence about what can't be written. */
  letters(text, seed) {
    const { labels, wrong } = this.isWall ? { labels: Array(WALL).fill(0), wrong: [] } : readText(this.model.classes, text);
    const letters = labels.map((label, place) => label === null ? null : { label, z: this.noise(seed, place) });
    return { letters, sentence: complaint(this.model, wrong) };
  }

  noise(seed, place) {
    return move(noise(this.model.noise, seed, place), this.scale, this.directions, this.amounts);
  }

  /** Images of letters, null for a space. */
  async write(letters) {
    return this.images(letters.map((letter) => letter && this.between(letter, letter, 0)));
  }

  /** Images of a word on its way to another; from the middle on, the letters that are there are the other's. */
  async morph(from, to, share) {
    const there = share < 0.5 ? from : to;
    const cases = Array.from({ length: Math.max(from.length, to.length) }, (_, i) => there[i] && this.between(from[i] ?? to[i], to[i] ?? from[i], share));
    return this.images(cases);
  }

  /** Which network makes a letter on its way to another, and its inputs. A model per class has no classes in between. */
  between(a, b, share) {
    const noise = slerp(a.z, b.z, share), { key, classes, perClass } = this.model;
    if (perClass) return { url: `models/${key}/classes/${(share < 0.5 ? a : b).label}.bin`, inputs: { noise, classes: [1] } };
    return { url: this.generator, inputs: classes.length ? { noise, classes: weights(classes.length, a.label, b.label, share) } : { noise } };
  }

  async images(cases) {
    const found = Array(cases.length).fill(null);
    for (const url of new Set(cases.filter(Boolean).map((each) => each.url))) {
      const places = [...cases.keys()].filter((i) => cases[i]?.url === url);
      const outputs = await this.runner.run(url, places.map((i) => cases[i].inputs));
      places.forEach((place, k) => (found[place] = outputs[k][0]));
    }
    return found;
  }
}
