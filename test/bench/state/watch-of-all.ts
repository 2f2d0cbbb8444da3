/**
 * The watch of one replica that is alone and hears every node once a second. Its time is given.
 */
import { decodeHeartbeat, encodeHeartbeat } from "@atoll/codec";
import {
  DatacenterTime,
  DETECTION_DEFAULTS,
  type ReplicatedState,
  ReplicaWatch,
} from "@atoll/control";
import { HEARTBEAT_SHARDS, heartbeatShardOf } from "@atoll/event-bus";
import { DATACENTER, nodeName } from "./state-of.ts";

const TICKS_PER_SECOND = 100;

type Turn = (what: string, run: () => void) => void;

export class WatchOfAll {
  readonly #watch: ReplicaWatch;
  readonly #payloads: readonly Uint8Array[];
  readonly #turn: Turn;
  #nowMs = 1_000;
  #published: (() => void)[] = [];

  constructor(state: ReplicatedState, nodes: number, turn: Turn) {
    this.#turn = turn;
    this.#payloads = Array.from({ length: nodes }, (_, number) =>
      encodeHeartbeat({
        datacenter: DATACENTER,
        node: nodeName(number),
        incarnation: `i-${number}`,
        maintenance: false,
        last: { boot: 1, sequence: 3 },
        committed: { boot: 1, sequence: 3 },
        server: "s1",
      }),
    );
    const clock = { monotonicMs: () => this.#nowMs, realtimeMs: () => this.#nowMs };
    this.#watch = new ReplicaWatch({
      datacenter: DATACENTER,
      replica: 1,
      life: 7,
      state,
      clock,
      time: new DatacenterTime({
        replica: 1,
        voters: () => [1],
        stampMs: () => state.datacenter.stampMs,
        clock,
      }),
      settings: DETECTION_DEFAULTS,
      link: {
        hearShards: () => undefined,
        probe: () => undefined,
        publish: (report) => void this.#published.push(() => this.#watch.report(report)),
      },
      shards: { count: HEARTBEAT_SHARDS, of: heartbeatShardOf },
      read: (node, payload) => {
        const decoded = decodeHeartbeat(payload);
        return decoded.type === "decoded" && decoded.value.node === node
          ? decoded.value
          : undefined;
      },
    });
  }

  /** Hears until every node is watched. */
  begin(): void {
    this.#watch.linkChanged("s1");
    for (let second = 0; this.#watch.figures.nodes < this.#payloads.length; second += 1) {
      if (second > 60) throw new Error(`${this.#watch.figures.nodes} nodes are watched`);
      this.second();
    }
    this.second();
  }

  /** One second in which each node is heard once. */
  second(): void {
    const each = this.#payloads.length / TICKS_PER_SECOND;
    for (let tick = 0; tick < TICKS_PER_SECOND; tick += 1) {
      this.#nowMs += 1_000 / TICKS_PER_SECOND;
      const published = this.#published;
      this.#published = [];
      for (const report of published) report();
      this.#turn("heartbeats of 10 ms", () => {
        for (let at = Math.floor(tick * each); at < Math.floor((tick + 1) * each); at += 1) {
          this.#watch.heartbeat(nodeName(at), this.#payloads[at] as Uint8Array);
        }
      });
      this.#turn("a tick of the watch", () => this.#watch.tick());
    }
  }

  /** The bus was away for a moment. */
  interrupt(): void {
    this.#turn("the bus is away", () => this.#watch.linkChanged(""));
    this.#turn("the bus is back", () => this.#watch.linkChanged("s1"));
  }
}
