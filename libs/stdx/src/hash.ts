/**
 * A fast 32-bit hash of text that stays the same for ever: what is placed by it (shards of
 * heartbeats on the wire) must be placed alike by every release.
 *
 * FNV-1a over code units with a final mix. Protects against no attacker.
 */

/** An unsigned 32-bit integer; another `seed` gives another hash. */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return mix32(hash);
}

/** Spreads the bits of a 32-bit integer over all of it; an unsigned 32-bit integer. */
export function mix32(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
