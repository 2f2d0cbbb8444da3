/**
 * Whether two messages are the same, byte for byte.
 *
 * Compared in place: for each heartbeat there is a comparison, and most are repetitions. Used by
 * `HeartbeatWatch`.
 */
export function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}
