/** What chapter 17 measures of two clouds of points in the plane, as `ganedu.metrics` does. */

/** @typedef {[number, number][]} Points */

/** Mean and covariance (with n - 1). @param {Points} points */
export function moments(points) {
  const n = points.length;
  const mean = [0, 1].map((c) => points.reduce((sum, p) => sum + p[c], 0) / n);
  const cov = (i, j) => points.reduce((sum, p) => sum + (p[i] - mean[i]) * (p[j] - mean[j]), 0) / (n - 1);
  return {
    mean,
    cov: [
      [cov(0, 0), cov(0, 1)],
      [cov(0, 1), cov(1, 1)],
    ],
  };
}

/**
 * Squared Fréchet distance of the Gaussians with the clouds' moments. In two dimensions the trace of the root of AB
 * has the closed form √(tr AB + 2 √(det A det B)).
 * @param {Points} a @param {Points} b
 */
export function frechet(a, b) {
  const [p, q] = [moments(a), moments(b)];
  const [[a11, a12], [, a22]] = p.cov;
  const [[b11, b12], [, b22]] = q.cov;
  const product = a11 * b11 + 2 * a12 * b12 + a22 * b22; // tr AB
  const dets = Math.max(0, a11 * a22 - a12 ** 2) * Math.max(0, b11 * b22 - b12 ** 2);
  const root = Math.sqrt(Math.max(0, product + 2 * Math.sqrt(dets)));
  const shift = (p.mean[0] - q.mean[0]) ** 2 + (p.mean[1] - q.mean[1]) ** 2;
  return Math.max(0, shift + a11 + a22 + b11 + b22 - 2 * root);
}

/** Precision and recall by balls that reach the k-th neighbor. @param {Points} real @param {Points} fake */
export function precisionRecall(real, fake, k = 3) {
  return { precision: inside(fake, real, radii(real, k)), recall: inside(real, fake, radii(fake, k)) };
}

const distance = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);

/** @param {Points} points @param {number} k */
function radii(points, k) {
  return points.map((p) => points.map((q) => distance(p, q)).sort((x, y) => x - y)[k]);
}

/** Share of the points within one of the balls. @param {Points} points @param {Points} centers @param {number[]} reach */
function inside(points, centers, reach) {
  return points.filter((p) => centers.some((c, i) => distance(p, c) <= reach[i])).length / points.length;
}
