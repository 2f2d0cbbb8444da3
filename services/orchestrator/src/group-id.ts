/**
 * Under which id of a Raft group a replica works, and as what it begins when its folder is empty.
 *
 * What its folder says counts. An empty folder says nothing: then the peers are asked, since the
 * group may have been restored and have another id than the one it was founded with, and since a
 * replica that had a vote once must not begin as if it never had. Called once by the composition
 * root, before the log is opened.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import {
  askStatus,
  exists,
  foundingGroupId,
  GROUP_FILE,
  GroupFileError,
  isGroupOf,
  type Log,
  LOG_FOLDER,
  readGroupFile,
  writeGroupFile,
} from "@atoll/service-kit";
import type { ReplicaId } from "raft-ts";
import type { Config } from "./config.ts";

const ASK_MS_MAX = 500;
const ASK_EVERY_MS = 500;

export interface SettledGroup {
  readonly groupId: string;
  /**
   * Whose votes count before the log says otherwise: nobody's for one that waits to be added.
   */
  readonly founding: readonly ReplicaId[];
  /**
   * `whole` for one that certainly never voted in this group; `blank` where the others must say
   * whether it has.
   */
  readonly newStanding: "whole" | "blank";
}

/**
 * What an empty folder begins as. Of no meaning for one that holds a log. One that founds a group
 * goes on when nobody answers; one that joins waits until a majority has said that its id has no
 * vote in the group.
 * @throws an `AbortError` when `signal` ends that wait.
 */
export async function settleGroup(
  config: Config,
  log: Log,
  signal: AbortSignal,
): Promise<SettledGroup> {
  const { datacenter, dataDir, replicaId } = config;
  const founding = [...config.replicas.keys()].toSorted((left, right) => left - right);
  const own = await readGroupFile(dataDir);
  if (own !== undefined && !isGroupOf(datacenter, own)) {
    const detail = `it names group ${own}, which is none of datacenter ${datacenter}`;
    throw new GroupFileError(join(dataDir, GROUP_FILE), detail);
  }
  if (await exists(join(dataDir, LOG_FOLDER))) {
    return { groupId: own ?? foundingGroupId(datacenter), founding, newStanding: "blank" };
  }
  const named = [...config.replicas].filter(([id]) => id !== replicaId).map(([, { text }]) => text);
  for (let attempt = 0; ; attempt += 1) {
    const heard = await askPeers(config, named);
    const groupId = own ?? heard[0]?.groupId ?? foundingGroupId(datacenter);
    if (!config.join || isMajority(heard)) {
      if (groupId !== foundingGroupId(datacenter)) await writeGroupFile(dataDir, groupId);
      const newest = heard[0]?.voters ?? [];
      if (!config.join) {
        // Others may have come and gone since the configuration was written.
        return { groupId, founding: newest.length > 0 ? newest : founding, newStanding: "blank" };
      }
      // It had a vote once, and the folder is empty: what it promised is lost.
      if (heard.some((one) => hasVote(one, replicaId))) {
        return { groupId, founding: newest, newStanding: "blank" };
      }
      return { groupId, founding: [], newStanding: "whole" };
    }
    if (attempt === 0) log.info("waiting for a majority of the group to answer");
    await delay(ASK_EVERY_MS, undefined, { signal });
  }
}

/** Those that answer and belong to a group of this datacenter; who has applied most comes first. */
export async function askPeers(
  config: Config,
  addresses: readonly string[],
): Promise<GetStatusResponse[]> {
  const asked = new Set<string>();
  const first = await askNew(config, addresses, asked);
  // Those that answer know of others, who may have been added since.
  const known = first.flatMap(({ addresses }) => Object.entries(addresses));
  const others = known.filter(([id]) => Number(id) !== config.replicaId);
  const second = await askNew(
    config,
    others.map(([, address]) => address),
    asked,
  );
  return [...first, ...second]
    .filter(({ groupId, voters }) => isGroupOf(config.datacenter, groupId) && voters.length > 0)
    .toSorted((left, right) => right.appliedIndex - left.appliedIndex);
}

/** Asks each address that is not in `asked` yet. */
async function askNew(
  config: Config,
  addresses: readonly string[],
  asked: Set<string>,
): Promise<GetStatusResponse[]> {
  const fresh = new Set(addresses.filter((address) => !asked.has(address)));
  for (const address of fresh) asked.add(address);
  const { transport } = config;
  const answers = await Promise.all(
    [...fresh].map((address) => askStatus(address, transport, ASK_MS_MAX)),
  );
  return answers.filter((answer) => answer !== undefined);
}

function isMajority(heard: readonly GetStatusResponse[]): boolean {
  const voters = heard[0]?.voters ?? [];
  const answered = voters.filter((voter) => heard.some(({ id }) => id === voter));
  return answered.length > voters.length / 2;
}

function hasVote({ voters, outgoingVoters }: GetStatusResponse, id: ReplicaId): boolean {
  return voters.includes(id) || outgoingVoters.includes(id);
}
