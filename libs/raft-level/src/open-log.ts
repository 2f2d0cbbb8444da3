/**
 * Opens the folder of a log, or founds a new log in it.
 *
 * The order matters. The database is opened first, because its lock keeps other processes off
 * everything else. A folder is new only when neither database nor marker is there: an empty
 * database beside a marker is a lost log, and a replica that lost its log must not vote again as if
 * it had never voted. Called by `LevelLogStore.open` alone.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { assert, Bug } from "@atoll/stdx";
import type { Membership, Standing } from "raft-ts";
import type { Database, OpenDatabase } from "./database.ts";
import { failureOrDamage } from "./disk-check.ts";
import { refuseDistrusted } from "./distrust.ts";
import { DurableMarker, type MarkerContent } from "./durable-marker.ts";
import {
  FolderLockedError,
  ForeignLogError,
  LogDamagedError,
  StorageFailedError,
} from "./errors.ts";
import {
  decodeIdentity,
  encodeChecked,
  FORMAT_VERSION,
  identityDigest,
  type LogIdentity,
} from "./identity.ts";
import { exists } from "./exists.ts";
import { finishRepair } from "./finish-repair.ts";
import { IDENTITY_KEY, recordRange, STATE_KEY } from "./keys.ts";
import { MARKER_FILE } from "./log-folder.ts";
import { HASH_BYTES } from "./record.ts";
import { recover, type Recovery } from "./recovery.ts";
import { decodeState, encodeState, type StoreState } from "./store-state.ts";
import { syncFolder } from "./sync-folder.ts";

const OWN_ERRORS = [FolderLockedError, ForeignLogError, LogDamagedError];

/** What a log that is founded now knows of the time before. */
export interface LogBeginning {
  readonly standing: Standing;
  /** The highest term that is known to have been used; 0 for none. */
  readonly term: number;
  readonly reason: string;
}

export interface OpenLogOptions {
  readonly folder: string;
  readonly identity: LogIdentity;
  readonly tailBytesMax: number;
  readonly founding: Membership;
  /** Of a log that is founded now. */
  readonly beginning: LogBeginning;
  readonly openDatabase: OpenDatabase;
  readonly markerFailed: (error: Error) => void;
}

export interface OpenedLog {
  readonly database: Database;
  readonly marker: DurableMarker;
  readonly identity: Uint8Array;
  readonly state: StoreState;
  readonly recovery: Recovery;
}

/** @throws the errors that `LevelLogStore.open` lists, and no others but bugs. */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const { groupId, replicaId } = options.identity;
  assert(groupId.length >= 1 && groupId.length <= 128, "a group id has 1 to 128 characters");
  assert(Number.isSafeInteger(replicaId) && replicaId > 0, `replica id ${replicaId}`);
  try {
    return await openFolder(options);
  } catch (error) {
    throw await toOpenError(options.folder, error);
  }
}

async function openFolder(options: OpenLogOptions): Promise<OpenedLog> {
  await finishRepair(options.folder);
  await makeFolder(options.folder);
  const markerPath = join(options.folder, MARKER_FILE);
  const createIfMissing = !(await exists(markerPath));
  const database = await options.openDatabase(options.folder, { createIfMissing });
  try {
    return await openWith(database, markerPath, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/**
 * Makes the folder and what is missing above it, durable with their names. An earlier life may have
 * made it and not come to that.
 */
async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  const highest = dirname(resolve(made ?? folder));
  for (let path = dirname(resolve(folder)); ; path = dirname(path)) {
    await syncFolder(path);
    if (path === highest) return;
  }
}

async function openWith(
  database: Database,
  markerPath: string,
  options: OpenLogOptions,
): Promise<OpenedLog> {
  await refuseDistrusted(options.folder);
  const identity = identityDigest(options.identity);
  const stored = await database.get(IDENTITY_KEY);
  if (stored === undefined) await found(database, await exists(markerPath), options);
  else checkIdentity(stored, options.identity);
  const stateBytes = await database.get(STATE_KEY);
  if (stateBytes === undefined) throw new LogDamagedError("the state", "it is missing");
  const state = decodeState(stateBytes);
  const { marker, content } = await openMarker(database, markerPath, identity, state, options);
  try {
    const { tailBytesMax } = options;
    const recovery = await recover({ database, identity, state, marker: content, tailBytesMax });
    return { database, marker, identity, state, recovery };
  } catch (error) {
    await marker[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Writes identity and the first state with one fsync. The marker follows; until then nothing was
 * promised.
 */
async function found(
  database: Database,
  markerThere: boolean,
  options: OpenLogOptions,
): Promise<void> {
  if (markerThere || (await hasKeys(database))) {
    throw new LogDamagedError("the identity", "it is missing although the folder was in use");
  }
  const state: StoreState = {
    generation: 1,
    firstSequence: 1,
    previousHash: "00".repeat(HASH_BYTES),
    position: { index: 0, term: 0 },
    hardState: { term: options.beginning.term, vote: 0, commit: 0 },
    standing: options.beginning.standing,
    reason: options.beginning.reason,
    snapshot: {
      id: 1,
      metadata: { index: 0, term: 0, membership: options.founding, sizeBytes: 0, checksum: 0 },
    },
  };
  await database.putAll([
    { key: IDENTITY_KEY, value: encodeChecked({ format: FORMAT_VERSION, ...options.identity }) },
    { key: STATE_KEY, value: encodeState(state) },
  ]);
}

function checkIdentity(stored: Uint8Array, wanted: LogIdentity): void {
  const found = decodeIdentity(stored);
  if (found.format !== FORMAT_VERSION) {
    const detail = `the log has format ${found.format}, this release ${FORMAT_VERSION}`;
    throw new ForeignLogError("format", detail);
  }
  if (found.groupId === wanted.groupId && found.replicaId === wanted.replicaId) return;
  throw new ForeignLogError(
    "identity",
    `the log belongs to replica ${found.replicaId} of group ${JSON.stringify(found.groupId)}, ` +
      `not to replica ${wanted.replicaId} of group ${JSON.stringify(wanted.groupId)}`,
  );
}

async function openMarker(
  database: Database,
  path: string,
  identity: Uint8Array,
  state: StoreState,
  options: OpenLogOptions,
): Promise<{ readonly marker: DurableMarker; readonly content: MarkerContent }> {
  const opened = await DurableMarker.open(path, identity, options.markerFailed);
  if (opened !== undefined) return opened;
  if (state.generation > 1 || !(await isEmpty(database))) {
    throw new LogDamagedError("the marker", "it is missing although the log was in use");
  }
  const content = { sequence: 0, generation: 1, hash: new Uint8Array(HASH_BYTES) };
  const marker = await DurableMarker.create(path, identity, content, options.markerFailed);
  return { marker, content };
}

async function toOpenError(folder: string, error: unknown): Promise<unknown> {
  if (error instanceof Bug) return error;
  if (error instanceof StorageFailedError) return failureOrDamage(folder, error);
  if (OWN_ERRORS.some((own) => error instanceof own)) return error;
  if ((error as { code?: unknown } | undefined)?.code === "LEVEL_CORRUPTION") {
    return new LogDamagedError("the database", `LevelDB cannot read ${folder}`, { cause: error });
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new StorageFailedError(`cannot open the log in ${folder}: ${detail}`, { cause: error });
}

async function isEmpty(database: Database): Promise<boolean> {
  for await (const page of database.scan(recordRange(0), 1)) return page.length === 0;
  return true;
}

async function hasKeys(database: Database): Promise<boolean> {
  if (!(await isEmpty(database))) return true;
  const everything = { from: Uint8Array.of(0), to: Uint8Array.of(0xff) };
  for await (const page of database.scan(everything, 1)) return page.length > 0;
  return false;
}
