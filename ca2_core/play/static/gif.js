// Animations as GIF files (GIF89a), from frames whose pixels are numbers of colours.

/** Bits, the lowest first, in blocks of at most 255 bytes as GIF has them. */
class Blocks {
  constructor(bytes) {
    Object.assign(this, { bytes, held: 0, bits: 0, block: [] });
  }

  write(code, width) {
    this.held |= code << this.bits;
    this.bits += width;
    for (; this.bits >= 8; this.bits -= 8, this.held >>>= 8) this.push(this.held & 255);
  }

  push(byte) {
    this.block.push(byte);
    if (this.block.length === 255) this.flush();
  }

  flush() {
    if (this.block.length) this.bytes.push(this.block.length, ...this.block);
    this.block = [];
  }

  end() {
    if (this.bits) this.push(this.held & 255);
    this.flush();
    this.bytes.push(0);
  }
}

const MOST_CODES = 4096;

/** Lempel-Ziv-Welch with codes that grow from `depth + 1` to 12 bits. */
function compress(pixels, depth, bytes) {
  const clear = 1 << depth, end = clear + 1, blocks = new Blocks(bytes);
  let codes = new Map(), next = end + 1, width = depth + 1, prefix = pixels[0];
  bytes.push(depth);
  blocks.write(clear, width);
  for (let i = 1; i < pixels.length; i++) {
    const key = prefix * 256 + pixels[i], known = codes.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    blocks.write(prefix, width);
    if (next === MOST_CODES) {
      blocks.write(clear, width);
      [codes, next, width] = [new Map(), end + 1, depth + 1];
    } else {
      if (next === 1 << width) width++;
      codes.set(key, next++);
    }
    prefix = pixels[i];
  }
  blocks.write(prefix, width);
  if (next === 1 << width && width < 12) width++;
  blocks.write(end, width);
  blocks.end();
}

const LEVELS = 6; // of each of red, green and blue

/** Colours for `numbersOfColours`: 256 greys, or a cube. */
export function palette(isGrey = false) {
  if (isGrey) return Array.from({ length: 256 }, (_, i) => [i, i, i]);
  const level = (i) => (255 / (LEVELS - 1)) * (Math.floor(i) % LEVELS);
  return Array.from({ length: LEVELS ** 3 }, (_, i) => [level(i / LEVELS ** 2), level(i / LEVELS), level(i)]);
}

/** Numbers of colours of the palette for RGBA pixels. */
export function numbersOfColours(pixels, isGrey = false) {
  const level = (value) => Math.round((value / 255) * (LEVELS - 1));
  return Uint8Array.from({ length: pixels.length / 4 }, (_, i) => {
    const [r, g, b] = [pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2]];
    return isGrey ? r : (level(r) * LEVELS + level(g)) * LEVELS + level(b);
  });
}

const twoBytes = (n) => [n & 255, (n >> 8) & 255];

/**
 * A file of an animation that repeats for ever.
 * @param {{width: number, height: number, frames: ArrayLike<number>[], palette: number[][], delay?: number}} animation
 *   frames: for each pixel the number of its colour; palette: 2 to 256 colours [r, g, b]; delay: milliseconds a frame, in tens
 * @returns {Uint8Array}
 */
export function encodeGif({ width, height, frames, palette, delay = 50 }) {
  const depth = Math.max(2, Math.ceil(Math.log2(palette.length)));
  const text = (letters) => [...letters].map((letter) => letter.charCodeAt(0));
  const colours = Array.from({ length: 1 << depth }, (_, i) => palette[i] ?? [0, 0, 0]).flat();
  const bytes = [...text("GIF89a"), ...twoBytes(width), ...twoBytes(height), 0xf0 | (depth - 1), 0, 0, ...colours];
  bytes.push(0x21, 0xff, 11, ...text("NETSCAPE2.0"), 3, 1, 0, 0, 0);
  for (const frame of frames) {
    bytes.push(0x21, 0xf9, 4, 4, ...twoBytes(Math.round(delay / 10)), 0, 0);
    bytes.push(0x2c, 0, 0, 0, 0, ...twoBytes(width), ...twoBytes(height), 0);
    compress(frame, depth, bytes);
  }
  bytes.push(0x3b);
  return Uint8Array.from(bytes);
}
