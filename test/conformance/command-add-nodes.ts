/**
 * The command that adds replicas to a scenario: how many, and how they are founded.
 *
 * Its options are those of a scenario's configuration of a replica. An option that ours has no
 * counterpart for is an error, not ignored. Called by commands.ts.
 */
import type { Command } from "./commands.ts";
import { parseIds } from "./config-text.ts";
import type { ScenarioCase } from "./datadriven.ts";
import { valuesOf, wordsOf } from "./datadriven.ts";
import { NotUnderstoodError } from "./outcome.ts";
import type { ReplicaOptions } from "./replica-options.ts";

/** Some scenarios write an option with `_`, some with `-`. */
const OPTIONS: readonly string[] = [
  "voters",
  "learners",
  "index",
  "content",
  "inflight",
  "async-storage-writes",
  "prevote",
  "checkquorum",
  "max-committed-size-per-ready",
  "disable-conf-change-validation",
  "read-only",
  "step-down-on-removal",
].flatMap((name) => [name, name.replaceAll("-", "_")]);

export const addNodes: Command = {
  options: [...new Set(OPTIONS)],
  play: (group, given) => {
    const count = Number(wordsOf(given)[0]);
    if (!Number.isSafeInteger(count) || count < 1) throw new NotUnderstoodError("how many?");
    const options = optionsFrom(given);
    for (let at = 0; at < count; at += 1) group.add(options);
    return {};
  },
};

function optionsFrom(given: ScenarioCase): ReplicaOptions {
  const readOnly = textOf(given, "read-only") ?? "safe";
  if (readOnly !== "safe" && readOnly !== "lease-based") {
    throw new NotUnderstoodError(`read-only=${readOnly}`);
  }
  return {
    membership: {
      voters: idsOf(given, "voters"),
      outgoing: [],
      learners: idsOf(given, "learners"),
      learnersNext: [],
      autoLeave: false,
    },
    index: numberOf(given, "index") ?? 0,
    content: new TextEncoder().encode(textOf(given, "content") ?? ""),
    inFlight: numberOf(given, "inflight"),
    asyncStorage: isSet(given, "async-storage-writes"),
    preVote: isSet(given, "prevote"),
    checkQuorum: isSet(given, "checkquorum"),
    stepDownOnRemoval: isSet(given, "step-down-on-removal"),
    changesUnchecked: isSet(given, "disable-conf-change-validation"),
    leaseReads: readOnly === "lease-based",
    committedBytesPerReady: numberOf(given, "max-committed-size-per-ready"),
  };
}

function textOf(given: ScenarioCase, name: string): string | undefined {
  return (valuesOf(given, name) ?? valuesOf(given, name.replaceAll("-", "_")))?.[0];
}

function idsOf(given: ScenarioCase, name: string): number[] {
  return parseIds((valuesOf(given, name) ?? []).join(" ")).toSorted((left, right) => left - right);
}

function numberOf(given: ScenarioCase, name: string): number | undefined {
  const text = textOf(given, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new NotUnderstoodError(`${name}=${text}`);
  return value;
}

function isSet(given: ScenarioCase, name: string): boolean {
  const text = textOf(given, name);
  if (text !== undefined && text !== "true" && text !== "false") {
    throw new NotUnderstoodError(`${name}=${text}`);
  }
  return text === "true";
}
