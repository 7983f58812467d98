// Settings in the address, and files to take away.

/** Names and values after the # of an address. */
export const readAddress = (hash) => Object.fromEntries(new URLSearchParams(hash.replace(/^#/, "")));

/** The same backwards; what is empty is left out. */
export function toAddress(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return kept.length ? `#${new URLSearchParams(kept)}` : "";
}

const NAMES = { weight: "weight_mu", bias: "bias_mu", weightSigma: "weight_sigma", biasSigma: "bias_sigma" };

/** Weights as a safetensors file with the names of SB3's Q-network; `ca2_rl.play.load_weights` reads it. */
export function toSafetensors(weights, isNoisy) {
  const head = { __metadata__: { format: "pt" } }, parts = [];
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const [layer, kind] = name.split(".");
    head[`q_net.${layer}.${isNoisy ? NAMES[kind] : kind}`] = { dtype: "F32", shape, data_offsets: [end, end + 4 * data.length] };
    parts.push(data);
    end += 4 * data.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(head)), start = 8 + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + end).fill(32, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(text, 8);
  let at = start;
  for (const part of parts) {
    file.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return file;
}
