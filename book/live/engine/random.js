/** Random numbers that a seed determines, on every machine the same. */

/** The 32-bit generator sfc32 of the PractRand suite, seeded through splitmix32. */
export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = new Uint32Array(4);
    let mixed = seed >>> 0;
    for (let i = 0; i < 3; i++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let z = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.state[i] = z ^ (z >>> 15);
    }
    this.state[3] = 1;
    for (let i = 0; i < 12; i++) this.bits();
    /** @type {number | null} */
    this.spare = null;
  }

  /** 32 random bits as a whole number. */
  bits() {
    const s = this.state;
    const result = (s[0] + s[1] + s[3]) >>> 0;
    s[3]++;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + result;
    return result;
  }

  /** A number in [0, 1), with 53 bits. */
  uniform() {
    return ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
  }

  /** A number from N(0, 1), by the method of Box and Muller, which gives two at a time. */
  normal() {
    if (this.spare !== null) {
      const kept = this.spare;
      this.spare = null;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** A whole number below n. @param {number} n */
  below(n) {
    return Math.floor(this.uniform() * n);
  }
}
