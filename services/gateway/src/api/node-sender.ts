/**
 * Sends nodes of one or many datacenters to one watch.
 *
 * Holds the names of nodes that changed, not messages: however slow its caller is, it holds at most
 * one name per node and sends each node's latest state. Every message says from where nothing is
 * missing. Datacenters come and go while it sends.
 */
import type { NodeName, NodeState } from "@atoll/domain";
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import type { WatchNodesResponse } from "@atoll/proto/atoll/v1/node";
import type { Filter } from "../filter/compile.ts";
import type { Island } from "../islands/island.ts";
import { asOfNothing } from "./begin-read.ts";
import { toResume } from "./resume.ts";
import type { Watch } from "./watches.ts";

/** Messages sent in one turn of the loop at most. */
const BURST_MAX = 200;

/** What one datacenter still owes the caller. */
interface Part {
  readonly island: Island;
  readonly keeps: Filter<NodeState>;
  readonly dirty: Set<NodeName>;
  /** Nodes that the caller was sent and still has. */
  readonly shown: Set<NodeName>;
  /** The caller may have nodes that this watch has not sent. */
  readonly othersShown: boolean;
  /** Everything up to here was sent; 0 while the beginning was not. */
  resumeIndex: number;
  /** The datacenter left: its nodes are taken back. */
  gone: boolean;
  readonly unsubscribe: () => void;
}

export class NodeSender implements Disposable {
  readonly #watch: Watch<WatchNodesResponse>;
  /** The one whose index the bare `resume_index` is. */
  readonly #main: Island;
  /** Over all datacenters. */
  readonly #several: boolean;
  readonly #parts = new Map<Island, Part>();
  #beginning: readonly AsOf[] | undefined;
  #going = false;

  constructor(options: {
    readonly watch: Watch<WatchNodesResponse>;
    readonly main: Island;
    readonly several: boolean;
  }) {
    this.#watch = options.watch;
    this.#main = options.main;
    this.#several = options.several;
  }

  /**
   * Sends what changed after `resumeIndex`, 0: everything, and whatever changes from now on.
   * `resumed`: the caller has watched before, and may have nodes of this datacenter.
   */
  add(
    island: Island,
    keeps: Filter<NodeState>,
    from: { readonly resumed: boolean; readonly resumeIndex: number },
  ): void {
    const { changes, mirror } = island;
    const changed = from.resumeIndex === 0 ? undefined : changes.since(from.resumeIndex);
    const subscription = changes.subscribe((name) => void part.dirty.add(name));
    const endChanges = mirror.onChange(() => this.flush());
    const all = from.resumed ? changes.allEver() : changes.all();
    const part: Part = {
      island,
      keeps,
      dirty: new Set(changed ?? all),
      shown: new Set(),
      othersShown: from.resumed,
      resumeIndex: changed === undefined ? 0 : from.resumeIndex,
      gone: false,
      unsubscribe: () => {
        subscription[Symbol.dispose]();
        endChanges();
      },
    };
    this.#parts.set(island, part);
    this.#noteResume();
  }

  /** Takes back the nodes of a datacenter that left. */
  remove(island: Island): void {
    const part = this.#parts.get(island);
    if (part === undefined) return;
    part.unsubscribe();
    part.gone = true;
    part.dirty.clear();
    const others = part.othersShown ? island.changes.allEver() : [];
    for (const name of [...part.shown, ...others]) part.dirty.add(name);
    this.flush();
  }

  /** What is dirty now is the beginning; `synced` follows it. */
  closeBeginning(asOf: readonly AsOf[]): void {
    this.#beginning = asOf;
  }

  flush(): void {
    if (this.#going || this.#watch.over) return;
    let burst = 0;
    for (const part of this.#parts.values()) {
      for (const name of part.dirty) {
        if (!this.#watch.ready) return;
        if (burst >= BURST_MAX) {
          this.#goOnSoon();
          return;
        }
        part.dirty.delete(name);
        burst += 1;
        this.#sendNode(part, name);
      }
      if (part.gone) this.#parts.delete(part.island);
    }
    if (!this.#watch.ready) return;
    // Everything up to here was sent: only now may the caller go on from here.
    for (const part of this.#parts.values()) part.resumeIndex = part.island.mirror.appliedIndex;
    this.#noteResume();
    if (this.#beginning === undefined) return;
    const asOf = [...this.#parts.keys()].map((island) => this.#asOfNow(island));
    const main = this.#asOfNow(this.#main);
    this.#beginning = undefined;
    this.#send({ $case: "synced", value: main }, asOf);
  }

  /** A sign of life. */
  beat(): void {
    if (this.#beginning !== undefined) return;
    for (const { dirty } of this.#parts.values()) if (dirty.size > 0) return;
    for (const part of this.#parts.values()) part.resumeIndex = part.island.mirror.appliedIndex;
    this.#send(undefined);
  }

  [Symbol.dispose](): void {
    for (const part of this.#parts.values()) part.unsubscribe();
  }

  #sendNode(part: Part, name: NodeName): void {
    const { mirror, names, nodes } = part.island;
    const node = part.gone ? undefined : mirror.datacenter.node(name);
    const last = part.dirty.size === 0 && this.#beginning === undefined;
    if (last) part.resumeIndex = part.gone ? 0 : mirror.appliedIndex;
    if (node !== undefined && part.keeps(node)) {
      part.shown.add(name);
      this.#send({ $case: "node", value: nodes.render(node) });
    } else if (part.shown.delete(name) || part.othersShown) {
      // Forgotten, or no longer one of those that were asked for.
      this.#send({ $case: "deleted", value: names.node(name) });
    }
  }

  #send(change: WatchNodesResponse["change"], asOf: readonly AsOf[] = []): void {
    const resume = this.#noteResume();
    const { resumeIndex } = this.#watch;
    this.#watch.send({ change, resumeIndex, ...(resume === undefined ? {} : { resume }), asOf });
  }

  /** Tells the watch where its caller would go on. */
  #noteResume(): WatchNodesResponse["resume"] {
    this.#watch.resumeIndex = this.#parts.get(this.#main)?.resumeIndex ?? 0;
    if (!this.#several) return undefined;
    const indexes = new Map<string, number>();
    for (const { island, resumeIndex } of this.#parts.values()) {
      if (resumeIndex > 0) indexes.set(island.datacenter, resumeIndex);
    }
    this.#watch.resumeIndexes = indexes;
    return toResume(indexes);
  }

  #asOfNow({ datacenter, mirror, reads }: Island): AsOf {
    if (!mirror.synced) return asOfNothing(datacenter);
    const begun = this.#beginning?.find((asOf) => asOf.datacenter === datacenter);
    return { ...(begun ?? reads.known()), index: mirror.appliedIndex };
  }

  #goOnSoon(): void {
    this.#going = true;
    setImmediate(() => {
      this.#going = false;
      this.flush();
    });
  }
}
