/**
 * Where things are in a set of YAML documents, and what is wrong there.
 *
 * Every complaint names file and line, as `roles/web.yaml:12`.
 */
import type { FieldViolation } from "@atoll/service-kit";
import { isMap, isNode, isPair, isScalar, isSeq, type LineCounter, type Node } from "yaml";

export interface YamlFile {
  /** As shown in complaints. */
  readonly name: string;
  readonly lines: LineCounter;
}

export const VIOLATIONS_MAX = 100;

/** Collects what is wrong, up to a bound. */
export class Complaints {
  readonly #violations: FieldViolation[] = [];

  get violations(): readonly FieldViolation[] {
    return this.#violations;
  }

  /** @param at a node, or an offset in the file's text. */
  add(file: YamlFile, at: unknown, description: string): void {
    if (this.#violations.length >= VIOLATIONS_MAX) return;
    this.#violations.push({ field: placeOf(file, at), description });
  }
}

/** `file:line`. */
export function placeOf(file: YamlFile, at: unknown): string {
  return `${file.name}:${file.lines.linePos(offsetOf(at)).line}`;
}

/**
 * The deepest node on the way that `path` (`services[1].after[0]`) describes; a mapping's key where
 * the value is not a node.
 */
export function descend(root: Node, path: string): Node {
  let place: Node = root;
  let inside: Node = root;
  for (const [, name, index, key] of path.matchAll(/([^.[\]"]+)|\[(\d+)\]|\["?([^\]"]*)"?\]/g)) {
    if (index !== undefined && isSeq(inside)) {
      const item = inside.items[Number(index)];
      if (!isNode(item)) break;
      place = item;
      inside = item;
      continue;
    }
    const wanted = name ?? key;
    if (!isMap(inside)) break;
    const pair = inside.items.find(
      (item) => isScalar(item.key) && String(item.key.value) === wanted,
    );
    if (pair === undefined) continue;
    place = isNode(pair.key) ? pair.key : place;
    if (!isNode(pair.value)) break;
    inside = pair.value;
    if (!isMap(inside)) place = inside;
  }
  return place;
}

function offsetOf(at: unknown): number {
  if (typeof at === "number") return at;
  if (isPair(at)) return offsetOf(at.key);
  return isNode(at) ? (at.range?.[0] ?? 0) : 0;
}
