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
export type { LogIdentity } from "./identity.ts";
export { LevelLogStore } from "./level-log-store.ts";
export type { LevelLogStatistics, LevelLogStoreOptions, OpenedStore } from "./level-log-store.ts";
export { SegmentedDatabase } from "./segmented-database.ts";
export type { SegmentedDatabaseOptions } from "./segmented-database.ts";
