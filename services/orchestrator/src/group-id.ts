/**
 * The id of the Raft group that a replica belongs to, kept beside its log.
 *
 * A group is founded as `atoll/DC`. One that was restored from a backup is another group and has
 * another id, `atoll/DC/SUFFIX`: whoever still speaks for the lost one is refused by peers, and
 * gateways take the state anew. The id stands in a small file beside the log, which `atoll group
 * restore` writes; the log itself holds it too and refuses to be opened under another. A replica
 * with an empty folder asks its peers.
 */
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type GetStatusResponse,
  OrchestratorServiceClient,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import {
  CHANNEL_OPTIONS,
  channelCredentials,
  type Log,
  OperationalError,
} from "@atoll/service-kit";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import type { Config } from "./config.ts";

export const GROUP_FILE = "group.json";
const ASK_MS_MAX = 500;
const ASK_EVERY_MS = 500;

/** The file is there and says nothing that fits: an operator must look. */
export class GroupFileError extends OperationalError {
  override name = "GroupFileError";

  constructor(path: string, detail: string) {
    super(`${path}: ${detail}`, { code: "groupFileBad", retryable: false });
  }
}

export function foundingGroupId(datacenter: string): string {
  return `atoll/${datacenter}`;
}

/** True for the founding group of the datacenter and those restored from it. */
export function isGroupOf(datacenter: string, groupId: string): boolean {
  const founding = foundingGroupId(datacenter);
  return groupId === founding || groupId.startsWith(`${founding}/`);
}

/** The id that the folder says; undefined when it says none. @throws GroupFileError */
export async function readGroupId(
  dataDir: string,
  datacenter: string,
): Promise<string | undefined> {
  const path = join(dataDir, GROUP_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new GroupFileError(path, `it cannot be read: ${String(error)}`);
  }
  let groupId: unknown;
  try {
    ({ groupId } = JSON.parse(text) as { groupId?: unknown });
  } catch {
    throw new GroupFileError(path, "it is no JSON");
  }
  if (typeof groupId === "string" && isGroupOf(datacenter, groupId)) return groupId;
  throw new GroupFileError(
    path,
    `it names group ${JSON.stringify(groupId)}, which is none of datacenter ${datacenter}`,
  );
}

/**
 * The id to work under: what the folder says; of an empty folder, what the peers say. One that
 * founds a group takes the founding id when nobody answers; one that joins waits for an answer.
 */
export async function settleGroupId(config: Config, log: Log): Promise<string> {
  const { datacenter, dataDir } = config;
  const own = await readGroupId(dataDir, datacenter);
  if (own !== undefined) return own;
  if (await exists(join(dataDir, "raft"))) return foundingGroupId(datacenter);
  for (let attempt = 0; ; attempt += 1) {
    const heard = await askPeers(config);
    if (heard !== undefined) {
      if (heard !== foundingGroupId(datacenter)) await writeGroupId(dataDir, heard);
      return heard;
    }
    if (!config.join) return foundingGroupId(datacenter);
    if (attempt === 0) log.info("waiting for a replica of the group to answer");
    await delay(ASK_EVERY_MS);
  }
}

async function writeGroupId(dataDir: string, groupId: string): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, GROUP_FILE);
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w");
  try {
    await file.writeFile(`${JSON.stringify({ groupId })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
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
