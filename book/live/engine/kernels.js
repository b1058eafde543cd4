/**
 * Products of matrices on flat arrays of doubles, row after row: where a training step spends its time.
 * Four terms are added at once, because a loop that loads and stores the sum for each of them takes twice as long.
 */

/** c [n, m] = a [n, k] · b [k, m] */
export function multiply(a, b, c, n, k, m) {
  for (let i = 0; i < n; i++) {
    const row = i * k;
    const out = i * m;
    for (let j = 0; j < m; j++) c[out + j] = 0;
    let q = 0;
    for (; q + 3 < k; q += 4) {
      addFour(c, out, m, b, q * m, a[row + q], a[row + q + 1], a[row + q + 2], a[row + q + 3]);
    }
    for (; q < k; q++) addOne(c, out, m, b, q * m, a[row + q]);
  }
}

/** c [n, m] = aᵀ · b with a [k, n], b [k, m] */
export function multiplyLeftTransposed(a, b, c, n, k, m) {
  c.fill(0, 0, n * m);
  let q = 0;
  for (; q + 3 < k; q += 4) {
    const row = q * n;
    for (let i = 0; i < n; i++) {
      addFour(c, i * m, m, b, q * m, a[row + i], a[row + n + i], a[row + 2 * n + i], a[row + 3 * n + i]);
    }
  }
  for (; q < k; q++) {
    for (let i = 0; i < n; i++) addOne(c, i * m, m, b, q * m, a[q * n + i]);
  }
}

/** c [n, m] = a · bᵀ with a [n, k], b [m, k] */
export function multiplyRightTransposed(a, b, c, n, k, m) {
  for (let i = 0; i < n; i++) {
    const row = i * k;
    let j = 0;
    for (; j + 3 < m; j += 4) dotFour(c, i * m + j, a, row, b, j * k, k);
    for (; j < m; j++) {
      let sum = 0;
      for (let q = 0; q < k; q++) sum += a[row + q] * b[j * k + q];
      c[i * m + j] = sum;
    }
  }
}

/** c[out + j] += w0 b[from + j] + w1 b[from + m + j] + ...: four rows of b at once */
function addFour(c, out, m, b, from, w0, w1, w2, w3) {
  const second = from + m;
  const third = second + m;
  const fourth = third + m;
  for (let j = 0; j < m; j++) {
    c[out + j] += w0 * b[from + j] + w1 * b[second + j] + w2 * b[third + j] + w3 * b[fourth + j];
  }
}

function addOne(c, out, m, b, from, weight) {
  for (let j = 0; j < m; j++) c[out + j] += weight * b[from + j];
}

/** Four dot products of one row of a with four rows of b */
function dotFour(c, out, a, row, b, from, k) {
  const second = from + k;
  const third = second + k;
  const fourth = third + k;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let q = 0; q < k; q++) {
    const x = a[row + q];
    s0 += x * b[from + q];
    s1 += x * b[second + q];
    s2 += x * b[third + q];
    s3 += x * b[fourth + q];
  }
  c[out] = s0;
  c[out + 1] = s1;
  c[out + 2] = s2;
  c[out + 3] = s3;
}
