/**
 * Operations for people: rows, a page each, and the line that shows progress.
 */
import type { Operation } from "@atoll/proto/atoll/v1/operation";
import { shortName } from "../resource-names.ts";
import { counted, pairs, section } from "./document.ts";
import { escapeLine } from "./escape.ts";
import type { Paint } from "./style.ts";
import type { Cell } from "./table.ts";
import { ago, agoWithIndex, span, timestampMs } from "./time.ts";
import { operationStatusCell } from "./words.ts";

export const OPERATION_HEADING: readonly string[] = [
  "ID",
  "KIND",
  "STATUS",
  "READY",
  "STARTED",
  "TOOK",
  "BY",
  "DESCRIPTION",
];

export function operationRow(operation: Operation, nowMs: number): Cell[] {
  return [
    shortName(operation.name),
    operation.kind,
    operationStatusCell(operation.status),
    `${operation.readyNodeCount}/${operation.nodeCount}`,
    ago(operation.started?.time, nowMs),
    operation.done ? span(operationSpanMs(operation, nowMs)) : "",
    operation.actor,
    operation.description,
  ];
}

export function operationLines(operation: Operation, nowMs: number, paint: Paint): string[] {
  return [
    ...pairs(
      [
        ["id", { text: shortName(operation.name), style: "strong" }],
        ["kind", operation.kind],
        ["description", operation.description],
        ["status", operationStatusCell(operation.status)],
        ["reason", operation.reason === "" ? undefined : operation.reason],
        ["nodes", `${operation.readyNodeCount} of ${operation.nodeCount} as wanted`],
        ["by", operation.actor],
        ["started", agoWithIndex(operation.started, nowMs)],
        ["ended", operation.ended && agoWithIndex(operation.ended, nowMs)],
        ["took", operation.done ? span(operationSpanMs(operation, nowMs)) : undefined],
        ["in the log at", operation.index > 0 ? `#${operation.index}` : undefined],
      ],
      paint,
    ),
    ...section(
      "Waits for",
      operation.waiting.map((line) => `  ${escapeLine(line)}`),
      paint,
    ),
  ];
}

/** `op-3 apply roles web, relay: 1 of 2 nodes as wanted; waits for n2: …`. */
export function progressLine(operation: Operation): string {
  const name = `${shortName(operation.name)} ${operation.description || operation.kind}`;
  const nodes = `${operation.readyNodeCount} of ${counted(operation.nodeCount, "node")} as wanted`;
  const [first] = operation.waiting;
  const waiting = first === undefined ? "" : `; waits for ${first}`;
  return escapeLine(`${name}: ${nodes}${waiting}`);
}

/** The last line about an operation that has ended. */
export function outcomeLine(operation: Operation, nowMs: number, paint: Paint): string {
  const status = operationStatusCell(operation.status);
  const took = span(operationSpanMs(operation, nowMs));
  const name = escapeLine(
    `${shortName(operation.name)} ${operation.description || operation.kind}`,
  );
  const reason = operation.reason === "" ? "" : `: ${escapeLine(operation.reason)}`;
  const nodes = `${counted(operation.nodeCount, "node")} as wanted`;
  const ready = operation.readyNodeCount === operation.nodeCount ? `, ${nodes}` : "";
  return `${name}: ${paint(status.style, status.text)} in ${took}${ready}${reason}`;
}

function operationSpanMs(operation: Operation, nowMs: number): number {
  const startMs =
    operation.started?.time === undefined ? nowMs : timestampMs(operation.started.time);
  const endMs = operation.ended?.time === undefined ? nowMs : timestampMs(operation.ended.time);
  return Math.max(0, endMs - startMs);
}
