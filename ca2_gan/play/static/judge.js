// What networks think of a picture.

/** Probabilities of logits. */
function softmax(logits) {
  const most = Math.max(...logits), powers = Array.from(logits, (x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}

/** The most probable classes, the first first: `[{name, probability}]`. */
export function guesses(logits, names, count = 5) {
  return softmax(logits)
    .map((probability, i) => ({ name: names[i], probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}

/** Training images by their features: which is nearest. */
export class Neighbours {
  /** @param {ArrayBuffer} file features of `count` images, then the images */
  constructor(file, count, pixels) {
    this.size = (file.byteLength - count * pixels) / (4 * count);
    if (!Number.isInteger(this.size) || this.size < 1) throw new Error("The training images are cut off. Load the page again.");
    this.features = new Float32Array(file, 0, count * this.size);
    this.images = new Uint8Array(file, 4 * count * this.size);
    Object.assign(this, { count, pixels });
  }

  /** @returns {{index: number, distance: number, image: Float32Array}} */
  nearest(features) {
    let index = 0, least = Infinity;
    for (let i = 0; i < this.count; i++) {
      let sum = 0;
      for (let k = 0, at = i * this.size; k < this.size; k++, at++) sum += (this.features[at] - features[k]) ** 2;
      if (sum < least) [index, least] = [i, sum];
    }
    const image = Float32Array.from(this.images.subarray(index * this.pixels, (index + 1) * this.pixels), (value) => value / 255);
    return { index, distance: Math.sqrt(least), image };
  }
}
