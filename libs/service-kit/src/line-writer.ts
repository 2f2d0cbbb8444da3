/**
 * Writes lines to a descriptor, in order, and never waits for its reader.
 *
 * What the descriptor takes is written at once, so that nothing is under way when the process ends.
 * Lines that the reader does not take wait in memory up to a bound; past it new ones are dropped
 * and counted, and once there is room again it is told how many are missing. What the descriptor
 * refuses for another reason than being full is dropped too. It keeps no process alive. Used by
 * the log alone.
 */
import { writeSync } from "node:fs";
import { writeNow } from "./stderr.ts";

export interface LineWriterOptions {
  /** Not blocking, or never full. */
  readonly fd: number;
  /** What may wait, in bytes. */
  readonly waitingBytesMax: number;
  /** Called for each line that is dropped. */
  readonly dropped: () => void;
  /** So many lines were dropped since it was last told. May write. */
  readonly missing: (lines: number) => void;
}

const RETRY_MS = 20;
const LAST_WRITE_MS_MAX = 500;
const NEWLINE = 0x0a;

export class LineWriter {
  readonly #options: LineWriterOptions;
  #lines: string[] = [];
  /** What the descriptor has not taken yet, before the lines that wait. */
  #rest: Buffer = Buffer.alloc(0);
  #bytes = 0;
  #missing = 0;

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#bytes + bytes > this.#options.waitingBytesMax) {
      this.#drop(1);
      return;
    }
    this.#bytes += bytes;
    this.#lines.push(line);
    this.#next();
  }

  /** Writes what waits before it returns, for the end of the process; bounded in time. */
  end(): void {
    const all = Buffer.concat([this.#rest, Buffer.from(this.#lines.join(""))]);
    this.#lines = [];
    this.#rest = Buffer.alloc(0);
    writeNow(this.#options.fd, all, LAST_WRITE_MS_MAX);
  }

  #next(): void {
    if (this.#rest.length > 0 || this.#lines.length === 0) return;
    this.#rest = Buffer.from(this.#lines.join(""));
    this.#lines = [];
    this.#send();
  }

  #send(): void {
    while (this.#rest.length > 0) {
      try {
        this.#taken(writeSync(this.#options.fd, this.#rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") {
          setTimeout(() => this.#send(), RETRY_MS).unref();
          return;
        }
        this.#drop(countLines(this.#rest));
        this.#taken(this.#rest.length);
        this.#next();
        return;
      }
    }
    this.#tellMissing();
    this.#next();
  }

  #taken(bytes: number): void {
    this.#bytes -= bytes;
    this.#rest = this.#rest.subarray(bytes);
  }

  #drop(lines: number): void {
    this.#missing += lines;
    for (let line = 0; line < lines; line += 1) this.#options.dropped();
  }

  #tellMissing(): void {
    // With half of the room free, the next lines are not dropped at once.
    if (this.#missing === 0 || this.#bytes > this.#options.waitingBytesMax / 2) return;
    const lines = this.#missing;
    this.#missing = 0;
    this.#options.missing(lines);
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === NEWLINE) lines += 1;
  return lines;
}
