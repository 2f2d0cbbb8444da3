/**
 * Makes a damaged log whole from the logs of the others, before the replica starts.
 *
 * Where all that the replica promised is certain and only entries are missing, any peer's log can
 * fill them in, and the replica keeps its vote (docs/adr/0012). While it asks, it serves what it
 * could save, so that replicas damaged in different places mend one another, and the health port
 * says what is missing. Nothing of Raft runs here. Called by `openStore`.
 */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  LogDamagedError,
  type LogIdentity,
  repairLog,
  type SalvagedLog,
  salvageLog,
} from "@atoll/raft-level";
import {
  createMetrics,
  type HealthReport,
  type Log,
  startAdminServer,
  startGrpcServer,
} from "@atoll/service-kit";
import { askEntries } from "./ask-entries.ts";
import type { Config } from "./config.ts";
import { LogRepair, type RepairOutcome } from "./log-repair.ts";
import { repairService } from "./repair-service.ts";

const GIVEN_UP: Readonly<Record<Exclude<RepairOutcome, "filled">, string>> = {
  inVain: "the others no longer have what is missing",
  tooMuch: "more is missing than can be taken in from the others",
};
const PAUSE_MS_MIN = 400;
const PAUSE_MS_MAX = 600;

export interface RepairPhaseOptions {
  readonly config: Config;
  readonly folder: string;
  readonly identity: LogIdentity;
  readonly log: Log;
  /** Ends the wait for others. */
  readonly signal: AbortSignal;
}

/**
 * Whether the log is whole now. If it is not, its folder is as it was, and the log must be rebuilt.
 * `damage` is what opening threw.
 * @throws an `AbortError` when `signal` ends it, and the error of a disk that fails.
 */
export async function repairDamaged(damage: Error, options: RepairPhaseOptions): Promise<boolean> {
  if (!(damage instanceof LogDamagedError)) return false;
  const { folder, identity, log } = options;
  const salvage = await salvageLog(folder, identity);
  if (salvage.type === "lost") {
    log.warn("the log cannot be repaired", { reason: salvage.reason });
    return false;
  }
  await using salvaged = salvage.log;
  const read = await fillIn(salvaged, damage, options);
  if (read === undefined) return false;
  const { putAside } = await repairLog(salvaged, damage);
  const { record, message: detail } = damage;
  log.error("the log is damaged and was put aside", { record, keptIn: putAside, detail });
  log.warn("this replica is whole: its log was repaired", { lastIndex: salvaged.lastIndex, read });
  return true;
}

/** How many entries came from others; undefined when they do not have all that are missing. */
async function fillIn(
  salvaged: SalvagedLog,
  damage: LogDamagedError,
  options: RepairPhaseOptions,
): Promise<number | undefined> {
  if (salvaged.missing.length === 0) return 0;
  const { config, identity, log, signal } = options;
  const repair: LogRepair = new LogRepair({
    log: salvaged,
    groupId: identity.groupId,
    self: identity.replicaId,
    addresses: new Map([...config.replicas].map(([id, { text }]) => [id, text])),
    ask: async (address, request) => {
      // Entries may come in for long without a pause; an end that is asked for is seen here.
      await delay(0, undefined, { signal });
      return askEntries(config.transport, address, request);
    },
    pause: () => delay(randomInt(PAUSE_MS_MIN, PAUSE_MS_MAX + 1), undefined, { signal }),
    changed: () => log.warn("the log is damaged", { reason: repair.reason }),
  });
  log.warn("the log is damaged", { detail: damage.message, reason: repair.reason });
  await using _servers = await serve(salvaged, repair, damage, options);
  const outcome = await repair.run();
  if (outcome === "filled") return repair.read;
  log.warn(GIVEN_UP[outcome], { reason: repair.reason });
  return undefined;
}

/** What the others ask for, and health. */
async function serve(
  salvaged: SalvagedLog,
  repair: LogRepair,
  damage: LogDamagedError,
  { config, identity, log }: RepairPhaseOptions,
): Promise<AsyncDisposable> {
  await using servers = new AsyncDisposableStack();
  const metrics = createMetrics("orchestrator");
  const service = repairService({
    ...identity,
    entriesUpTo: (wanted) => salvaged.entriesUpTo(wanted),
    answerer: () => ({
      whole: false,
      voters: [],
      outgoingVoters: [],
      addresses: Object.fromEntries(repair.addresses),
    }),
  });
  const { listen, transport, adminPort: port } = config;
  const services = [service];
  const asked = { listen: listen.text, transport, services, reflection: false, log, metrics };
  servers.use(await startGrpcServer(asked));
  const health = (): HealthReport => ({
    status: "starting",
    checks: { log: { ok: false, detail: `${damage.message}; ${repair.reason}` } },
  });
  servers.use(await startAdminServer({ host: listen.host, port, metrics, health, log }));
  return servers.move();
}
