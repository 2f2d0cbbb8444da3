/**
 * Reads the keys of one YAML mapping, each once, and complains about those that nobody asked for.
 *
 * A wrong value yields undefined and a complaint, so that reading goes on and all mistakes are
 * found at once.
 */
import { showText } from "@atoll/domain";
import { nearest } from "@atoll/stdx";
import { isMap, isScalar, isSeq, type Pair, type Scalar, type YAMLMap } from "yaml";
import type { Complaints, YamlFile } from "./yaml-place.ts";

export interface YamlContext {
  readonly file: YamlFile;
  readonly complaints: Complaints;
}

export class YamlFields {
  readonly #context: YamlContext;
  readonly #map: YAMLMap;
  readonly #what: string;
  readonly #asked: string[] = [];

  /** @param what the mapping is, for complaints: `service`. */
  constructor(context: YamlContext, map: YAMLMap, what: string) {
    this.#context = context;
    this.#map = map;
    this.#what = what;
  }

  /** The fields of `value`, or undefined with a complaint when it is no mapping. */
  static of(context: YamlContext, value: unknown, what: string): YamlFields | undefined {
    if (isMap(value)) return new YamlFields(context, value, what);
    context.complaints.add(context.file, value, `${what} must be a mapping of keys to values`);
    return undefined;
  }

  get map(): YAMLMap {
    return this.#map;
  }

  complain(at: unknown, description: string): void {
    this.#context.complaints.add(this.#context.file, at, description);
  }

  requiredText(key: string): string {
    const pair = this.#pair(key);
    if (pair === undefined) {
      this.complain(this.#map, `${this.#what} needs ${key}`);
      return "";
    }
    return this.#textOf(key, pair) ?? "";
  }

  /** Text; a bare number or boolean counts as it is written. */
  text(key: string): string | undefined {
    const pair = this.#pair(key);
    return pair === undefined ? undefined : this.#textOf(key, pair);
  }

  /** A whole number; 0 when it is not given. */
  integer(key: string): number | undefined {
    const pair = this.#pair(key);
    if (pair === undefined) return undefined;
    const { value } = pair;
    if (isScalar(value) && Number.isSafeInteger(value.value)) {
      if (value.value !== 0) return value.value as number;
      this.complain(pair, `${key} must not be 0: leave it out for the default`);
      return undefined;
    }
    this.complain(pair, `${key} must be a whole number`);
    return undefined;
  }

  choice<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const pair = this.#pair(key);
    const text = pair === undefined ? undefined : this.#textOf(key, pair);
    if (text === undefined) return undefined;
    const chosen = allowed.find((candidate) => candidate === text);
    if (chosen === undefined) {
      this.complain(pair, `${key} is ${showText(text)}: allowed are ${allowed.join(", ")}`);
    }
    return chosen;
  }

  /** Texts; none when the key is not there. */
  texts(key: string): string[] {
    const pair = this.#pair(key);
    if (pair === undefined) return [];
    return this.textsOf(key, pair.value);
  }

  textsOf(key: string, value: unknown): string[] {
    if (!isSeq(value)) {
      this.complain(value, `${key} must be a list of texts`);
      return [];
    }
    return value.items.flatMap((item, at) => {
      const text = scalarText(item);
      if (text === undefined) this.complain(item, `${key}[${at}] must be text`);
      return text === undefined ? [] : [text];
    });
  }

  /** Items of a list; none when the key is not there. */
  items(key: string): readonly unknown[] {
    const pair = this.#pair(key);
    if (pair === undefined) return [];
    if (isSeq(pair.value)) return pair.value.items;
    this.complain(pair, `${key} must be a list`);
    return [];
  }

  /** Texts by key; none when the key is not there. */
  record(key: string): Record<string, string> {
    const pair = this.#pair(key);
    if (pair === undefined) return {};
    if (!isMap(pair.value)) {
      this.complain(pair, `${key} must be a mapping of names to texts`);
      return {};
    }
    const entries: [string, string][] = [];
    for (const item of pair.value.items) {
      const name = scalarText(item.key);
      const text = scalarText(item.value);
      if (name === undefined) this.complain(item, `a name in ${key} must be text`);
      else if (text === undefined) this.complain(item, `${key}.${name} must be text`);
      else entries.push([name, text]);
    }
    return Object.fromEntries(entries);
  }

  /** The fields of a mapping; undefined when the key is not there or is no mapping. */
  fields(key: string): YamlFields | undefined {
    const pair = this.#pair(key);
    if (pair === undefined) return undefined;
    if (isMap(pair.value)) return new YamlFields(this.#context, pair.value, key);
    this.complain(pair, `${key} must be a mapping of keys to values`);
    return undefined;
  }

  /** The value of a key, whatever it is. */
  value(key: string): unknown {
    return this.#pair(key)?.value;
  }

  /** Complains about every key that was not asked for. Call it last. */
  close(): void {
    for (const pair of this.#map.items) {
      const key = scalarText(pair.key);
      if (key !== undefined && this.#asked.includes(key)) continue;
      const near = key === undefined ? undefined : nearest(key, this.#asked);
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      const known = this.#asked.join(", ");
      this.complain(
        pair,
        `${this.#what} has no key ${showText(key ?? "")}${hint} Keys are ${known}`,
      );
    }
  }

  #pair(key: string): Pair | undefined {
    this.#asked.push(key);
    return this.#map.items.find((item) => isScalar(item.key) && item.key.value === key);
  }

  #textOf(key: string, pair: Pair): string | undefined {
    const text = scalarText(pair.value);
    if (text === undefined) this.complain(pair, `${key} must be text`);
    return text;
  }
}

/** Text as written: `0644` and `8080` keep their digits. undefined for what is no text. */
function scalarText(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  const { value, source } = node as Scalar & { source?: string };
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return source ?? String(value);
  return undefined;
}
