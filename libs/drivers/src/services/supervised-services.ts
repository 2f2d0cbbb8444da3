/**
 * A service driver over a backend: keys, records, health and observations in one place.
 *
 * Changes of one key run one after the other. Every observation goes to the listeners before the
 * change that led to it resolves, so that an agent reports `starting` before `succeeded`. Never
 * restarts anything by itself.
 */
import { randomUUID } from "node:crypto";
import {
  type HealthCheck,
  type RenderedService,
  type ServiceKey,
  type ServiceObservation,
  type ServiceStatus,
} from "@atoll/domain";
import { compareText } from "@atoll/stdx";
import { toDriverError } from "../errors.ts";
import { HealthWatch } from "../health/health-watch.ts";
import type { Probe } from "../health/probe.ts";
import { KeyedSerial } from "../keyed-serial.ts";
import type { InstanceBackend, RunningInstance } from "./instance-backend.ts";
import type { ServiceChange, ServiceDriver } from "./port.ts";
import type { ServiceRecord, ServiceRecords } from "./service-record.ts";

export interface SupervisedServicesOptions {
  readonly backend: InstanceBackend;
  readonly records: ServiceRecords;
  readonly probe: Probe;
  readonly bootId: string;
}

interface Supervised {
  record: ServiceRecord;
  observation: ServiceObservation;
  instance: RunningInstance | undefined;
  health: HealthWatch | undefined;
}

export class SupervisedServices implements ServiceDriver {
  readonly #options: SupervisedServicesOptions;
  readonly #services = new Map<ServiceKey, Supervised>();
  readonly #serial = new KeyedSerial();
  readonly #listeners = new Set<(change: ServiceChange) => void>();
  #disposed = false;

  private constructor(options: SupervisedServicesOptions) {
    this.#options = options;
  }

  /** Adopts what still runs of the records; the first health probe of each is awaited. */
  static async open(options: SupervisedServicesOptions): Promise<SupervisedServices> {
    const services = new SupervisedServices(options);
    const records = await options.records.all();
    await Promise.all(records.map((record) => services.#adopt(record)));
    return services;
  }

  start(service: RenderedService): Promise<ServiceObservation> {
    return this.#serial.run(service.key, () => this.#start(service, false));
  }

  restart(service: RenderedService): Promise<ServiceObservation> {
    return this.#serial.run(service.key, () => this.#start(service, true));
  }

  stop(key: ServiceKey): Promise<void> {
    return this.#serial.run(key, async () => {
      const supervised = this.#services.get(key);
      if (supervised === undefined) return;
      await this.#halt(supervised);
      await this.#store(() => this.#options.records.remove(key));
      this.#services.delete(key);
      this.#tell({ type: "forgotten", key });
    });
  }

  list(): readonly ServiceObservation[] {
    return [...this.#services.values()]
      .map((supervised) => supervised.observation)
      .toSorted((left, right) => compareText(left.key, right.key));
  }

  specification(key: ServiceKey): RenderedService | undefined {
    return this.#services.get(key)?.record.service;
  }

  onChange(listener: (change: ServiceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#serial.idle();
    for (const supervised of this.#services.values()) supervised.health?.stop();
    this.#listeners.clear();
    await this.#options.backend[Symbol.asyncDispose]();
  }

  async #adopt(record: ServiceRecord): Promise<void> {
    const found = await this.#options.backend.find(record);
    if ("reason" in found) {
      await this.#options.backend.clean(record);
      this.#services.set(record.key, {
        record,
        observation: observe(record, "crashed", 0, found.reason),
        instance: undefined,
        health: undefined,
      });
      return;
    }
    const supervised: Supervised = {
      record,
      observation: observe(record, "starting", found.pid, ""),
      instance: undefined,
      health: undefined,
    };
    this.#services.set(record.key, supervised);
    this.#follow(supervised, found);
    await supervised.health?.firstProbe;
  }

  async #start(service: RenderedService, fresh: boolean): Promise<ServiceObservation> {
    let supervised = this.#services.get(service.key);
    if (supervised?.instance !== undefined) {
      if (!fresh && supervised.record.service.digest === service.digest) {
        return supervised.observation;
      }
      await this.#halt(supervised);
    } else if (supervised !== undefined) {
      await this.#options.backend.clean(supervised.record);
    }
    const record: ServiceRecord = {
      key: service.key,
      service,
      instance: randomUUID(),
      bootId: this.#options.bootId,
      pid: 0,
      startTicks: 0,
    };
    await this.#store(() => this.#options.records.put(record));
    const result = await this.#options.backend.launch(record, (known) =>
      this.#store(() => this.#options.records.put(known)),
    );
    const failed = result.type === "failed";
    const latest = failed ? record : result.record;
    const status = failed ? "crashed" : "starting";
    const observation = observe(
      latest,
      status,
      failed ? 0 : result.instance.pid,
      failed ? result.reason : "",
    );
    if (supervised === undefined) {
      supervised = { record: latest, observation, instance: undefined, health: undefined };
      this.#services.set(service.key, supervised);
    }
    supervised.record = latest;
    if (failed) this.#observe(supervised, "crashed", 0, result.reason, true);
    else this.#follow(supervised, result.instance);
    return supervised.observation;
  }

  /** Takes up an instance that runs: its health, its end. */
  #follow(supervised: Supervised, instance: RunningInstance): void {
    supervised.instance = instance;
    const { health } = supervised.record.service;
    this.#observe(
      supervised,
      health === undefined ? "healthy" : "starting",
      instance.pid,
      "",
      true,
    );
    if (health !== undefined) supervised.health = this.#watchHealth(supervised, instance, health);
    instance.onReplaced((pid) => {
      if (supervised.instance !== instance) return;
      this.#observe(supervised, supervised.observation.status, pid, "replaced by the manager");
    });
    instance.onEnd((reason) => {
      if (supervised.instance !== instance) return;
      this.#release(supervised);
      this.#observe(supervised, "crashed", 0, reason);
      const { record } = supervised;
      void this.#serial.run(record.key, async () => {
        if (supervised.instance === undefined && supervised.record === record) {
          await this.#options.backend.clean(record);
        }
      });
    });
  }

  #watchHealth(supervised: Supervised, instance: RunningInstance, check: HealthCheck): HealthWatch {
    return new HealthWatch({
      check,
      probe: this.#options.probe,
      environment: supervised.record.service.environment,
      onStatus: (status, reason) => {
        if (supervised.instance !== instance) return;
        this.#observe(supervised, status, supervised.observation.pid, reason);
      },
    });
  }

  /** Stops the instance on order, if there is one. */
  async #halt(supervised: Supervised): Promise<void> {
    const { instance } = supervised;
    if (instance !== undefined) {
      supervised.health?.stop();
      // Its end is now by order: no longer a crash.
      supervised.instance = undefined;
      try {
        await instance.stop(supervised.record.service.stopTimeoutMs);
      } catch (error) {
        this.#follow(supervised, instance);
        throw toDriverError(`stopping ${supervised.record.key}`, error);
      }
    }
    await this.#options.backend.clean(supervised.record);
    this.#release(supervised);
    this.#observe(supervised, "stopped", 0, "");
  }

  #release(supervised: Supervised): void {
    supervised.health?.stop();
    supervised.health = undefined;
    supervised.instance = undefined;
  }

  #observe(
    supervised: Supervised,
    status: ServiceStatus,
    pid: number,
    reason: string,
    always = false,
  ): void {
    const next = observe(supervised.record, status, pid, reason);
    const before = supervised.observation;
    const same =
      before.status === status &&
      before.pid === pid &&
      before.reason === reason &&
      before.digest === next.digest;
    supervised.observation = next;
    if (!same || always) this.#tell({ type: "observed", observation: next });
  }

  #tell(change: ServiceChange): void {
    if (this.#disposed) return;
    for (const listener of this.#listeners) listener(change);
  }

  async #store(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw toDriverError("storing the record of a service", error);
    }
  }
}

function observe(
  record: ServiceRecord,
  status: ServiceStatus,
  pid: number,
  reason: string,
): ServiceObservation {
  return { key: record.key, digest: record.service.digest, status, pid, reason };
}
