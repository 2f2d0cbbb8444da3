/**
 * Turns something that is the matter into what is done next: act now, or wait for something else,
 * for a report, or for time.
 */
import type { Cause, Since, TargetKey, Withheld } from "@atoll/domain";
import { heals, holdingStorm, stormText } from "@atoll/domain";
import { failuresOf, nextTryAtMs } from "./backoff.ts";
import type { Finding, Look, Wish } from "./finding.ts";
import { finishedActions } from "./past-orders.ts";
import { repetitionOf } from "./repetition.ts";
import { reportAwaitedUntilMs } from "./report-wait.ts";
import { roomText } from "./room.ts";
import { failuresText } from "./text.ts";

export interface Candidate {
  readonly target: TargetKey;
  /** The name that texts begin with. */
  readonly subject: string;
  /** What is the matter. */
  readonly text: string;
  readonly detail: string;
  readonly since: Since;
  readonly wish: Wish;
  readonly cause: Cause;
  /** Of the specification that is wanted; empty for a removal. */
  readonly digest: string;
  readonly observed: { readonly since: Since; readonly digest: string } | undefined;
  /** What must happen first; undefined when nothing must. */
  readonly gate: string | undefined;
}

export function nextStep(look: Look, candidate: Candidate): Finding {
  const { target, subject, text, detail, since, gate } = candidate;
  const failures = failuresOf(look.node, target, candidate.digest);
  const repeated = failures !== undefined && failures.count >= 2;
  const what = repeated ? failuresText(subject, failures) : text;
  const base = { subject: target, text: what, detail, since, failures };
  if (gate !== undefined) {
    return { ...base, type: "wait", text: `${what}; ${gate}`, untilMs: undefined };
  }
  const withheld = look.node.withheld.get(target);
  if (withheld !== undefined && isWithheld(candidate, withheld)) {
    const { action, actor, reason } = withheld;
    const until = "until what is wanted or seen of it changes";
    const taken = `${actor} cancelled ${action}: ${reason}; nothing is ordered ${until}`;
    return { ...base, type: "wait", text: `${what}; ${taken}`, untilMs: undefined };
  }
  const past = finishedActions(look, target);
  const reportMs = reportAwaitedUntilMs(candidate, past, look.nowMs);
  if (reportMs !== undefined) {
    const awaited = `${subject}: the agent's report is awaited`;
    return { ...base, type: "wait", text: awaited, untilMs: reportMs };
  }
  const tryAtMs = nextTryAtMs(failures);
  if (tryAtMs !== undefined && tryAtMs > look.nowMs) {
    return { ...base, type: "wait", untilMs: tryAtMs };
  }
  const repetition = failures === undefined ? repetitionOf(candidate, past) : undefined;
  if (repetition !== undefined && repetition.nextAtMs > look.nowMs) {
    const again = `${text} although the same order has just succeeded ${repetition.count} times`;
    return { ...base, type: "wait", text: again, untilMs: repetition.nextAtMs };
  }
  const storm = isHealing(look, candidate) ? holdingStorm(look.view, look.node) : undefined;
  if (storm !== undefined) {
    return {
      ...base,
      type: "wait",
      text: `${what}; held: ${stormText(storm)}`,
      untilMs: undefined,
    };
  }
  const { wish, cause } = candidate;
  return { ...base, type: "act", wish, cause, room: roomText(look, target, wish) };
}

/** The same is wanted as when the action was taken back, and nothing else was seen since. */
function isWithheld({ digest, observed }: Candidate, withheld: Withheld): boolean {
  if (digest !== withheld.digest) return false;
  return observed === undefined || observed.since.index <= withheld.since.index;
}

/** It would heal what ails the node. What removes heals nothing. */
function isHealing({ node }: Look, { wish, digest, observed }: Candidate): boolean {
  if (wish.type === "removeFile" || wish.type === "stopService") return false;
  const kind = wish.type === "writeFile" ? "file" : "service";
  return heals(node, { kind, digest, observed: observed?.digest });
}
