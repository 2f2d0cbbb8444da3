/**
 * Actions for people: what was done, why, and how it went.
 */
import { type Action, ActionStatus } from "@atoll/proto/atoll/v1/action";
import type { Order } from "@atoll/proto/atoll/type/v1/order";
import { shortName } from "../resource-names.ts";
import { indentedText, labelText, pairs, section } from "./document.ts";
import { escapeLine } from "./escape.ts";
import type { Paint } from "./style.ts";
import type { Cell } from "./table.ts";
import { ago, agoWithIndex, span } from "./time.ts";
import { actionStatusCell } from "./words.ts";

export const ACTION_HEADING: readonly string[] = [
  "ID",
  "NODE",
  "WHAT",
  "TARGET",
  "STATUS",
  "TRY",
  "TOOK",
  "PLANNED",
  "CAUSE",
];

export function actionRow(action: Action, nowMs: number): Cell[] {
  return [
    shortName(action.name),
    shortName(action.node),
    orderWords(action.order),
    action.target,
    actionStatusCell(action.status),
    String(action.attempt),
    action.ended === undefined ? "" : span(action.durationMs),
    ago(action.planned?.time, nowMs),
    actionReason(action),
  ];
}

export function actionLines(action: Action, nowMs: number, paint: Paint): string[] {
  const cause =
    action.causeIndex > 0 ? `${action.cause} (event #${action.causeIndex})` : action.cause;
  return [
    ...pairs(
      [
        ["id", { text: shortName(action.name), style: "strong" }],
        ["node", shortName(action.node)],
        ["what", orderWords(action.order)],
        ["target", action.target],
        ["status", actionStatusCell(action.status)],
        ["reason", action.reason === "" ? undefined : action.reason],
        ["cancelled", cancellationText(action, nowMs)],
        ["cause", cause],
        ["try", String(action.attempt)],
        ["generation", String(action.generation)],
        ["planned", agoWithIndex(action.planned, nowMs)],
        ["ended", action.ended && agoWithIndex(action.ended, nowMs)],
        ["took", action.ended && span(action.durationMs)],
      ],
      paint,
    ),
    ...section("Order", orderLines(action.order, paint), paint),
  ];
}

/** What became of the wish to cancel an action. */
export function cancellationLine(action: Action): string {
  const id = escapeLine(shortName(action.name));
  switch (action.status) {
    case ActionStatus.ACTION_STATUS_CANCELLED:
      return `${id} is cancelled: its agent had not begun it and never will`;
    case ActionStatus.ACTION_STATUS_PLANNED:
      return (
        `${id} is not cancelled yet: its agent has begun it or does not answer; ` +
        "what has begun is not torn off half-way"
      );
    default:
      return `${id} was not cancelled: it had begun and has ended by itself`;
  }
}

function cancellationText({ cancellation }: Action, nowMs: number): string | undefined {
  if (cancellation === undefined) return undefined;
  const { reason, actor, requested } = cancellation;
  return `by ${actor}, ${agoWithIndex(requested, nowMs)}: ${reason}`;
}

/** `restart service`. */
export function orderWords(order: Order | undefined): string {
  switch (order?.order?.$case) {
    case "writeFile":
      return "write file";
    case "removeFile":
      return "remove file";
    case "startService":
      return "start service";
    case "restartService":
      return "restart service";
    case "stopService":
      return "stop service";
    case undefined:
      return "unknown";
  }
}

/** The cause, and behind it how a failure went. */
function actionReason(action: Action): string {
  return action.reason === "" ? action.cause : `${action.cause}: ${action.reason}`;
}

function orderLines(order: Order | undefined, paint: Paint): string[] {
  const known = order?.order;
  if (known === undefined) return [];
  switch (known.$case) {
    case "writeFile": {
      const file = known.value;
      const given = file.owner !== undefined || file.group !== undefined;
      const owner = given ? `${file.owner ?? "-"}:${file.group ?? "-"}` : "the agent's own";
      const about = pairs(
        [
          ["path", file.path],
          ["mode", file.mode],
          ["owner", owner],
          ["digest", file.digest],
        ],
        paint,
        "  ",
      );
      return [...about, ...indentedText(file.content, "  | ", (_style, text) => text)];
    }
    case "startService":
    case "restartService": {
      const service = known.value;
      return pairs(
        [
          ["service", service.key],
          ["command", service.command.length > 0 ? service.command.join(" ") : undefined],
          ["unit", service.unit === "" ? undefined : service.unit],
          ["environment", labelText(service.environment) || undefined],
          ["stop within", span(service.stopTimeoutMs)],
          ["digest", service.digest],
        ],
        paint,
        "  ",
      );
    }
    case "removeFile":
      return pairs([["path", known.value.path]], paint, "  ");
    case "stopService":
      return pairs([["service", known.value.key]], paint, "  ");
  }
}
