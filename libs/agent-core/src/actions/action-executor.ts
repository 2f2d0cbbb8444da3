/**
 * Carries out the actions that the journal has taken: one at a time per target, each at most once.
 *
 * What is withdrawn before its turn comes ends without a word. Every other action ends with exactly
 * one result, also one that takes too long, was overtaken, or was
 * under way when an earlier agent died. What died under way is not run again: where the outcome
 * shows that it was done, it succeeded; else it failed, and the planner decides anew.
 */
import type { ActionId, Order, ServiceObservation, TargetKey } from "@atoll/domain";
import { type FileDriver, KeyedSerial } from "@atoll/drivers";
import { describeError } from "@atoll/service-kit/process";
import { type Clock, unreachable } from "@atoll/stdx";
import type { ActionEntry, ActionResult } from "./action-entry.ts";
import type { ActionJournal } from "./action-journal.ts";
import type { NodeServices } from "./node-services.ts";

export interface ActionExecutorOptions {
  readonly journal: ActionJournal;
  readonly services: Pick<NodeServices, "start" | "restart" | "stop" | "find">;
  readonly files: Pick<FileDriver, "write" | "remove" | "list">;
  readonly clock: Clock;
  readonly onFinished: (entry: ActionEntry, result: ActionResult) => void;
}

export class ActionExecutor {
  readonly #options: ActionExecutorOptions;
  readonly #serial = new KeyedSerial();
  /** Whose turn has come and that are not finished. */
  readonly #begun = new Set<ActionId>();

  constructor(options: ActionExecutorOptions) {
    this.#options = options;
  }

  /** Runs the action when its target is free. Resolves when its result is durable. */
  async run(entry: ActionEntry): Promise<void> {
    const takenMs = this.#options.clock.monotonicMs();
    await this.#serial.run(entry.target, async () => {
      if (this.#options.journal.isWithdrawn(entry.action)) return;
      this.#begun.add(entry.action);
      const refusal = this.#refusal(entry, takenMs);
      if (refusal !== undefined) {
        await this.#finish(entry, { outcome: "failed", reason: refusal, durationMs: 0 });
        return;
      }
      const leftMs = entry.timeoutMs - (this.#options.clock.monotonicMs() - takenMs);
      await this.#execute(entry, leftMs);
    });
  }

  /** Whether its turn has come: then it ends with a result. */
  hasBegun(action: ActionId): boolean {
    return this.#begun.has(action);
  }

  /** Runs something of the agent's own when the target is free. */
  runAlone(target: TargetKey, task: () => Promise<void>): Promise<void> {
    return this.#serial.run(target, task);
  }

  /** Ends the actions that an earlier agent left open. */
  async recover(): Promise<void> {
    for (const entry of this.#options.journal.open()) {
      const reason = "the agent restarted while the action ran";
      const result: ActionResult = this.#isDone(entry.order)
        ? { outcome: "succeeded", reason: "", durationMs: 0 }
        : { outcome: "failed", reason, durationMs: 0 };
      await this.#finish(entry, result);
    }
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    return this.#serial.idle();
  }

  #refusal(entry: ActionEntry, takenMs: number): string | undefined {
    const { journal, clock } = this.#options;
    const newest = journal.newest(entry.target);
    if (newest !== undefined && newest.action !== entry.action) {
      return `overtaken by ${newest.action} before it began`;
    }
    const waitedMs = clock.monotonicMs() - takenMs;
    if (waitedMs < entry.timeoutMs) return undefined;
    return `its ${entry.timeoutMs} ms were over before it began`;
  }

  async #execute(entry: ActionEntry, leftMs: number): Promise<void> {
    const startedMs = this.#options.clock.monotonicMs();
    const work = this.#carryOut(entry.order).then(
      (failure) => failure,
      (error: unknown) => reasonOf(error),
    );
    const late = Symbol("late");
    const timeout = cancellableDelay(leftMs, late);
    const ended = await Promise.race([work, timeout.promise]);
    timeout.cancel();
    const failure = ended === late ? `not done within ${entry.timeoutMs} ms` : ended;
    const durationMs = Math.round(this.#options.clock.monotonicMs() - startedMs);
    await this.#finish(
      entry,
      failure === undefined || typeof failure === "symbol"
        ? { outcome: "succeeded", reason: "", durationMs }
        : { outcome: "failed", reason: failure, durationMs },
    );
    // The target stays taken until the driver has let go of it.
    await work;
  }

  /** Undefined when it was done, else why not. */
  async #carryOut(order: Order | undefined): Promise<string | undefined> {
    const { services, files } = this.#options;
    if (order === undefined) return "the order was lost";
    switch (order.type) {
      case "writeFile":
        await files.write(order.file);
        return undefined;
      case "removeFile":
        await files.remove(order.path);
        return undefined;
      case "startService":
        return failureOf(await services.start(order.service));
      case "restartService":
        return failureOf(await services.restart(order.service));
      case "stopService":
        await services.stop(order.key);
        return undefined;
      default:
        return unreachable(order, "order");
    }
  }

  /**
   * Whether what the order wants is so. A restart leaves no trace that tells it from the run
   * before.
   */
  #isDone(order: Order | undefined): boolean {
    const { services, files } = this.#options;
    switch (order?.type) {
      case "writeFile": {
        const found = files.list().find((file) => file.path === order.file.path);
        return found?.status === "inSync" && found.digest === order.file.digest;
      }
      case "removeFile":
        return !files.list().some((file) => file.path === order.path);
      case "startService": {
        const found = services.find(order.service.key);
        return found !== undefined && found.digest === order.service.digest && isRunning(found);
      }
      case "stopService":
        return services.find(order.key) === undefined;
      case "restartService":
      case undefined:
        return false;
    }
  }

  async #finish(entry: ActionEntry, result: ActionResult): Promise<void> {
    const { journal, clock, onFinished } = this.#options;
    onFinished(entry, result);
    const finishing = journal.finish(entry, result, clock.realtimeMs());
    this.#begun.delete(entry.action);
    await finishing;
  }
}

function failureOf(observation: ServiceObservation): string | undefined {
  return isRunning(observation) ? undefined : observation.reason;
}

function isRunning({ status }: ServiceObservation): boolean {
  return status === "starting" || status === "healthy" || status === "unhealthy";
}

function reasonOf(error: unknown): string {
  const { message } = describeError(error);
  return message;
}

function cancellableDelay<T>(
  delayMs: number,
  value: T,
): { readonly promise: Promise<T>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(value), Math.max(0, delayMs));
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
