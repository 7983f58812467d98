// Runs networks that ca2_core/play/program.py has written, one example at a time.
// Tensors are Float32Arrays in row-major order; shapes are known beforehand, so that every step has its memory once and for all.

const product = (shape) => shape.reduce((a, b) => a * b, 1);

/** Half precision, as bits, to a number. */
function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export class Program {
  /**
   * @param {ArrayBuffer} file as `Program.pack_whole` writes it
   * @throws {Error} if it is damaged
   */
  constructor(file) {
    let head;
    try {
      const length = new DataView(file).getUint32(0, true);
      head = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 4, length)));
      this.tensors = readTensors(head.tensors, file, 4 + length);
    } catch (error) {
      throw new Error(`This is no network, or a damaged one (${error.message}).`);
    }
    this.inputs = head.inputs;
    this.outputs = head.outputs;
    this.steps = head.steps.map((step) => this.prepare(step));
  }

  /** A function for each step, with its memory. */
  prepare(step) {
    const known = (name) => this.tensors.get(name);
    const ins = step.in.map((name) => known(name) ?? this.declare(name));
    const make = OPERATIONS[step.op];
    if (!make) throw new Error(`No such step: ${step.op}.`);
    const shape = step.shape ?? ins[0].shape;
    const out = { shape, data: step.op === "view" ? ins[0].data : new Float32Array(product(shape)) };
    this.tensors.set(step.out, out);
    return make(step, ins, out, known);
  }

  declare(name) {
    if (!(name in this.inputs)) throw new Error(`No tensor ${name}.`);
    const shape = this.inputs[name];
    const tensor = { shape, data: new Float32Array(product(shape)) };
    this.tensors.set(name, tensor);
    return tensor;
  }

  /**
   * @param {Object<string, ArrayLike<number>>} inputs by name
   * @returns {Float32Array[]} the outputs; they are overwritten by the next call
   */
  run(inputs) {
    for (const [name, values] of Object.entries(inputs)) {
      if (name in this.inputs) (this.tensors.get(name) ?? this.declare(name)).data.set(values);
    }
    for (const step of this.steps) step();
    return this.outputs.map((name) => this.tensors.get(name).data);
  }
}

function readTensors(places, file, start) {
  const tensors = new Map();
  for (const [name, { shape, type, offset }] of Object.entries(places)) {
    const n = product(shape);
    const data = type === "f2" ? Float32Array.from(new Uint16Array(file, start + offset, n), halfToNumber) : new Float32Array(file, start + offset, n);
    tensors.set(name, { shape, data });
  }
  return tensors;
}

const elementwise = (f) => (step, [x], out) => {
  const a = x.data, b = out.data, n = b.length;
  return () => {
    for (let i = 0; i < n; i++) b[i] = f(a[i]);
  };
};

/** Of two tensors that are stretched to the shape of the output, as NumPy does it. */
const binary = (f) => (step, [x, y], out) => {
  const a = x.data, b = y.data, c = out.data, n = c.length;
  if (a.length === n && b.length === n) {
    return () => {
      for (let i = 0; i < n; i++) c[i] = f(a[i], b[i]);
    };
  }
  const from = [x, y].map((tensor) => stretched(tensor.shape, out.shape));
  return () => {
    for (let i = 0; i < n; i++) c[i] = f(a[from[0][i]], b[from[1][i]]);
  };
};

/** For each entry of a larger shape, the position in the smaller one. */
function stretched(small, large) {
  const padded = [...Array(large.length - small.length).fill(1), ...small];
  const positions = new Int32Array(product(large));
  const strides = Array(large.length).fill(0);
  let stride = 1;
  for (let axis = large.length - 1; axis >= 0; axis--) {
    strides[axis] = padded[axis] === 1 ? 0 : stride;
    stride *= padded[axis];
  }
  forEachIndex(large, (index, i) => {
    positions[i] = index.reduce((sum, at, axis) => sum + at * strides[axis], 0);
  });
  return positions;
}

function forEachIndex(shape, visit) {
  const index = Array(shape.length).fill(0);
  const n = product(shape);
  for (let i = 0; i < n; i++) {
    visit(index, i);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
}

function linear(step, [x], out, known) {
  const w = known(step.weight).data, bias = step.bias && known(step.bias).data;
  const a = x.data, b = out.data;
  const [rows, n] = known(step.weight).shape;
  const batch = b.length / rows;
  return () => {
    for (let k = 0; k < batch; k++) {
      for (let i = 0, at = 0; i < rows; i++) {
        let sum = bias ? bias[i] : 0;
        for (let j = 0, from = k * n; j < n; j++) sum += w[at++] * a[from + j];
        b[k * rows + i] = sum;
      }
    }
  };
}

export const upTo4 = (n) => (n + 3) & ~3;

/** Rows of four by four: [m, k] -> [m / 4, k, 4], zeros below the last. `at(i, p)` is an entry. */
function packRows(m, k, at) {
  const packed = new Float32Array(upTo4(m) * k);
  for (let i = 0; i < m; i++) for (let p = 0; p < k; p++) packed[(i & ~3) * k + 4 * p + (i & 3)] = at(i, p);
  return packed;
}

/**
 * c = a b. Sixteen sums at a time stay in registers.
 * @param {number} m rows of a and c, a multiple of 4
 * @param {number} n columns of b and c, a multiple of 4
 * @param {Float32Array} a from `packRows`
 * @param {Float32Array} b [k, n]
 * @param {Float32Array} c [m, n]
 */
export function multiply(m, n, k, a, b, c) {
  for (let i = 0; i < m; i += 4) {
    for (let j = 0; j < n; j += 4) {
      let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0;
      let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0;
      for (let p = 0, u = i * k, v = j; p < k; p++, u += 4, v += n) {
        const a0 = a[u], a1 = a[u + 1], a2 = a[u + 2], a3 = a[u + 3];
        const b0 = b[v], b1 = b[v + 1], b2 = b[v + 2], b3 = b[v + 3];
        c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
        c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
        c20 += a2 * b0; c21 += a2 * b1; c22 += a2 * b2; c23 += a2 * b3;
        c30 += a3 * b0; c31 += a3 * b1; c32 += a3 * b2; c33 += a3 * b3;
      }
      let t = i * n + j;
      c[t] = c00; c[t + 1] = c01; c[t + 2] = c02; c[t + 3] = c03;
      t += n;
      c[t] = c10; c[t + 1] = c11; c[t + 2] = c12; c[t + 3] = c13;
      t += n;
      c[t] = c20; c[t + 1] = c21; c[t + 2] = c22; c[t + 3] = c23;
      t += n;
      c[t] = c30; c[t + 1] = c31; c[t + 2] = c32; c[t + 3] = c33;
    }
  }
}

/**
 * Pairs an image with its columns: for each entry of the kernel and each place of it, the pixel under it.
 * @param {number[]} small rows and columns of places
 * @param {number[]} large rows and columns of the image
 * @returns {Int32Array} pixel of a plane, or -1 outside: [kh, kw, places]
 */
function pixelsUnder([kh, kw], [rows, columns], [height, width], stride, padding) {
  const pixels = new Int32Array(kh * kw * rows * columns);
  let i = 0;
  for (let ky = 0; ky < kh; ky++) {
    for (let kx = 0; kx < kw; kx++) {
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          const v = y * stride + ky - padding, h = x * stride + kx - padding;
          pixels[i++] = v >= 0 && v < height && h >= 0 && h < width ? v * width + h : -1;
        }
      }
    }
  }
  return pixels;
}

/** A convolution as a product of the kernels with the pixels under them. */
function conv(step, [x], out, known) {
  const { stride, padding, groups } = step;
  const { data: w, shape: [outs, ins, kh, kw] } = known(step.weight);
  const bias = step.bias && known(step.bias).data;
  const [, , height, width] = x.shape, [, , rows, columns] = out.shape;
  const places = rows * columns, n = upTo4(places), perGroup = outs / groups, m = upTo4(perGroup), k = ins * kh * kw;
  const kernels = Array.from({ length: groups }, (_, g) => packRows(perGroup, k, (i, p) => w[(g * perGroup + i) * k + p]));
  const pixels = pixelsUnder([kh, kw], [rows, columns], [height, width], stride, padding);
  const under = new Float32Array(k * n), made = new Float32Array(m * n);
  return () => {
    for (let g = 0; g < groups; g++) {
      for (let c = 0, row = 0; c < ins; c++) {
        const plane = (g * ins + c) * height * width;
        for (let e = 0, i = 0; e < kh * kw; e++, row++) {
          for (let to = row * n, end = to + places; to < end; to++, i++) under[to] = pixels[i] < 0 ? 0 : x.data[plane + pixels[i]];
        }
      }
      multiply(m, n, k, kernels[g], under, made);
      for (let o = 0; o < perGroup; o++) {
        const channel = g * perGroup + o, shift = bias ? bias[channel] : 0;
        for (let i = 0, to = channel * places; i < places; i++, to++) out.data[to] = made[o * n + i] + shift;
      }
    }
  };
}

/** Its transpose: each pixel of the input is spread by the kernels. */
function convTranspose(step, [x], out, known) {
  const { stride, padding, groups } = step;
  const { data: w, shape: [ins, perGroup, kh, kw] } = known(step.weight);
  const bias = step.bias && known(step.bias).data;
  const [, , height, width] = x.shape, [, outs, rows, columns] = out.shape;
  const places = height * width, n = upTo4(places), size = rows * columns, k = ins / groups, entries = perGroup * kh * kw, m = upTo4(entries);
  const kernels = Array.from({ length: groups }, (_, g) => packRows(entries, k, (i, p) => w[(g * k + p) * entries + i]));
  const pixels = pixelsUnder([kh, kw], [height, width], [rows, columns], stride, padding);
  const padded = new Float32Array(k * n), made = new Float32Array(m * n);
  return () => {
    for (let o = 0; o < outs; o++) out.data.fill(bias ? bias[o] : 0, o * size, (o + 1) * size);
    for (let g = 0; g < groups; g++) {
      for (let c = 0; c < k; c++) padded.set(x.data.subarray((g * k + c) * places, (g * k + c + 1) * places), c * n);
      multiply(m, n, k, kernels[g], padded, made);
      for (let o = 0, row = 0; o < perGroup; o++) {
        const plane = (g * perGroup + o) * size;
        for (let e = 0, i = 0; e < kh * kw; e++, row++) {
          for (let from = row * n, end = from + places; from < end; from++, i++) if (pixels[i] >= 0) out.data[plane + pixels[i]] += made[from];
        }
      }
    }
  };
}

function affine(step, [x], out, known) {
  const scale = known(step.scale).data, shift = known(step.shift).data;
  const a = x.data, b = out.data;
  const channels = scale.length, size = product(x.shape.slice(2));
  return () => {
    for (let c = 0, i = 0; c < channels; c++) for (let k = 0; k < size; k++, i++) b[i] = a[i] * scale[c] + shift[c];
  };
}

function embedding(step, [index], out, known) {
  const { data: w, shape: [, size] } = known(step.weight);
  return () => {
    for (let k = 0; k < index.data.length; k++) out.data.set(w.subarray(index.data[k] * size, (index.data[k] + 1) * size), k * size);
  };
}

function oneHot(step, [index], out) {
  const size = out.shape[out.shape.length - 1];
  return () => {
    out.data.fill(0);
    for (let k = 0; k < index.data.length; k++) out.data[k * size + index.data[k]] = 1;
  };
}

function slice(step, [x], out) {
  const inner = product(x.shape.slice(step.axis + 1)), outer = product(x.shape.slice(0, step.axis));
  const length = x.shape[step.axis], taken = step.length;
  return () => {
    for (let k = 0; k < outer; k++) {
      const from = (k * length + step.start) * inner;
      out.data.set(x.data.subarray(from, from + taken * inner), k * taken * inner);
    }
  };
}

function cat(step, parts, out) {
  const outer = product(out.shape.slice(0, step.axis));
  const sizes = parts.map((part) => part.data.length / outer);
  const whole = sizes.reduce((a, b) => a + b, 0);
  return () => {
    for (let k = 0; k < outer; k++) {
      let to = k * whole;
      parts.forEach((part, i) => {
        out.data.set(part.data.subarray(k * sizes[i], (k + 1) * sizes[i]), to);
        to += sizes[i];
      });
    }
  };
}

const reduce = (isMean) => (step, [x], out) => {
  const kept = x.shape.map((side, axis) => (step.axes.includes(axis) ? 1 : side));
  const to = stretched(kept, x.shape), factor = isMean ? out.data.length / x.data.length : 1;
  return () => {
    out.data.fill(0);
    for (let i = 0; i < x.data.length; i++) out.data[to[i]] += x.data[i];
    if (isMean) for (let i = 0; i < out.data.length; i++) out.data[i] *= factor;
  };
};

function permute(step, [x], out) {
  const strides = x.shape.map((_, axis) => product(x.shape.slice(axis + 1)));
  const from = new Int32Array(out.data.length);
  forEachIndex(out.shape, (index, i) => {
    from[i] = index.reduce((sum, at, axis) => sum + at * strides[step.axes[axis]], 0);
  });
  return () => {
    for (let i = 0; i < from.length; i++) out.data[i] = x.data[from[i]];
  };
}

/** Averages over windows, as PyTorch's adaptive pooling chooses them. */
function average(step, [x], out) {
  const [, channels, height, width] = x.shape, [, , rows, columns] = out.shape;
  const window = (i, outs, ins) => [Math.floor((i * ins) / outs), Math.ceil(((i + 1) * ins) / outs)];
  return () => {
    for (let c = 0, to = 0; c < channels; c++) {
      for (let y = 0; y < rows; y++) {
        const [y0, y1] = window(y, rows, height);
        for (let i = 0; i < columns; i++, to++) {
          const [x0, x1] = window(i, columns, width);
          let sum = 0;
          for (let v = y0; v < y1; v++) for (let h = x0; h < x1; h++) sum += x.data[(c * height + v) * width + h];
          out.data[to] = sum / ((y1 - y0) * (x1 - x0));
        }
      }
    }
  };
}

/** Bilinear, corners not aligned. */
function resize(step, [x], out) {
  const [, channels, height, width] = x.shape, [, , rows, columns] = out.shape;
  const line = (outs, ins) =>
    [...Array(outs).keys()].map((i) => {
      const at = Math.max(0, ((i + 0.5) * ins) / outs - 0.5), low = Math.min(Math.floor(at), ins - 1);
      return [low, Math.min(low + 1, ins - 1), at - low];
    });
  const ys = line(rows, height), xs = line(columns, width);
  return () => {
    for (let c = 0, to = 0; c < channels; c++) {
      const plane = c * height * width;
      for (const [top, bottom, dy] of ys) {
        for (const [left, right, dx] of xs) {
          const above = x.data[plane + top * width + left] * (1 - dx) + x.data[plane + top * width + right] * dx;
          const below = x.data[plane + bottom * width + left] * (1 - dx) + x.data[plane + bottom * width + right] * dx;
          out.data[to++] = above * (1 - dy) + below * dy;
        }
      }
    }
  };
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

const OPERATIONS = {
  relu: elementwise((x) => (x > 0 ? x : 0)),
  silu: elementwise((x) => x * sigmoid(x)),
  tanh: elementwise(Math.tanh),
  sigmoid: elementwise(sigmoid),
  exp: elementwise(Math.exp),
  neg: elementwise((x) => -x),
  abs: elementwise(Math.abs),
  sqrt: elementwise(Math.sqrt),
  rsqrt: elementwise((x) => 1 / Math.sqrt(x)),
  leaky_relu: (step, ins, out) => elementwise((x) => (x > 0 ? x : x * step.slope))(step, ins, out),
  clamp: (step, ins, out) => elementwise((x) => Math.min(Math.max(x, step.low ?? -Infinity), step.high ?? Infinity))(step, ins, out),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  maximum: binary(Math.max),
  minimum: binary(Math.min),
  view: () => () => {},
  linear,
  conv,
  conv_transpose: convTranspose,
  affine,
  embedding,
  one_hot: oneHot,
  slice,
  cat,
  sum: reduce(false),
  mean: reduce(true),
  permute,
  average,
  resize,
};
