/**
 * The file that says what this agent took in and what it took on, where one is asked for.
 *
 * A line of JSON each, handed to the kernel before the agent goes on, so that a killed agent leaves
 * none out. It ends at a bound, with a line that says so. Nothing reads it here; chaos runs compare
 * it with the log.
 */
import { fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { RecordedLine } from "@atoll/agent-core";
import { IDENTITY_FILE } from "./identity.ts";

const RECORD_BYTES_MAX = 256 * 1024 * 1024;

/** What a line says beside what happened: in whose life, and at which start of the agent. */
export type RecordedInFile = (RecordedLine | { readonly type: "full" }) & {
  readonly incarnation: string;
  readonly instance: string;
};

export class RecordFile {
  readonly #descriptor: number;
  readonly #dataDir: string;
  readonly #instance: string;
  #bytes: number;

  /** Goes on with the file at `path`, or begins it. */
  constructor(path: string, about: { readonly dataDir: string; readonly instance: string }) {
    this.#descriptor = openSync(path, "a", 0o600);
    this.#bytes = fstatSync(this.#descriptor).size;
    this.#dataDir = about.dataDir;
    this.#instance = about.instance;
  }

  tell(line: RecordedLine): void {
    if (this.#bytes > RECORD_BYTES_MAX) return;
    this.#write(line);
    if (this.#bytes > RECORD_BYTES_MAX) this.#write({ type: "full" });
  }

  #write(line: RecordedLine | { readonly type: "full" }): void {
    // Of the disk, as a new life has it there before it stores anything.
    const text = readFileSync(join(this.#dataDir, IDENTITY_FILE), "utf8");
    const { incarnation } = JSON.parse(text) as { readonly incarnation: string };
    const recorded: RecordedInFile = { ...line, incarnation, instance: this.#instance };
    this.#bytes += writeSync(this.#descriptor, `${JSON.stringify(recorded)}\n`);
  }
}
