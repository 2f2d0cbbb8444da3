/**
 * Reads the folder of a log and says all that is wrong with it, without changing anything.
 *
 * LevelDB cannot be opened without writing, so its folder is copied to a temporary one first and
 * read there. Unlike opening, it does not stop at the first damage. For operators' tools, and for
 * what can be saved of a damaged log. The folder must not be in use.
 */
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refuseDistrusted } from "./distrust.ts";
import { decodeMarker, type MarkerContent } from "./durable-marker.ts";
import { decodeIdentity, FORMAT_VERSION, identityDigest, type LogIdentity } from "./identity.ts";
import { IDENTITY_KEY, STATE_KEY } from "./keys.ts";
import { LevelDatabase } from "./level-database.ts";
import {
  MARKER_FILE,
  META_FOLDER,
  refuseUsedBeginnings,
  segmentName,
  segmentNumbers,
} from "./log-folder.ts";
import { SegmentFile } from "./segment-file.ts";
import { verifySnapshot } from "./snapshot-chunks.ts";
import { decodeState, type StoreState } from "./store-state.ts";
import { LogVerdicts, type LogFolderReport } from "./verify-verdicts.ts";

const SCAN_PAGE_RECORDS = 256;
const SCAN_PAGE_BYTES = 4 * 1024 * 1024;
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

/** What the folder's own database says of the log as a whole. */
interface Meta {
  readonly identity: LogIdentity | undefined;
  readonly state: StoreState | undefined;
}

/**
 * Verifies the log in `folder`. Damage is in the report, whatever it is.
 * @throws the error of the file system when the folder or the temporary one cannot be used.
 */
export async function verifyLogFolder(folder: string): Promise<LogFolderReport> {
  const names = await readdir(folder);
  const scratch = await mkdtemp(join(tmpdir(), "atoll-verify-"));
  const verdicts = new LogVerdicts();
  try {
    const meta = names.includes(META_FOLDER)
      ? await readMeta(folder, scratch, verdicts)
      : { identity: undefined, state: undefined };
    await refuseDistrusted(folder).catch((error: unknown) => verdicts.caught(error));
    const used = refuseUsedBeginnings(folder, names);
    await used.catch((error: unknown) => verdicts.caught(error));
    if (!names.includes(META_FOLDER))
      verdicts.found("the database", `its folder ${META_FOLDER} is missing`);
    const digest = meta.identity === undefined ? undefined : identityDigest(meta.identity);
    verdicts.begin(meta.identity, meta.state, await readMarker(folder, digest, verdicts));
    for (const number of segmentNumbers(names)) {
      await readSegment(join(folder, segmentName(number)), number, verdicts, digest);
    }
    return verdicts.report();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function readMeta(folder: string, scratch: string, verdicts: LogVerdicts): Promise<Meta> {
  const read: { -readonly [Key in keyof Meta]: Meta[Key] } = {
    identity: undefined,
    state: undefined,
  };
  await withCopy(join(folder, META_FOLDER), scratch, verdicts, async (database) => {
    const identity = await database.get(IDENTITY_KEY);
    if (identity === undefined) verdicts.found("the identity", "it is missing");
    else read.identity = verdicts.tried(() => identityOf(identity));
    const state = await database.get(STATE_KEY);
    if (state === undefined) verdicts.found("the state", "it is missing");
    else read.state = verdicts.tried(() => decodeState(state));
    if (read.state === undefined) return;
    try {
      await verifySnapshot(database, read.state.snapshot);
    } catch (error) {
      verdicts.caught(error);
    }
  });
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

/** Opens a copy of a LevelDB; that it cannot be read is a finding. */
async function withCopy(
  path: string,
  scratch: string,
  verdicts: LogVerdicts,
  read: (database: LevelDatabase) => Promise<void>,
): Promise<void> {
  const copy = join(scratch, "copy");
  await cp(path, copy, { recursive: true });
  try {
    const database = await openCopy(copy, path, verdicts);
    if (database === undefined) return;
    try {
      await read(database);
    } catch (error) {
      verdicts.caught(error);
    } finally {
      await database.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function openCopy(
  copy: string,
  path: string,
  verdicts: LogVerdicts,
): Promise<LevelDatabase | undefined> {
  try {
    const writeBufferBytes = WRITE_BUFFER_BYTES;
    return await LevelDatabase.open(copy, { createIfMissing: false, writeBufferBytes });
  } catch (error) {
    const detail = error instanceof Error ? error.message.replaceAll(copy, path) : String(error);
    verdicts.found("the database", detail);
    return undefined;
  }
}
