/**
 * A seeded pseudo-random generator, the only source of randomness in simulated code.
 *
 * xoshiro128** 1.1 (Blackman and Vigna, 2018) seeded by splitmix32. Purposes take a child of
 * their own by name, so that one more draw for one purpose changes no draw for another. Never for
 * secrets.
 */
import { assert } from "./assert.ts";

export class Prng {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed any integer; only its low 32 bits count. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    let state = this.seed;
    function splitmix(): number {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    }
    this.#a = splitmix();
    this.#b = splitmix();
    this.#c = splitmix();
    this.#d = splitmix() | 1;
  }

  /** The next unsigned 32-bit integer. */
  nextUint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /**
   * An integer in [0, bound). `bound` is 1 to 2^32; the bias is below 2^-20 for bounds under 4096.
   */
  below(bound: number): number {
    assert(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32, `bound ${bound}`);
    return Math.floor((this.nextUint32() / 2 ** 32) * bound);
  }

  /** An integer in [low, high], both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in `numerator` of `denominator` draws. */
  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator;
  }

  /** One of `values`, which must not be empty. */
  pick<T>(values: readonly T[]): T {
    assert(values.length > 0, "pick from nothing");
    return values[this.below(values.length)] as T;
  }

  /** A new array with `values` in random order. */
  shuffle<T>(values: readonly T[]): T[] {
    const result = [...values];
    for (let last = result.length - 1; last > 0; last -= 1) {
      const other = this.below(last + 1);
      const kept = result[last] as T;
      result[last] = result[other] as T;
      result[other] = kept;
    }
    return result;
  }

  /** A generator for one purpose, fixed by this seed and `purpose`, whatever was drawn before. */
  child(purpose: string): Prng {
    let seed = this.seed ^ 0x811c9dc5;
    for (let at = 0; at < purpose.length; at += 1) {
      seed = Math.imul(seed ^ purpose.charCodeAt(at), 0x01000193);
    }
    return new Prng(seed);
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
