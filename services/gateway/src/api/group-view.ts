/**
 * The Raft group as one picture: what each replica says of itself, what the leader says of the
 * others, and what the log says is wanted.
 *
 * Asks all replicas at once and waits for none longer than a moment. The membership is the
 * leader's; without a leader that of whoever knows the most.
 */
import type { GroupReplicaState } from "@atoll/domain";
import type { GetStatusResponse, Peer } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { type GroupReplica, GroupReplicaRole } from "@atoll/proto/atoll/v1/group";
import type { Mirror } from "../islands/mirror.ts";
import type { ReplicaClients } from "../replicas/replica-clients.ts";
import type { ResourceNames } from "./resource-names.ts";
import { durationOf } from "./time.ts";

export interface GroupPicture {
  readonly replicas: readonly GroupReplica[];
  readonly groupId: string;
  /** 0 while nobody is known to lead. */
  readonly leader: number;
  readonly term: number;
  /** Voters by the newest membership. */
  readonly voters: ReadonlySet<number>;
  /** Voters that answer and are whole. */
  readonly healthyVoters: ReadonlySet<number>;
  readonly failuresTolerated: number;
}

interface Sources {
  readonly statuses: ReadonlyMap<number, GetStatusResponse>;
  /** Why the others do not answer. */
  readonly silent: ReadonlyMap<number, string>;
  readonly leader: GetStatusResponse | undefined;
  readonly newest: GetStatusResponse | undefined;
}

export class GroupView {
  readonly clients: ReplicaClients;
  readonly #mirror: Mirror;
  readonly #names: ResourceNames;

  constructor(parts: {
    readonly clients: ReplicaClients;
    readonly mirror: Mirror;
    readonly names: ResourceNames;
  }) {
    this.clients = parts.clients;
    this.#mirror = parts.mirror;
    this.#names = parts.names;
  }

  nameOf(id: number): string {
    return this.#names.replica(id);
  }

  async look(): Promise<GroupPicture> {
    const sources = await this.#ask();
    const { newest, leader, statuses } = sources;
    const voters = new Set([...(newest?.voters ?? []), ...(newest?.outgoingVoters ?? [])]);
    const recovering = recoveringIds(sources);
    const healthy = [...voters].filter((id) => statuses.has(id) && !recovering.has(id));
    const records = [...this.#mirror.datacenter.groupReplicas()];
    const ids = new Set([
      ...voters,
      ...(newest?.learners ?? []),
      ...records.map(({ id }) => id),
      ...(newest === undefined ? this.clients.ids : []),
    ]);
    return {
      replicas: [...ids]
        .toSorted((left, right) => left - right)
        .map((id) => this.#render(id, sources, { voters, recovering })),
      groupId: newest?.groupId ?? this.#mirror.groupId,
      leader: leader?.id ?? 0,
      term: newest?.term ?? 0,
      voters,
      healthyVoters: new Set(healthy),
      failuresTolerated: Math.max(0, healthy.length - Math.floor(voters.size / 2) - 1),
    };
  }

  async #ask(): Promise<Sources> {
    const statuses = new Map<number, GetStatusResponse>();
    const silent = new Map<number, string>();
    for (const [id, answer] of await this.clients.statuses()) {
      if (answer.type === "answered") statuses.set(id, answer.status);
      else silent.set(id, answer.reason);
    }
    const all = [...statuses.values()];
    const byTerm = all.toSorted((left, right) => right.term - left.term);
    const leader = byTerm.find(({ role, term }) => role === "leader" && term === byTerm[0]?.term);
    const newest =
      leader ?? all.toSorted((left, right) => right.appliedIndex - left.appliedIndex)[0];
    return { statuses, silent, leader, newest };
  }

  #render(
    id: number,
    sources: Sources,
    members: { readonly voters: ReadonlySet<number>; readonly recovering: ReadonlySet<number> },
  ): GroupReplica {
    const { statuses, leader, newest } = sources;
    const record = this.#mirror.datacenter.groupReplica(id);
    const status = statuses.get(id);
    const peer = leader?.peers.find((one) => one.id === id);
    const role = roleOf(id, sources, members);
    const isMember = members.voters.has(id) || newest?.learners.includes(id) === true;
    return {
      name: this.#names.replica(id),
      address: record?.address ?? this.clients.address(id),
      role,
      voter: members.voters.has(id),
      reachable: status !== undefined,
      ...lagOf(id, leader, isMember ? peer : undefined),
      term: status?.term ?? 0,
      commitIndex: status?.commitIndex ?? 0,
      appliedIndex: status?.appliedIndex ?? 0,
      snapshotIndex: status?.snapshotIndex ?? 0,
      version: status?.version ?? "",
      reason: reasonOf(role, { record, silent: sources.silent.get(id), isMember }),
      leaving: record?.status === "retired",
      replaces:
        record === undefined || record.replaces === 0 ? "" : this.#names.replica(record.replaces),
    };
  }
}

function recoveringIds({ statuses, leader }: Sources): Set<number> {
  const own = [...statuses.values()].filter(({ recovering }) => recovering).map(({ id }) => id);
  const heard = leader?.peers.filter(({ recovering }) => recovering).map(({ id }) => id) ?? [];
  return new Set([...own, ...heard]);
}

function roleOf(
  id: number,
  { statuses, leader, newest }: Sources,
  { voters, recovering }: { voters: ReadonlySet<number>; recovering: ReadonlySet<number> },
): GroupReplicaRole {
  const isLearner = newest?.learners.includes(id) === true;
  if (newest !== undefined && !voters.has(id) && !isLearner) {
    return GroupReplicaRole.GROUP_REPLICA_ROLE_JOINING;
  }
  if (!statuses.has(id)) return GroupReplicaRole.GROUP_REPLICA_ROLE_GONE;
  if (leader?.id === id) return GroupReplicaRole.GROUP_REPLICA_ROLE_LEADER;
  if (recovering.has(id)) return GroupReplicaRole.GROUP_REPLICA_ROLE_RECOVERING;
  if (voters.has(id)) return GroupReplicaRole.GROUP_REPLICA_ROLE_VOTER;
  return GroupReplicaRole.GROUP_REPLICA_ROLE_LEARNER;
}

function lagOf(
  id: number,
  leader: GetStatusResponse | undefined,
  peer: Peer | undefined,
): Pick<GroupReplica, "lagEntries" | "lag"> {
  if (leader?.id === id) return { lagEntries: 0, lag: durationOf(0) };
  if (leader === undefined || peer === undefined) return {};
  const lagEntries = Math.max(0, leader.lastIndex - peer.matchIndex);
  return peer.lagMs === undefined ? { lagEntries } : { lagEntries, lag: durationOf(peer.lagMs) };
}

function reasonOf(
  role: GroupReplicaRole,
  about: {
    readonly record: GroupReplicaState | undefined;
    readonly silent: string | undefined;
    readonly isMember: boolean;
  },
): string {
  const { record, silent, isMember } = about;
  if (record?.status === "retired") {
    return isMember ? "the leader takes it out" : "out of the group; about to be forgotten";
  }
  switch (role) {
    case GroupReplicaRole.GROUP_REPLICA_ROLE_GONE:
      return silent ?? "its address is not known";
    case GroupReplicaRole.GROUP_REPLICA_ROLE_JOINING:
      return "the leader is about to add it";
    case GroupReplicaRole.GROUP_REPLICA_ROLE_LEARNER:
      return "catches up; votes by itself once it has";
    case GroupReplicaRole.GROUP_REPLICA_ROLE_RECOVERING:
      return "rebuilds its log from the others; does not count until then";
    default:
      return "";
  }
}
