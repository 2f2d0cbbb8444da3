/**
 * The ways out of this gateway: to which peers there are links now.
 *
 * Those to a datacenter itself come first, then those to others, which may pass on what they know.
 */
import type { CallRoute } from "./call-route.ts";
import type { LogRoute } from "./log-route.ts";

export class Routes {
  readonly #logs = new Set<LogRoute>();
  readonly #calls = new Set<CallRoute>();
  readonly #listeners = new Set<() => void>();

  addLogs(route: LogRoute): void {
    this.#logs.add(route);
    this.#tell();
  }

  removeLogs(route: LogRoute): void {
    if (this.#logs.delete(route)) this.#tell();
  }

  addCalls(route: CallRoute): void {
    this.#calls.add(route);
    this.#tell();
  }

  removeCalls(route: CallRoute): void {
    if (this.#calls.delete(route)) this.#tell();
  }

  /** Where the log of `datacenter` may be had. */
  logsOf(datacenter: string): LogRoute[] {
    return directFirst(this.#logs, datacenter);
  }

  /** Who may answer for `datacenter`. */
  callsTo(datacenter: string): CallRoute[] {
    return directFirst(this.#calls, datacenter);
  }

  /** Told when a way came or went. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function directFirst<T extends { readonly peer: string }>(
  routes: Iterable<T>,
  datacenter: string,
): T[] {
  const all = [...routes];
  const direct = all.filter(({ peer }) => peer === datacenter);
  return [...direct, ...all.filter(({ peer }) => peer !== datacenter)];
}
