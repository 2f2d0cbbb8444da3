/**
 * Keeps messages that could not be understood, for people to look at.
 *
 * One file each in a bounded folder: the oldest make room. Failing to keep one is logged and harms
 * nothing; the message has been counted already and the stream moves on.
 */
import type { Log } from "@atoll/service-kit";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const KEPT_MAX = 200;

export class Quarantine {
  readonly #folder: string;
  readonly #log: Log;
  #writing: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: { folder: string; log: Log }) {
    this.#folder = options.folder;
    this.#log = options.log;
  }

  keep(message: {
    readonly subject: string;
    readonly sequence: number;
    readonly payload: Uint8Array;
    readonly reason: string;
  }): void {
    this.#log.warn("message not understood", {
      subject: message.subject,
      sequence: message.sequence,
      bytes: message.payload.length,
      reason: message.reason,
    });
    if (this.#waiting >= KEPT_MAX) return;
    this.#waiting += 1;
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#write(message);
      } catch (error) {
        this.#log.warn("message not kept", { sequence: message.sequence, error });
      }
      this.#waiting -= 1;
    });
  }

  /** Resolves when everything handed over so far is on disk or given up. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(message: {
    readonly subject: string;
    readonly sequence: number;
    readonly payload: Uint8Array;
    readonly reason: string;
  }): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const name = `${String(message.sequence).padStart(16, "0")}.json`;
    const content = {
      subject: message.subject,
      sequence: message.sequence,
      reason: message.reason,
      payloadBase64: Buffer.from(message.payload).toString("base64"),
    };
    await writeFile(join(this.#folder, name), `${JSON.stringify(content, null, 2)}\n`);
    const names = (await readdir(this.#folder)).toSorted();
    for (const old of names.slice(0, Math.max(0, names.length - KEPT_MAX))) {
      await rm(join(this.#folder, old), { force: true });
    }
  }
}
