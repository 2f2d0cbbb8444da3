/**
 * The page that `atoll why` prints: what is wanted, what is there, what is done about it, and why
 * not more.
 *
 * The order of the sections is the order in which a person asks. Every line says since when and
 * by which entry of the log, so that `atoll event list --from` leads on from it.
 */
import type { Action } from "@atoll/proto/atoll/v1/action";
import type { ExplainNodeResponse, Reason } from "@atoll/proto/atoll/v1/node";
import { shortName } from "../resource-names.ts";
import { indentedText } from "./document.ts";
import { escapeLine } from "./escape.ts";
import { actionStatusCell, nodeStateCell } from "./words.ts";
import { orderWords } from "./action.ts";
import type { Paint } from "./style.ts";
import { alignRows, textWidth, type Cell } from "./table.ts";
import { ago, agoWithIndex, durationMs, span } from "./time.ts";

const INDENT = "  ";
/** A longer subject does not push the texts of the others to the right. */
const SUBJECT_WIDTH_MAX = 36;

export function explanationLines(
  answer: ExplainNodeResponse,
  nowMs: number,
  paint: Paint,
): string[] {
  const reasons = [answer.desired, answer.observed, answer.doing, answer.waiting].flat();
  const width = subjectWidth(reasons);
  const reasonSection = (title: string, list: readonly Reason[], none: string): string[] => [
    "",
    paint("strong", title),
    ...(list.length === 0
      ? [`${INDENT}${paint("faint", none)}`]
      : list.flatMap((reason) => reasonLines(reason, width, nowMs, paint))),
  ];
  return [
    headline(answer, nowMs, paint),
    ...reasonSection("Desired", answer.desired, "nothing: no role gives this node anything to do"),
    ...reasonSection("Observed", answer.observed, "nothing"),
    ...reasonSection("Doing", answer.doing, "nothing"),
    ...reasonSection("Waiting", answer.waiting, "for nothing"),
    "",
    paint("strong", "Recent"),
    ...recentLines(answer.recentActions, nowMs, paint),
    ...footer(answer, paint),
  ];
}

function headline(answer: ExplainNodeResponse, nowMs: number, paint: Paint): string {
  const { node } = answer;
  if (node === undefined) return "unknown node";
  const state = nodeStateCell(node.state);
  const name = paint("strong", escapeLine(shortName(node.name)));
  const reason = node.stateReason === "" ? "" : `: ${escapeLine(node.stateReason)}`;
  const since = paint("faint", `since ${agoWithIndex(node.stateSince, nowMs)}`);
  return `${name} is ${paint(state.style, state.text)}${reason}  ${since}`;
}

function reasonLines(reason: Reason, width: number, nowMs: number, paint: Paint): string[] {
  const subject = escapeLine(reason.subject);
  const padding = " ".repeat(Math.max(0, width - textWidth(subject)));
  const since = sinceText(reason, nowMs, paint);
  const line = `${INDENT}${paint("accent", subject)}${padding}  ${escapeLine(reason.text)}${since}`;
  return [line.trimEnd(), ...indentedText(detailFor(reason), INDENT.repeat(4), paint)];
}

/** Details that tell a person something: no digests, and nothing that the text says already. */
function detailFor(reason: Reason): string {
  if (/^digest [0-9a-f]+$/.test(reason.detail.trim())) return "";
  return reason.text.includes(reason.detail.trim()) ? "" : reason.detail;
}

function sinceText(reason: Reason, nowMs: number, paint: Paint): string {
  if (reason.since === undefined) return "";
  return paint("faint", `  (${ago(reason.since.time, nowMs)}, #${reason.since.index})`);
}

function subjectWidth(reasons: readonly Reason[]): number {
  const widths = reasons.map((reason) => textWidth(escapeLine(reason.subject)));
  return Math.max(0, ...widths.filter((width) => width <= SUBJECT_WIDTH_MAX));
}

function recentLines(actions: readonly Action[], nowMs: number, paint: Paint): string[] {
  if (actions.length === 0) return [`${INDENT}${paint("faint", "no actions yet")}`];
  const rows = actions.map((action): Cell[] => [
    { text: shortName(action.name), style: "faint" },
    orderWords(action.order),
    { text: action.target, style: "accent" },
    actionStatusCell(action.status),
    action.ended === undefined ? "" : span(action.durationMs),
    { text: ago((action.ended ?? action.planned)?.time, nowMs), style: "faint" },
    action.reason === "" ? `because ${action.cause}` : `because ${action.cause}: ${action.reason}`,
  ]);
  return alignRows(rows, { paint, indent: INDENT });
}

function footer(answer: ExplainNodeResponse, paint: Paint): string[] {
  const { asOf } = answer;
  if (asOf === undefined) return [];
  const age = asOf.age === undefined ? "" : `, ${span(durationMs(asOf.age))} old`;
  const text = `as of event #${asOf.index} of ${escapeLine(asOf.datacenter)}${age}`;
  const stale = "; its orchestrator cannot be asked: this is the gateway's last knowledge";
  return ["", asOf.stale ? paint("warning", text + stale) : paint("faint", text)];
}
