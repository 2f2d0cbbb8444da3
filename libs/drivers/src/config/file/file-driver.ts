/**
 * The file driver: managed files below a root folder, written whole, watched for changes by hand,
 * given back.
 *
 * Never writes outside its root, never overwrites what it has not kept a copy of, never puts a
 * changed file back by itself: it reports, others decide. Called by the agent's executor.
 */
import { lstat, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { FileObservation, RenderedFile } from "@atoll/domain";
import { compareText } from "@atoll/stdx";
import { systemCode, toDriverError } from "../../errors.ts";
import { KeyedSerial } from "../../keyed-serial.ts";
import { type FileRecord, FileRecords } from "./file-record.ts";
import { FileWatch } from "./file-watch.ts";
import { inspectFile } from "./inspect-file.ts";
import { attributesOf, PreparedFile, readOriginal } from "./replace-managed.ts";
import { checkPath, RootedFolder } from "./rooted-folder.ts";

export type FileChange =
  | { readonly type: "observed"; readonly observation: FileObservation }
  | { readonly type: "forgotten"; readonly path: string };

export interface FileDriverOptions {
  /** Managed paths are below it. Must exist. */
  readonly rootFolder: string;
  /** For records and copies of what was there. */
  readonly dataFolder: string;
  /** Told of records that cannot be read. */
  readonly onDamagedRecord: (file: string, error: unknown) => void;
  /** Between full looks at all files; changes are mostly seen at once. Default 2,000. */
  readonly checkIntervalMs?: number;
}

interface Managed {
  record: FileRecord;
  observation: FileObservation;
  /** Of the file when it was last inspected; undefined: inspect again. */
  fingerprint: string | undefined;
}

const CHECK_INTERVAL_MS = 2_000;
/**
 * A file changed this shortly before it was inspected may change again within the same clock tick,
 * unseen.
 */
const SETTLED_MS = 50;

export class FileDriver implements AsyncDisposable {
  readonly #options: FileDriverOptions;
  readonly #records: FileRecords;
  readonly #files = new Map<string, Managed>();
  readonly #serial = new KeyedSerial();
  readonly #listeners = new Set<(change: FileChange) => void>();
  readonly #watch: FileWatch;
  readonly #timer: NodeJS.Timeout;
  #checking = false;
  #disposed = false;

  private constructor(options: FileDriverOptions, records: FileRecords) {
    this.#options = options;
    this.#records = records;
    this.#watch = new FileWatch(options.rootFolder, (paths) => void this.#checkAll(paths, true));
    const intervalMs = options.checkIntervalMs ?? CHECK_INTERVAL_MS;
    this.#timer = setInterval(() => void this.#checkByPeriod(), intervalMs);
  }

  /** Takes up what an earlier driver on the same folders managed, and inspects it. */
  static async open(options: FileDriverOptions): Promise<FileDriver> {
    const records = await FileRecords.open(options.dataFolder);
    const driver = new FileDriver(options, records);
    for (const record of await records.all(options.onDamagedRecord)) {
      await driver.#inspect(record);
    }
    driver.#watch.follow([...driver.#files.keys()]);
    return driver;
  }

  /** @throws DriverError when it cannot be written as specified; then it is as it was. */
  write(file: RenderedFile): Promise<FileObservation> {
    return this.#serial.run(file.path, async () => {
      try {
        await this.#write(file);
      } catch (error) {
        throw toDriverError(`writing ${file.path}`, error);
      }
      this.#watch.follow([...this.#files.keys()]);
      return (this.#files.get(file.path) as Managed).observation;
    });
  }

  /**
   * Puts back what was there, or removes the file when there was nothing. Does nothing for an
   * unmanaged path.
   */
  remove(path: string): Promise<void> {
    return this.#serial.run(path, async () => {
      checkPath(path);
      const managed = this.#files.get(path);
      if (managed === undefined) return;
      try {
        await this.#restore(managed.record);
        await this.#records.remove(path);
        await this.#removeFolders(managed.record.createdFolders);
      } catch (error) {
        throw toDriverError(`giving back ${path}`, error);
      }
      this.#files.delete(path);
      this.#watch.follow([...this.#files.keys()]);
      this.#tell({ type: "forgotten", path });
    });
  }

  /** Everything managed, sorted by path. */
  list(): readonly FileObservation[] {
    return [...this.#files.values()]
      .map((managed) => managed.observation)
      .toSorted((left, right) => compareText(left.path, right.path));
  }

  onChange(listener: (change: FileChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#timer);
    this.#watch[Symbol.dispose]();
    await this.#serial.idle();
    this.#listeners.clear();
  }

  async #write(file: RenderedFile): Promise<void> {
    const attributes = await attributesOf(file);
    const before = this.#files.get(file.path)?.record;
    await using folder = await RootedFolder.open(this.#options.rootFolder, file.path, true);
    if (folder === undefined) throw new Error("a folder that was made is missing");
    const { original, content } = await readOriginal(folder, file.path);
    await using prepared = await PreparedFile.write(folder, file.content, attributes);
    if (before === undefined && content !== undefined) {
      await this.#records.putOriginal(file.path, content);
    }
    const record: FileRecord = {
      file,
      original: before?.original ?? original,
      createdFolders: [...(before?.createdFolders ?? []), ...folder.created],
    };
    await this.#records.put(record);
    await prepared.commit();
    await this.#inspect(record);
  }

  async #restore(record: FileRecord): Promise<void> {
    const { path } = record.file;
    const { original } = record;
    const exists = original.type !== "none";
    await using folder = await RootedFolder.open(this.#options.rootFolder, path, exists);
    if (folder === undefined) return;
    // A folder or device in the file's place is somebody's work: refused.
    await readOriginal(folder, path);
    if (original.type === "none") {
      await rm(folder.entry(), { force: true });
      await folder.sync();
      return;
    }
    await using prepared =
      original.type === "link"
        ? await PreparedFile.link(folder, original.target)
        : await PreparedFile.write(folder, await this.#records.original(path), {
            mode: original.mode,
            owner: { uid: original.uid, gid: original.gid },
          });
    await prepared.commit();
  }

  /** Innermost first; one that holds anything stays. */
  async #removeFolders(folders: readonly string[]): Promise<void> {
    for (const folder of folders.toReversed()) {
      try {
        await rmdir(join(this.#options.rootFolder, folder));
      } catch {
        return;
      }
    }
  }

  async #checkByPeriod(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    await this.#checkAll([...this.#files.keys()], false);
    if (!this.#disposed) this.#watch.follow([...this.#files.keys()]);
    this.#checking = false;
  }

  /**
   * Looks at files whose fingerprint has changed.
   * @param quick reports only changes of the status: a file that is written all the time is
   *   reported by period, not by write.
   */
  async #checkAll(paths: readonly string[], quick: boolean): Promise<void> {
    for (const path of paths) {
      if (this.#disposed) return;
      await this.#serial.run(path, () => this.#check(path, quick));
    }
  }

  async #check(path: string, quick: boolean): Promise<void> {
    const managed = this.#files.get(path);
    if (managed === undefined) return;
    const { fingerprint } = await this.#fingerprint(path);
    if (fingerprint === managed.fingerprint) return;
    await this.#inspect(managed.record, quick);
  }

  async #inspect(record: FileRecord, quick = false): Promise<void> {
    const { path } = record.file;
    const { fingerprint, settled } = await this.#fingerprint(path);
    let observation: FileObservation;
    try {
      observation = await inspectFile(this.#options.rootFolder, record.file);
    } catch (error) {
      const reason = toDriverError("cannot be looked at", error).message;
      observation = { path, digest: record.file.digest, status: "drifted", diff: "", reason };
    }
    const before = this.#files.get(path);
    if (quick && before?.observation.status === observation.status) {
      before.fingerprint = undefined;
      return;
    }
    const kept = settled ? fingerprint : undefined;
    this.#files.set(path, { record, observation, fingerprint: kept });
    const same = before !== undefined && sameObservation(before.observation, observation);
    if (!same) this.#tell({ type: "observed", observation });
  }

  async #fingerprint(path: string): Promise<{ fingerprint: string; settled: boolean }> {
    try {
      const found = await lstat(join(this.#options.rootFolder, path), { bigint: true });
      const { ino, ctimeNs, size, mode, uid, gid } = found;
      const ageMs = Date.now() - Number(found.ctimeMs);
      const fingerprint = [ino, ctimeNs, size, mode, uid, gid].join(":");
      return { fingerprint, settled: ageMs > SETTLED_MS || ageMs < 0 };
    } catch (error) {
      return { fingerprint: `unreadable ${systemCode(error)}`, settled: true };
    }
  }

  #tell(change: FileChange): void {
    if (this.#disposed) return;
    for (const listener of this.#listeners) listener(change);
  }
}

function sameObservation(left: FileObservation, right: FileObservation): boolean {
  return (
    left.digest === right.digest &&
    left.status === right.status &&
    left.diff === right.diff &&
    left.reason === right.reason
  );
}
