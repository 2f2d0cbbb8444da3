/**
 * What is worth telling operators: a metric and a log line in one call.
 */
import type { ActionEntry, ActionResult, BusLinkEvents } from "@atoll/agent-core";
import type { ActionReplyCode } from "@atoll/codec/agent";
import type { DroppedFacts, ServiceKey } from "@atoll/domain";
import type { Log } from "@atoll/service-kit/process";
import type { AgentMetrics, Counter } from "./metrics.ts";

/** Gauges are read through this; absent before everything has been opened. */
export interface Figures {
  readonly outboxFacts: number;
  readonly outboxBytes: number;
  readonly outboxWaiting: number;
  readonly outboxStaged: number;
  readonly services: number;
  readonly files: number;
  readonly connected: boolean;
}

export class Events implements BusLinkEvents {
  readonly #log: Log;
  readonly #orders: Counter;
  readonly #actions: Counter;
  readonly #resends: Counter;
  readonly #publishFailures: Counter;
  readonly #restartsAlone: Counter;
  readonly #oddMessages: Counter;
  readonly #factsDropped: Counter;
  readonly #storageFailures: Counter;

  constructor(log: Log, metrics: AgentMetrics, figures: () => Figures | undefined) {
    this.#log = log;
    this.#orders = metrics.counter("agent_orders_total", "Orders answered, by answer.", ["code"]);
    this.#actions = metrics.counter("agent_actions_total", "Actions ended.", ["type", "outcome"]);
    this.#resends = metrics.counter("agent_resends_total", "Times that facts were sent again.", [
      "cause",
    ]);
    this.#publishFailures = metrics.counter(
      "agent_publish_failures_total",
      "Batches not stored by the stream.",
    );
    this.#restartsAlone = metrics.counter(
      "agent_restarts_alone_total",
      "Services restarted alone.",
    );
    this.#oddMessages = metrics.counter("agent_odd_messages_total", "Messages not for us.", [
      "what",
    ]);
    this.#factsDropped = metrics.counter(
      "agent_facts_dropped_total",
      "Facts lost for want of room.",
      ["lane"],
    );
    this.#storageFailures = metrics.counter("agent_storage_failures_total", "Writes that failed.");
    const gauge = (name: string, help: string, read: (from: Figures) => number): void => {
      metrics.gauge(name, help, () => {
        const now = figures();
        return now === undefined ? undefined : read(now);
      });
    };
    gauge("agent_outbox_facts", "Facts not committed yet.", (from) => from.outboxFacts);
    gauge("agent_outbox_bytes", "Their size.", (from) => from.outboxBytes);
    gauge("agent_outbox_waiting", "Facts that cannot be stored now.", (from) => from.outboxWaiting);
    gauge("agent_outbox_staged", "Facts that wait their turn.", (from) => from.outboxStaged);
    gauge("agent_services", "Services known.", (from) => from.services);
    gauge("agent_files", "Files managed.", (from) => from.files);
    gauge("agent_connected", "1 while the bus is there.", (from) => (from.connected ? 1 : 0));
  }

  started(fields: Readonly<Record<string, unknown>>): void {
    this.#log.info("agent started", fields);
  }

  connectionChanged(connected: boolean, reason: string): void {
    if (connected) this.#log.info("connected to the bus");
    else this.#log.warn("not connected to the bus", { reason });
  }

  orderAnswered(code: ActionReplyCode, reason: string, action: string | undefined): void {
    this.#orders.inc({ code });
    if (code === "accepted") this.#log.debug("order accepted", { action });
    else this.#log.warn("order refused", { action, code, reason });
  }

  actionFinished({ action, target, order }: ActionEntry, result: ActionResult): void {
    this.#actions.inc({ type: order?.type ?? "unknown", outcome: result.outcome });
    const fields = { action, target, type: order?.type, ...result };
    if (result.outcome === "succeeded") this.#log.info("action succeeded", fields);
    else this.#log.warn("action failed", fields);
  }

  resend(cause: string): void {
    this.#resends.inc({ cause });
    this.#log.info("sending facts again", { cause });
  }

  publishFailed(error: Error): void {
    this.#publishFailures.inc();
    this.#log.warn("facts not stored by the stream", { error });
  }

  restartedAlone(key: ServiceKey, reason: string): void {
    this.#restartsAlone.inc();
    this.#log.warn("service restarted without the orchestrator", { key, reason });
  }

  oddMessage(what: string, reason: string): void {
    this.#oddMessages.inc({ what });
    this.#log.warn("message not taken", { what, reason });
  }

  storageFailed(failure: string | undefined, error: unknown): void {
    if (failure === undefined) {
      this.#log.info("storing works again");
      return;
    }
    this.#storageFailures.inc();
    this.#log.error("cannot store; nothing new is taken on", { error });
  }

  outboxDamaged(records: number): void {
    this.#log.error("the outbox had damaged or missing records", { records });
  }

  databaseDamaged(movedTo: string, error: unknown): void {
    this.#log.error("the database is damaged and was set aside; the node begins anew", {
      movedTo,
      error,
    });
  }

  recordDamaged(file: string, error: unknown): void {
    this.#log.error("a record cannot be read and is left out", { file, error });
  }

  factsDropped({ lane, count, sinceMs }: DroppedFacts): void {
    this.#factsDropped.inc({ lane }, count);
    this.#log.error("facts were lost for want of room", { lane, count, sinceMs });
  }

  startedOver(reason: string, incarnation: string): void {
    this.#log.error("the node begins anew under another incarnation", { reason, incarnation });
  }
}
