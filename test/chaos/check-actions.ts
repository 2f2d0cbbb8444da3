/**
 * Compares what agents took on with what the log ordered and what ran.
 *
 * An action is planned once and ends once in the log; an agent takes it at most once, only when the
 * log has it, never by a leader older than one it has obeyed, never a generation older than one of
 * its target; and a service starts no more often than it was ordered to, or its agent says it did
 * alone. Pure.
 */
import type { LoggedEvent } from "./check-facts.ts";
import type { RecordLine } from "./record.ts";

export interface ActionFindings {
  readonly problems: readonly string[];
  readonly planned: number;
  readonly taken: number;
  readonly starts: number;
}

/** How often each service of a node began, by itself's word: its key, and the count. */
export type Starts = ReadonlyMap<string, number>;

export function checkActions(
  node: string,
  seen: {
    readonly record: readonly RecordLine[];
    /** Of other agents that ran under its name. */
    readonly twins?: readonly (readonly RecordLine[])[];
    readonly starts: Starts;
  },
  log: readonly LoggedEvent[],
): ActionFindings {
  const planned = plannedOf(node, log);
  const problems = planned.problems;
  const account = { taken: new Set<string>(), mayStart: new Map<string, number>() };
  const { taken, mayStart } = account;
  for (const record of [seen.record, ...(seen.twins ?? [])]) {
    for (const problem of takenOf(node, record, planned.actions, account)) problems.push(problem);
  }
  for (const line of (seen.twins ?? []).flat()) {
    // What a twin did alone it may never have told.
    if (line.type !== "offered" || line.fact.type !== "serviceRestartedAlone") continue;
    const target = `service:${line.fact.key}`;
    mayStart.set(target, (mayStart.get(target) ?? 0) + 1);
  }
  for (const { event } of log) {
    if (event.type !== "serviceRestartedAlone" || event.node !== node) continue;
    const target = `service:${event.key}`;
    mayStart.set(target, (mayStart.get(target) ?? 0) + 1);
  }
  let starts = 0;
  for (const [key, count] of seen.starts) {
    starts += count;
    const allowed = mayStart.get(`service:${key}`) ?? 0;
    if (count > allowed) problems.push(`${node}: ${key} began ${count} times, ordered ${allowed}`);
  }
  return { problems, planned: planned.actions.size, taken: taken.size, starts };
}

function plannedOf(
  node: string,
  log: readonly LoggedEvent[],
): { readonly actions: ReadonlySet<string>; readonly problems: string[] } {
  const actions = new Set<string>();
  const ended = new Set<string>();
  const problems: string[] = [];
  for (const { event } of log) {
    if (!("action" in event) || event.node !== node) continue;
    if (event.type === "actionPlanned") {
      if (actions.has(event.action)) problems.push(`${node}: ${event.action} planned twice`);
      actions.add(event.action);
    } else {
      if (!actions.has(event.action)) problems.push(`${node}: ${event.action} was never planned`);
      if (ended.has(event.action)) problems.push(`${node}: ${event.action} ended twice`);
      ended.add(event.action);
    }
  }
  return { actions, problems };
}

function takenOf(
  node: string,
  record: readonly RecordLine[],
  planned: ReadonlySet<string>,
  { taken, mayStart }: { readonly taken: Set<string>; readonly mayStart: Map<string, number> },
): string[] {
  const problems: string[] = [];
  const newest = new Map<string, number>();
  let term = 0;
  let incarnation = "";
  for (const line of record) {
    if (line.incarnation !== incarnation) {
      // A node that was wiped has forgotten whom it obeyed.
      incarnation = line.incarnation;
      term = 0;
      newest.clear();
    }
    if (line.type !== "taken") continue;
    const { action, target, generation } = line;
    if (taken.has(action)) problems.push(`${node}: ${action} taken twice`);
    taken.add(action);
    if (!planned.has(action)) problems.push(`${node}: ${action} is not in the log`);
    if (line.term < term) problems.push(`${node}: unfenced ${action}: ${line.term} after ${term}`);
    if (generation <= (newest.get(target) ?? 0)) {
      problems.push(`${node}: unfenced ${action}: generation ${generation} of ${target} is old`);
    }
    term = Math.max(term, line.term);
    newest.set(target, generation);
    if (line.order === "startService" || line.order === "restartService") {
      mayStart.set(target, (mayStart.get(target) ?? 0) + 1);
    }
  }
  return problems;
}
