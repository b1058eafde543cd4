/**
 * Optimal critics of two sets of points, chapter 15: between the scores that the transport fixes at the points, the
 * highest critic is made of cones that stand on the generated points, the lowest of cones that hang from the real ones.
 */

import { cheapest } from "./transport.js";

/** @typedef {[number, number]} Point */
/** @typedef {(z: Point) => {value: number, slope: Point}} Critic */

/** @param {Point} a @param {Point} b */
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/**
 * Scores u of the real and v of the generated points with u_i - v_j <= ‖x_i - y_j‖, and equality between partners: the
 * constraints on v alone are those of shortest paths, which as many rounds as points settle.
 * @param {Point[]} real @param {Point[]} fake
 */
export function scores(real, fake) {
  const { plan, w1 } = cheapest(real, fake);
  const ways = real.map((x, i) => distance(x, fake[plan[i]]));
  const v = fake.map(() => 0);
  for (const _ of real) {
    real.forEach((x, i) =>
      fake.forEach((y, j) => (v[plan[i]] = Math.min(v[plan[i]], v[j] + distance(x, y) - ways[i]))),
    );
  }
  return { u: real.map((_, i) => v[plan[i]] + ways[i]), v, plan, w1 };
}

/** min_j (v_j + ‖z - y_j‖) @param {Point[]} fake @param {number[]} v @returns {Critic} */
export function highest(fake, v) {
  return (z) => {
    const heights = fake.map((y, j) => v[j] + distance(z, y));
    const value = Math.min(...heights);
    return { value, slope: direction(fake[heights.indexOf(value)], z) };
  };
}

/** max_i (u_i - ‖z - x_i‖) @param {Point[]} real @param {number[]} u @returns {Critic} */
export function lowest(real, u) {
  return (z) => {
    const heights = real.map((x, i) => u[i] - distance(z, x));
    const value = Math.max(...heights);
    return { value, slope: direction(z, real[heights.indexOf(value)]) };
  };
}

/** The mean of two critics. @param {Critic} one @param {Critic} other @returns {Critic} */
export function between(one, other) {
  return (z) => {
    const [a, b] = [one(z), other(z)];
    return {
      value: (a.value + b.value) / 2,
      slope: [(a.slope[0] + b.slope[0]) / 2, (a.slope[1] + b.slope[1]) / 2],
    };
  };
}

/** The unit vector from one point to another; at the tip of a cone there is none. @returns {Point} */
function direction(/** @type {Point} */ from, /** @type {Point} */ to) {
  const length = distance(from, to);
  return length ? [(to[0] - from[0]) / length, (to[1] - from[1]) / length] : [0, 0];
}

/**
 * What the penalty sees on the way x_t = t x + (1 - t) y: at each t the norm of the slope, its part along the way, and
 * as the mean over the t the charge (norm - 1)².
 * @param {Critic} critic @param {Point} x @param {Point} y @param {number[]} ts
 */
export function along(critic, x, y, ts) {
  const e = direction(y, x);
  const rows = ts.map((t) => {
    const at = /** @type {Point} */ ([t * x[0] + (1 - t) * y[0], t * x[1] + (1 - t) * y[1]]);
    const { slope } = critic(at);
    return { t, at, slope, norm: Math.hypot(...slope), part: slope[0] * e[0] + slope[1] * e[1] };
  });
  const charge = rows.reduce((sum, { norm }) => sum + (norm - 1) ** 2, 0) / rows.length;
  const length = distance(x, y);
  return { rows, charge, length, climb: critic(x).value - critic(y).value };
}
