/** Ways through the noise of a generator, as `ganedu.latent` walks them. */

/** @typedef {number[]} Vector */

const ALIKE = 1e-6; // an angle, in radians, below which two directions count as one

/** @param {Vector} a @param {Vector} b */
export const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** @param {Vector} a */
export const norm = (a) => Math.hypot(...a);

/** p a + q b @param {number} p @param {Vector} a @param {number} q @param {Vector} b @returns {Vector} */
export const blend = (p, a, q, b) => a.map((x, i) => p * x + q * b[i]);

/** The straight way. @param {Vector} a @param {Vector} b @param {number} t */
export function lerp(a, b, t) {
  return blend(1 - t, a, t, b);
}

/**
 * The way along the great circle; null where no such way is the shortest: between opposite directions, or from nowhere.
 * @param {Vector} a @param {Vector} b @param {number} t
 */
export function slerp(a, b, t) {
  const lengths = norm(a) * norm(b);
  if (!lengths) return null;
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / lengths)));
  if (angle > Math.PI - ALIKE) return null;
  if (angle < ALIKE) return lerp(a, b, t);
  return blend(Math.sin((1 - t) * angle) / Math.sin(angle), a, Math.sin(t * angle) / Math.sin(angle), b);
}

/** An orthonormal pair that spans the plane of two vectors. @param {Vector} a @param {Vector} b @returns {[Vector, Vector]} */
export function frame(a, b) {
  const first = blend(1 / norm(a), a, 0, a);
  const rest = blend(1, b, -dot(first, b), first);
  return [first, blend(1 / norm(rest), rest, 0, rest)];
}
