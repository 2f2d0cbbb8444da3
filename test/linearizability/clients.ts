/**
 * Clients that write, swap and read registers of the service, and note what they were told.
 *
 * Each does one thing at a time, at the leader it knows or anywhere. A write without an answer is
 * of unknown outcome for ever. Registers change with time, so that the history of each stays short.
 */
import type { Call, Operation, Result } from "@atoll/linearizability";
import type { Prng } from "@atoll/stdx";
import { pause } from "../support/processes.ts";
import type { RegisterCluster } from "./cluster.ts";
import { IDS } from "./cluster.ts";
import type { Question } from "./connection.ts";
import { RegisterConnection } from "./connection.ts";
import type { Answer } from "./wire.ts";

const TIMEOUT_MS = 1_000;
/** So many registers are in use at a time, for so long. */
const KEYS = 3;
const KEYS_FOR_MS = 2_000;

export class RegisterClients {
  readonly history: Operation[] = [];
  readonly counts = { ok: 0, failed: 0, reads: 0, refused: 0, unknown: 0 };
  readonly #cluster: RegisterCluster;
  readonly #prng: Prng;
  #nextPayload = 1;
  #stopped = false;
  readonly #running: Promise<void>[] = [];

  constructor(cluster: RegisterCluster, prng: Prng, count: number) {
    this.#cluster = cluster;
    this.#prng = prng;
    for (let at = 1; at <= count; at += 1) {
      this.#running.push(this.#run(new Client(cluster, `client${at}`)));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  /** Reads every register of now at every replica, until each has answered; for the end. */
  async readAll(deadlineMs: number): Promise<boolean> {
    const client = new Client(this.#cluster, "reader");
    const endMs = performance.now() + deadlineMs;
    let all = true;
    for (const id of IDS) {
      for (let at = 0; at < KEYS; at += 1) {
        let answered = false;
        while (!answered && performance.now() < endMs) {
          answered = await this.#read(client, id, this.#key(at));
          if (!answered) await pause(20);
        }
        all &&= answered;
      }
    }
    client.close();
    return all;
  }

  async #run(client: Client): Promise<void> {
    const prng = this.#prng;
    while (!this.#stopped) {
      await pause(prng.below(8));
      const key = this.#key(prng.below(KEYS));
      const at = client.leader > 0 && !prng.chance(1, 10) ? client.leader : prng.pick(IDS);
      if (prng.chance(1, 3)) await this.#read(client, prng.pick(IDS), key);
      else await this.#write(client, at, key, prng.chance(1, 3));
    }
    client.close();
  }

  #key(at: number): number {
    return (Math.floor(performance.now() / KEYS_FOR_MS) * KEYS + at) % 256;
  }

  async #write(client: Client, at: number, key: number, compares: boolean): Promise<void> {
    const payload = this.#nextPayload;
    this.#nextPayload += 1;
    const kind = compares ? "cas" : "write";
    const expected = client.seen.get(key) ?? 0;
    const value = String(payload);
    const call: Call =
      kind === "write" ? { kind, value } : { kind, value, expected: valueOf(expected) };
    const invokedAt = now();
    const answer = await client.ask(at, { kind, payload, key, expected });
    if (answer === "notAsked") return;
    if (answer?.type === "refused") {
      this.counts.refused += 1;
      return;
    }
    if (answer?.type === "ok" || answer?.type === "failed") {
      this.counts[answer.type] += 1;
      if (answer.type === "ok") client.seen.set(key, payload);
      this.#note(client, key, call, invokedAt, { type: answer.type });
      return;
    }
    this.counts.unknown += 1;
    this.#note(client, key, call, invokedAt, undefined);
  }

  async #read(client: Client, at: number, key: number): Promise<boolean> {
    const invokedAt = now();
    const answer = await client.ask(at, { kind: "read", key });
    if (answer === "notAsked" || answer?.type !== "read") return false;
    this.counts.reads += 1;
    client.seen.set(key, answer.value);
    const result: Result = { type: "read", value: valueOf(answer.value) };
    this.#note(client, key, { kind: "read" }, invokedAt, result);
    return true;
  }

  #note(
    client: Client,
    key: number,
    call: Call,
    invokedAt: number,
    result: Result | undefined,
  ): void {
    const returned = result === undefined ? undefined : { at: now(), result };
    this.history.push({ process: client.name, key: `r${key}`, call, invokedAt, returned });
  }
}

/** One client: its connections, and what it knows. */
class Client {
  readonly name: string;
  /** The last value it saw, by register. */
  readonly seen = new Map<number, number>();
  leader = 0;
  readonly #cluster: RegisterCluster;
  readonly #connections = new Map<number, { port: number; connection: RegisterConnection }>();

  constructor(cluster: RegisterCluster, name: string) {
    this.#cluster = cluster;
    this.name = name;
  }

  /** `notAsked` when the replica is down; undefined when no answer came. */
  async ask(at: number, question: Question): Promise<Answer | undefined | "notAsked"> {
    const port = this.#cluster.clientPort(at);
    if (port === undefined) {
      this.leader = 0;
      return "notAsked";
    }
    let known = this.#connections.get(at);
    if (known === undefined || known.port !== port || known.connection.broken) {
      known?.connection.destroy();
      known = { port, connection: new RegisterConnection(port) };
      this.#connections.set(at, known);
    }
    const answer = await known.connection.ask(question, TIMEOUT_MS);
    if (answer === undefined) {
      // A late answer would be of no use to it any more.
      known.connection.destroy();
      this.leader = 0;
    } else if (answer.type === "refused" || answer.type === "unknown") {
      this.leader = answer.leader;
    } else if (question.kind !== "read") {
      this.leader = at;
    }
    return answer;
  }

  close(): void {
    for (const { connection } of this.#connections.values()) connection.destroy();
  }
}

function valueOf(payload: number): string | undefined {
  return payload === 0 ? undefined : String(payload);
}

/** Microseconds of the clock that all clients share. */
function now(): number {
  return Math.round(performance.now() * 1000);
}
