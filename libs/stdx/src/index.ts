export { assert, assertCounter, Bug, unreachable } from "./assert.ts";
export { BoundedQueue } from "./bounded-queue.ts";
export { canonicalJson } from "./canonical-json.ts";
export { crc32c, Digest64, digestText } from "./checksum.ts";
export type { Clock } from "./clock.ts";
export { hashText, mix32 } from "./hash.ts";
export { nearest } from "./nearest.ts";
export { compareText, sortedEntries, sortedKeys } from "./order.ts";
export { Prng } from "./prng.ts";
