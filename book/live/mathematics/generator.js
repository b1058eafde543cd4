/** A generator that was trained elsewhere, from the JSON that `ganedu export RUN NAME.json --web` writes. */

export const FORMAT = "ganedu generator 1";
const REMEDY = "Write one by: ganedu export RUN generator.json --web";
const MOST = 1024; // pixels a side: a page is no place for more

/** @typedef {{inputs: number, outputs: number, weight: Float64Array, bias: Float64Array}} Dense */
/** @typedef {Dense | {slope: number} | "tanh"} Layer */
/** @typedef {{name: string, noise: number, image: [number, number, number], layers: Layer[]}} Generator */

/**
 * Raises Error with one sentence if the content, possibly any file of a reader, is no such generator.
 * @param {any} content parsed JSON
 * @returns {Generator}
 */
export function generator(content) {
  if (content?.format !== FORMAT || !Array.isArray(content.layers) || !Array.isArray(content.image_shape)) throw new Error(`This is no generator for a page. ${REMEDY}`);
  /** @type {Layer[]} */
  const layers = [];
  const dense = content.layers.filter(({ kind }) => kind === "dense");
  const [channels, height, width] = content.image_shape;
  let units = dense[0]?.inputs;
  for (const layer of content.layers) {
    if (layer.kind === "dense") {
      if (layer.inputs !== units) throw new Error(`Its layers do not fit: ${units} numbers meet ${layer.inputs}.`);
      units = layer.outputs;
      const weight = numbers(layer.weight, content.bits, layer.inputs * units);
      layers.push({ inputs: layer.inputs, outputs: units, weight, bias: numbers(layer.bias, content.bits, units) });
    } else if (layer.kind === "relu") layers.push({ slope: Number(layer.slope) });
    else if (layer.kind === "tanh") layers.push("tanh");
    else throw new Error(`It has a layer of the unknown kind “${layer.kind}”.`);
  }
  if (![1, 3].includes(channels) || !(Math.max(height, width) <= MOST) || units !== channels * height * width)
    throw new Error(`Its ${units} outputs are no image of ${channels} × ${height} × ${width}.`);
  if (dense[0].inputs < 2) throw new Error("Its noise is one number, and a plane needs two.");
  return { name: String(content.name), noise: dense[0].inputs, image: [channels, height, width], layers };
}

/** @param {string} text base64 of little-endian floats @param {16 | 32} bits @param {number} count */
function numbers(text, bits, count) {
  if (typeof text !== "string" || !/^[\w+/]*=*$/.test(text) || text.length % 4 || ![16, 32].includes(bits))
    throw new Error("The weights of a layer cannot be read.");
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const at = bits === 16 ? (i) => half(view.getUint16(2 * i, true)) : (i) => view.getFloat32(4 * i, true);
  if (bytes.length * 8 !== bits * count) throw new Error(`A layer has not the ${count} weights that it announces.`);
  const values = Float64Array.from({ length: count }, (_, i) => at(i));
  if (!values.every(Number.isFinite)) throw new Error("A weight is not a finite number.");
  return values;
}

/** The value of a float of 16 bits: sign, 5 bits of exponent, 10 of fraction. @param {number} bits */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}

/** The image, row by row and channel by channel, of some noise. @param {Generator} generator @param {ArrayLike<number>} z */
export function generate({ layers }, z) {
  let x = Float64Array.from(z);
  for (const layer of layers) {
    if (layer === "tanh") x = x.map(Math.tanh);
    else if ("slope" in layer) x = x.map((a) => (a > 0 ? a : layer.slope * a));
    else x = product(layer, x);
  }
  return x;
}

/** W x + b @param {Dense} layer @param {Float64Array} x */
function product({ inputs, outputs, weight, bias }, x) {
  const y = new Float64Array(outputs);
  for (let i = 0, at = 0; i < outputs; i++) {
    let sum = bias[i];
    for (let j = 0; j < inputs; j++) sum += weight[at++] * x[j];
    y[i] = sum;
  }
  return y;
}
