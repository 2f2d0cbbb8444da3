/**
 * Reads the firmware's own table of the hardware: SMBIOS structures, as DMTF DSP0134 lays them out.
 *
 * Takes bytes that may be cut short or wrong: a structure that does not fit ends the walk, and what
 * was not there is missing from the result. No I/O.
 */

/** One structure: its formatted part, header included, and its strings, numbered from 1. */
export interface SmbiosStructure {
  readonly type: number;
  readonly data: Uint8Array;
  readonly strings: readonly string[];
}

export const SmbiosType = {
  bios: 0,
  system: 1,
  board: 2,
  memoryDevice: 17,
  ipmi: 38,
  end: 127,
} as const;

const HEADER_BYTES = 4;

export function parseSmbios(table: Uint8Array): readonly SmbiosStructure[] {
  const structures: SmbiosStructure[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= table.length) {
    const type = table[at] as number;
    const length = table[at + 1] as number;
    if (length < HEADER_BYTES || at + length > table.length) break;
    const { strings, end } = readStrings(table, at + length);
    structures.push({ type, data: table.subarray(at, at + length), strings });
    if (type === SmbiosType.end) break;
    at = end;
  }
  return structures;
}

/** §6.1.3: strings end with a zero each, the set with one more; no strings are two zeros. */
function readStrings(table: Uint8Array, start: number): { strings: string[]; end: number } {
  const strings: string[] = [];
  let at = start;
  if (table[at] === 0 && table[at + 1] === 0) return { strings, end: at + 2 };
  while (at < table.length && table[at] !== 0) {
    const end = table.indexOf(0, at);
    if (end === -1) return { strings, end: table.length };
    strings.push(Buffer.from(table.subarray(at, end)).toString("latin1"));
    at = end + 1;
  }
  return { strings, end: at + 1 };
}

/** The string that the byte at `offset` names; undefined when there is none. */
export function stringAt(structure: SmbiosStructure, offset: number): string | undefined {
  const number = structure.data[offset];
  if (number === undefined || number === 0) return undefined;
  return structure.strings[number - 1];
}

/** A little-endian integer of 1, 2 or 4 bytes; undefined when the structure is too short for it. */
export function integerAt(
  structure: SmbiosStructure,
  offset: number,
  bytes: 1 | 2 | 4,
): number | undefined {
  if (offset + bytes > structure.data.length) return undefined;
  let value = 0;
  for (let index = bytes - 1; index >= 0; index -= 1) {
    value = value * 256 + (structure.data[offset + index] as number);
  }
  return value;
}
