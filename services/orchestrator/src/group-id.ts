/**
 * Under which id of a Raft group a replica works.
 *
 * What its folder says counts. An empty folder says nothing: then the peers are asked, since the
 * group may have been restored and have another id than the one it was founded with. Called once by
 * the composition root, before the log is opened.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type GetStatusResponse,
  OrchestratorServiceClient,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import {
  CHANNEL_OPTIONS,
  channelCredentials,
  foundingGroupId,
  GROUP_FILE,
  GroupFileError,
  isGroupOf,
  type Log,
  LOG_FOLDER,
  readGroupFile,
  writeGroupFile,
} from "@atoll/service-kit";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import type { Config } from "./config.ts";

const ASK_MS_MAX = 500;
const ASK_EVERY_MS = 500;

/**
 * The id to work under: what the folder says; of an empty folder, what the peers say. One that
 * founds a group takes the founding id when nobody answers; one that joins waits for an answer.
 */
export async function settleGroupId(config: Config, log: Log): Promise<string> {
  const { datacenter, dataDir } = config;
  const own = await readGroupFile(dataDir);
  if (own !== undefined) {
    if (isGroupOf(datacenter, own)) return own;
    const detail = `it names group ${own}, which is none of datacenter ${datacenter}`;
    throw new GroupFileError(join(dataDir, GROUP_FILE), detail);
  }
  if (await exists(join(dataDir, LOG_FOLDER))) return foundingGroupId(datacenter);
  for (let attempt = 0; ; attempt += 1) {
    const heard = await askPeers(config);
    if (heard !== undefined) {
      if (heard !== foundingGroupId(datacenter)) await writeGroupFile(dataDir, heard);
      return heard;
    }
    if (!config.join) return foundingGroupId(datacenter);
    if (attempt === 0) log.info("waiting for a replica of the group to answer");
    await delay(ASK_EVERY_MS);
  }
}

async function askPeers(config: Config): Promise<string | undefined> {
  const peers = [...config.replicas].filter(([id]) => id !== config.replicaId);
  const answers = await Promise.all(peers.map(([, { text }]) => askGroupId(config, text)));
  return answers.find((id) => id !== undefined && isGroupOf(config.datacenter, id));
}

function askGroupId(config: Config, address: string): Promise<string | undefined> {
  const credentials = channelCredentials(config.transport);
  const client = new OrchestratorServiceClient(address, credentials, CHANNEL_OPTIONS);
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + ASK_MS_MAX };
    client.getStatus(
      {},
      new Metadata(),
      options,
      (error: ServiceError | null, status: GetStatusResponse) => {
        client.close();
        resolve(error === null && status.voters.length > 0 ? status.groupId : undefined);
      },
    );
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
