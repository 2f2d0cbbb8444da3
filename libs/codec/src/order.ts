/**
 * Orders to executors, domain ⇄ proto.
 */
import type { Order, RenderedFile, RenderedService, ServiceKey } from "@atoll/domain";
import type {
  Order as ProtoOrder,
  RenderedFile as ProtoRenderedFile,
  RenderedService as ProtoRenderedService,
} from "@atoll/proto/atoll/type/v1/order";
import { DecodeError } from "./decode-error.ts";
import { fromProtoHealthCheck, toProtoHealthCheck } from "./role-spec.ts";
import { sortedRecord } from "./sorted-record.ts";
import { driftPolicies, serviceDrivers } from "./words.ts";

export function toProtoOrder(order: Order): ProtoOrder {
  switch (order.type) {
    case "writeFile":
      return { order: { $case: "writeFile", value: toFile(order.file) } };
    case "removeFile":
      return { order: { $case: "removeFile", value: { path: order.path } } };
    case "startService":
      return { order: { $case: "startService", value: toService(order.service) } };
    case "restartService":
      return { order: { $case: "restartService", value: toService(order.service) } };
    case "stopService":
      return { order: { $case: "stopService", value: { key: order.key } } };
  }
}

/** Throws {@link DecodeError} on an order that this release does not know. */
export function fromProtoOrder({ order }: ProtoOrder): Order {
  switch (order?.$case) {
    case "writeFile":
      return { type: "writeFile", file: fromFile(order.value) };
    case "removeFile":
      return { type: "removeFile", path: order.value.path };
    case "startService":
      return { type: "startService", service: fromService(order.value) };
    case "restartService":
      return { type: "restartService", service: fromService(order.value) };
    case "stopService":
      return { type: "stopService", key: order.value.key as ServiceKey };
    case undefined:
      throw new DecodeError("an order says nothing that is known");
  }
}

function toFile(file: RenderedFile): ProtoRenderedFile {
  const { path, content, mode, owner, group, drift, digest } = file;
  return {
    path,
    content,
    mode,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    drift: driftPolicies.numberOf(drift),
    digest,
  };
}

function fromFile(file: ProtoRenderedFile): RenderedFile {
  const { path, content, mode, owner, group, drift, digest } = file;
  return {
    path,
    content,
    mode,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    drift: driftPolicies.wordOf(drift),
    digest,
  };
}

function toService(service: RenderedService): ProtoRenderedService {
  const { key, driver, command, unit, environment, health, stopTimeoutMs, digest } = service;
  return {
    key,
    driver: serviceDrivers.numberOf(driver),
    command,
    unit,
    environment: sortedRecord(environment),
    ...(health === undefined ? {} : { health: toProtoHealthCheck(health) }),
    stopTimeoutMs,
    digest,
  };
}

function fromService(service: ProtoRenderedService): RenderedService {
  const { key, driver, command, unit, environment, health, stopTimeoutMs, digest } = service;
  return {
    key: key as ServiceKey,
    driver: serviceDrivers.wordOf(driver),
    command,
    unit,
    environment,
    ...(health === undefined ? {} : { health: fromProtoHealthCheck(health) }),
    stopTimeoutMs,
    digest,
  };
}
