/**
 * Readings from the machine's files: a value, or why there is none.
 *
 * The one place that knows which texts of firmware mean "nobody filled this in", and how a missing
 * file or right is said.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { known, type Reading, unknown } from "@atoll/domain";
import { systemCode } from "../errors.ts";

/** What vendors leave in fields that they did not fill in. */
const PLACEHOLDERS: readonly RegExp[] = [
  /^to be filled (in )?by o\.?e\.?m\.?$/i,
  /^(default string|oem|o\.e\.m\.)$/i,
  /^not (specified|applicable|available|provided|settable|present)$/i,
  /^(n\/?a|none|null|unknown|unspecified|undefined|invalid|empty)$/i,
  /^system (manufacturer|product name|serial number|version)$/i,
  /^base board (manufacturer|product name|serial number)$/i,
  /^(chassis|sku|asset)[ -]?(serial )?(number|tag)?$/i,
  /^type2 - board .*$/i,
  /^no (dimm|module|asset).*$/i,
  /^(0+|x+|f+|\.+|-+|0?123456789(0|a.*)?)$/i,
];

/** Text as firmware or the kernel gives it: trimmed, and unknown when it says nothing. */
export function textReading(text: string, where: string): Reading<string> {
  const value = text.replaceAll("\0", "").replaceAll(/\s+/g, " ").trim();
  if (value === "") return unknown(`${where} is empty`);
  if (PLACEHOLDERS.some((pattern) => pattern.test(value)))
    return unknown(`${where} holds the placeholder "${value}"`);
  return known(value);
}

/** The first known of several ways to read; with none, the first reason. */
export function firstKnown<T>(...ways: readonly (() => Reading<T>)[]): Reading<T> {
  let reason: Reading<T> | undefined;
  for (const way of ways) {
    const reading = way();
    if (reading.type === "known") return reading;
    reason ??= reading;
  }
  return reason ?? unknown("there is no way to read it");
}

export function mapKnown<T, U>(reading: Reading<T>, map: (value: T) => U): Reading<U> {
  return reading.type === "known" ? known(map(reading.value)) : reading;
}

/** Files below a root: the machine's own `/`, or a recorded tree. Paths are absolute. */
export class Tree {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The whole file, untrimmed. */
  raw(path: string): Reading<Uint8Array> {
    try {
      return known(readFileSync(join(this.#root, path)));
    } catch (error) {
      return unknown(whyNot(path, error));
    }
  }

  /** A file of one text. */
  text(path: string): Reading<string> {
    const raw = this.raw(path);
    if (raw.type === "unknown") return raw;
    return textReading(new TextDecoder().decode(raw.value), path);
  }

  /** A file of one whole number. */
  integer(path: string): Reading<number> {
    const raw = this.raw(path);
    if (raw.type === "unknown") return raw;
    const text = new TextDecoder().decode(raw.value).trim();
    const value = Number(text);
    if (text === "" || !Number.isSafeInteger(value)) return unknown(`${path} holds no number`);
    return known(value);
  }

  /** Names in a folder, sorted. */
  names(path: string): Reading<readonly string[]> {
    try {
      return known(readdirSync(join(this.#root, path)).toSorted());
    } catch (error) {
      return unknown(whyNot(path, error));
    }
  }

  has(path: string): boolean {
    return this.names(path).type === "known" || this.raw(path).type === "known";
  }

  /** The target of a link, as it is written. */
  link(path: string): Reading<string> {
    try {
      return known(readlinkSync(join(this.#root, path)));
    } catch (error) {
      return unknown(whyNot(path, error));
    }
  }

  /** The last part of a link's target: how sysfs names drivers. */
  linkName(path: string): Reading<string> {
    return mapKnown(this.link(path), (target) => basename(target));
  }
}

function whyNot(path: string, error: unknown): string {
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") return `${path} does not exist`;
  if (code === "EACCES" || code === "EPERM") return `reading ${path} needs more rights`;
  return `${path} cannot be read: ${code === "" ? "unknown cause" : code}`;
}
