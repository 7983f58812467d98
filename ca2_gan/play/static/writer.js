// What is written: a text or a wall of samples, its noise, the moves along directions; images of it from the worker.
import { between, complaint, move, noise, readText, weights } from "./models.js";

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
    const count = this.model.classes.length;
    return this.images(letters.map((letter) => letter && (count ? { noise: letter.z, classes: weights(count, letter.label) } : { noise: letter.z })));
  }

  /** Images of a word on its way to another; from the middle on, the letters that are there are the other's. */
  async morph(from, to, share) {
    const count = this.model.classes.length, there = share < 0.5 ? from : to;
    const cases = Array.from({ length: Math.max(from.length, to.length) }, (_, i) => there[i] && between(from[i] ?? to[i], to[i] ?? from[i], share, count));
    return this.images(cases);
  }

  async images(cases) {
    const outputs = (await this.runner.run(this.generator, cases.filter(Boolean))).map(([image]) => image);
    let next = 0;
    return cases.map((each) => (each ? outputs[next++] : null));
  }
}
