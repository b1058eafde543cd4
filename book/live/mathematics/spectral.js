/** The largest singular value of a 2 × 2 matrix, exactly and by power iteration. Matrices are [[a, b], [c, d]]. */

/** @typedef {[[number, number], [number, number]]} Matrix */
/** @typedef {[number, number]} Vector */

/** W v @param {Matrix} w @param {Vector} v @returns {Vector} */
export function image([[a, b], [c, d]], [x, y]) {
  return [a * x + b * y, c * x + d * y];
}

/** Both singular values, the larger first. @param {Matrix} w */
export function singularValues([[a, b], [c, d]]) {
  const sum = Math.hypot(a + d, c - b); // σ₁ + σ₂
  const difference = Math.hypot(a - d, b + c); // σ₁ ∓ σ₂, by the sign of the determinant
  return [(sum + difference) / 2, Math.abs(sum - difference) / 2];
}

/**
 * The estimates ‖W v‖ of a power iteration v ← WᵀWv / ‖WᵀWv‖, and the vectors v; it ends where W v = 0.
 * @param {Matrix} w @param {Vector} start @param {number} steps
 */
export function powerIteration(w, start, steps) {
  const [[a, b], [c, d]] = w;
  let v = unit(start);
  const path = [{ v, estimate: Math.hypot(...image(w, v)) }];
  for (let i = 0; i < steps; i++) {
    const back = image(
      [
        [a, c],
        [b, d],
      ],
      image(w, v),
    );
    if (!Math.hypot(...back)) break;
    v = unit(back);
    path.push({ v, estimate: Math.hypot(...image(w, v)) });
  }
  return path;
}

/** @param {Vector} v @returns {Vector} */
function unit([x, y]) {
  const length = Math.hypot(x, y) || 1;
  return [x / length, y / length];
}
