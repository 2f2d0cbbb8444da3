/**
 * What agents report, as bytes.
 *
 * The agent encodes; the orchestrator decodes and checks everything, for the bytes come from
 * another machine: names, keys, positions, counts. A batch is taken or refused as a whole.
 */
import { checkLabels, DIFF_LENGTH_MAX, FACT_LANES, FACTS_PER_BATCH_MAX } from "@atoll/domain";
import type {
  DatacenterName,
  Fact,
  FactBatch,
  FileObservation,
  OutboxPosition,
  ServiceObservation,
} from "@atoll/domain";
import { FactBatch as ProtoFactBatch } from "@atoll/proto/atoll/agent/v1/agent";
import type { AgentStartedFact, Fact as ProtoFact } from "@atoll/proto/atoll/agent/v1/agent";
import {
  actionIdText,
  counter,
  cut,
  datacenterName,
  digestValue,
  filePath,
  identifier,
  listUpTo,
  nodeName,
  position,
  serviceKeyText,
} from "./check-message.ts";
import { DecodeError } from "./decode-error.ts";
import { attempt } from "./decoded.ts";
import type { Decoded } from "./decoded.ts";
import { checkedInventory } from "./check-inventory.ts";
import { fromProtoInventory, toProtoInventory } from "./inventory.ts";
import { fromProtoDifference, toProtoDifference } from "./inventory-difference.ts";
import {
  fromProtoFileObservation,
  fromProtoServiceObservation,
  toProtoFileObservation,
  toProtoServiceObservation,
} from "./observation.ts";
import { sortedRecord } from "./sorted-record.ts";
import { actionOutcomes, oneOf } from "./words.ts";

/** What one agent can have on its node. */
export const SERVICES_PER_NODE_MAX = 4_096;
export const FILES_PER_NODE_MAX = 4_096;

/** A batch of facts and the datacenter that its agent believes to be in. */
export interface ReceivedFacts {
  readonly datacenter: DatacenterName;
  readonly batch: FactBatch;
}

export function encodeFactBatch(datacenter: DatacenterName, batch: FactBatch): Uint8Array {
  const { node, incarnation, previous, first, facts } = batch;
  return ProtoFactBatch.encode({
    datacenter,
    node,
    incarnation,
    previous,
    first,
    facts: facts.map(toProtoFact),
  }).finish();
}

export function decodeFactBatch(bytes: Uint8Array): Decoded<ReceivedFacts> {
  return attempt(() => {
    const message = ProtoFactBatch.decode(bytes);
    const previous = position("previous", message.previous);
    const first = position("first", message.first);
    checkPositions(previous, first, message.facts.length);
    return {
      datacenter: datacenterName(message.datacenter),
      batch: {
        node: nodeName(message.node),
        incarnation: identifier("incarnation", message.incarnation),
        previous,
        first,
        facts: message.facts.map(fromProtoFact),
      },
    };
  });
}

/** One fact as bytes: what an outbox keeps. */
export function toProtoFact(fact: Fact): ProtoFact {
  return { observedAtMs: fact.observedAtMs, fact: toCase(fact) };
}

/** Throws DecodeError on a fact that is not whole, or whose parts are not allowed. */
export function fromProtoFact({ observedAtMs, fact }: ProtoFact): Fact {
  const stamp = { observedAtMs: Math.max(0, observedAtMs) };
  switch (fact?.$case) {
    case "agentStarted":
      return { ...stamp, ...fromAgentStarted(fact.value) };
    case "inventoryObserved": {
      const inventory = checkedInventory(fromProtoInventory(fact.value));
      return { ...stamp, type: "inventoryObserved", inventory };
    }
    case "inventoryDiffered":
      return { ...stamp, type: "inventoryDiffered", ...fromProtoDifference(fact.value) };
    case "serviceObserved": {
      const service = checkedService(fromProtoServiceObservation(fact.value));
      return { ...stamp, type: "serviceObserved", service };
    }
    case "serviceForgotten":
      return { ...stamp, type: "serviceForgotten", key: serviceKeyText(fact.value) };
    case "serviceRestartedAlone": {
      const key = serviceKeyText(fact.value.key);
      return { ...stamp, type: "serviceRestartedAlone", key, reason: cut(fact.value.reason) };
    }
    case "fileObserved":
      return {
        ...stamp,
        type: "fileObserved",
        file: checkedFile(fromProtoFileObservation(fact.value)),
      };
    case "fileForgotten":
      return { ...stamp, type: "fileForgotten", path: filePath(fact.value) };
    case "factsDropped": {
      const { lane, count, sinceMs } = fact.value;
      return {
        ...stamp,
        type: "factsDropped",
        lane: oneOf("lane", FACT_LANES, lane),
        count: counter("count of dropped facts", count),
        sinceMs: Math.max(0, sinceMs),
      };
    }
    case "actionFinished": {
      const { action, outcome, reason, durationMs } = fact.value;
      return {
        ...stamp,
        type: "actionFinished",
        action: actionIdText(action),
        outcome: actionOutcomes.wordOf(outcome),
        reason: cut(reason),
        durationMs: counter("duration", durationMs),
      };
    }
    case undefined:
      throw new DecodeError("a fact of no known type");
  }
}

function toCase(fact: Fact): NonNullable<ProtoFact["fact"]> {
  switch (fact.type) {
    case "agentStarted": {
      const { agentVersion, bootId } = fact;
      const labels = sortedRecord(fact.labels);
      const services = fact.services.map(toProtoServiceObservation);
      const files = fact.files.map(toProtoFileObservation);
      return { $case: "agentStarted", value: { agentVersion, bootId, labels, services, files } };
    }
    case "inventoryObserved":
      return { $case: "inventoryObserved", value: toProtoInventory(fact.inventory) };
    case "inventoryDiffered":
      return { $case: "inventoryDiffered", value: toProtoDifference(fact) };
    case "serviceObserved":
      return { $case: "serviceObserved", value: toProtoServiceObservation(fact.service) };
    case "serviceForgotten":
      return { $case: "serviceForgotten", value: fact.key };
    case "serviceRestartedAlone":
      return { $case: "serviceRestartedAlone", value: { key: fact.key, reason: fact.reason } };
    case "fileObserved":
      return { $case: "fileObserved", value: toProtoFileObservation(fact.file) };
    case "fileForgotten":
      return { $case: "fileForgotten", value: fact.path };
    case "factsDropped": {
      const { lane, count, sinceMs } = fact;
      return { $case: "factsDropped", value: { lane, count, sinceMs } };
    }
    case "actionFinished": {
      const { action, reason, durationMs } = fact;
      const outcome = actionOutcomes.numberOf(fact.outcome);
      return { $case: "actionFinished", value: { action, outcome, reason, durationMs } };
    }
  }
}

function checkPositions(previous: OutboxPosition, first: OutboxPosition, count: number): void {
  if (count < 1 || count > FACTS_PER_BATCH_MAX) {
    throw new DecodeError(`a batch has ${count} facts: allowed are 1 to ${FACTS_PER_BATCH_MAX}`);
  }
  if (first.boot === 0) throw new DecodeError("a batch has no first position");
  counter("sequence of the last fact", first.sequence + count - 1);
  const joined =
    first.sequence === 1
      ? previous.boot < first.boot
      : previous.boot === first.boot && previous.sequence === first.sequence - 1;
  if (joined) return;
  const told = `${previous.boot}/${previous.sequence} before ${first.boot}/${first.sequence}`;
  throw new DecodeError(`positions ${told} do not follow each other`);
}

function fromAgentStarted(
  fact: AgentStartedFact,
): Omit<Extract<Fact, { type: "agentStarted" }>, "observedAtMs"> {
  checkLabels(fact.labels, (_path, reason) => {
    throw new DecodeError(reason);
  });
  return {
    type: "agentStarted",
    agentVersion: identifier("agent version", fact.agentVersion),
    bootId: identifier("boot id", fact.bootId),
    labels: fact.labels,
    services: listUpTo("services", fact.services, SERVICES_PER_NODE_MAX).map((service) =>
      checkedService(fromProtoServiceObservation(service)),
    ),
    files: listUpTo("files", fact.files, FILES_PER_NODE_MAX).map((file) =>
      checkedFile(fromProtoFileObservation(file)),
    ),
  };
}

function checkedService(service: ServiceObservation): ServiceObservation {
  return {
    key: serviceKeyText(service.key),
    digest: digestValue(service.digest),
    status: service.status,
    pid: counter("pid", service.pid),
    reason: cut(service.reason),
  };
}

function checkedFile(file: FileObservation): FileObservation {
  return {
    path: filePath(file.path),
    digest: digestValue(file.digest),
    status: file.status,
    diff: cut(file.diff, DIFF_LENGTH_MAX),
    reason: cut(file.reason),
  };
}
