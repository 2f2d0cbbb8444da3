/**
 * Opens the replica's log, and answers a damaged one.
 *
 * A log of which only entries are lost is repaired with those of the peers (docs/adr/0012). Any
 * other that is damaged, or is another replica's, is put aside and rebuilt from the peers; a blank
 * folder is nobody's word that the group is new, so its replica asks them as well (docs/adr/0010),
 * unless it is certain that it never had a vote. A disk that fails is no damage: that ends the
 * process. Called by the composition root.
 */
import {
  distrustLog,
  LevelLogStore,
  type LevelLogStoreOptions,
  type OpenedStore,
} from "@atoll/raft-level";
import { LogLostError } from "@atoll/raft-replica";
import type { Log } from "@atoll/service-kit";

/** Makes a damaged log whole; false when it must be rebuilt instead. */
export type Repair = (damage: Error) => Promise<boolean>;

/**
 * @throws what `LevelLogStore.open` throws, but for damage that a repaired or rebuilt log answers,
 * and what `repair` throws.
 */
export async function openStore(
  options: LevelLogStoreOptions,
  repair: Repair,
  log: Log,
): Promise<OpenedStore> {
  const opened = await openRepairOrRebuild(options, repair, log);
  const { tornSequence, recovered, reason } = opened;
  if (tornSequence !== undefined) log.warn("a torn record was dropped", { record: tornSequence });
  const { standing } = recovered;
  if (standing === "recovering" || standing === "blank") {
    log.warn("this replica does not count until it is whole", { standing, reason });
  }
  return opened;
}

/** What ended the replica; a log that shows less than was acknowledged is not opened again. */
export async function distrustLost(folder: string, error: Error): Promise<Error> {
  if (!(error instanceof LogLostError)) return error;
  try {
    await distrustLog(folder, error.message);
    return error;
  } catch (cause) {
    return new AggregateError([error, cause], `${error.message}; and this could not be noted`);
  }
}

async function openRepairOrRebuild(
  options: LevelLogStoreOptions,
  repair: Repair,
  log: Log,
): Promise<OpenedStore> {
  try {
    return await LevelLogStore.open(options);
  } catch (error) {
    const damage = error as Error;
    if (await repair(damage)) return LevelLogStore.open(options);
    const rebuilt = await LevelLogStore.rebuild(options, damage);
    const { record, putAside, term } = rebuilt;
    const detail = damage.message;
    log.error("the log is damaged and was put aside", { record, keptIn: putAside, term, detail });
    return rebuilt;
  }
}
