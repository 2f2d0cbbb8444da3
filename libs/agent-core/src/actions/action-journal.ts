/**
 * Which actions this agent has taken, on disk: what makes "at most once" survive a crash.
 *
 * An action is here, synced, before it is accepted; its result is written in the same batch as the
 * fact that reports it. The newest term, and the newest generation of each target, are kept with
 * them.
 */
import type { ActionId, Fact, TargetKey } from "@atoll/domain";
import type { ActionOrder, Withdrawal } from "@atoll/codec/agent";
import { assert } from "@atoll/stdx";
import type { Outbox } from "../outbox/outbox.ts";
import type { AgentDatabase } from "../storage/agent-database.ts";
import type { StoreOperation } from "../storage/store.ts";
import type { ActionEntry, ActionResult, TargetMark } from "./action-entry.ts";

/** Finished actions that are still known, for repetitions of their orders. */
export const FINISHED_ACTIONS_MAX = 1_000;
/** Targets whose newest generation is known; past it the ones used longest ago are forgotten. */
export const TARGETS_MAX = 10_000;

export const ACTION_PREFIX = "action!";
const TARGET_PREFIX = "target!";
const TERM_KEY = "journal!term";

export class ActionJournal {
  readonly #database: AgentDatabase;
  readonly #outbox: Outbox;
  readonly #open = new Map<ActionId, ActionEntry>();
  /** Oldest first. */
  readonly #finished = new Map<ActionId, ActionEntry>();
  /** Used longest ago first. */
  readonly #targets = new Map<TargetKey, TargetMark>();
  /** Of actions whose entry is being written. */
  readonly #taking = new Map<ActionId, Promise<void>>();
  #term = 0;
  #number = 0;

  private constructor(database: AgentDatabase, outbox: Outbox) {
    this.#database = database;
    this.#outbox = outbox;
  }

  static async open(database: AgentDatabase, outbox: Outbox): Promise<ActionJournal> {
    const journal = new ActionJournal(database, outbox);
    await journal.#load();
    return journal;
  }

  /** The newest term seen. */
  get term(): number {
    return this.#term;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Actions that were taken and not finished, in the order they were taken. */
  open(): readonly ActionEntry[] {
    return [...this.#open.values()].toSorted((left, right) => left.number - right.number);
  }

  isKnown(action: ActionId): boolean {
    return this.#open.has(action) || this.#finished.has(action);
  }

  isOpen(action: ActionId): boolean {
    return this.#open.has(action);
  }

  newest(target: TargetKey): TargetMark | undefined {
    return this.#targets.get(target);
  }

  /** Resolves when a known action's entry is durable. */
  async stored(action: ActionId): Promise<void> {
    await this.#taking.get(action);
  }

  /** Takes an action that fencing has let pass. Known at once; durable when it resolves. */
  async take(order: ActionOrder): Promise<ActionEntry> {
    assert(!this.isKnown(order.action), `${order.action} is taken twice`);
    this.#number += 1;
    const entry: ActionEntry = {
      action: order.action,
      target: order.target,
      generation: order.generation,
      term: order.term,
      number: this.#number,
      order: order.order,
      timeoutMs: order.timeoutMs,
    };
    const mark: TargetMark = { generation: order.generation, action: order.action };
    this.#open.set(entry.action, entry);
    const forgotten = this.#mark(order.target, mark);
    this.#term = Math.max(this.#term, order.term);
    const writing = this.#database.write([
      put(ACTION_PREFIX + entry.action, entry),
      put(TARGET_PREFIX + order.target, mark),
      put(TERM_KEY, this.#term),
      ...forgotten,
    ]);
    await this.#whileTaking(entry.action, writing);
    return entry;
  }

  /** Whether it was taken back before it began. */
  isWithdrawn(action: ActionId): boolean {
    return this.#finished.get(action)?.withdrawn === true;
  }

  /**
   * Takes an action back that has not begun, known or not: it never will. Known at once; durable
   * when it resolves. Nobody is told of it as of a result.
   */
  async withdraw(withdrawal: Withdrawal): Promise<void> {
    const { action, target, generation, term } = withdrawal;
    const known = this.#open.get(action);
    if (known === undefined) this.#number += 1;
    const number = known?.number ?? this.#number;
    const entry: ActionEntry = {
      action,
      target,
      generation,
      term,
      number,
      timeoutMs: 0,
      withdrawn: true,
    };
    this.#open.delete(action);
    this.#finished.set(action, entry);
    const newest = this.#targets.get(target);
    const mark: TargetMark =
      newest !== undefined && newest.generation > generation ? newest : { generation, action };
    const forgotten = [...this.#mark(target, mark), ...this.#forgetOldest()];
    this.#term = Math.max(this.#term, term);
    const writing = this.#database.write([
      put(ACTION_PREFIX + action, entry),
      put(TARGET_PREFIX + target, mark),
      put(TERM_KEY, this.#term),
      ...forgotten,
    ]);
    await this.#whileTaking(action, writing);
  }

  /** Writes the result, and the fact that reports it, as one. Resolves when both are durable. */
  async finish(entry: ActionEntry, result: ActionResult, observedAtMs: number): Promise<void> {
    const { order: _order, ...rest } = entry;
    const finished: ActionEntry = { ...rest, result };
    const fact: Fact = { type: "actionFinished", observedAtMs, action: entry.action, ...result };
    this.#open.delete(entry.action);
    this.#finished.set(entry.action, finished);
    const forgotten = this.#forgetOldest();
    await this.#outbox.append(fact, [put(ACTION_PREFIX + entry.action, finished), ...forgotten]);
  }

  /** Notes a term seen elsewhere. */
  async sawTerm(term: number): Promise<void> {
    if (term <= this.#term) return;
    this.#term = term;
    await this.#database.write([put(TERM_KEY, term)]);
  }

  /** Forgets all actions, as after a wipe; generations begin anew with the incarnation. */
  async startOver(): Promise<void> {
    const keys = [
      ...[...this.#open.keys(), ...this.#finished.keys()].map((action) => ACTION_PREFIX + action),
      ...[...this.#targets.keys()].map((target) => TARGET_PREFIX + target),
    ];
    this.#open.clear();
    this.#finished.clear();
    this.#targets.clear();
    await this.#database.write(keys.map((key) => ({ type: "del", key })));
  }

  async #whileTaking(action: ActionId, writing: Promise<void>): Promise<void> {
    this.#taking.set(action, writing);
    try {
      await writing;
    } finally {
      if (this.#taking.get(action) === writing) this.#taking.delete(action);
    }
  }

  /** Drops finished actions past their bound. */
  #forgetOldest(): StoreOperation[] {
    const forgotten: StoreOperation[] = [];
    for (const oldest of this.#finished.keys()) {
      if (this.#finished.size <= FINISHED_ACTIONS_MAX) break;
      this.#finished.delete(oldest);
      forgotten.push({ type: "del", key: ACTION_PREFIX + oldest });
    }
    return forgotten;
  }

  async #load(): Promise<void> {
    const [term] = await this.#database.getMany([TERM_KEY]);
    if (term !== undefined) this.#term = parse<number>(term);
    const entries: ActionEntry[] = [];
    for await (const [, value] of this.#database.scan(ACTION_PREFIX)) {
      entries.push(parse<ActionEntry>(value));
    }
    for (const entry of entries.toSorted((left, right) => left.number - right.number)) {
      this.#number = entry.number;
      const open = entry.result === undefined && entry.withdrawn === undefined;
      const kept = open ? this.#open : this.#finished;
      kept.set(entry.action, entry);
    }
    for await (const [key, value] of this.#database.scan(TARGET_PREFIX)) {
      this.#targets.set(key.slice(TARGET_PREFIX.length) as TargetKey, parse<TargetMark>(value));
    }
  }

  /** Remembers the newest action of a target. Returns what must be forgotten for it. */
  #mark(target: TargetKey, mark: TargetMark): StoreOperation[] {
    this.#targets.delete(target);
    this.#targets.set(target, mark);
    const forgotten: StoreOperation[] = [];
    for (const oldest of this.#targets.keys()) {
      if (this.#targets.size <= TARGETS_MAX) break;
      this.#targets.delete(oldest);
      forgotten.push({ type: "del", key: TARGET_PREFIX + oldest });
    }
    return forgotten;
  }
}

function put(key: string, value: unknown): StoreOperation {
  return { type: "put", key, value: Buffer.from(JSON.stringify(value)) };
}

function parse<T>(value: Uint8Array): T {
  return JSON.parse(Buffer.from(value).toString("utf8")) as T;
}
