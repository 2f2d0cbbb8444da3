/**
 * The words of the domain and the numbers they have on the wire, both ways.
 *
 * A number that has no word here is a mistake or of a later release. 0 is never a word: it is what
 * is left out.
 */
import type { DriftPolicy, FileStatus, ServiceSpec, ServiceStatus } from "@atoll/domain";
import { ActionOutcome as ProtoActionOutcome } from "@atoll/proto/atoll/agent/v1/agent";
import {
  FileStatus as ProtoFileStatus,
  ServiceStatus as ProtoServiceStatus,
} from "@atoll/proto/atoll/type/v1/observation";
import {
  DriftPolicy as ProtoDriftPolicy,
  ServiceDriver as ProtoServiceDriver,
} from "@atoll/proto/atoll/type/v1/role_spec";
import { DecodeError } from "./decode-error.ts";

export interface Words<W extends string, N extends number> {
  readonly numberOf: (word: W) => N;
  /** Throws {@link DecodeError} for a number without a word. */
  readonly wordOf: (number: number) => W;
  /**
   * For users' input: a number without a word stays as text, so that a check can tell what is
   * allowed. 0 gives `unset`.
   */
  readonly wordOrNumber: (number: number, unset: W) => W;
}

export const serviceStatuses: Words<ServiceStatus, ProtoServiceStatus> = words("service status", {
  starting: ProtoServiceStatus.SERVICE_STATUS_STARTING,
  healthy: ProtoServiceStatus.SERVICE_STATUS_HEALTHY,
  unhealthy: ProtoServiceStatus.SERVICE_STATUS_UNHEALTHY,
  stopped: ProtoServiceStatus.SERVICE_STATUS_STOPPED,
  crashed: ProtoServiceStatus.SERVICE_STATUS_CRASHED,
});

export const fileStatuses: Words<FileStatus, ProtoFileStatus> = words("file status", {
  inSync: ProtoFileStatus.FILE_STATUS_IN_SYNC,
  drifted: ProtoFileStatus.FILE_STATUS_DRIFTED,
  missing: ProtoFileStatus.FILE_STATUS_MISSING,
});

export const driftPolicies: Words<DriftPolicy, ProtoDriftPolicy> = words("drift policy", {
  restore: ProtoDriftPolicy.DRIFT_POLICY_RESTORE,
  report: ProtoDriftPolicy.DRIFT_POLICY_REPORT,
});

export const serviceDrivers: Words<ServiceSpec["driver"], ProtoServiceDriver> = words(
  "service driver",
  {
    process: ProtoServiceDriver.SERVICE_DRIVER_PROCESS,
    systemd: ProtoServiceDriver.SERVICE_DRIVER_SYSTEMD,
  },
);

export const actionOutcomes: Words<"succeeded" | "failed", ProtoActionOutcome> = words("outcome", {
  succeeded: ProtoActionOutcome.ACTION_OUTCOME_SUCCEEDED,
  failed: ProtoActionOutcome.ACTION_OUTCOME_FAILED,
});

export function words<W extends string, N extends number>(
  what: string,
  numbers: Readonly<Record<W, N>>,
): Words<W, N> {
  const byNumber = new Map<number, W>();
  for (const word of Object.keys(numbers) as W[]) byNumber.set(numbers[word], word);
  return {
    // A word that is none is a number kept as text by `wordOrNumber`.
    numberOf: (word) => numbers[word] ?? (Number(word) as N),
    wordOf: (number) => {
      const word = byNumber.get(number);
      if (word === undefined) throw new DecodeError(`${number} is no ${what}`);
      return word;
    },
    wordOrNumber: (number, unset) => {
      if (number === 0) return unset;
      return byNumber.get(number) ?? (String(number) as W);
    },
  };
}

/** Throws {@link DecodeError} unless `text` is one of `allowed`. */
export function oneOf<W extends string>(what: string, allowed: readonly W[], text: string): W {
  const word = allowed.find((candidate) => candidate === text);
  if (word === undefined)
    throw new DecodeError(`${JSON.stringify(text.slice(0, 64))} is no ${what}`);
  return word;
}
