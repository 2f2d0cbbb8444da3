/**
 * What agents recorded, read back: one file per node, all its lives in the order they were lived.
 *
 * The last line of a killed agent may be cut; any other that cannot be read is a fault of the
 * record, and so of the run.
 */
import { existsSync, readFileSync } from "node:fs";
import type { Fact } from "@atoll/domain";

export type RecordLine = { readonly incarnation: string; readonly instance?: string } & (
  | {
      readonly type: "offered";
      readonly boot: number;
      readonly sequence: number;
      readonly fact: Fact;
    }
  | { readonly type: "stored"; readonly boot: number; readonly sequence: number }
  | {
      readonly type: "taken";
      readonly action: string;
      readonly target: string;
      readonly generation: number;
      readonly term: number;
      readonly order: string;
    }
  | { readonly type: "finished"; readonly action: string; readonly outcome: string }
  | { readonly type: "full" }
  /** Written by the run itself: everything before is gone with the disk. */
  | { readonly type: "wiped" }
);

/** @throws when a line within the file is no record, or the record was not kept to its end. */
export function readRecord(path: string): RecordLine[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const lines = whole.split("\n").filter((line) => line !== "");
  const read = lines.map((line) => JSON.parse(line) as RecordLine);
  if (read.some(({ type }) => type === "full")) throw new Error(`${path} is not the whole record`);
  return read;
}
