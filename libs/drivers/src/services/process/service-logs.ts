/**
 * Where the output of services goes: one file each, with a bound.
 *
 * A service writes to its file itself, so that its output survives the agent. Past the bound the
 * content moves to `NAME.log.1` and the file is emptied under the writer, which appends; lines
 * written in that very moment can be lost. While no agent runs nothing is bounded.
 */
import { closeSync, openSync } from "node:fs";
import { copyFile, mkdir, readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceKey } from "@atoll/domain";
import { fileNameOf } from "../service-record.ts";

export const LOG_BYTES_MAX = 8_388_608;
const CHECK_MS = 5_000;

export class ServiceLogs implements Disposable {
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #timer: NodeJS.Timeout;

  private constructor(folder: string, bytesMax: number) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
    this.#timer = setInterval(() => void this.rotate(), CHECK_MS).unref();
  }

  static async open(folder: string, bytesMax: number = LOG_BYTES_MAX): Promise<ServiceLogs> {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    return new ServiceLogs(folder, bytesMax);
  }

  path(key: ServiceKey): string {
    return join(this.#folder, `${fileNameOf(key)}.log`);
  }

  /** Calls `use` with a descriptor that appends; closed afterwards. */
  withDescriptor<T>(key: ServiceKey, use: (descriptor: number) => T): T {
    const descriptor = openSync(this.path(key), "a", 0o640);
    try {
      return use(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Moves aside what is past the bound. Called by period; failures are left for the next time. */
  async rotate(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".log"))) {
      const path = join(this.#folder, name);
      try {
        if ((await stat(path)).size <= this.#bytesMax) continue;
        await copyFile(path, `${path}.1`);
        await truncate(path, 0);
      } catch {
        continue;
      }
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
