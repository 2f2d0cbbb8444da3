/**
 * What is remembered of each service on disk, so that an agent that starts again finds what runs.
 *
 * One JSON file per service, replaced whole and synced. Written before a program runs and again
 * when its process is known; the order is each backend's to keep. Holds environments, so only the
 * owner may read it.
 */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RenderedService, ServiceKey } from "@atoll/domain";
import { replaceFile, syncFolder, TEMPORARY_PREFIX } from "../durable-file.ts";

export interface ServiceRecord {
  readonly key: ServiceKey;
  readonly service: RenderedService;
  /** Made anew for each start; the process carries it in its environment. */
  readonly instance: string;
  /** The kernel's boot id; process ids of another boot mean nothing. */
  readonly bootId: string;
  /** 0 until the process is known. */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: tells a process from a later one with the same id. */
  readonly startTicks: number;
}

/** Where records are kept. Both writes are durable when they resolve. */
export interface ServiceRecords {
  all(): Promise<readonly ServiceRecord[]>;
  put(record: ServiceRecord): Promise<void>;
  remove(key: ServiceKey): Promise<void>;
}

export class FileServiceRecords implements ServiceRecords {
  readonly #folder: string;
  readonly #onDamaged: (file: string, error: unknown) => void;

  private constructor(folder: string, onDamaged: (file: string, error: unknown) => void) {
    this.#folder = folder;
    this.#onDamaged = onDamaged;
  }

  /** @param onDamaged told of records that cannot be read; they are left out. */
  static async open(
    folder: string,
    onDamaged: (file: string, error: unknown) => void,
  ): Promise<FileServiceRecords> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new FileServiceRecords(folder, onDamaged);
  }

  async all(): Promise<readonly ServiceRecord[]> {
    const records: ServiceRecord[] = [];
    for (const name of (await readdir(this.#folder)).toSorted()) {
      const path = join(this.#folder, name);
      if (name.startsWith(TEMPORARY_PREFIX)) await rm(path, { force: true });
      if (name.startsWith(TEMPORARY_PREFIX) || !name.endsWith(".json")) continue;
      try {
        records.push(parseRecord(await readFile(path, "utf8")));
      } catch (error) {
        this.#onDamaged(name, error);
      }
    }
    return records;
  }

  async put(record: ServiceRecord): Promise<void> {
    await replaceFile(this.#path(record.key), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  async remove(key: ServiceKey): Promise<void> {
    await rm(this.#path(key), { force: true });
    await syncFolder(this.#folder);
  }

  #path(key: ServiceKey): string {
    return join(this.#folder, `${fileNameOf(key)}.json`);
  }
}

/** `role/service` as a file name. Names hold no dots, so no two keys meet. */
export function fileNameOf(key: ServiceKey): string {
  return key.replace("/", ".");
}

function parseRecord(text: string): ServiceRecord {
  const record = JSON.parse(text) as ServiceRecord;
  const whole =
    typeof record.key === "string" &&
    typeof record.instance === "string" &&
    typeof record.bootId === "string" &&
    Number.isSafeInteger(record.pid) &&
    Number.isSafeInteger(record.startTicks) &&
    typeof record.service?.digest === "string" &&
    Number.isSafeInteger(record.service.stopTimeoutMs);
  if (!whole) throw new SyntaxError("not a service record");
  return record;
}
