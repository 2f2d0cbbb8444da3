/**
 * Commands that show replicas: their states, a leader's view of its followers, a log.
 *
 * What is shown is read from the core and the store first, then compared line by line. Of a
 * follower, state, match, next and being a learner are compared; whether it is paused, how full its
 * window is and which snapshot is pending follow from these. Called by commands.ts.
 */
import type { CoreView, ReplicaId } from "raft-ts";
import { isVoter } from "raft-ts";
import type { Shown } from "./commands.ts";
import type { Group } from "./group.ts";
import type { Failure } from "./outcome.ts";
import { NotUnderstoodError } from "./outcome.ts";
import type { Replica } from "./replica.ts";
import { describeEntry, describeTold } from "./told-state.ts";
import { parseEntry, parseRole } from "./trace.ts";

const STATE = /^(\d+): (State\w+) \((Voter|Non-Voter)\) Term:(\d+) Lead:(\d+)$/u;
const FOLLOWER = new RegExp(
  [
    String.raw`^(\d+): State(Probe|Replicate|Snapshot) match=(\d+) next=(\d+)( learner)?`,
    String.raw`(?: paused)?(?: pendingSnap=\d+)?(?: inactive)?(?: inflight=\d+(?:\[full\])?)?$`,
  ].join(""),
  "u",
);
const EMPTY_LOG = /^log is empty: first index=(\d+), last index=(\d+)$/u;

/** Role, voter or not, term and leader of every replica. */
export function compareStates(group: Group): Shown {
  const observed = group.replicas.map((replica) => {
    const { id, role, term, leader, membership } = replica.view();
    const vote = isVoter(membership, id) ? "voter" : "no voter";
    return `${id}: ${role} ${vote} term ${term} leader ${leader}`;
  });
  return {
    compare: (expected) =>
      compareLines(
        expected.map((line) => {
          const found = STATE.exec(line);
          if (found === null) throw new NotUnderstoodError(`state ${JSON.stringify(line)}`);
          const [, id, role, voter, term, leader] = found;
          const vote = voter === "Voter" ? "voter" : "no voter";
          return `${id}: ${parseRole(role as string)} ${vote} term ${term} leader ${leader}`;
        }),
        observed,
      ),
  };
}

/** What a leader knows of each member, itself among them. */
export function compareProgress(replica: Replica): Shown {
  const observed = progressOf(replica.view());
  return {
    compare: (expected) => {
      const lines = expected.filter((line) => line !== "ok");
      return compareLines(
        lines.map((line) => {
          const found = FOLLOWER.exec(line);
          if (found === null) throw new NotUnderstoodError(`status ${JSON.stringify(line)}`);
          const [, id, state, match, next, learner] = found;
          const isLearner = learner === undefined ? "" : " learner";
          return `${id}: ${state?.toLowerCase()} match ${match} next ${next}${isLearner}`;
        }),
        observed,
      );
    },
  };
}

function progressOf(view: CoreView): string[] {
  const learner = (id: ReplicaId): string =>
    view.membership.learners.includes(id) ? " learner" : "";
  const lines: [ReplicaId, string][] = view.peers.map(({ id, state, matchIndex, nextIndex }) => {
    return [id, `${id}: ${state} match ${matchIndex} next ${nextIndex}${learner(id)}`];
  });
  if (view.role === "leader") {
    const { id, stableIndex } = view;
    lines.push([id, `${id}: replicate match ${stableIndex} next ${stableIndex + 1}${learner(id)}`]);
  }
  return lines.toSorted(([left], [right]) => left - right).map(([, line]) => line);
}

/** The durable log of a replica. */
export function compareLog(replica: Replica, group: Group): Shown {
  const { entries, firstIndex } = replica.store;
  const observed =
    entries.length === 0
      ? [`empty from ${firstIndex}`]
      : entries.map((entry) => describeEntry(entry, group));
  return {
    compare: (expected) =>
      compareLines(
        expected.map((line) => {
          const empty = EMPTY_LOG.exec(line);
          if (empty !== null) return `empty from ${empty[1]}`;
          const entry = parseEntry(line);
          if (entry === undefined) throw new NotUnderstoodError(`entry ${JSON.stringify(line)}`);
          return describeTold(entry);
        }),
        observed,
      ),
  };
}

function compareLines(expected: readonly string[], observed: readonly string[]): Failure[] {
  const failures: Failure[] = [];
  for (let at = 0; at < Math.max(expected.length, observed.length); at += 1) {
    const [want, have] = [expected[at] ?? "nothing", observed[at] ?? "nothing"];
    if (want !== have) failures.push({ expected: want, observed: have });
  }
  return failures;
}
