/** Two sets of equally many points in the plane, each point with the same share of the mass. */

/** @typedef {[number, number][]} Points */

/** @param {number[]} at @param {number[]} to */
const distance = (at, to) => Math.hypot(at[0] - to[0], at[1] - to[1]);

/**
 * The cheapest assignment, and W₁: the mean distance under it. For so few points every assignment can be tried.
 * @param {Points} from @param {Points} to
 */
export function cheapest(from, to) {
  /** @type {{plan: number[], cost: number}} */
  let best = { plan: [], cost: Infinity };
  /** @param {number[]} plan @param {number} cost */
  const extend = (plan, cost) => {
    if (cost >= best.cost) return;
    if (plan.length === from.length) best = { plan, cost };
    else to.forEach((t, j) => !plan.includes(j) && extend([...plan, j], cost + distance(from[plan.length], t)));
  };
  extend([], 0);
  return { plan: best.plan, w1: best.cost / from.length };
}

/**
 * Jensen-Shannon divergence of the two laws of points: log 2 unless points coincide.
 * @param {Points} from @param {Points} to
 */
export function jsd(from, to) {
  /** @type {Map<string, [number, number]>} */
  const mass = new Map();
  [from, to].forEach((points, side) => {
    for (const point of points) {
      const at = mass.get(String(point)) ?? [0, 0];
      at[side] += 1 / points.length;
      mass.set(String(point), at);
    }
  });
  const half = (p, m) => (p ? (p * Math.log(p / m)) / 2 : 0);
  return [...mass.values()].reduce((sum, [p, q]) => sum + half(p, (p + q) / 2) + half(q, (p + q) / 2), 0);
}
