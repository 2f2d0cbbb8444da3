/**
 * Makes a scenario of what a file and the options say; options win.
 *
 * Finds all that is wrong at once. Nothing is repaired in silence.
 */
import { checkLabels, checkName } from "@atoll/domain";
import { ConfigError } from "@atoll/service-kit/process";
import { nearest } from "@atoll/stdx";
import { parse, YAMLParseError } from "yaml";
import { formatDuration, parseCount, parseDuration } from "./quantity.ts";
import {
  type Field,
  FIELD_NAMES,
  FIELDS,
  keyOf,
  LIST_MAX,
  type RackOutage,
  type ReconnectStorm,
  type Scenario,
} from "./scenario.ts";

/** Values by key, as YAML or the command line gives them. */
export type RawScenario = Readonly<Record<string, unknown>>;

const DAY_MS = 86_400_000;
const NODE_NAME_MAX = 63;

/** @throws ConfigError when it is no mapping. */
export function readScenarioText(text: string, fileName: string): RawScenario {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new ConfigError([`${fileName}: ${error.message.split("\n")[0] ?? ""}`]);
  }
  if (value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as RawScenario;
  throw new ConfigError([`${fileName}: a scenario is a mapping of keys to values`]);
}

/** @throws ConfigError naming everything that is wrong. */
export function parseScenario(raw: RawScenario): Scenario {
  const problems: string[] = [];
  const keys = FIELD_NAMES.map(keyOf);
  for (const key of Object.keys(raw)) {
    if (keys.includes(key)) continue;
    const near = nearest(key, keys);
    problems.push(`${key}: there is no such key${near === undefined ? "" : `; ${near}?`}`);
  }
  const values = Object.fromEntries(
    FIELD_NAMES.map((name) => {
      const key = keyOf(name);
      return [name, readField(key, FIELDS[name], raw[key], problems)];
    }),
  );
  const scenario = values as unknown as Scenario;
  if (problems.length === 0) checkRelations(scenario, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return scenario;
}

function readField(name: string, field: Field, value: unknown, problems: string[]): unknown {
  switch (field.type) {
    case "count":
    case "duration": {
      if (value === undefined) return field.default;
      const read = field.type === "count" ? parseCount : parseDuration;
      const found = read(textOf(value), field.bounds);
      if (found !== undefined) return found;
      const { min, max } = field.bounds;
      const show = field.type === "count" ? String : formatDuration;
      problems.push(`${name}: ${showValue(value)} is not from ${show(min)} to ${show(max)}`);
      return field.default;
    }
    case "name":
      return value === undefined ? field.default : textOf(value);
    case "labels":
      return readLabels(name, value, problems);
    case "rackOutages":
      return readList(name, value, readRackOutage, problems);
    case "reconnects":
      return readList(name, value, readReconnect, problems);
  }
}

function readLabels(name: string, value: unknown, problems: string[]): Record<string, string> {
  if (value === undefined) return {};
  const pairs: [string, string][] =
    typeof value === "string"
      ? value.split(",").map((pair) => {
          const [key = "", ...rest] = pair.split("=");
          return [key.trim(), rest.join("=").trim()];
        })
      : Object.entries(value ?? {}).map(([key, text]) => [key, textOf(text)]);
  const labels = Object.fromEntries(pairs);
  checkLabels(labels, (_path, reason) => problems.push(`${name}: ${reason}`));
  return labels;
}

function readList<T>(
  name: string,
  value: unknown,
  read: (text: string) => T | string,
  problems: string[],
): readonly T[] {
  if (value === undefined) return [];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (items.length > LIST_MAX) problems.push(`${name}: at most ${LIST_MAX}`);
  return items.slice(0, LIST_MAX).flatMap((item) => {
    const found = read(textOf(item));
    if (typeof found !== "string") return [found];
    problems.push(`${name}: ${showValue(item)} ${found}`);
    return [];
  });
}

/** `2 at 20s for 10s` */
function readRackOutage(text: string): RackOutage | string {
  const [, racks = "", at = "", lasts = ""] = /^(\d+) at (\S+) for (\S+)$/.exec(text) ?? [];
  const found = {
    racks: Number(racks),
    atMs: parseDuration(at, { min: 0, max: DAY_MS }) ?? -1,
    lastsMs: parseDuration(lasts, { min: 1, max: DAY_MS }) ?? -1,
  };
  const right = found.racks >= 1 && found.atMs >= 0 && found.lastsMs >= 1;
  return right ? found : "is not like `2 at 20s for 10s`";
}

/** `100% at 30s` */
function readReconnect(text: string): ReconnectStorm | string {
  const [, percent = "", at = ""] = /^(\d{1,3})% at (\S+)$/.exec(text) ?? [];
  const found = {
    percent: Number(percent),
    atMs: parseDuration(at, { min: 0, max: DAY_MS }) ?? -1,
  };
  const right = found.percent >= 1 && found.percent <= 100 && found.atMs >= 0;
  return right ? found : "is not like `100% at 30s`";
}

function checkRelations(scenario: Scenario, problems: string[]): void {
  const { agents, racks, prefix, actionMsMin, actionMsMax, durationMs } = scenario;
  const longest = `${prefix}-${agents - 1}`;
  const badName = checkName("prefix", longest.slice(0, NODE_NAME_MAX));
  if (badName !== undefined || longest.length > NODE_NAME_MAX) {
    problems.push(badName ?? `prefix: ${longest} is longer than ${NODE_NAME_MAX}`);
  }
  if (actionMsMin > actionMsMax) problems.push("actionMin: is more than actionMax");
  for (const { racks: out, atMs, lastsMs } of scenario.rackOutages) {
    if (out > racks) problems.push(`rackOutages: ${out} of ${racks} racks`);
    if (atMs + lastsMs > durationMs) problems.push("rackOutages: one ends after the run");
  }
  for (const { atMs } of scenario.reconnects) {
    if (atMs > durationMs) problems.push("reconnects: one is after the run");
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function showValue(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
