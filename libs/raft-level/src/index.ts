export { openLevelDatabase } from "./database.ts";
export type { Database, DatabasePut, KeyRange, OpenDatabase } from "./database.ts";
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
