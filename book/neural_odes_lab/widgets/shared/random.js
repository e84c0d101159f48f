// Seeded random numbers.

/** Numbers in [0, 1) from a seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A standard normal number. */
export const normal = (draw) =>
  Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());

const [LENGTH, AHEAD] = [624, 397];

/** Integers in [0, 2^32) from a seed, those of torch's generator (MT19937). */
function mersenne(seed) {
  const state = new Uint32Array(LENGTH);
  state[0] = seed;
  for (let i = 1; i < LENGTH; i++) {
    const last = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1812433253, last) + i;
  }
  let next = LENGTH;
  const refill = () => {
    for (let i = 0; i < LENGTH; i++) {
      const joined = (state[i] & 0x80000000) | (state[(i + 1) % LENGTH] & 0x7fffffff);
      state[i] = state[(i + AHEAD) % LENGTH] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    next = 0;
  };
  return () => {
    if (next === LENGTH) refill();
    let y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** torch's randperm(n) on the CPU: draws by n. */
export function torchPermutation(seed) {
  const draw = mersenne(seed);
  return (n) => {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const j = i + (draw() % (n - i));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  };
}

/** torch's uniform_(-bound, bound) in float32 on the CPU: draws by bound. */
export function torchUniform(seed) {
  const [draw, { fround }] = [mersenne(seed), Math];
  return (bound) =>
    fround(((draw() & 0xffffff) / 0x1000000) * fround(2 * fround(bound)) - fround(bound));
}
