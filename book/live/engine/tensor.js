/**
 * Reverse-mode derivatives of functions of matrices, once and again.
 *
 * Every operation below computes a value and remembers two things: the tensors it was computed from (`parents`), and
 * for each of them a function (`pulls`) that turns the derivative of some scalar in the result into the derivative of
 * that scalar in the parent. This is the chain rule, one link at a time; `gradient` walks the links backwards.
 *
 * The pulls are written with the same operations. So the gradient is a computation like any other, with links of its
 * own, and can be differentiated again: that is all that a gradient penalty needs.
 */

import { take } from "./memory.js";

let created = 0;
let recording = true;

/** A matrix [rows, cols] of doubles that knows how it was computed. */
export class Tensor {
  /**
   * @param {Float64Array} data row after row
   * @param {number} rows
   * @param {number} cols
   * @param {Tensor[]} parents
   * @param {((g: Tensor) => Tensor)[]} pulls one for each parent
   */
  constructor(data, rows, cols, parents = [], pulls = []) {
    if (data.length !== rows * cols) throw new Error(`${data.length} numbers are no matrix [${rows}, ${cols}]`);
    this.data = data;
    this.rows = rows;
    this.cols = cols;
    this.parents = recording ? parents : [];
    this.pulls = recording ? pulls : [];
    this.order = created++; // a parent is always older than its children
  }

  /** The number in a tensor [1, 1]. */
  get value() {
    if (this.data.length !== 1) throw new Error(`a tensor [${this.rows}, ${this.cols}] is not one number`);
    return this.data[0];
  }

  /** The same numbers without a past: no gradient flows through. */
  detach() {
    return new Tensor(this.data, this.rows, this.cols);
  }
}

/**
 * A tensor from an array of rows, without a past.
 * @param {number[][]} rows
 */
export function tensor(rows) {
  return new Tensor(Float64Array.from(rows.flat()), rows.length, rows[0].length);
}

/**
 * Gradients of the scalar `output` in each of `inputs`, shaped like these.
 * @param {Tensor} output [1, 1]
 * @param {Tensor[]} inputs
 * @param {{again?: boolean}} options again: the gradients can themselves be differentiated
 * @returns {Tensor[]}
 */
export function gradient(output, inputs, { again = false } = {}) {
  const outer = recording;
  recording = again;
  try {
    const path = between(inputs, output);
    /** @type {Map<Tensor, Tensor>} */
    const gradients = new Map([[output, constant(1, 1, 1)]]);
    for (const node of path) {
      const g = /** @type {Tensor} */ (gradients.get(node));
      node.parents.forEach((parent, i) => {
        if (!path.has(parent)) return;
        const pulled = node.pulls[i](g);
        const others = gradients.get(parent);
        gradients.set(parent, others ? add(others, pulled) : pulled); // a tensor that is used twice has two links
      });
    }
    return inputs.map((input) => gradients.get(input) ?? constant(0, input.rows, input.cols));
  } finally {
    recording = outer;
  }
}

/**
 * The tensors that lie on a path from one of `inputs` to `output`, youngest first: when the walk reaches a tensor, all
 * its children have been there.
 * @param {Tensor[]} inputs
 * @param {Tensor} output
 */
function between(inputs, output) {
  const wanted = new Set(inputs);
  /** @type {Map<Tensor, boolean>} */
  const seen = new Map();
  /** @param {Tensor} node */
  const leadsThere = (node) => {
    const known = seen.get(node);
    if (known !== undefined) return known;
    let found = wanted.has(node);
    for (const parent of node.parents) found = leadsThere(parent) || found;
    seen.set(node, found);
    return found;
  };
  leadsThere(output);
  const path = [...seen].filter(([, found]) => found).map(([node]) => node);
  return new Set(path.sort((a, b) => b.order - a.order));
}

/** @param {number} value @param {number} rows @param {number} cols */
export function constant(value, rows, cols) {
  return new Tensor(take(rows * cols).fill(value), rows, cols);
}

// Elementwise operations

/** a + b @param {Tensor} a @param {Tensor} b */
export function add(a, b) {
  const out = same(a, b);
  for (let i = 0; i < out.length; i++) out[i] = a.data[i] + b.data[i];
  return new Tensor(out, a.rows, a.cols, [a, b], [(g) => g, (g) => g]);
}

/** a - b @param {Tensor} a @param {Tensor} b */
export function subtract(a, b) {
  const out = same(a, b);
  for (let i = 0; i < out.length; i++) out[i] = a.data[i] - b.data[i];
  return new Tensor(out, a.rows, a.cols, [a, b], [(g) => g, (g) => affine(g, -1)]);
}

/** a b, entry by entry @param {Tensor} a @param {Tensor} b */
export function times(a, b) {
  const out = same(a, b);
  for (let i = 0; i < out.length; i++) out[i] = a.data[i] * b.data[i];
  return new Tensor(out, a.rows, a.cols, [a, b], [(g) => times(g, b), (g) => times(g, a)]);
}

/** factor a + shift @param {Tensor} a @param {number} factor @param {number} shift */
export function affine(a, factor, shift = 0) {
  return map(
    a,
    (x) => factor * x + shift,
    (g) => affine(g, factor),
  );
}

/** a² @param {Tensor} a */
export function square(a) {
  return map(
    a,
    (x) => x * x,
    (g) => times(g, affine(a, 2)),
  );
}

/** √a @param {Tensor} a */
export function sqrt(a) {
  const out = map(a, Math.sqrt, (g) => times(g, affine(reciprocal(out), 0.5)));
  return out;
}

/** 1 / a @param {Tensor} a */
export function reciprocal(a) {
  const out = map(
    a,
    (x) => 1 / x,
    (g) => affine(times(g, square(out)), -1),
  );
  return out;
}

/** log(1 + eᵃ), finite for every a; its derivative is the sigmoid @param {Tensor} a */
export function softplus(a) {
  return map(a, softplusOf, (g) => times(g, sigmoid(a)));
}

/** 1 / (1 + e⁻ᵃ) @param {Tensor} a */
export function sigmoid(a) {
  const out = map(a, sigmoidOf, (g) => times(g, times(out, affine(out, -1, 1))));
  return out;
}

/** max(a, slope a) for a slope below 1; at 0 the derivative counts as the slope @param {Tensor} a */
export function leakyRelu(a, slope = 0) {
  const out = take(a.data.length); // a loop of its own: half of all entries of a step pass here
  for (let i = 0; i < out.length; i++) out[i] = a.data[i] > 0 ? a.data[i] : slope * a.data[i];
  return new Tensor(out, a.rows, a.cols, [a], [(g) => times(g, steps(a, slope))]);
}

/** max(a, least) @param {Tensor} a @param {number} least */
export function atLeast(a, least) {
  return map(
    a,
    (x) => Math.max(x, least),
    (g) =>
      times(
        g,
        map(a, (x) => (x >= least ? 1 : 0)),
      ),
  );
}

/** @param {number} x */
export function softplusOf(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** @param {number} x */
export function sigmoidOf(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

/** The slope of a leaky ReLU. It is constant between the kinks, so it has no past. @param {Tensor} a */
function steps(a, slope) {
  const out = take(a.data.length);
  for (let i = 0; i < out.length; i++) out[i] = a.data[i] > 0 ? 1 : slope;
  return new Tensor(out, a.rows, a.cols);
}

/**
 * @param {Tensor} a
 * @param {(x: number) => number} f
 * @param {(g: Tensor) => Tensor} [pull] none for a constant
 */
function map(a, f, pull) {
  const { data } = a;
  const out = take(data.length);
  for (let i = 0; i < out.length; i++) out[i] = f(data[i]);
  return new Tensor(out, a.rows, a.cols, pull ? [a] : [], pull ? [pull] : []);
}

/** @param {Tensor} a @param {Tensor} b */
function same(a, b) {
  if (a.rows !== b.rows || a.cols !== b.cols) {
    throw new Error(`matrices [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] do not fit entry by entry`);
  }
  return take(a.data.length);
}
