/**
 * Data sets of points in the plane, all within [-3, 3]². Each is sampled afresh for every batch, and has parts that a
 * generator must reach: the centers of Gaussians, or stretches of a line, each stretch as a row of points on it.
 */

/**
 * @typedef {[number, number][]} Points
 *
 * @typedef {object} DataSet
 * @property {string} title
 * @property {(random: import("./random.js").Random) => [number, number]} draw
 * @property {Points[]} parts
 * @property {number} radius within which a sample counts for the part of its nearest point
 * @property {string} kind what a part is: a mode, or a stretch of a curve
 */

const RING = { modes: 8, radius: 2, std: 0.1 }; // ganedu.densities.ring
const GRID = { side: 5, gap: 1, std: 0.1 };
const PAIR = { distance: 1.5, std: 0.3 };
const SINGLE = { center: /** @type {[number, number]} */ ([1.8, 1.2]), std: 0.2 }; // far from where a generator begins
const STRETCHES = 16; // into which a curve is cut
const DENSE = 16; // points on a stretch: they stand closer to each other than the radius
const DEVIATIONS = 3; // of the data's noise, within which a sample counts

/** @param {number} length @param {(i: number) => [number, number]} at @returns {Points} */
function places(length, at) {
  return Array.from({ length }, (_, i) => at(i));
}

/** Equal round Gaussians. @param {string} title @param {Points} centers @param {number} std @returns {DataSet} */
function mixture(title, centers, std) {
  return {
    title,
    parts: centers.map((center) => [center]),
    radius: DEVIATIONS * std,
    kind: "modes",
    draw(random) {
      const [x, y] = centers[random.below(centers.length)];
      return [x + std * random.normal(), y + std * random.normal()];
    },
  };
}

/**
 * A curve, uniform in its parameter from 0 to 1, with Gaussian noise.
 * @param {string} title
 * @param {(t: number) => [number, number]} curve
 * @param {number} std
 * @returns {DataSet}
 */
function along(title, curve, std) {
  const at = (stretch) => (i) => curve((stretch + (i + 0.5) / DENSE) / STRETCHES);
  return {
    title,
    parts: Array.from({ length: STRETCHES }, (_, stretch) => places(DENSE, at(stretch))),
    radius: DEVIATIONS * std,
    kind: "stretches",
    draw(random) {
      const [x, y] = curve(random.uniform());
      return [x + std * random.normal(), y + std * random.normal()];
    },
  };
}

/** Two half circles, one in the other's arm. @param {number} t @returns {[number, number]} */
function moons(t) {
  const angle = 2 * Math.PI * (t % 0.5);
  const [x, y] = t < 0.5 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
  return [1.4 * (x - 0.5), 1.4 * (y - 0.25)];
}

/** Equally long stretches of a spiral: the radius grows as the root. @param {number} t @returns {[number, number]} */
function spiral(t) {
  const radius = 0.25 + 2 * Math.sqrt(t);
  const angle = 3.5 * Math.PI * Math.sqrt(t);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** @type {Record<string, DataSet>} */
export const DATA = {
  ring: mixture(
    "Ring of 8 Gaussians",
    places(RING.modes, (i) => {
      const angle = (2 * Math.PI * i) / RING.modes;
      return [RING.radius * Math.cos(angle), RING.radius * Math.sin(angle)];
    }),
    RING.std,
  ),
  grid: mixture(
    "Grid of 25 Gaussians",
    places(GRID.side ** 2, (i) => [GRID.gap * ((i % GRID.side) - 2), GRID.gap * (Math.floor(i / GRID.side) - 2)]),
    GRID.std,
  ),
  pair: mixture(
    "Two Gaussians",
    [
      [-PAIR.distance, 0],
      [PAIR.distance, 0],
    ],
    PAIR.std,
  ),
  single: mixture("One Gaussian, off center", [SINGLE.center], SINGLE.std),
  moons: along("Two moons", moons, 0.08),
  spiral: along("Spiral", spiral, 0.05),
};

/** The fewest points of a drawing that a game can be played for. */
export const FEWEST = 3;

/**
 * What the reader drew, a little blurred.
 * @param {Points} points
 * @returns {DataSet}
 */
export function drawing(points) {
  if (points.length < FEWEST) {
    throw new RangeError(`Your drawing has ${points.length} points; draw at least ${FEWEST} on the field.`);
  }
  const std = 0.05;
  return {
    title: "Your drawing",
    parts: nearest(points, spread(points, Math.min(STRETCHES, points.length))),
    radius: DEVIATIONS * std,
    kind: "places",
    draw(random) {
      const [x, y] = points[random.below(points.length)];
      return [x + std * random.normal(), y + std * random.normal()];
    },
  };
}

/**
 * `n` of the points, far from each other: the first, then always the one that is farthest from all chosen.
 * @param {Points} points
 * @param {number} n
 */
function spread(points, n) {
  const chosen = [points[0]];
  const distance = points.map(() => Infinity);
  while (chosen.length < n) {
    const [x, y] = chosen[chosen.length - 1];
    points.forEach((p, i) => (distance[i] = Math.min(distance[i], Math.hypot(p[0] - x, p[1] - y))));
    chosen.push(points[distance.indexOf(Math.max(...distance))]);
  }
  return chosen;
}

/**
 * The points, each with the nearest of the centers; of centers in one place only the first has any.
 * @param {Points} points
 * @param {Points} centers
 */
function nearest(points, centers) {
  /** @type {Points[]} */
  const parts = centers.map(() => []);
  for (const [x, y] of points) {
    const distance = centers.map(([u, v]) => Math.hypot(x - u, y - v));
    parts[distance.indexOf(Math.min(...distance))].push([x, y]);
  }
  return parts.filter((part) => part.length);
}

/**
 * How many parts the samples reach, and the share of samples that are near one, as `ganedu.metrics.mode_coverage`
 * counts for centers: a part is reached if it gets a tenth of its fair share, which follows its number of points.
 * @param {ArrayLike<number>} samples x, y, x, y, ...
 * @param {Points[]} parts none of them empty
 * @param {number} radius
 */
export function coverage(samples, parts, radius) {
  const n = samples.length / 2;
  const points = Float64Array.from(parts.flat(2)); // in one row, because this runs once a frame
  const owner = parts.flatMap((part, k) => part.map(() => k));
  const counts = parts.map(() => 0);
  for (let s = 0; s < n; s++) {
    let best = 0;
    let least = Infinity; // squared
    for (let p = 0; p < owner.length; p++) {
      const [dx, dy] = [samples[2 * s] - points[2 * p], samples[2 * s + 1] - points[2 * p + 1]];
      const distance = dx * dx + dy * dy;
      if (distance < least) [best, least] = [p, distance];
    }
    if (least <= radius * radius) counts[owner[best]]++;
  }
  const reached = counts.map((count, k) => count >= (0.1 * n * parts[k].length) / owner.length);
  return { modes: reached.filter(Boolean).length, reached, quality: counts.reduce((a, b) => a + b, 0) / n };
}
