/**
 * Remembers whether a bus is connected and tells whoever wants to know.
 *
 * A state that equals the last one is not told again, so that retries do not flood. Used by every
 * adapter for `onConnection`.
 */
import type { ConnectionState, Unsubscribe } from "./port.ts";

export class ConnectionTeller {
  #state: ConnectionState;
  readonly #handlers = new Set<(state: ConnectionState) => void>();

  /** @param reason why there is no connection yet. */
  constructor(reason: string) {
    this.#state = { connected: false, reason, server: "" };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  connected(server: string, address?: string): void {
    const state = { connected: true, reason: "", server };
    this.#tell(address === undefined ? state : { ...state, address });
  }

  disconnected(reason: string): void {
    this.#tell({ connected: false, reason, server: "" });
  }

  /** Calls `handler` at once with the present state and at every change. */
  on(handler: (state: ConnectionState) => void): Unsubscribe {
    // A wrapper of its own, so that one function given twice is told twice.
    const told = (state: ConnectionState): void => handler(state);
    this.#handlers.add(told);
    told(this.#state);
    return () => {
      this.#handlers.delete(told);
    };
  }

  #tell(state: ConnectionState): void {
    const { connected, reason, server } = this.#state;
    const same = connected === state.connected && reason === state.reason;
    if (same && server === state.server && this.#state.address === state.address) return;
    this.#state = state;
    for (const handler of [...this.#handlers]) handler(state);
  }
}
