/**
 * What is on a disk after some recorded changes, for tests that open it as a crash left it.
 *
 * Two of them: all that was done, as after a kill of the process, and only what was made durable,
 * as after the worst loss of power. In memory; `lay` writes one into a real folder. Zeros at the
 * end of a file are kept as its length alone, since segments are filled with them ahead.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DiskChange } from "./recorded-disk.ts";

/** A file, whatever it is called; a folder has no content. */
interface Node {
  bytes: Buffer;
  /** Zeros follow up to here. */
  length: number;
  readonly isFolder: boolean;
  /** What a loss of power takes away. */
  pending: ((node: Node) => void)[];
}

type Names = Map<string, Node>;
type ContentChange = Extract<DiskChange, { readonly type: "write" | "truncate" }>;
type NameChange = Extract<DiskChange, { readonly type: "rename" | "remove" }>;

export class DiskImage {
  /** With a loss of power, what is not synced is lost; otherwise nothing is. */
  readonly #losesPower: boolean;
  /** As the process sees them, and as they are found again. */
  #seen: Names = new Map();
  #kept: Names = new Map();
  #pendingNames: { readonly folder: string; readonly apply: () => void }[] = [];
  /** Counts what changed in that which `lay` writes. */
  version = 0;

  constructor(losesPower: boolean) {
    this.#losesPower = losesPower;
  }

  apply(change: DiskChange): void {
    switch (change.type) {
      case "create":
        this.#create(change.path, change.truncates);
        break;
      case "makeFolder":
        if (!this.#seen.has(change.path)) this.#name(change.path, newNode(true));
        break;
      case "write":
      case "truncate":
        this.#changeContent(change);
        break;
      case "rename":
      case "remove":
        this.#changeNames(change);
        break;
      case "sync":
        this.#sync(change.path);
        break;
      case "level":
        for (const names of [this.#seen, this.#kept]) layLevel(names, change);
        this.version += 1;
        break;
    }
  }

  /** Writes all of it into `folder`, which is there and empty. */
  lay(folder: string): void {
    this.#layKept(folder);
  }

  /** Whether several names changed that are not durable. */
  get hasOlderNames(): boolean {
    return this.#pendingNames.length > 1;
  }

  /** As `lay`, and the newest of those names is found without the older. */
  layNewestName(folder: string): void {
    const kept = new Map(this.#kept);
    this.#pendingNames.at(-1)?.apply();
    this.#layKept(folder);
    this.#kept = kept;
  }

  #layKept(folder: string): void {
    for (const [path, { isFolder, bytes, length }] of this.#kept) {
      if (!this.#isReachable(path)) continue;
      mkdirSync(join(folder, isFolder ? path : dirname(path)), { recursive: true });
      if (isFolder) continue;
      const file = openSync(join(folder, path), "w");
      writeSync(file, bytes);
      ftruncateSync(file, length);
      closeSync(file);
    }
  }

  #create(path: string, truncates: boolean): void {
    const node = this.#seen.get(path);
    if (node === undefined) this.#name(path, newNode(false));
    else if (truncates) this.#changeContent({ type: "truncate", path, length: 0 });
  }

  #name(path: string, node: Node): void {
    this.#seen.set(path, node);
    this.#later(path, () => this.#kept.set(path, node));
  }

  #changeContent(change: ContentChange): void {
    const node = this.#seen.get(change.path);
    if (node === undefined) throw new Error(`${change.path} was changed and is not there`);
    const apply =
      change.type === "write"
        ? (to: Node): void => writeInto(to, change.at, change.bytes)
        : (to: Node): void => truncate(to, change.length);
    if (this.#losesPower && !(change.type === "write" && change.synced)) node.pending.push(apply);
    else this.#keep(() => apply(node));
  }

  #changeNames(change: NameChange): void {
    if (!this.#seen.has(change.path)) return;
    this.#seen = changedNames(this.#seen, change);
    this.#later(change.path, () => {
      this.#kept = changedNames(this.#kept, change);
    });
  }

  /** A folder that a loss of power takes away keeps nothing within. */
  #isReachable(path: string): boolean {
    const folder = dirname(path);
    return folder === "." || (this.#kept.has(folder) && this.#isReachable(folder));
  }

  #later(path: string, apply: () => void): void {
    if (this.#losesPower) this.#pendingNames.push({ folder: dirname(path), apply });
    else this.#keep(apply);
  }

  #keep(apply: () => void): void {
    apply();
    this.version += 1;
  }

  #sync(path: string): void {
    const node = this.#seen.get(path);
    for (const apply of node?.pending.splice(0) ?? []) this.#keep(() => apply(node as Node));
    const folder = path === "" ? "." : path;
    const durable = this.#pendingNames.filter((each) => each.folder === folder);
    this.#pendingNames = this.#pendingNames.filter((each) => each.folder !== folder);
    for (const { apply } of durable) this.#keep(apply);
  }
}

function newNode(isFolder: boolean): Node {
  return { bytes: Buffer.alloc(0), length: 0, isFolder, pending: [] };
}

function layLevel(names: Names, change: Extract<DiskChange, { readonly type: "level" }>): void {
  for (const path of names.keys()) if (within(path, change.path)) names.delete(path);
  names.set(change.path, newNode(true));
  for (const [name, bytes] of change.files) {
    const node = { bytes, length: bytes.length, isFolder: false, pending: [] };
    names.set(join(change.path, name), node);
  }
}

/** A rename takes along what is below, and what had the new name is gone. */
function changedNames(names: Names, change: NameChange): Names {
  const { path: from } = change;
  const to = change.type === "rename" ? change.to : undefined;
  const changed: Names = new Map();
  for (const [path, node] of names) {
    if (within(path, from)) {
      if (to !== undefined) changed.set(to + path.slice(from.length), node);
    } else if (to === undefined || !within(path, to)) changed.set(path, node);
  }
  return changed;
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function writeInto(node: Node, at: number, bytes: Buffer): void {
  const end = at + bytes.length;
  if (at < node.bytes.length || bytes.some((byte) => byte !== 0)) {
    const grown = Buffer.alloc(Math.max(node.bytes.length, end));
    grown.set(node.bytes);
    grown.set(bytes, at);
    node.bytes = grown;
  }
  node.length = Math.max(node.length, end);
}

function truncate(node: Node, length: number): void {
  node.bytes = node.bytes.subarray(0, length);
  node.length = length;
}
