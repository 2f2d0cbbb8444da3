/**
 * What agents have observed, on its way to the leader.
 *
 * Reads the stream only while this replica leads, from the position that the log holds. A message
 * that is not ours, not whole, or speaks for another node than its subject is counted, kept and
 * passed over.
 */
import { decodeFactBatch } from "@atoll/codec";
import type { FactMessage, Leader } from "@atoll/control";
import { checkName, type DatacenterName, type FactBatch } from "@atoll/domain";
import type { OrchestratorBus, StreamMessage, Unsubscribe } from "@atoll/event-bus";
import type { Counter } from "./metrics.ts";
import type { Quarantine } from "./quarantine.ts";

export interface BusIntakeOptions {
  readonly datacenter: DatacenterName;
  readonly bus: OrchestratorBus;
  readonly leader: Leader;
  readonly quarantine: Quarantine;
  readonly messagesRead: Counter;
  readonly messagesRefused: Counter;
}

export class BusIntake {
  readonly #options: BusIntakeOptions;
  #reading: Unsubscribe | undefined;

  constructor(options: BusIntakeOptions) {
    this.#options = options;
  }

  /** Begins to read where the log stands. */
  start(): void {
    this.stop();
    const { bus, leader } = this.#options;
    this.#reading = bus.readFacts(leader.streamPosition, (batch, ready) => {
      this.#options.messagesRead.increment(batch.messages.length);
      const messages: FactMessage[] = batch.messages.map((message) => ({
        sequence: message.sequence,
        read: () => this.#understand(message),
      }));
      leader.offerFacts(batch.created, messages, ready);
    });
  }

  stop(): void {
    this.#reading?.();
    this.#reading = undefined;
  }

  close(): void {
    this.stop();
  }

  #understand(message: StreamMessage): FactBatch | undefined {
    const { sequence, node, payload } = message;
    const decoded = decodeFactBatch(payload);
    const reason =
      decoded.type === "undecodable"
        ? decoded.reason
        : this.#whyForeign(node, decoded.value.batch.node, decoded.value.datacenter);
    if (reason === undefined && decoded.type === "decoded") return decoded.value.batch;
    this.#options.messagesRefused.increment();
    const subject = `atoll.${this.#options.datacenter}.fact.${node}`;
    this.#options.quarantine.keep({ subject, sequence, payload, reason: reason ?? "" });
    return undefined;
  }

  #whyForeign(subjectNode: string, node: string, datacenter: string): string | undefined {
    if (datacenter !== this.#options.datacenter) return `it is of datacenter ${datacenter}`;
    if (node !== subjectNode) return `it speaks for ${node} on the subject of ${subjectNode}`;
    return checkName("node", node);
  }
}
