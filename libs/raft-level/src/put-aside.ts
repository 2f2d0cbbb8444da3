/**
 * Moves the folder of a damaged log out of the way, to be looked at by people.
 *
 * A damaged log is never repaired in place: what is left of it may be all that is left. The folder
 * is renamed as it is, beside its old place, and only the newest few are kept. Called by
 * `LevelLogStore.rebuild` before anything new is written, and by `repairLog` once all of it is.
 */
import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ForeignLogError, LogDamagedError, StorageFailedError } from "./errors.ts";
import { namesBeside } from "./log-folder.ts";
import { syncFolder } from "./sync-folder.ts";
import { verifyLogFolder } from "./verify-log.ts";

/** Older ones make room. */
const PUT_ASIDE_MAX = 3;

export interface PutAside {
  /** What was damaged. */
  readonly record: string;
  readonly folder: string;
  /** The highest term that could still be read; 0 when none could. */
  readonly term: number;
}

/** @throws `damage` when it is no damage. @throws StorageFailedError when the disk fails. */
export async function putAside(folder: string, damage: Error): Promise<PutAside> {
  const record = damagedRecordOf(damage);
  if (record === undefined) throw damage;
  const term = damage instanceof LogDamagedError ? await readableTerm(folder) : 0;
  try {
    const parent = dirname(folder);
    const prefix = `${basename(folder)}.damaged-`;
    const numbers = await numbersOf(parent, prefix);
    const name = (number: number): string => `${prefix}${String(number).padStart(6, "0")}`;
    const target = join(parent, name((numbers.at(-1) ?? 0) + 1));
    await rename(folder, target);
    await syncFolder(parent);
    const kept = PUT_ASIDE_MAX - 1;
    for (const number of numbers.slice(0, Math.max(0, numbers.length - kept))) {
      await rm(join(parent, name(number)), { recursive: true, force: true });
    }
    return { record, folder: target, term };
  } catch (cause) {
    throw new StorageFailedError(`cannot put the damaged log in ${folder} aside`, { cause });
  }
}

/** A log of another format is whole; only another release may touch it. */
function damagedRecordOf(damage: Error): string | undefined {
  if (damage instanceof LogDamagedError) return damage.record;
  if (damage instanceof ForeignLogError && damage.what === "identity") return "the identity";
  return undefined;
}

/** Nothing depends on it but how soon the replica finds its term. */
async function readableTerm(folder: string): Promise<number> {
  try {
    return (await verifyLogFolder(folder, namesBeside(folder).metaCopy)).highestTerm;
  } catch {
    return 0;
  }
}

async function numbersOf(parent: string, prefix: string): Promise<number[]> {
  const names = await readdir(parent);
  return names
    .filter((name) => name.startsWith(prefix) && /^[0-9]+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .toSorted((one, other) => one - other);
}
