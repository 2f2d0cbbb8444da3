/**
 * Opens what the agent has on disk, in the only safe order.
 *
 * The database first, because its lock keeps a second agent out; then the identity, counted before
 * anything is stored under it; then what earlier starts have left. A database that LevelDB cannot
 * read is set aside: the node must come back without a human.
 */
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import {
  ActionJournal,
  AgentDatabase,
  type AgentStorage,
  Maintenance,
  Outbox,
  RecordedStore,
  type Store,
} from "@atoll/agent-core";
import { openLevelStore, StoreDamagedError } from "@atoll/agent-core/level-store";
import type { Clock } from "@atoll/stdx";
import type { Config } from "./config.ts";
import type { Events } from "./events.ts";
import { newIncarnation, nextIdentity } from "./storage/identity.ts";
import { RecordFile } from "./storage/record-file.ts";

/** @throws FolderLockedError when another agent uses the folder; whatever the disk says. */
export async function openStorage(
  { dataDir, recordFile }: Pick<Config, "dataDir" | "recordFile">,
  parts: {
    /** Of this start of the agent. */
    readonly instance: string;
    readonly events: Events;
    readonly clock: Clock;
    readonly stack: AsyncDisposableStack;
  },
): Promise<AgentStorage> {
  const { events, instance, stack } = parts;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const about = { dataDir, instance };
  const record = recordFile === undefined ? undefined : new RecordFile(recordFile, about);
  const { database, anew } = await openDatabase(dataDir, record, parts);
  stack.use(database);
  let identity = anew ? await newIncarnation(dataDir) : await nextIdentity(dataDir);
  const outbox = await Outbox.open({
    database,
    ...identity,
    instance,
    onDropped: (dropped) => events.factsDropped(dropped),
  });
  if (outbox.holes > 0) events.outboxDamaged(outbox.holes);
  const journal = await ActionJournal.open(database, outbox);
  const maintenance = await Maintenance.open(database);
  const drain = setInterval(() => outbox.drain(), DRAIN_MS);
  stack.defer(() => clearInterval(drain));
  return {
    database,
    outbox,
    journal,
    maintenance,
    identity: () => identity,
    async startOver(): Promise<void> {
      identity = await newIncarnation(dataDir, identity.boot + 1);
      const { boot, incarnation } = identity;
      await Promise.all([outbox.startOver(boot, incarnation), journal.startOver()]);
    },
  };
}

/** How often what waits for the disk is tried again. */
const DRAIN_MS = 1_000;

async function openDatabase(
  dataDir: string,
  record: RecordFile | undefined,
  { events, clock }: { readonly events: Events; readonly clock: Clock },
): Promise<{ readonly database: AgentDatabase; readonly anew: boolean }> {
  const folder = join(dataDir, "state");
  const open = (): Promise<AgentDatabase> =>
    AgentDatabase.open({
      open: () => openRecorded(folder, record),
      onFailure: (failure, error) => events.storageFailed(failure, error),
    });
  try {
    return { database: await open(), anew: false };
  } catch (error) {
    if (!(error instanceof StoreDamagedError)) throw error;
    const aside = `${folder}.damaged-${clock.realtimeMs()}`;
    await rename(folder, aside);
    events.databaseDamaged(aside, error);
    return { database: await open(), anew: true };
  }
}

async function openRecorded(folder: string, record: RecordFile | undefined): Promise<Store> {
  const store = await openLevelStore(folder);
  return record === undefined ? store : new RecordedStore(store, (line) => record.tell(line));
}
