/**
 * What is remembered of each managed file: its specification, and what was there before the first
 * write.
 *
 * One JSON file per path, and beside it the former content where there was some. Durable before the
 * file itself is touched. Only the owner may read them.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RenderedFile } from "@atoll/domain";
import { replaceFile, syncFolder, TEMPORARY_PREFIX } from "../../durable-file.ts";

export type OriginalFile =
  | { readonly type: "none" }
  | { readonly type: "link"; readonly target: string }
  /** Its content lies beside the record. */
  | { readonly type: "file"; readonly mode: number; readonly uid: number; readonly gid: number };

export interface FileRecord {
  readonly file: RenderedFile;
  readonly original: OriginalFile;
  /** Folders made for it, outermost first. */
  readonly createdFolders: readonly string[];
}

export class FileRecords {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<FileRecords> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new FileRecords(folder);
  }

  /** @param onDamaged told of records that cannot be read; they are left out. */
  async all(onDamaged: (file: string, error: unknown) => void): Promise<readonly FileRecord[]> {
    const records: FileRecord[] = [];
    for (const name of (await readdir(this.#folder)).toSorted()) {
      const path = join(this.#folder, name);
      if (name.startsWith(TEMPORARY_PREFIX)) await rm(path, { force: true });
      if (name.startsWith(TEMPORARY_PREFIX) || !name.endsWith(".json")) continue;
      try {
        records.push(parseRecord(await readFile(path, "utf8")));
      } catch (error) {
        onDamaged(name, error);
      }
    }
    return records;
  }

  async put(record: FileRecord): Promise<void> {
    const path = `${this.#base(record.file.path)}.json`;
    await replaceFile(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  /** Keeps the content of what was there. Called before the record that names it. */
  async putOriginal(path: string, content: Uint8Array): Promise<void> {
    await replaceFile(`${this.#base(path)}.original`, content, { mode: 0o600 });
  }

  original(path: string): Promise<Uint8Array> {
    return readFile(`${this.#base(path)}.original`);
  }

  /** The record goes first: content without a record is only left over. */
  async remove(path: string): Promise<void> {
    await rm(`${this.#base(path)}.json`, { force: true });
    await syncFolder(this.#folder);
    await rm(`${this.#base(path)}.original`, { force: true });
  }

  #base(path: string): string {
    return join(this.#folder, createHash("sha256").update(path).digest("hex").slice(0, 40));
  }
}

function parseRecord(text: string): FileRecord {
  const record = JSON.parse(text) as FileRecord;
  const whole =
    typeof record.file?.path === "string" &&
    typeof record.file.content === "string" &&
    typeof record.file.mode === "string" &&
    typeof record.file.digest === "string" &&
    typeof record.original?.type === "string" &&
    Array.isArray(record.createdFolders);
  if (!whole) throw new SyntaxError("not a file record");
  return record;
}
