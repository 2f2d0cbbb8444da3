/**
 * Watches nodes: all of them once, then each that changes, then each that is forgotten.
 *
 * A watch holds the names of nodes that changed, not messages: however slow its caller is, it holds
 * at most one name per node and sends each node's latest state. It goes on from an index by what
 * `NodeChanges` remembers; where that is not enough, everything is sent again.
 */
import type { NodeName, NodeState } from "@atoll/domain";
import type { WatchNodesRequest, WatchNodesResponse } from "@atoll/proto/atoll/v1/node";
import { type CallContext, invalidField } from "@atoll/service-kit";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { compileFilter, type Filter } from "../filter/compile.ts";
import type { Island } from "../islands/island.ts";
import { readDemandOf } from "./begin-read.ts";
import type { HandlerParts } from "./handler-parts.ts";
import type { Watch } from "./watches.ts";

/** Messages sent in one turn of the loop at most. */
const BURST_MAX = 200;

export async function watchNodes(
  { islands, watches }: HandlerParts,
  request: WatchNodesRequest,
  context: CallContext,
  stream: ServerWritableStream<WatchNodesRequest, WatchNodesResponse>,
): Promise<void> {
  const island = islands.one(request.parent);
  const { reads, mirror, changes, nodes } = island;
  if (request.resumeIndex < 0) {
    throw invalidField("resume_index", `${request.resumeIndex} is not allowed: 0 or an index`);
  }
  const keeps = compileFilter(request.filter, nodes.filterFields());
  const asOf = await reads.begin(readDemandOf(context));
  using watch = watches.begin(stream);
  const sender = new NodeSender({ island, watch, keeps });
  if (request.resumeIndex === 0) {
    sender.add(changes.all());
  } else {
    const changed = changes.since(request.resumeIndex);
    sender.expectKnown();
    sender.add(changed ?? changes.allEver());
    if (changed !== undefined) watch.resumeIndex = request.resumeIndex;
  }
  sender.closeBeginning({ ...asOf, index: mirror.appliedIndex });
  using _subscription = changes.subscribe((name) => sender.add([name]));
  const unsubscribe = mirror.onChange(() => sender.flush());
  watch.onReady(() => sender.flush());
  watch.onQuiet(() => sender.beat());
  try {
    sender.flush();
    await watch.ended;
  } finally {
    unsubscribe();
  }
}

class NodeSender {
  readonly #island: Island;
  readonly #watch: Watch<WatchNodesResponse>;
  readonly #keeps: Filter<NodeState>;
  readonly #dirty = new Set<NodeName>();
  /** Nodes that the caller was sent and still has. */
  readonly #shown = new Set<NodeName>();
  /** The caller may have nodes that this watch has not sent. */
  #othersShown = false;
  #beginning: WatchNodesResponse["change"];
  #going = false;

  constructor(options: {
    readonly island: Island;
    readonly watch: Watch<WatchNodesResponse>;
    readonly keeps: Filter<NodeState>;
  }) {
    this.#island = options.island;
    this.#watch = options.watch;
    this.#keeps = options.keeps;
  }

  expectKnown(): void {
    this.#othersShown = true;
  }

  add(names: Iterable<NodeName>): void {
    for (const name of names) this.#dirty.add(name);
  }

  /** What is dirty now is the beginning; `synced` follows it. */
  closeBeginning(
    asOf: Extract<NonNullable<WatchNodesResponse["change"]>, { $case: "synced" }>["value"],
  ): void {
    this.#beginning = { $case: "synced", value: asOf };
  }

  flush(): void {
    if (this.#going || this.#watch.over) return;
    let burst = 0;
    for (const name of this.#dirty) {
      if (!this.#watch.ready) return;
      if (burst >= BURST_MAX) {
        this.#goOnSoon();
        return;
      }
      this.#dirty.delete(name);
      burst += 1;
      this.#sendNode(name);
    }
    if (!this.#watch.ready) return;
    // Everything up to here was sent: only now may the caller go on from here.
    this.#watch.resumeIndex = this.#island.mirror.appliedIndex;
    if (this.#beginning === undefined) return;
    const change = this.#beginning;
    this.#beginning = undefined;
    this.#send(change);
  }

  beat(): void {
    if (this.#dirty.size > 0 || this.#beginning !== undefined) return;
    this.#watch.resumeIndex = this.#island.mirror.appliedIndex;
    this.#send(undefined);
  }

  #sendNode(name: NodeName): void {
    const { mirror, names, nodes } = this.#island;
    const node = mirror.datacenter.node(name);
    const last = this.#dirty.size === 0 && this.#beginning === undefined;
    if (last) this.#watch.resumeIndex = mirror.appliedIndex;
    if (node !== undefined && this.#keeps(node)) {
      this.#shown.add(name);
      this.#send({ $case: "node", value: nodes.render(node) });
    } else if (this.#shown.delete(name) || this.#othersShown) {
      // Forgotten, or no longer one of those that were asked for.
      this.#send({ $case: "deleted", value: names.node(name) });
    }
  }

  #send(change: WatchNodesResponse["change"]): void {
    this.#watch.send({ change, resumeIndex: this.#watch.resumeIndex });
  }

  #goOnSoon(): void {
    this.#going = true;
    setImmediate(() => {
      this.#going = false;
      this.flush();
    });
  }
}
