/**
 * What a crash may leave of one change of the disk: a beginning of the bytes that it writes.
 *
 * For tests. Applying the whole change after one of these gives what it gives alone.
 */
import type { DiskChange } from "./recorded-disk.ts";

type LevelChange = Extract<DiskChange, { readonly type: "level" }>;

/** `before` is the change of the same LevelDB that came last. */
export function tornChanges(
  change: DiskChange | undefined,
  before: DiskChange | undefined,
): readonly DiskChange[] {
  if (change?.type === "write") {
    if (change.bytes.every((byte) => byte === 0)) return [];
    return lengthsWithin(change.bytes.length).map((length) => ({
      ...change,
      bytes: change.bytes.subarray(0, length),
    }));
  }
  return change?.type === "level" && before?.type === "level" ? tornLevel(change, before) : [];
}

/** LevelDB appends to one file at a time; whatever else it does is not torn here. */
function tornLevel(change: LevelChange, before: LevelChange): readonly DiskChange[] {
  const differing = [...change.files].filter(
    ([name, bytes]) => before.files.get(name)?.equals(bytes) !== true,
  );
  const [name, bytes] = differing[0] ?? [];
  if (name === undefined || bytes === undefined || differing.length > 1) return [];
  const start = before.files.get(name)?.length ?? 0;
  if (change.path !== before.path || change.files.size !== before.files.size) return [];
  return lengthsWithin(bytes.length - start).map((length) => ({
    ...change,
    files: new Map(change.files).set(name, bytes.subarray(0, start + length)),
  }));
}

function lengthsWithin(length: number): readonly number[] {
  return [...new Set([length >> 1, length - 1])].filter((each) => each > 0);
}
