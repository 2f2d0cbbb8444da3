/**
 * All services of the node, whichever driver runs them.
 *
 * A key belongs to one driver at a time: a start by one first stops what the other runs under the
 * key.
 */
import type { RenderedService, ServiceKey, ServiceObservation } from "@atoll/domain";
import type { ServiceChange, ServiceDriver } from "@atoll/drivers";
import { compareText } from "@atoll/stdx";

export type ServiceDrivers = Readonly<Record<RenderedService["driver"], ServiceDriver>>;

export class NodeServices implements AsyncDisposable {
  readonly #drivers: ServiceDrivers;

  constructor(drivers: ServiceDrivers) {
    this.#drivers = drivers;
  }

  async start(service: RenderedService): Promise<ServiceObservation> {
    await this.#stopElsewhere(service);
    return await this.#drivers[service.driver].start(service);
  }

  async restart(service: RenderedService): Promise<ServiceObservation> {
    await this.#stopElsewhere(service);
    return await this.#drivers[service.driver].restart(service);
  }

  async stop(key: ServiceKey): Promise<void> {
    for (const driver of this.#all()) await driver.stop(key);
  }

  /** In reverse order of their keys; one that does not stop does not hold up the rest. */
  async stopAll(): Promise<void> {
    await Promise.allSettled(
      this.list()
        .toReversed()
        .map(({ key }) => this.stop(key)),
    );
  }

  /** Sorted by key. */
  list(): readonly ServiceObservation[] {
    return this.#all()
      .flatMap((driver) => driver.list())
      .toSorted((left, right) => compareText(left.key, right.key));
  }

  find(key: ServiceKey): ServiceObservation | undefined {
    return this.list().find((observation) => observation.key === key);
  }

  /** What the key was last ordered to be. */
  specification(key: ServiceKey): RenderedService | undefined {
    for (const driver of this.#all()) {
      const service = driver.specification(key);
      if (service !== undefined) return service;
    }
    return undefined;
  }

  onChange(listener: (change: ServiceChange) => void): () => void {
    const unsubscribes = this.#all().map((driver) => driver.onChange(listener));
    return () => {
      for (const unsubscribe of unsubscribes) unsubscribe();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const driver of this.#all()) await driver[Symbol.asyncDispose]();
  }

  #all(): readonly ServiceDriver[] {
    return [this.#drivers.process, this.#drivers.systemd];
  }

  async #stopElsewhere(service: RenderedService): Promise<void> {
    for (const driver of this.#all()) {
      if (driver === this.#drivers[service.driver]) continue;
      if (driver.specification(service.key) !== undefined) await driver.stop(service.key);
    }
  }
}
