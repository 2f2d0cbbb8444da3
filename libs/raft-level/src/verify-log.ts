/**
 * Reads the folder of a log and says all that is wrong with it, without changing anything.
 *
 * Nothing is written beside it either, unless the caller says so: the disk may be read-only. Unlike
 * opening, it does not stop at the first damage. For operators' tools, and for what can be saved of
 * a damaged log. The folder must not be in use.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refuseDistrusted } from "./distrust.ts";
import { decodeMarker, type MarkerContent } from "./durable-marker.ts";
import { LogDamagedError } from "./errors.ts";
import { decodeIdentity, FORMAT_VERSION, identityDigest, type LogIdentity } from "./identity.ts";
import { IDENTITY_KEY, STATE_KEY } from "./keys.ts";
import { MARKER_FILE, refuseUsedBeginnings, segmentName, segmentNumbers } from "./log-folder.ts";
import { withMetaCopy } from "./meta-copy.ts";
import { SegmentFile } from "./segment-file.ts";
import { verifySnapshot } from "./snapshot-chunks.ts";
import { decodeState, type StoreState } from "./store-state.ts";
import { LogVerdicts, type LogFolderReport } from "./verify-verdicts.ts";

const SCAN_PAGE_RECORDS = 256;
const SCAN_PAGE_BYTES = 4 * 1024 * 1024;

/** What the folder's own database says of the log as a whole. */
interface Meta {
  readonly identity: LogIdentity | undefined;
  readonly state: StoreState | undefined;
}

/**
 * Verifies the log in `folder`. Damage is in the report, whatever it is. `scratch` is a folder that
 * is made for the copy and goes away; without it there is one in the system's temporary folder.
 * @throws the error of the file system, or StorageFailedError, when a disk fails.
 */
export async function verifyLogFolder(folder: string, scratch?: string): Promise<LogFolderReport> {
  if (scratch !== undefined) return verify(folder, scratch);
  const temporary = await mkdtemp(join(tmpdir(), "atoll-verify-"));
  try {
    return await verify(folder, join(temporary, "copy"));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function verify(folder: string, scratch: string): Promise<LogFolderReport> {
  const names = await readdir(folder);
  const verdicts = new LogVerdicts();
  const caught = (error: unknown): void => verdicts.caught(error);
  const meta = await readMeta(folder, scratch, verdicts);
  await refuseDistrusted(folder).catch(caught);
  await refuseUsedBeginnings(folder, names).catch(caught);
  const digest = meta.identity === undefined ? undefined : identityDigest(meta.identity);
  verdicts.begin(meta.identity, meta.state, await readMarker(folder, digest, verdicts));
  for (const number of segmentNumbers(names)) {
    await readSegment(join(folder, segmentName(number)), number, verdicts, digest);
  }
  return verdicts.report();
}

async function readMeta(folder: string, scratch: string, verdicts: LogVerdicts): Promise<Meta> {
  const read: { -readonly [Key in keyof Meta]: Meta[Key] } = {
    identity: undefined,
    state: undefined,
  };
  try {
    await withMetaCopy(folder, scratch, async (database) => {
      const identity = await database.get(IDENTITY_KEY);
      if (identity === undefined) verdicts.found("the identity", "it is missing");
      else read.identity = verdicts.tried(() => identityOf(identity));
      const state = await database.get(STATE_KEY);
      if (state === undefined) verdicts.found("the state", "it is missing");
      else read.state = verdicts.tried(() => decodeState(state));
      if (read.state !== undefined) await verifySnapshot(database, read.state.snapshot);
    });
  } catch (error) {
    if (!(error instanceof LogDamagedError)) throw error;
    verdicts.caught(error);
  }
  return read;
}

function identityOf(bytes: Uint8Array): LogIdentity {
  const { format, ...identity } = decodeIdentity(bytes);
  if (format === FORMAT_VERSION) return identity;
  throw new Error(`the log has format ${format}, this release ${FORMAT_VERSION}`);
}

async function readMarker(
  folder: string,
  digest: Uint8Array | undefined,
  verdicts: LogVerdicts,
): Promise<MarkerContent | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, MARKER_FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    verdicts.found("the marker", "it is missing");
    return undefined;
  }
  const content = digest === undefined ? undefined : decodeMarker(bytes, digest);
  if (content === undefined) verdicts.found("the marker", "neither of its slots is readable");
  return content;
}

async function readSegment(
  path: string,
  number: number,
  verdicts: LogVerdicts,
  digest: Uint8Array | undefined,
): Promise<void> {
  let segment: SegmentFile | undefined;
  try {
    segment = await SegmentFile.open(path, number, "r");
    for await (const page of segment.pages(0, SCAN_PAGE_RECORDS, SCAN_PAGE_BYTES)) {
      for (const [sequence, record] of page) verdicts.take(sequence, record, digest);
    }
  } catch (error) {
    verdicts.caught(error);
  } finally {
    await segment?.close();
  }
}
