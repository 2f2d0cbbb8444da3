/**
 * Another datacenter in this process: its log in memory, a mirror that tests feed by hand, and a
 * link that tests cut. For tests only.
 */
import * as codec from "@atoll/codec";
import type { DatacenterName, DomainEvent } from "@atoll/domain";
import { ApiError, silentLog, systemClock } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import type { CallContent, Caller, CallOutcome } from "../islands/caller.ts";
import type { EventHistory, HistoryBatch, HistoryEntry } from "../islands/event-history.ts";
import { Island } from "../islands/island.ts";
import { Mirror } from "../islands/mirror.ts";
import type { MirrorFeed } from "../islands/reads.ts";
import type { ApiClient } from "./client.ts";
import { FakeDatacenter } from "./fake-datacenter.ts";
import { discovered, startTestGateway, type TestGateway } from "./gateway.ts";

const SOON_MS = 5;

export class RemoteIsland implements Caller, EventHistory, MirrorFeed, Disposable {
  readonly datacenter: FakeDatacenter = new FakeDatacenter();
  readonly mirror: Mirror = new Mirror({ codec, clock: systemClock });
  readonly island: Island;
  lastContactMs: number | undefined;
  /** While true nothing comes through: no call, no entry, no history. */
  cut: boolean;
  /** While true calls are answered and entries wait. */
  feedHeld = false;
  readonly #woken = new Set<() => void>();

  constructor(name: string, options: { readonly cut?: boolean } = {}) {
    this.cut = options.cut ?? false;
    this.datacenter.groupId = `atoll/${name}`;
    this.island = new Island({
      datacenter: name as DatacenterName,
      mirror: this.mirror,
      caller: this,
      feed: this,
      history: this,
      clock: systemClock,
      log: silentLog,
    });
  }

  /** Commits events there; they come here unless the link is cut or the feed held. */
  append(events: readonly DomainEvent[]): number {
    const index = this.datacenter.append(events);
    this.show();
    return index;
  }

  /** Feeds the mirror with what it lacks. */
  show(): void {
    if (this.cut || this.feedHeld) return;
    const { log, groupId } = this.datacenter;
    if (!this.mirror.synced) this.mirror.restore(0, [], groupId);
    for (let at = this.mirror.appliedIndex; at < log.length; at += 1) {
      this.mirror.apply(at + 1, log[at] as Uint8Array);
    }
    for (const wake of this.#woken) wake();
  }

  heal(): void {
    this.cut = false;
    this.feedHeld = false;
    this.show();
  }

  async call(content: CallContent, deadlineMs: number): Promise<CallOutcome> {
    if (this.cut) {
      const left = deadlineMs - systemClock.monotonicMs();
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, SOON_MS)));
      return { type: "unreachable", uncertain: false, account: "the link is cut" };
    }
    this.lastContactMs = systemClock.monotonicMs();
    const { groupId, log } = this.datacenter;
    if (content.$case === "readIndex") return { type: "ready", index: log.length, groupId };
    const reply = this.datacenter.submit(content.value);
    this.show();
    if (reply.$case === "accepted") return { type: "accepted", ...reply.value, groupId };
    if (reply.$case === "rejected") return { type: "rejected", ...reply.value };
    throw new Error(`unexpected reply ${reply.$case}`);
  }

  startAnew(): void {
    throw new Error("no test of these needs it");
  }

  async firstIndex(signal: AbortSignal): Promise<number> {
    while (this.cut) await this.#shown(signal);
    return this.datacenter.firstIndex;
  }

  async *read(from: number, signal: AbortSignal): AsyncGenerator<HistoryBatch, void> {
    const { firstIndex } = this.datacenter;
    if (from < firstIndex) {
      throw new ApiError(status.OUT_OF_RANGE, `the first index kept is ${firstIndex}`, {
        reason: "INDEX_COMPACTED",
        metadata: { first_index: String(firstIndex) },
      });
    }
    let next = from;
    while (!signal.aborted) {
      if (this.cut || next > this.datacenter.log.length) {
        await this.#shown(signal);
        continue;
      }
      const entries = this.datacenter.log
        .slice(next - 1)
        .flatMap((data, at): HistoryEntry[] =>
          data.length === 0
            ? []
            : [{ index: next + at, entry: codec.decodeLogEntry(data), bytes: data.length }],
        );
      next = this.datacenter.log.length + 1;
      yield { entries, next };
    }
  }

  [Symbol.dispose](): void {
    this.island[Symbol.dispose]();
    this.mirror[Symbol.dispose]();
  }

  #shown(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        this.#woken.delete(wake);
        reject(signal.reason as Error);
      };
      const wake = (): void => {
        this.#woken.delete(wake);
        signal.removeEventListener("abort", over);
        resolve();
      };
      this.#woken.add(wake);
      signal.addEventListener("abort", over, { once: true });
      if (signal.aborted) over();
    });
  }
}

export interface Both extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly api: ApiClient;
  readonly west: RemoteIsland;
}

/** A gateway of dc1, which has n1 and n2, that knows west, which has n1 and n3. */
export async function startBoth(): Promise<Both> {
  const gateway = await startTestGateway({ replicas: 1, nodes: ["n1", "n2"] });
  const west = new RemoteIsland("west");
  west.append(discovered("n1"));
  west.append(discovered("n3"));
  gateway.app.islands.add(west.island);
  return {
    gateway,
    api: gateway.api,
    west,
    async [Symbol.asyncDispose](): Promise<void> {
      west[Symbol.dispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}
