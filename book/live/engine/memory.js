/**
 * Arrays that are used again. A training step computes some two hundred matrices and forgets them; leaving them to the
 * garbage collector costs more time than the arithmetic.
 */

/** @type {Map<number, Float64Array[]>} arrays of each length that nobody uses */
const free = new Map();
/** @type {Float64Array[][]} what each open scope has taken, the innermost last */
const scopes = [];

/**
 * An array of `length` doubles with arbitrary contents. Within a scope it is returned when the scope ends.
 * @param {number} length
 * @returns {Float64Array}
 */
export function take(length) {
  const array = (scopes.length && free.get(length)?.pop()) || new Float64Array(length);
  if (scopes.length) scopes[scopes.length - 1].push(array);
  return array;
}

/**
 * Run `work`; the arrays of all tensors that it computes are used again afterwards, so it must return plain numbers
 * or copies.
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function scope(work) {
  scopes.push([]);
  try {
    return work();
  } finally {
    for (const array of scopes.pop() ?? []) {
      const shelf = free.get(array.length);
      if (shelf) shelf.push(array);
      else free.set(array.length, [array]);
    }
  }
}
