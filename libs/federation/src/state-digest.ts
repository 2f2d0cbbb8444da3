/**
 * The digest of a whole state, worked out over many turns of the loop.
 *
 * It is taken from a copy, so the state goes on meanwhile; one chunk is encoded and hashed in each
 * turn. Cut in other places the same bytes give the same digest.
 */
import type { ReplicatedState } from "@atoll/control";
import type { Hasher, Turns } from "./ports.ts";

/** Calls `done` in a later turn, with the digest of the state as it is now. */
export function stateDigest(
  state: ReplicatedState,
  ports: { readonly turns: Turns; readonly newHasher: () => Hasher },
  done: (digest: string) => void,
): void {
  const chunks = state.snapshotInSlices();
  const hasher = ports.newHasher();
  const step = (): void => {
    const next = chunks.next();
    if (next.done === true) {
      done(hasher.digest());
      return;
    }
    hasher.update(next.value);
    ports.turns.soon(step);
  };
  ports.turns.soon(step);
}
