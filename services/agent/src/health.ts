/**
 * How the agent says that it is well.
 *
 * An agent without a bus does what it is there for and is `degraded`; one that cannot store takes
 * on nothing and has `failed`.
 */
import type { HealthReport } from "@atoll/service-kit/process";

export interface HealthView {
  /** Why nothing can be stored. */
  readonly storageFailure: string | undefined;
  readonly outbox: {
    readonly size: number;
    readonly bytes: number;
    readonly waitingCount: number;
    readonly isFull: boolean;
  };
  readonly connection: { readonly connected: boolean; readonly reason: string };
}

export function makeHealth({ storageFailure, outbox, connection }: HealthView): HealthReport {
  const { size, bytes, waitingCount, isFull } = outbox;
  const storage = storageFailure === undefined ? OK : { ok: false, detail: storageFailure };
  const full = isFull ? "full: " : "";
  const detail = `${full}${size} facts, ${bytes} bytes, ${waitingCount} waiting`;
  const box = { ok: !isFull && waitingCount === 0, detail };
  const bus = connection.connected ? OK : { ok: false, detail: connection.reason };
  const checks = { storage, outbox: box, bus };
  if (!storage.ok || isFull) return { status: "failed", checks };
  return { status: bus.ok && box.ok ? "ok" : "degraded", checks };
}

const OK = { ok: true };
