/** Operations that mix the entries of a matrix: products, sums, and the repetitions that are their derivatives. */

import { multiply, multiplyLeftTransposed, multiplyRightTransposed } from "./kernels.js";
import { take } from "./memory.js";
import { add, affine, Tensor } from "./tensor.js";

/** a · b, for a [n, k] and b [k, m] @param {Tensor} a @param {Tensor} b @returns {Tensor} */
export function product(a, b) {
  fit(a.cols, b.rows, a, b);
  const out = take(a.rows * b.cols);
  multiply(a.data, b.data, out, a.rows, a.cols, b.cols);
  return new Tensor(out, a.rows, b.cols, [a, b], [(g) => productRight(g, b), (g) => productLeft(a, g)]);
}

/** aᵀ · b, for a [k, n] and b [k, m] @param {Tensor} a @param {Tensor} b @returns {Tensor} */
export function productLeft(a, b) {
  fit(a.rows, b.rows, a, b);
  const out = take(a.cols * b.cols);
  multiplyLeftTransposed(a.data, b.data, out, a.cols, a.rows, b.cols);
  return new Tensor(out, a.cols, b.cols, [a, b], [(g) => productRight(b, g), (g) => product(a, g)]);
}

/** a · bᵀ, for a [n, k] and b [m, k] @param {Tensor} a @param {Tensor} b @returns {Tensor} */
export function productRight(a, b) {
  fit(a.cols, b.cols, a, b);
  const out = take(a.rows * b.rows);
  multiplyRightTransposed(a.data, b.data, out, a.rows, a.cols, b.rows);
  return new Tensor(out, a.rows, b.rows, [a, b], [(g) => product(g, b), (g) => productLeft(g, a)]);
}

/** Sum of all entries, [1, 1] @param {Tensor} a @returns {Tensor} */
export function sum(a) {
  return sumRows(sumColumns(a));
}

/** Mean of all entries, [1, 1] @param {Tensor} a */
export function mean(a) {
  return affine(sum(a), 1 / a.data.length);
}

/** Sum over the columns, [rows, 1] @param {Tensor} a @returns {Tensor} */
export function sumColumns(a) {
  const out = take(a.rows);
  for (let i = 0; i < a.rows; i++) {
    let total = 0;
    for (let j = 0; j < a.cols; j++) total += a.data[i * a.cols + j];
    out[i] = total;
  }
  return new Tensor(out, a.rows, 1, [a], [(g) => repeatColumns(g, a.cols)]);
}

/** Sum over the rows, [1, cols] @param {Tensor} a @returns {Tensor} */
export function sumRows(a) {
  const out = take(a.cols).fill(0);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < a.cols; j++) out[j] += a.data[i * a.cols + j];
  }
  return new Tensor(out, 1, a.cols, [a], [(g) => repeatRows(g, a.rows)]);
}

/** A row [1, cols], repeated @param {Tensor} a @param {number} rows @returns {Tensor} */
export function repeatRows(a, rows) {
  const out = take(rows * a.cols);
  for (let i = 0; i < rows; i++) out.set(a.data, i * a.cols);
  return new Tensor(out, rows, a.cols, [a], [sumRows]);
}

/** A column [rows, 1], repeated @param {Tensor} a @param {number} cols @returns {Tensor} */
export function repeatColumns(a, cols) {
  const out = take(a.rows * cols);
  for (let i = 0; i < a.rows; i++) out.fill(a.data[i], i * cols, (i + 1) * cols);
  return new Tensor(out, a.rows, cols, [a], [sumColumns]);
}

/** a [n, m] plus the row b [1, m] in each of its rows @param {Tensor} a @param {Tensor} b */
export function addRow(a, b) {
  return add(a, repeatRows(b, a.rows));
}

function fit(inner, other, a, b) {
  if (inner !== other) throw new Error(`no product of [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}]`);
}
