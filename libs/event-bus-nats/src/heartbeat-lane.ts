/**
 * What an orchestrator hears of heartbeats and how it asks for them: shards, probes, watch
 * reports.
 *
 * Nothing here is stored or repeated. A probe carries nothing; its answer is a heartbeat on a reply
 * subject that ends in the node's name, so that thousands of probes need neither timers nor memory.
 * Owned by the orchestrator's end of the bus, which opens and closes it with each connection.
 */
import { createInbox } from "@nats-io/transport-node";
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { OrchestratorBus, Unsubscribe } from "@atoll/event-bus";
import { guarded } from "./bus-log.ts";
import type { Foreign } from "./foreign.ts";
import { send } from "./send.ts";
import { isToken, type Subjects } from "./subjects.ts";

type HeartbeatHandler = (node: string, payload: Uint8Array) => void;
type WatchHandler = (replica: number, payload: Uint8Array) => void;

const NOTHING = new Uint8Array(0);
const REPLICA = /^[1-9][0-9]{0,8}$/;

export class HeartbeatLane implements Pick<
  OrchestratorBus,
  "hearShards" | "onHeartbeat" | "probe" | "publishWatch" | "onWatch"
> {
  readonly #subjects: Subjects;
  readonly #foreign: Foreign;
  readonly #inboxPrefix: string;
  readonly #heartbeatHandlers = new Set<HeartbeatHandler>();
  readonly #watchHandlers = new Set<WatchHandler>();
  readonly #subscriptions = new Map<number, Subscription>();
  #shards: ReadonlySet<number> = new Set();
  #connection: NatsConnection | undefined;
  #inbox = "";

  constructor(subjects: Subjects, foreign: Foreign, inboxPrefix: string) {
    this.#subjects = subjects;
    this.#foreign = foreign;
    this.#inboxPrefix = inboxPrefix;
  }

  open(connection: NatsConnection): void {
    this.#connection = connection;
    const inbox = `${createInbox(this.#inboxPrefix)}.`;
    this.#inbox = inbox;
    this.#listen(`${inbox}*`, ({ subject, data }) => {
      // Nobody there is said by an empty message of the server.
      if (data.length > 0) this.#heard(subject.slice(inbox.length), subject, data);
    });
    const watches = this.#subjects.watch("");
    this.#listen(`${watches}*`, ({ subject, data }) => this.#watched(watches, subject, data));
    this.#subscribe();
  }

  close(): void {
    this.#connection = undefined;
    this.#inbox = "";
    this.#subscriptions.clear();
  }

  hearShards(shards: ReadonlySet<number>): void {
    this.#shards = new Set(shards);
    this.#subscribe();
  }

  onHeartbeat(handler: HeartbeatHandler): Unsubscribe {
    const told: HeartbeatHandler = (node, payload) => handler(node, payload);
    this.#heartbeatHandlers.add(told);
    return () => {
      this.#heartbeatHandlers.delete(told);
    };
  }

  probe(node: string): void {
    if (!isToken(node)) return;
    const reply = this.#inbox + node;
    send(this.#connection, this.#subjects.of("probe", node), NOTHING, { reply });
  }

  publishWatch(replica: number, payload: Uint8Array): void {
    send(this.#connection, this.#subjects.watch(String(replica)), payload);
  }

  onWatch(handler: WatchHandler): Unsubscribe {
    const told: WatchHandler = (replica, payload) => handler(replica, payload);
    this.#watchHandlers.add(told);
    return () => {
      this.#watchHandlers.delete(told);
    };
  }

  /** Makes the subscriptions what they should be. */
  #subscribe(): void {
    if (this.#connection === undefined) return;
    for (const [shard, subscription] of this.#subscriptions) {
      if (this.#shards.has(shard)) continue;
      subscription.unsubscribe();
      this.#subscriptions.delete(shard);
    }
    for (const shard of this.#shards) {
      if (this.#subscriptions.has(shard)) continue;
      const prefix = this.#subjects.heartbeats(shard);
      const subscription = this.#listen(`${prefix}*`, ({ subject, data }) =>
        this.#heard(subject.slice(prefix.length), subject, data),
      );
      if (subscription !== undefined) this.#subscriptions.set(shard, subscription);
    }
  }

  #listen(subject: string, take: (message: Msg) => void): Subscription | undefined {
    return this.#connection?.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) guarded(() => take(message));
      },
    });
  }

  #heard(node: string, subject: string, payload: Uint8Array): void {
    if (!isToken(node)) {
      this.#foreign.count(subject, payload);
      return;
    }
    for (const handler of this.#heartbeatHandlers) handler(node, payload);
  }

  #watched(prefix: string, subject: string, payload: Uint8Array): void {
    const replica = subject.slice(prefix.length);
    if (!REPLICA.test(replica)) {
      this.#foreign.count(subject, payload);
      return;
    }
    for (const handler of this.#watchHandlers) handler(Number(replica), payload);
  }
}
