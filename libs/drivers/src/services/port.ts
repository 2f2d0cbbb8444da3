/**
 * Services on a node, as the agent needs them: start, stop, see what became of them.
 *
 * Every implementation passes `contract.ts`. A driver never decides to start or stop anything by
 * itself: a service that ends stays ended until somebody says otherwise. Services outlive the
 * driver; a new driver on the same records adopts what still runs and never starts a second
 * instance.
 */
import type { RenderedService, ServiceKey, ServiceObservation } from "@atoll/domain";

export type ServiceChange =
  | { readonly type: "observed"; readonly observation: ServiceObservation }
  /** Nothing is known or kept under the key any more. */
  | { readonly type: "forgotten"; readonly key: ServiceKey };

export interface ServiceDriver extends AsyncDisposable {
  /**
   * Makes it run with this specification. An instance with the same digest is left alone, one with
   * another digest is stopped first. Resolves when the program runs (`starting` or `healthy`) or
   * could not be started (`crashed`, with the reason). Listeners have been told before it resolves.
   * @throws DriverError when the record of it cannot be stored; then nothing was started.
   */
  start(service: RenderedService): Promise<ServiceObservation>;
  /** Stops what runs under the key, whatever its digest, and starts it. */
  restart(service: RenderedService): Promise<ServiceObservation>;
  /** Stops it and forgets the key: `stopped`, then `forgotten`. Does nothing for an unknown key. */
  stop(key: ServiceKey): Promise<void>;
  /** Everything known, sorted by key. */
  list(): readonly ServiceObservation[];
  /** What the key was last ordered to be. */
  specification(key: ServiceKey): RenderedService | undefined;
  onChange(listener: (change: ServiceChange) => void): () => void;
  /** Ends the watching; services keep running. */
  [Symbol.asyncDispose](): Promise<void>;
}
