// Images on canvases.

/** An image [C, H, W] from 0 to 1 as pixels, RGBA; with an ink, its brightness is how much of the ink there is. */
function toPixels(image, [channels, height, width], ink = null) {
  const size = height * width, pixels = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [0, 1, 2].map((c) => 255 * image[(channels === 1 ? 0 : c) * size + i]);
    pixels.set(ink ? [...ink, Math.round((r + g + b) / 3)] : [r, g, b, 255], 4 * i);
  }
  return pixels;
}

/** Columns of n images in a place of some width, each at least `least` wide. */
export const columnsFor = (n, available, least) => Math.max(1, Math.min(n, Math.floor(available / least)));

/**
 * Paints images in rows.
 * @param {HTMLCanvasElement} canvas gets the size that they need
 * @param {(Float32Array|null)[]} images null stays blank
 * @param {{shape: number[], columns: number, zoom?: number, ink?: number[]}} how
 */
export function paint(canvas, images, { shape, columns, zoom = 4, ink = null }) {
  const [, height, width] = shape, rows = Math.max(1, Math.ceil(images.length / columns));
  const small = document.createElement("canvas");
  [small.width, small.height] = [columns * width, rows * height];
  const context = small.getContext("2d");
  if (!ink) context.fillRect(0, 0, small.width, small.height);
  images.forEach((image, i) => {
    if (image) context.putImageData(new ImageData(toPixels(image, shape, ink), width, height), (i % columns) * width, Math.floor(i / columns) * height);
  });
  const [across, down] = [zoom * small.width, zoom * small.height];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const large = canvas.getContext("2d");
  large.imageSmoothingQuality = "high";
  large.clearRect(0, 0, across, down);
  large.drawImage(small, 0, 0, across, down);
}
