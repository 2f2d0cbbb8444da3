import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import {
  Datacenter,
  type DatacenterName,
  differenceOf,
  type Fact,
  type FactBatch,
  type InternalCommand,
  type LogEntry,
  type NodeName,
  type RoleName,
  type RoleSpec,
  type ServiceName,
} from "@atoll/domain";
import { bareInventory } from "@atoll/domain/testing";
import { CONTROL_DEFAULTS } from "./settings.ts";
import { Leader } from "./leader.ts";
import type { Directive, LogCodec, OrderReply, ProposeOutcome, SubmitOutcome } from "./ports.ts";
import type { NodeInNeed } from "./watch-report.ts";
import { ReplicatedState } from "./replicated-state.ts";

const STEP_MS = 100;
const N1 = "n1" as NodeName;
const APP: RoleSpec = {
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
  decodeSnapshot(): Datacenter {
    return new Datacenter();
  }
}

class Harness {
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
  readonly leader: Leader = new Leader({
    datacenter: "east" as DatacenterName,
    state: this.state,
    codec: this.codec,
    clock: { monotonicMs: () => this.nowMs, realtimeMs: () => this.nowMs },
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
      assert.ok(round < 19, "it does not come to rest");
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

describe("Leader", () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
    harness.leader.lead(3);
  });

  test("answers nobody before the commit", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.leader.run();
    assert.equal(harness.proposals.length, 1);
    assert.deepEqual(harness.outcomes, []);
    harness.commit(harness.proposals.shift()!);
    assert.deepEqual(harness.outcomes, [{ type: "accepted", index: 1, operation: "op-1" }]);
  });

  test("decides the second command of a batch upon the first", () => {
    harness.appear();
    harness.submit({ type: "startMaintenance", node: N1, reason: "disk" }, "r1");
    harness.submit({ type: "endMaintenance", node: N1 }, "r2");
    harness.settle();
    assert.deepEqual(
      harness.outcomes.map(({ type }) => type),
      ["accepted", "accepted"],
    );
    assert.equal(harness.state.datacenter.node(N1)?.maintenance, undefined);
  });

  test("a refusal is answered only after a quorum confirmed, and is not logged", () => {
    harness.submit({ type: "endMaintenance", node: N1 }, "r1");
    harness.leader.run();
    assert.equal(harness.proposals.length, 0);
    assert.deepEqual(harness.outcomes, []);
    harness.confirmations[0]?.(true);
    assert.deepEqual(
      harness.outcomes.map(({ type }) => type),
      ["rejected"],
    );
  });

  test("a refusal by a leader that is none any more is not given", () => {
    harness.submit({ type: "endMaintenance", node: N1 }, "r1");
    harness.leader.run();
    harness.confirmations[0]?.(false);
    assert.deepEqual(harness.outcomes, [{ type: "notLeader" }]);
  });

  test("validateOnly answers and changes nothing", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1", true);
    harness.settle();
    assert.deepEqual(harness.outcomes, [{ type: "accepted", index: 0, operation: "" }]);
    assert.equal(harness.state.appliedIndex, 0);
  });

  test("an outcome that nobody knows is told as such", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.leader.run();
    harness.proposals.shift()?.done({ type: "unknown" });
    assert.deepEqual(harness.outcomes, [{ type: "unknown" }]);
  });

  test("a node that appears gets its role, after the commit, and its watermark", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    assert.deepEqual(
      harness.orders.map(({ action, term }) => ({ action, term })),
      [{ action: "n1-1", term: 3 }],
    );
    assert.deepEqual(harness.directives[0]?.directive.committed, { boot: 1, sequence: 1 });
  });

  test("facts that were taken in are not taken in again, and their sender is told so", () => {
    harness.appear();
    const before = harness.state.appliedIndex;
    harness.directives.length = 0;
    harness.appear();
    assert.equal(harness.state.appliedIndex, before);
    assert.equal(harness.directives.length, 1);
  });

  test("a gap in an agent's facts changes nothing", () => {
    harness.appear();
    const forgotten: Fact = { type: "fileForgotten", observedAtMs: 0, path: "/x" };
    harness.offer(2, harness.facts(3, [forgotten]));
    harness.settle();
    assert.deepEqual(harness.state.datacenter.node(N1)?.watermark, { boot: 1, sequence: 1 });
  });

  test("a message that was not understood moves on", () => {
    harness.offer(7, undefined);
    harness.settle();
    assert.equal(harness.state.datacenter.stream?.sequence, 7);
  });

  test("an order without an answer is sent again, an accepted one is not", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.orders[0]?.done({ type: "silent" });
    harness.nowMs += CONTROL_DEFAULTS.resendOrderEveryMs;
    harness.settle();
    assert.equal(harness.orders.length, 2);
    harness.orders[1]?.done({ type: "accepted" });
    harness.nowMs += CONTROL_DEFAULTS.resendOrderEveryMs;
    harness.settle();
    assert.equal(harness.orders.length, 2);
  });

  test("an agent that does not know of a pause is told to keep still", () => {
    harness.appear();
    harness.submit({ type: "pauseActions", reason: "switch" }, "r1");
    harness.settle();
    harness.directives.length = 0;
    const { incarnation, watermark } = harness.state.datacenter.node(N1)!;
    harness.leader.heartbeat(N1, { incarnation, committed: watermark, maintenance: false });
    harness.settle();
    harness.leader.heartbeat(N1, { incarnation, committed: watermark, maintenance: true });
    harness.settle();
    assert.deepEqual(
      harness.directives.map(({ directive }) => directive.maintenance),
      [true],
    );
  });

  test("what a user takes back is withdrawn at once, and cancelled by the agent's word", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.submit({ type: "cancelAction", action: "n1-1" as never, reason: "no" }, "r2");
    harness.leader.run();
    harness.commit(harness.proposals.shift()!);
    assert.equal(harness.withdrawals.length, 1);
    harness.withdrawals[0]?.done({ type: "withdrawn" });
    harness.settle();
    assert.equal(harness.state.datacenter.action("n1-1" as never)?.status, "cancelled");
    assert.equal(harness.orders.length, 1);
  });

  test("a refused order fails its action", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.orders[0]?.done({ type: "refused", reason: "it only looks" });
    harness.settle();
    const action = harness.state.datacenter.action("n1-1" as never);
    assert.deepEqual([action?.status, action?.reason], ["failed", "it only looks"]);
  });

  test("resigning answers who waits, and a new leader begins with the open actions", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.submit({ type: "endMaintenance", node: N1 }, "r2");
    harness.leader.resign();
    assert.equal(harness.outcomes.at(-1)?.type, "notLeader");
    harness.leader.lead(4);
    harness.nowMs += 10_000;
    harness.leader.run();
    assert.deepEqual(
      harness.orders.map(({ term }) => term),
      [3, 4],
    );
  });

  test("an agent whose facts the log never held is told so", () => {
    harness.needs.push({ node: N1, incarnation: "i7" });
    harness.leader.run();
    assert.deepEqual(harness.directives, [
      {
        node: N1,
        directive: {
          term: 3,
          incarnation: "i7",
          committed: { boot: 0, sequence: 0 },
          maintenance: false,
        },
      },
    ]);
  });

  test("what the watch finds is decided and logged: lost, forgotten, back", () => {
    const report = (presence: "alive" | "lost"): void => {
      harness.found.push({ type: "reportPresence", node: N1, presence, silentMs: 2_500 });
      harness.settle();
    };
    harness.appear();
    report("lost");
    assert.equal(harness.state.datacenter.node(N1)?.presence, "lost");
    harness.submit({ type: "forgetNode", node: N1 }, "r1");
    harness.settle();
    assert.equal(harness.state.datacenter.node(N1), undefined);
    report("alive");
    assert.equal(harness.state.datacenter.node(N1)?.presence, "alive");
  });

  test("an agent is asked for its whole inventory until the log holds it", () => {
    harness.appear();
    const { base, changed } = differenceOf(bareInventory, bareInventory);
    harness.offer(
      2,
      harness.facts(2, [{ type: "inventoryDiffered", observedAtMs: 1, base, changed }]),
    );
    harness.settle();
    const beat = (): unknown => {
      harness.directives.length = 0;
      harness.needs.push({ node: N1, incarnation: "i1" });
      harness.settle();
      return harness.directives.map(({ directive }) => directive.inventoryWanted);
    };
    assert.deepEqual([beat(), beat()], [[true], [true]]);
    harness.offer(
      3,
      harness.facts(3, [{ type: "inventoryObserved", observedAtMs: 1, inventory: bareInventory }]),
    );
    harness.settle();
    assert.deepEqual(beat(), [undefined]);
  });

  test("an agent that does not know what is committed is told, once per finding", () => {
    harness.appear();
    harness.directives.length = 0;
    harness.settle();
    assert.equal(harness.directives.length, 0);
    harness.needs.push({ node: N1, incarnation: "i1" });
    harness.settle();
    assert.deepEqual(
      harness.directives.map(({ directive }) => directive.committed),
      [{ boot: 1, sequence: 1 }],
    );
  });

  test("the watch knows who leads", () => {
    assert.equal(harness.watching, true);
    harness.leader.resign();
    assert.equal(harness.watching, false);
  });
});
