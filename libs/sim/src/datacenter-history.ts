/**
 * What a simulated datacenter may never do, checked while it runs.
 *
 * One history: every replica applies the same bytes at the same index and reaches the same state.
 * Every fact that an agent took in is in it exactly once; every request at most once, and surely if
 * it was acknowledged; every action runs at most once, with twins on each disk; no node that is
 * there is declared lost. Used by `simulateDatacenter`.
 */
import type { ActionId, LogEntry, NodeName, StateView } from "@atoll/domain";
import { compareText, Digest64 } from "@atoll/stdx";
import { DatacenterIdentityChecker } from "./datacenter-identity-checker.ts";
import { DatacenterLimitsChecker } from "./datacenter-limits-checker.ts";
import { DatacenterTimeChecker } from "./datacenter-time-checker.ts";
import { Violation } from "./violation.ts";

/** A node that was there for so long before its verdict was never silent long enough for one. */
const FALSE_VERDICT_MS = 2_500;

/** An agent that is connected to the bus. */
export interface Connected {
  readonly atMs: number;
  readonly incarnation: () => string;
}

export class DatacenterHistory {
  readonly #entries = new Map<number, string>();
  readonly #states = new Map<number, string>();
  readonly #tagsTaken = new Set<string>();
  readonly #tagsLogged = new Set<string>();
  readonly #requestsLogged = new Set<string>();
  readonly #requestsAcknowledged = new Set<string>();
  readonly #connected = new Map<NodeName, Connected>();
  /** By action; of nodes that have had a twin by action and disk. */
  readonly #runs = new Map<string, number>();
  readonly #withdrawn = new Set<ActionId>();
  readonly limits: DatacenterLimitsChecker = new DatacenterLimitsChecker();
  readonly identity: DatacenterIdentityChecker = new DatacenterIdentityChecker();
  readonly time: DatacenterTimeChecker = new DatacenterTimeChecker();
  lastIndex = 0;
  accusations = 0;
  events = 0;

  /** A replica applied `data` at `index`. */
  applied(
    replica: number,
    index: number,
    entry: LogEntry | undefined,
    applied: { readonly data: Uint8Array; readonly view: StateView; readonly nowMs: number },
  ): void {
    const { data, view } = applied;
    const digest = new Digest64().bytes(data).hex();
    const known = this.#entries.get(index);
    if (known !== undefined) {
      if (known !== digest)
        throw new Violation(`replica ${replica} applied another entry at ${index}`);
      return;
    }
    if (index !== this.lastIndex + 1 && this.lastIndex > 0 && index > this.lastIndex + 1) {
      // Entries between were taken in by a snapshot elsewhere first; their content is known there.
      throw new Violation(`index ${index} is applied before anything at ${this.lastIndex + 1}`);
    }
    this.#entries.set(index, digest);
    this.lastIndex = index;
    if (entry !== undefined) this.limits.applied(index, entry, view);
    if (entry !== undefined) this.time.applied(index, entry.stampMs);
    for (const { event } of entry?.events ?? []) {
      this.events += 1;
      this.identity.applied(event, applied.nowMs);
      if (event.type === "serviceStatusChanged")
        this.#once(this.#tagsLogged, event.service.reason, "fact");
      if (event.type === "requestRecorded")
        this.#once(this.#requestsLogged, event.requestId, "request");
    }
  }

  /** A replica's state after `index`, as canonical bytes. */
  state(replica: number, index: number, chunks: readonly Uint8Array[]): void {
    const digest = new Digest64();
    for (const chunk of chunks) digest.bytes(chunk);
    const hex = digest.hex();
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, hex);
    else if (known !== hex)
      throw new Violation(`replica ${replica} has another state after ${index}`);
  }

  /** An agent has made a fact durable. Tags are unique. */
  taken(tag: string): void {
    this.#tagsTaken.add(tag);
  }

  /** The node was wiped: what its outbox still held is gone with it, rightly. */
  forgotten(tag: string): void {
    this.#tagsTaken.delete(tag);
  }

  /** An agent's connection to the bus came or went. */
  connected(node: NodeName, connected: Connected | undefined): void {
    if (connected === undefined) this.#connected.delete(node);
    else this.#connected.set(node, connected);
  }

  /**
   * A leader is about to declare a node lost, by the incarnation that the log has of it: it must
   * not have been there all the time. When that is a twin's that came and went, it is the twin that
   * is lost, unless the log has said that it is the one that is there.
   */
  accused(node: NodeName, incarnation: string, nowMs: number): void {
    this.accusations += 1;
    const connected = this.#connected.get(node);
    if (connected === undefined || nowMs - connected.atMs < FALSE_VERDICT_MS) return;
    const own = connected.incarnation();
    const twins = this.identity.wasTwinned(node) && own !== incarnation;
    if (twins && !this.identity.remains(node, own)) return;
    const forMs = nowMs - connected.atMs;
    throw new Violation(`${node} is declared lost, and was connected for ${forMs} ms`);
  }

  acknowledged(requestId: string): void {
    this.#requestsAcknowledged.add(requestId);
  }

  ran(
    action: ActionId,
    at: { readonly node: NodeName; readonly disk: string; readonly nowMs: number },
  ): void {
    this.identity.began(at.node, at.nowMs);
    const twinned = this.identity.wasTwinned(at.node);
    const key = twinned ? `${action} on ${at.disk}` : action;
    const runs = (this.#runs.get(key) ?? 0) + 1;
    this.#runs.set(key, runs);
    if (twinned && runs === 1) return;
    if (this.#withdrawn.has(action)) throw new Violation(`withdrawn action ${action} ran`);
    if (runs > 1) throw new Violation(`action ${action} ran ${runs} times`);
  }

  /** An agent has promised that the action never begins. */
  withdrawn(action: ActionId, node: NodeName): void {
    // A twin that nobody has noticed yet answers for its own disk alone.
    if (this.identity.wasTwinned(node)) return;
    if (this.#runs.has(action)) throw new Violation(`action ${action} ran and was withdrawn`);
    this.#withdrawn.add(action);
  }

  get actionsRun(): number {
    return this.#runs.size;
  }

  get factsTaken(): number {
    return this.#tagsTaken.size;
  }

  /** After healing and draining: nothing is missing. */
  checkComplete(): void {
    const lost = [...this.#tagsTaken]
      .filter((tag) => !this.#tagsLogged.has(tag))
      .toSorted(compareText);
    if (lost.length > 0) throw new Violation(`${lost.length} facts are lost, first ${lost[0]}`);
    const unknown = [...this.#requestsAcknowledged].filter((id) => !this.#requestsLogged.has(id));
    if (unknown.length > 0) {
      throw new Violation(`${unknown.length} acknowledged requests are lost, first ${unknown[0]}`);
    }
  }

  #once(seen: Set<string>, what: string, kind: string): void {
    if (what === "") return;
    if (seen.has(what)) throw new Violation(`${kind} ${what} is in the log twice`);
    seen.add(what);
  }
}
