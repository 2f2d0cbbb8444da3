/**
 * A leader with everything around it in memory: what it proposes is committed when the test says
 * so, and what it sends is kept to be looked at.
 */
import {
  Datacenter,
  type DatacenterName,
  type Fact,
  type FactBatch,
  type InternalCommand,
  type LogEntry,
  type NodeName,
  type RoleName,
  type RoleSpec,
  type ServiceName,
} from "@atoll/domain";
import { assert, type Clock } from "@atoll/stdx";
import { CONTROL_DEFAULTS } from "../settings.ts";
import { DatacenterTime } from "../datacenter-time.ts";
import { Leader } from "../leader.ts";
import type {
  Directive,
  LogCodec,
  OrderReply,
  ProposeOutcome,
  SnapshotReader,
  SubmitOutcome,
} from "../ports.ts";
import type { NodeInNeed } from "../watch-report.ts";
import { ReplicatedState } from "../replicated-state.ts";

const STEP_MS = 100;
export const N1: NodeName = "n1" as NodeName;
export const APP: RoleSpec = {
  name: "web" as RoleName,
  description: "",
  match: { labels: { tier: "web" }, location: {}, hardware: {} },
  drift: "restore",
  files: [],
  services: [
    {
      name: "app" as ServiceName,
      driver: "process",
      command: ["app"],
      unit: "",
      environment: {},
      after: [],
      restartOn: [],
      stopTimeoutMs: 1_000,
    },
  ],
};

/** Entries pass as themselves: what is tested here is the loop, not the encoding. */
class MemoryCodec implements LogCodec {
  readonly entries: LogEntry[] = [];
  encodeLogEntry(entry: LogEntry): Uint8Array {
    this.entries.push(entry);
    return new Uint8Array([this.entries.length]);
  }
  decodeLogEntry(data: Uint8Array): LogEntry {
    return this.entries[(data[0] as number) - 1] as LogEntry;
  }
  encodeSnapshot(): Uint8Array[] {
    return [];
  }
  snapshotChunks(): IterableIterator<Uint8Array> {
    return [][Symbol.iterator]();
  }
  snapshotReader(): SnapshotReader {
    return { take: () => undefined, finish: () => new Datacenter() };
  }
}

export class Harness {
  readonly codec: MemoryCodec = new MemoryCodec();
  readonly state: ReplicatedState = new ReplicatedState(this.codec);
  readonly proposals: { data: Uint8Array; done: (outcome: ProposeOutcome) => void }[] = [];
  readonly confirmations: ((confirmed: boolean) => void)[] = [];
  readonly orders: { action: string; term: number; done: (reply: OrderReply) => void }[] = [];
  readonly withdrawals: { action: string; done: (reply: OrderReply) => void }[] = [];
  readonly directives: { node: string; directive: Directive }[] = [];
  readonly outcomes: SubmitOutcome[] = [];
  /** What the watch finds, and whether it was told who leads. */
  readonly found: InternalCommand[] = [];
  readonly needs: NodeInNeed[] = [];
  watching = false;
  nowMs = 1_000;
  readonly #clock: Clock = { monotonicMs: () => this.nowMs, realtimeMs: () => this.nowMs };
  readonly time: DatacenterTime = new DatacenterTime({
    replica: 1,
    voters: () => [1],
    stampMs: () => this.state.datacenter.stampMs,
    clock: this.#clock,
  });
  readonly leader: Leader = new Leader({
    datacenter: "east" as DatacenterName,
    state: this.state,
    codec: this.codec,
    clock: this.#clock,
    time: this.time,
    settings: CONTROL_DEFAULTS,
    requestRun: () => {},
    observer: { batchCommitted: () => {}, orderAnswered: () => {} },
    presence: {
      begin: () => {
        this.watching = true;
      },
      end: () => {
        this.watching = false;
      },
      verdicts: () => this.found.splice(0),
      takeNeeds: () => this.needs.splice(0),
    },
    log: {
      propose: (data, done) => void this.proposals.push({ data, done }),
      confirmLeadership: (done) => void this.confirmations.push(done),
    },
    link: {
      sendOrder: ({ action, term }, done) =>
        void this.orders.push({ action: action.id, term, done }),
      sendWithdrawal: ({ action }, done) => void this.withdrawals.push({ action: action.id, done }),
      sendDirective: (node, directive) => void this.directives.push({ node, directive }),
      forgetFacts: () => {},
    },
  });

  constructor() {
    this.time.observe([]);
  }

  /** Runs the loop and commits until it comes to rest, and until agents were told. */
  settle(): void {
    const { directEveryMs } = CONTROL_DEFAULTS;
    for (let passedMs = 0; passedMs <= directEveryMs; passedMs += STEP_MS) {
      this.nowMs += STEP_MS;
      this.#rest();
    }
  }

  #rest(): void {
    for (let round = 0; round < 20; round += 1) {
      this.leader.run();
      const proposal = this.proposals.shift();
      for (const confirm of this.confirmations.splice(0)) confirm(true);
      if (proposal === undefined) break;
      this.commit(proposal);
      assert(round < 19, "it does not come to rest");
    }
  }

  commit(proposal: { data: Uint8Array; done: (outcome: ProposeOutcome) => void }): void {
    const index = this.state.appliedIndex + 1;
    this.state.apply(index, proposal.data);
    proposal.done({ type: "committed", index });
  }

  submit(command: Parameters<Leader["submit"]>[0], requestId: string, validateOnly = false): void {
    const options = { actor: "test", requestId, validateOnly };
    this.leader.submit(command, options, (outcome) => this.outcomes.push(outcome));
  }

  facts(first: number, facts: readonly Fact[]): FactBatch {
    return {
      node: N1,
      incarnation: "i1",
      previous: first === 1 ? { boot: 0, sequence: 0 } : { boot: 1, sequence: first - 1 },
      first: { boot: 1, sequence: first },
      facts,
    };
  }

  offer(sequence: number, batch: FactBatch | undefined): void {
    this.leader.offerFacts("stream", [{ sequence, read: () => batch }], () => {});
  }

  appear(): void {
    const labels = { tier: "web" };
    const started: Fact = {
      type: "agentStarted",
      observedAtMs: 0,
      agentVersion: "1",
      bootId: "b",
      labels,
      services: [],
      files: [],
    };
    this.offer(1, this.facts(1, [started]));
    this.settle();
  }
}
