/**
 * Observations of services and files, domain ⇄ proto.
 */
import type {
  FileObservation,
  OutboxPosition,
  ServiceKey,
  ServiceObservation,
} from "@atoll/domain";
import type { OutboxPosition as ProtoOutboxPosition } from "@atoll/proto/atoll/log/v1/log";
import type {
  FileObservation as ProtoFileObservation,
  ServiceObservation as ProtoServiceObservation,
} from "@atoll/proto/atoll/type/v1/observation";
import { fileStatuses, serviceStatuses } from "./words.ts";

export function toProtoServiceObservation(service: ServiceObservation): ProtoServiceObservation {
  const { key, digest, status, pid, reason } = service;
  return { key, digest, status: serviceStatuses.numberOf(status), pid, reason };
}

export function fromProtoServiceObservation(service: ProtoServiceObservation): ServiceObservation {
  return {
    key: service.key as ServiceKey,
    digest: service.digest,
    status: serviceStatuses.wordOf(service.status),
    pid: service.pid,
    reason: service.reason,
  };
}

export function toProtoFileObservation(file: FileObservation): ProtoFileObservation {
  const { path, digest, status, diff, reason } = file;
  return { path, digest, status: fileStatuses.numberOf(status), diff, reason };
}

export function fromProtoFileObservation(file: ProtoFileObservation): FileObservation {
  return {
    path: file.path,
    digest: file.digest,
    status: fileStatuses.wordOf(file.status),
    diff: file.diff,
    reason: file.reason,
  };
}

/** Absent is the beginning. */
export function fromProtoOutboxPosition(position: ProtoOutboxPosition | undefined): OutboxPosition {
  const { boot = 0, sequence = 0, instance } = position ?? {};
  return instance === undefined ? { boot, sequence } : { boot, sequence, instance };
}
