/**
 * The control plane's own group for people: its replicas, their roles and how far behind they are.
 */
import {
  type GroupReplica,
  GroupReplicaRole,
  type ListReplicasResponse,
} from "@atoll/proto/atoll/v1/group";
import { shortName } from "../resource-names.ts";
import { pairs, section } from "./document.ts";
import type { Paint, Style } from "./style.ts";
import { table, type Cell } from "./table.ts";
import { durationMs, span } from "./time.ts";

interface Word {
  readonly text: string;
  readonly style: Style;
}

const ROLES: Readonly<Record<number, Word>> = {
  [GroupReplicaRole.GROUP_REPLICA_ROLE_LEADER]: { text: "leader", style: "good" },
  [GroupReplicaRole.GROUP_REPLICA_ROLE_VOTER]: { text: "voter", style: "plain" },
  [GroupReplicaRole.GROUP_REPLICA_ROLE_LEARNER]: { text: "learner", style: "accent" },
  [GroupReplicaRole.GROUP_REPLICA_ROLE_RECOVERING]: { text: "recovering", style: "warning" },
  [GroupReplicaRole.GROUP_REPLICA_ROLE_GONE]: { text: "gone", style: "bad" },
  [GroupReplicaRole.GROUP_REPLICA_ROLE_JOINING]: { text: "joining", style: "accent" },
};

const HEADING = ["REPLICA", "ROLE", "LAG", "BEHIND", "APPLIED", "SNAPSHOT", "VERSION", "ADDRESS"];

export function groupLines(group: ListReplicasResponse, paint: Paint): string[] {
  const leader = group.leader === "" ? { text: "none", style: "bad" as const } : group.leader;
  const tolerated = group.failuresTolerated;
  const rows = group.replicas.map(replicaRow);
  return [
    ...pairs(
      [
        ["group", { text: group.groupId, style: "strong" }],
        ["leader", typeof leader === "string" ? `replica ${shortName(leader)}` : leader],
        ["term", String(group.term)],
        [
          "can lose",
          tolerated > 0
            ? `${tolerated} of its voters`
            : { text: "none of its voters", style: "warning" },
        ],
      ],
      paint,
    ),
    ...section("Replicas", table([...HEADING, "NOTE"], rows, { paint, indent: "  " }), paint),
  ];
}

/** What a replica is now, in a few words. */
export function roleText(replica: GroupReplica): string {
  const { text } = ROLES[replica.role] ?? { text: "unknown" };
  return replica.leaving ? `${text}, leaving` : text;
}

/** One line for who waits for it. */
export function replicaProgress(replica: GroupReplica): string {
  const lag = replica.lagEntries === undefined ? "" : `, ${entries(replica.lagEntries)} behind`;
  const why = replica.reason === "" ? "" : `: ${replica.reason}`;
  return `replica ${shortName(replica.name)} is ${roleText(replica)}${lag}${why}`;
}

function replicaRow(replica: GroupReplica): Cell[] {
  const word = ROLES[replica.role] ?? { text: "unknown", style: "warning" as const };
  const { lagEntries, lag, reachable } = replica;
  return [
    shortName(replica.name),
    replica.leaving ? { text: `${word.text}, leaving`, style: "warning" } : word,
    lagEntries === undefined ? "" : entries(lagEntries),
    lag === undefined ? "" : span(durationMs(lag)),
    reachable ? `#${replica.appliedIndex}` : "",
    reachable ? `#${replica.snapshotIndex}` : "",
    replica.version,
    replica.address,
    noteOf(replica),
  ];
}

function noteOf(replica: GroupReplica): string {
  const instead = replica.replaces === "" ? "" : `replaces ${shortName(replica.replaces)}`;
  return [instead, replica.reason].filter((part) => part !== "").join("; ");
}

function entries(count: number): string {
  return count === 1 ? "1 entry" : `${count} entries`;
}
