/**
 * What can go wrong with a stored log, each with a stable code.
 *
 * All of them are operational errors: thrown by `LevelLogStore.open` or handed to a callback, with
 * the cause kept. None is ever answered by trying the same write again: a page that failed to reach
 * the disk may look clean afterwards, and a second fsync would then succeed without having written
 * it.
 */

/**
 * A write or read of the disk failed (EIO, ENOSPC, a failed fsync). The store is dead from then on.
 */
export class StorageFailedError extends Error {
  override name = "StorageFailedError";
  readonly code = "STORAGE_FAILED";
  readonly retryable = false;
}

/**
 * What was once durable is missing or altered. The replica must not vote with such a log. `record`
 * names the damaged record: "state", "identity", "marker", "snapshot chunk 3", "record 17",
 * "segment 2".
 */
export class LogDamagedError extends Error {
  override name = "LogDamagedError";
  readonly code = "LOG_DAMAGED";
  readonly retryable = false;
  readonly record: string;

  constructor(record: string, detail: string, options?: ErrorOptions) {
    super(`the stored log is damaged at ${record}: ${detail}`, options);
    this.record = record;
  }
}

/**
 * The folder belongs to another group or replica (`what` is "identity"), or is of a format that
 * this release does not know ("format").
 */
export class ForeignLogError extends Error {
  override name = "ForeignLogError";
  readonly code = "FOREIGN_LOG";
  readonly retryable = false;
  readonly what: "identity" | "format";

  constructor(what: "identity" | "format", message: string) {
    super(message);
    this.what = what;
  }
}

/** Another process, or another store of this process, has the folder open. */
export class FolderLockedError extends Error {
  override name = "FolderLockedError";
  readonly code = "FOLDER_LOCKED";
  readonly retryable = true;
}

/** The entries or the snapshot asked for have been replaced by a newer snapshot. */
export class CompactedError extends Error {
  override name = "CompactedError";
  readonly code = "COMPACTED";
  readonly retryable = false;
}

/**
 * The bytes of a snapshot do not have the size or checksum its metadata says. Nothing was changed.
 */
export class SnapshotMismatchError extends Error {
  override name = "SnapshotMismatchError";
  readonly code = "SNAPSHOT_MISMATCH";
  readonly retryable = false;
}

const NO_ROOM: readonly unknown[] = ["ENOSPC", "EDQUOT", "EFBIG"];

/** What there is no room for can wait; anything else that a disk refuses is a disk that fails. */
export function meansNoRoom(error: unknown): boolean {
  return NO_ROOM.includes((error as NodeJS.ErrnoException | undefined)?.code);
}

/** Whether the store lives on after an error that one of its operations met. */
export function concernsOneCall(error: unknown): boolean {
  return error instanceof CompactedError || error instanceof SnapshotMismatchError;
}

/** The store was closed by its owner. */
export class StoreClosedError extends Error {
  override name = "StoreClosedError";
  readonly code = "STORE_CLOSED";
  readonly retryable = false;
}
