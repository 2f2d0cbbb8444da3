export type { Database, DatabasePut, KeyPage, KeyRange, OpenDatabase } from "./database.ts";
export {
  CompactedError,
  FolderLockedError,
  ForeignLogError,
  LogDamagedError,
  SnapshotMismatchError,
  StorageFailedError,
  StoreClosedError,
} from "./errors.ts";
export { distrustLog } from "./distrust.ts";
export { finishRepair } from "./finish-repair.ts";
export type { LogIdentity } from "./identity.ts";
export type { LevelLogStatistics, LevelLogStoreOptions } from "./level-log-options.ts";
export { isLogFolder } from "./log-folder.ts";
export { LevelLogStore } from "./level-log-store.ts";
export type { OpenedStore, RebuiltStore } from "./level-log-store.ts";
export { repairLog } from "./repair-log.ts";
export type { Repaired } from "./repair-log.ts";
export { salvageLog } from "./salvage-log.ts";
export type { Salvage } from "./salvage-log.ts";
export { SalvagedLog } from "./salvaged-log.ts";
export type { EntriesUpTo, WantedEntries } from "./salvaged-log.ts";
export type { UnknownSpan } from "./salvaged-index.ts";
export { SegmentedDatabase } from "./segmented-database.ts";
export type { SegmentedDatabaseOptions } from "./segmented-database.ts";
export { verifyLogFolder } from "./verify-log.ts";
export type { LogFolderReport } from "./verify-verdicts.ts";
