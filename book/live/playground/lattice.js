/** Lines through the noise, to be drawn where the generator sends them. */

import { NOISE } from "../engine/draws.js";

const LINES = 9; // in each direction
const NODES = 25; // on each line
const REACH = { normal: 2, uniform: 1, line: 3 }; // half a line, in units of the noise

/** @type {Record<string, {lines: number[], points: Float64Array}>} */
const kept = {};

/**
 * The points of all lines, one line after the other, and the number of points of each.
 * @param {string} noise a name in NOISE
 */
export function lattice(noise) {
  kept[noise] ??= NOISE[noise].dim === 1 ? ray(REACH[noise]) : square(REACH[noise]);
  return kept[noise];
}

/** @param {number} reach */
function ray(reach) {
  const nodes = LINES * NODES;
  return { lines: [nodes], points: Float64Array.from({ length: nodes }, (_, i) => along(i, nodes, reach)) };
}

/** @param {number} reach */
function square(reach) {
  const points = [];
  for (const swap of [false, true]) {
    for (let line = 0; line < LINES; line++) {
      for (let node = 0; node < NODES; node++) {
        const place = [along(line, LINES, reach), along(node, NODES, reach)];
        points.push(...(swap ? place.reverse() : place));
      }
    }
  }
  return { lines: Array(2 * LINES).fill(NODES), points: Float64Array.from(points) };
}

/** @param {number} i @param {number} n @param {number} reach */
function along(i, n, reach) {
  return reach * ((2 * i) / (n - 1) - 1);
}
