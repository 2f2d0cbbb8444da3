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

export interface MirrorDisk<Target extends MirrorTarget> {
  readonly store: LevelLogStore;
  /** Stands where the store does. */
  readonly target: Target;
  /** The group whose log is there; empty for none. */
  readonly groupId: string;
  readonly firstIndex: number;
}

/** How an empty mirror is made: one that was half recovered is not used. */
export interface MirrorMaker<Target extends MirrorTarget> {
  readonly make: () => Target;
  readonly turns: Turns;
}

/** Opens the folder, and a mirror that stands where it does. */
export async function openMirrorDisk<Target extends MirrorTarget>(
  options: { readonly dataDir: string; readonly datacenter: string },
  maker: MirrorMaker<Target>,
  log: Log,
): Promise<MirrorDisk<Target>> {
  const { datacenter } = options;
  const folder = join(options.dataDir, MIRRORS_FOLDER, datacenter);
  const opened = await open(folder, datacenter, log);
  try {
    return await recover(opened, maker);
  } catch (error) {
    log.error("the mirror on disk cannot be read and is fetched anew", { datacenter, error });
    await rm(folder, { recursive: true });
    return recover(await open(folder, datacenter, log), maker);
  }
}

/** Closes the store where it cannot be read. */
async function recover<Target extends MirrorTarget>(
  { store, recovered }: OpenedStore,
  { make, turns }: MirrorMaker<Target>,
): Promise<MirrorDisk<Target>> {
  const target = make();
  try {
    const groupId = await new Promise<string>((resolve, reject) => {
      recoverMirror(store, recovered, { target, turns }, (error, found) => {
        if (error === undefined) resolve(found);
        else reject(error);
      });
    });
    return { store, target, groupId, firstIndex: recovered.firstIndex };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
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
