/** The arithmetic of convolutions along one axis, as PyTorch's `Conv` and `ConvTranspose` do it. */

/** @typedef {{kernel: number, stride: number, padding: number}} Layer */

/** Output size of a convolution; below 1 there is none. @param {number} size @param {Layer} layer */
export function convolved(size, { kernel, stride, padding }) {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** Output size of a transposed convolution. @param {number} size @param {Layer} layer */
export function transposed(size, { kernel, stride, padding }) {
  return (size - 1) * stride - 2 * padding + kernel;
}

/** How many inputs of a transposed convolution reach each of its outputs. @param {number} size @param {Layer} layer */
export function overlaps(size, layer) {
  const counts = Array(Math.max(0, transposed(size, layer))).fill(0);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < layer.kernel; k++) {
      const place = i * layer.stride + k - layer.padding;
      if (place in counts) counts[place]++;
    }
  }
  return counts;
}

/** Inputs that one output of `depth` equal layers depends on. @param {Layer} layer @param {number} depth */
export function receptiveField({ kernel, stride }, depth) {
  let field = 1;
  for (let i = 0; i < depth; i++) field += (kernel - 1) * stride ** i;
  return field;
}
