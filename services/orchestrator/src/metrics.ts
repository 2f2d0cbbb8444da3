/**
 * What an orchestrator replica counts.
 *
 * Business events go through here: one call counts, labels are few. Registered once, by the
 * composition root.
 */
import type { LeaderObserver, OrderReply, WatchFigures } from "@atoll/control";
import type { ActionState } from "@atoll/domain";
import type { ReplicaDriver } from "@atoll/raft-replica";
import { DURATION_SECONDS_BUCKETS, type Metrics } from "@atoll/service-kit";

/** Steps of a quarter, from a millisecond to half a minute: fine enough to read a p99 from. */
const FACT_AGE_BUCKETS: number[] = Array.from({ length: 47 }, (_, at) =>
  Number((0.001 * 1.25 ** at).toPrecision(3)),
);

export interface Counter {
  increment(by?: number): void;
}

export class OrchestratorMetrics implements LeaderObserver {
  readonly messagesRead: Counter;
  readonly messagesRefused: Counter;
  readonly #events: Counter;
  readonly #entries: Counter;
  readonly #commands: Counter;
  readonly #orders: Readonly<Record<OrderReply["type"], Counter>>;
  readonly #factAges: { observe(value: number): void };
  readonly #stalls: { observe(value: number): void };
  readonly #metrics: Metrics;

  constructor(metrics: Metrics, replica: () => ReplicaDriver) {
    this.#metrics = metrics;
    const counter = (name: string, help: string): Counter => {
      const registered = metrics.counter(name, help);
      return { increment: (by = 1) => registered.inc(by) };
    };
    this.messagesRead = counter("bus_messages_read_total", "Messages read from the stream.");
    this.messagesRefused = counter(
      "bus_messages_refused_total",
      "Messages that were not ours or not whole.",
    );
    this.#events = counter("events_committed_total", "Events this replica committed as leader.");
    this.#entries = counter("entries_committed_total", "Entries this replica committed as leader.");
    this.#commands = counter("commands_answered_total", "Users' commands answered after a commit.");
    const orders = metrics.counter(
      "orders_answered_total",
      "Orders and withdrawals by the agent's answer.",
      ["reply"],
    );
    const reply = (type: OrderReply["type"]): Counter => ({
      increment: (by = 1) => orders.inc({ reply: type }, by),
    });
    this.#orders = {
      accepted: reply("accepted"),
      refused: reply("refused"),
      staleTerm: reply("staleTerm"),
      withdrawn: reply("withdrawn"),
      begun: reply("begun"),
      silent: reply("silent"),
    };
    this.#factAges = metrics.histogram(
      "fact_age_seconds",
      "From a fact's observation, by its agent's clock, until it is in the state.",
      FACT_AGE_BUCKETS,
    );
    this.#stalls = metrics.histogram(
      "loop_stall_seconds",
      "Gaps between ticks beyond an election timeout.",
      DURATION_SECONDS_BUCKETS,
    );
    metrics.gauge("raft_term", "Raft term.", [], (gauge) => gauge.set(replica().status().term));
    metrics.gauge("raft_commit_index", "Last committed index.", [], (gauge) =>
      gauge.set(replica().status().commitIndex),
    );
    metrics.gauge("raft_applied_index", "Last applied index.", [], (gauge) =>
      gauge.set(replica().status().appliedIndex),
    );
    metrics.gauge("raft_leading", "1 while this replica leads.", [], (gauge) => {
      gauge.set(replica().status().role === "leader" ? 1 : 0);
    });
  }

  /** What this replica watches; read when somebody asks. */
  watches(read: () => WatchFigures): void {
    const gauge = (name: string, help: string, figure: keyof WatchFigures): void => {
      this.#metrics.gauge(name, help, [], (each) => each.set(read()[figure]));
    };
    gauge("watch_replicas", "Live replicas that watch nodes, as seen here.", "replicas");
    gauge("watch_shards", "Shards of heartbeats that this replica watches.", "shards");
    gauge("watch_nodes", "Nodes that this replica watches.", "nodes");
    gauge("watch_nodes_unheard", "Watched nodes not heard yet since they can be.", "unheard");
    gauge("watch_nodes_doubted", "Watched nodes that are silent now.", "doubted");
    gauge("watch_probes_total", "Probes sent to silent nodes.", "probes");
    gauge("watch_reports_total", "Watch reports sent.", "reports");
    gauge("watch_interruptions_total", "Times this replica could not hear.", "interruptions");
  }

  batchCommitted(batch: {
    readonly events: number;
    readonly commands: number;
    readonly factAgesMs: readonly number[];
  }): void {
    this.#entries.increment();
    this.#events.increment(batch.events);
    this.#commands.increment(batch.commands);
    for (const ageMs of batch.factAgesMs) this.#factAges.observe(ageMs / 1_000);
  }

  orderAnswered(_action: ActionState, reply: OrderReply): void {
    this.#orders[reply.type].increment();
  }

  stalled(gapMs: number): void {
    this.#stalls.observe(gapMs / 1_000);
  }
}
