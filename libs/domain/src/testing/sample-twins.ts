/**
 * Two agents that claim to be one node, for tests: a copied disk, so they differ in their process
 * alone.
 */
import type { Claimant } from "../claimant.ts";

export const firstTwin: Claimant = twin("3f9c0a1e77aa", { host: "db7", address: "10.0.0.7" });
export const secondTwin: Claimant = twin("b2d417c80e55", { host: "db7", address: "10.0.0.9" });

function twin(instance: string, at: { readonly host: string; readonly address: string }): Claimant {
  return { incarnation: "i1", process: { instance, bootId: `b-${instance}`, pid: 412, ...at } };
}
