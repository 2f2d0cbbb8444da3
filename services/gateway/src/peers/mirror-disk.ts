/**
 * The folder of a mirror: opens what is there, or begins anew where that is damaged.
 *
 * Nothing is lost with a damaged one: the home has it all. Called when a datacenter becomes known.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { MIRROR_MEMBERSHIP, type MirrorTarget, recoverMirror, type Turns } from "@atoll/federation";
import { LevelLogStore, type OpenedStore } from "@atoll/raft-level";
import type { Log } from "@atoll/service-kit";

export const MIRRORS_FOLDER = "mirrors";
const STORE_ID = 1;

export interface MirrorDisk {
  readonly store: LevelLogStore;
  /** The group whose log is there; empty for none. */
  readonly groupId: string;
  readonly firstIndex: number;
}

/** Brings `target`, which is empty, to where the folder stands. */
export async function openMirrorDisk(
  options: { readonly dataDir: string; readonly datacenter: string },
  mirror: { readonly target: MirrorTarget; readonly turns: Turns },
  log: Log,
): Promise<MirrorDisk> {
  const { datacenter } = options;
  const folder = join(options.dataDir, MIRRORS_FOLDER, datacenter);
  const opened = await open(folder, datacenter, log);
  const { store, recovered } = opened;
  const groupId = await new Promise<string>((resolve, reject) => {
    recoverMirror(store, recovered, mirror, (error, found) => {
      if (error === undefined) resolve(found);
      else reject(error);
    });
  });
  return { store, groupId, firstIndex: recovered.firstIndex };
}

async function open(folder: string, datacenter: string, log: Log): Promise<OpenedStore> {
  const identity = { groupId: `mirror/${datacenter}`, replicaId: STORE_ID };
  const options = { folder, identity, founding: MIRROR_MEMBERSHIP };
  try {
    return await LevelLogStore.open(options);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== "LOG_DAMAGED" && code !== "FOREIGN_LOG") throw error;
    log.error("the mirror on disk is damaged and is fetched anew", { datacenter, error });
    await rm(folder, { recursive: true });
    return LevelLogStore.open(options);
  }
}
