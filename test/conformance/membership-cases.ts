/**
 * Plays cases about changes of membership: one change after another, each with what results.
 *
 * `simple`, `enter-joint [autoleave=true]` and `leave-joint` over changes like `v1 l2 r3`. Compared
 * are the configuration, or why the change is refused, and for each member whether it is a learner
 * and since which case it belongs (`next`, as a file counts: a member begins where the log ended).
 * Called by run-folder.ts.
 */
import type { ChangedMembership, Membership, ReplicaId } from "raft-ts";
import { changeSimple, enterJoint, leaveJoint, membershipOf, membersOf } from "raft-ts";
import {
  formatConfiguration,
  isConfiguration,
  parseChanges,
  parseConfiguration,
} from "./config-text.ts";
import type { ScenarioCase } from "./datadriven.ts";
import { valuesOf } from "./datadriven.ts";
import type { Failure, Player } from "./outcome.ts";
import { compareText, NotUnderstoodError } from "./outcome.ts";
import { refusalInTheirWords } from "./translation.ts";

export const MEMBERSHIP_COMMANDS: readonly string[] = ["simple", "enter-joint", "leave-joint"];

/** A player for one file: it remembers the membership from case to case. */
export function membershipPlayer(): Player {
  let membership = membershipOf([]);
  let since: ReadonlyMap<ReplicaId, number> = new Map();
  let logEnd = 0;
  return (given) => {
    const changed = change(given, membership);
    const joinedAt = Math.max(logEnd, 1);
    logEnd += 1;
    if (changed.type === "refused") {
      return compareText(given.expected.join("\n"), refusalInTheirWords(changed.reason));
    }
    membership = changed.membership;
    since = new Map(membersOf(membership).map((id) => [id, since.get(id) ?? joinedAt]));
    return compareMembers(given.expected, membership, since);
  };
}

function change(given: ScenarioCase, membership: Membership): ChangedMembership {
  const changes = parseChanges(given.input);
  for (const { key } of given.arguments) {
    if (given.command !== "enter-joint" || key !== "autoleave") {
      throw new NotUnderstoodError(`${given.command} has no option ${key}`);
    }
  }
  switch (given.command) {
    case "simple":
      return changeSimple(membership, changes);
    case "enter-joint":
      return enterJoint(membership, changes, valuesOf(given, "autoleave")?.[0] === "true");
    case "leave-joint":
      if (changes.length > 0) throw new NotUnderstoodError("leave-joint takes no changes");
      return leaveJoint(membership);
    default:
      throw new NotUnderstoodError(`unknown command ${given.command}`);
  }
}

function compareMembers(
  expected: readonly string[],
  membership: Membership,
  since: ReadonlyMap<ReplicaId, number>,
): readonly Failure[] {
  const observed = [
    formatConfiguration(membership),
    ...[...since].map(([id, next]) => {
      const learner = membership.learners.includes(id) ? " learner" : "";
      return `${id}: StateProbe match=0 next=${next}${learner}`;
    }),
  ];
  const [first, ...members] = expected;
  // Read and written again, so that what is compared is the configuration and not its spelling.
  const configuration =
    first !== undefined && isConfiguration(first)
      ? formatConfiguration(parseConfiguration(first))
      : (first ?? "");
  return compareText([configuration, ...members].join("\n"), observed.join("\n"));
}
