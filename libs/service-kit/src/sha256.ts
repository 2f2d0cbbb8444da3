/**
 * SHA-256 of bytes that come in pieces, in hexadecimal.
 */
import { createHash } from "node:crypto";

export interface RunningHash {
  update(bytes: Uint8Array): void;
  digest(): string;
}

export function sha256(): RunningHash {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
}
