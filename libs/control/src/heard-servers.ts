/**
 * The servers of the bus by which nodes were heard, and when last.
 *
 * A server that has gone down explains the silence of all who spoke by it. Bounded: names come from
 * outside. Used by `HeartbeatWatch`.
 */
const SERVERS_MAX = 64;

export class HeardServers {
  readonly #keepMs: number;
  readonly #heardAtMs = new Map<string, number>();

  /** @param keepMs one by which nobody was heard for so long is forgotten. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  note(server: string, nowMs: number): void {
    if (server === "") return;
    if (this.#heardAtMs.has(server) || this.#heardAtMs.size < SERVERS_MAX) {
      this.#heardAtMs.set(server, nowMs);
    }
  }

  /** Those by which a node was heard lately. */
  lately(nowMs: number): string[] {
    for (const [server, heardAtMs] of this.#heardAtMs) {
      if (nowMs - heardAtMs >= this.#keepMs) this.#heardAtMs.delete(server);
    }
    return [...this.#heardAtMs.keys()];
  }
}
