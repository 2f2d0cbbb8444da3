/**
 * A group of replicas in memory, for the fake gateway: what is asked for comes true one look later
 * each.
 */
import { createHash } from "node:crypto";
import {
  type BackupGroupRequest,
  type BackupGroupResponse,
  type CreateReplicaRequest,
  type DeleteReplicaRequest,
  GroupReplica,
  GroupReplicaRole,
  type ListReplicasResponse,
  type ReplaceReplicaRequest,
} from "@atoll/proto/atoll/v1/group";
import { ApiError } from "@atoll/service-kit";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { encodeSnapshot } from "@atoll/codec";
import { Datacenter } from "@atoll/domain";
import { NOW_MS } from "./fixtures.ts";

const PARENT = "datacenters/dc1";
const { GROUP_REPLICA_ROLE_LEADER: LEADER, GROUP_REPLICA_ROLE_VOTER: VOTER } = GroupReplicaRole;
const { GROUP_REPLICA_ROLE_LEARNER: LEARNER, GROUP_REPLICA_ROLE_GONE: GONE } = GroupReplicaRole;
const { GROUP_REPLICA_ROLE_JOINING: JOINING } = GroupReplicaRole;

export class FakeGroup {
  #replicas: readonly GroupReplica[] = [
    member(1, LEADER, { lagEntries: 0, lag: { seconds: 0, nanos: 0 } }),
    member(2, VOTER, { lagEntries: 1, lag: { seconds: 0, nanos: 12_000_000 } }),
    member(3, GONE, {
      reachable: false,
      appliedIndex: 0,
      snapshotIndex: 0,
      version: "",
      lagEntries: 1_204,
      reason: "connection refused",
    }),
  ];

  list(): ListReplicasResponse {
    const shown = this.#replicas;
    this.#replicas = shown.flatMap((replica) => this.#later(replica));
    const leader = shown.find(({ role }) => role === LEADER)?.name ?? "";
    return {
      replicas: shown,
      nextPageToken: "",
      groupId: "atoll/dc1",
      leader,
      term: 3,
      failuresTolerated: 0,
    };
  }

  create({ replicaId, address }: CreateReplicaRequest, replaces = ""): GroupReplica {
    if (!/^\S+:\d+$/.test(address)) {
      throw new ApiError(status.INVALID_ARGUMENT, `"${address}" is no address`, {
        reason: "INVALID_ARGUMENT",
      });
    }
    const reason = "the leader is about to add it";
    const added = member(replicaId, JOINING, { address, voter: false, replaces, reason });
    this.#replicas = [...this.#replicas, added];
    return added;
  }

  replace({ name, replicaId, address, requestId }: ReplaceReplicaRequest): GroupReplica {
    const old = this.find(name);
    const place = address === "" ? old.address : address;
    return this.create({ parent: PARENT, replicaId, address: place, requestId }, name);
  }

  remove({ name, allowQuorumLoss }: DeleteReplicaRequest): GroupReplica {
    const found = this.find(name);
    if (found.role !== GONE && !allowQuorumLoss) {
      const message =
        "without replica 2 the group has 2 voters, of which 2 are needed and 1 answers";
      throw new ApiError(status.FAILED_PRECONDITION, message, { reason: "QUORUM_WOULD_BE_LOST" });
    }
    const leaving = { ...found, leaving: true };
    this.#replicas = this.#replicas.map((one) => (one.name === name ? leaving : one));
    return leaving;
  }

  transfer({ name }: { readonly name: string }): GroupReplica {
    return { ...this.find(name), role: LEADER, term: 4 };
  }

  snapshot({ name }: { readonly name: string }): GroupReplica {
    return { ...this.find(name), snapshotIndex: 61 };
  }

  backup(call: ServerWritableStream<BackupGroupRequest, BackupGroupResponse>): void {
    const chunks = encodeSnapshot(new Datacenter());
    const hash = createHash("sha256");
    const value = {
      datacenter: "dc1",
      groupId: "atoll/dc1",
      index: 61,
      term: 3,
      voters: [1, 2, 3],
      learners: [],
      addresses: { 1: "127.0.0.1:1", 2: "127.0.0.1:2", 3: "127.0.0.1:3" },
      createTime: { seconds: NOW_MS / 1_000, nanos: 0 },
      version: "0.1.0",
    };
    call.write({ content: { $case: "header", value } });
    for (const chunk of chunks) {
      hash.update(chunk);
      call.write({ content: { $case: "chunk", value: Buffer.from(chunk) } });
    }
    const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const trailer = { sizeBytes, stateHash: hash.digest() };
    call.write({ content: { $case: "trailer", value: trailer } });
    call.end();
  }

  find(name: string): GroupReplica {
    const found = this.#replicas.find((replica) => replica.name === name);
    if (found !== undefined) return found;
    throw new ApiError(status.NOT_FOUND, `there is no replica ${name}`, { reason: "NOT_FOUND" });
  }

  #later(replica: GroupReplica): readonly GroupReplica[] {
    if (replica.leaving) return [];
    if (replica.role === JOINING) {
      const reason = "catches up; votes by itself once it has";
      return [{ ...replica, role: LEARNER, lagEntries: 40, reason }];
    }
    if (replica.role === LEARNER) {
      return [{ ...replica, role: VOTER, voter: true, lagEntries: 0, reason: "" }];
    }
    const replaced = this.#replicas.some(
      ({ replaces, voter }) => replaces === replica.name && voter,
    );
    return [replaced ? { ...replica, leaving: true } : replica];
  }
}

function member(
  id: number,
  role: GroupReplicaRole,
  about: Partial<GroupReplica> = {},
): GroupReplica {
  return {
    ...GroupReplica.create(),
    name: `${PARENT}/replicas/${id}`,
    address: `127.0.0.1:750${id}`,
    role,
    voter: true,
    reachable: true,
    term: 3,
    commitIndex: 61,
    appliedIndex: 61,
    snapshotIndex: 40,
    version: "0.1.0",
    ...about,
  };
}
