/** Integrals on an interval, by the composite rule of `ganedu.densities.interval`. */

/**
 * Nodes and weights of the Gauss-Legendre rule on [-1, 1]: the roots of the Legendre polynomial, by Newton's method.
 * @param {number} order
 */
export function legendre(order) {
  const rule = Array.from({ length: order }, (_, i) => {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (order + 0.5));
    let slope = 0;
    for (let round = 0; round < 8; round++) {
      let [before, value] = [1, x];
      for (let n = 2; n <= order; n++) [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n];
      slope = (order * (x * value - before)) / (x * x - 1);
      x -= value / slope;
    }
    return { node: x, weight: 2 / ((1 - x * x) * slope * slope) };
  });
  return rule;
}

/**
 * @param {number} low @param {number} high @param {number} panels @param {number} [order]
 * @returns {{nodes: Float64Array, weights: Float64Array}}
 */
export function interval(low, high, panels, order = 20) {
  const rule = legendre(order);
  const half = (high - low) / panels / 2;
  const nodes = new Float64Array(panels * order);
  const weights = new Float64Array(panels * order);
  for (let panel = 0; panel < panels; panel++) {
    const middle = low + (2 * panel + 1) * half;
    rule.forEach(({ node, weight }, i) => {
      nodes[panel * order + i] = middle + half * node;
      weights[panel * order + i] = half * weight;
    });
  }
  return { nodes, weights };
}

/** @typedef {ReturnType<typeof interval>} Grid */

/** The integral of values at the nodes. @param {Grid} grid @param {(x: number) => number} f */
export function integrate(grid, f) {
  let total = 0;
  for (let i = 0; i < grid.nodes.length; i++) total += grid.weights[i] * f(grid.nodes[i]);
  return total;
}
