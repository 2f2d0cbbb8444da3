/**
 * Helpers that the contract's cases share: conditions, comparisons, a reader that keeps what it
 * got.
 */
import { assert, canonicalJson } from "@atoll/stdx";
import type { BusWorld, Condition, ContractCase, WorldOptions } from "./contract.ts";
import { BusError } from "./bus-error.ts";
import type { AgentBus, OrchestratorBus, StreamBatch, Unsubscribe } from "./port.ts";

const STREAM_BYTES: WorldOptions = { streamBytesMax: 64 * 1024 * 1024 };

export function contractCase(
  name: string,
  run: (world: BusWorld) => Generator<Condition, void, void>,
  options: WorldOptions = STREAM_BYTES,
): ContractCase {
  return { name, options, run };
}

export function until(what: string, holds: () => boolean): Condition {
  return { what, holds };
}

/** Throws unless both are the same plain data. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [canonicalJson(actual), canonicalJson(expected)];
  assert(got === wanted, `${what}: got ${got}, expected ${wanted}`);
}

/** Bytes that carry one integer. */
export function numberPayload(value: number): Uint8Array {
  return Uint8Array.of(
    (value >>> 24) & 255,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  );
}

export function payloadNumber(payload: Uint8Array): number {
  return payload.reduce((value, byte) => value * 256 + byte, 0);
}

/** Waits until a client is connected. */
export function* connected(client: AgentBus | OrchestratorBus): Generator<Condition, void, void> {
  let state = false;
  const forget = client.onConnection((change) => {
    state = change.connected;
  });
  yield until("the client is connected", () => state);
  forget();
}

/** Sends until the other side has received: a subscription may become known a little later. */
export function* sendUntil(
  what: string,
  send: () => void,
  holds: () => boolean,
): Generator<Condition, void, void> {
  while (!holds()) {
    send();
    let looks = 0;
    yield until(what, () => {
      looks += 1;
      return holds() || looks > 20;
    });
  }
}

/** Waits until a client has lost its connection. */
export function* disconnected(
  client: AgentBus | OrchestratorBus,
): Generator<Condition, void, void> {
  let state = true;
  const forget = client.onConnection((change) => {
    state = change.connected;
  });
  yield until("the client is disconnected", () => !state);
  forget();
}

/** Publishes what is called `name` in complaints, and waits until the stream has stored it. */
export function* publish(
  agent: AgentBus,
  name: string,
  payload: Uint8Array,
): Generator<Condition, void, void> {
  const code = yield* publishCode(agent, name, payload);
  assert(code === "stored", `${name} was not stored: ${code}`);
}

/** The same while the stream may not be up yet: what finds none is not stored, and tried again. */
export function* publishOnceUp(
  agent: AgentBus,
  name: string,
  payload: Uint8Array,
): Generator<Condition, void, void> {
  let code = yield* publishCode(agent, name, payload);
  while (code === "NO_STREAM") code = yield* publishCode(agent, name, payload);
  assert(code === "stored", `${name} was not stored: ${code}`);
}

/** Publishes and returns "stored" or the error's code. */
export function* publishCode(
  agent: AgentBus,
  name: string,
  payload: Uint8Array,
): Generator<Condition, string, void> {
  let outcome: string | undefined;
  agent.publishFacts(payload, (error) => {
    assert(outcome === undefined, `${name} was answered twice`);
    outcome = error === undefined ? "stored" : codeOf(error);
  });
  assert(outcome === undefined, "publishFacts() answers after it has returned");
  yield until(`${name} is answered`, () => outcome !== undefined);
  return outcome as unknown as string;
}

export function codeOf(error: Error): string {
  return error instanceof BusError ? error.code : `not a BusError: ${error.message}`;
}

/** Reads the stream and keeps what came; takes the next batch by itself unless told not to. */
export class Collector {
  readonly batches: StreamBatch[] = [];
  readonly stop: Unsubscribe;
  /** Set while `automatic` is off and a batch waits to be taken. */
  ready: (() => void) | undefined;
  automatic = true;

  constructor(
    bus: OrchestratorBus,
    after?: { readonly created: string; readonly sequence: number },
  ) {
    this.stop = bus.readFacts(after, (batch, ready) => {
      this.batches.push(batch);
      if (this.automatic) ready();
      else this.ready = ready;
    });
  }

  /** The integers in the payloads, in order of arrival. */
  get numbers(): number[] {
    return this.batches.flatMap((batch) =>
      batch.messages.map((message) => payloadNumber(message.payload)),
    );
  }

  get count(): number {
    return this.batches.reduce((sum, batch) => sum + batch.messages.length, 0);
  }

  /** The position behind the last message. */
  get position(): { created: string; sequence: number } {
    const batch = this.batches[this.batches.length - 1];
    const last = batch?.messages[batch.messages.length - 1];
    assert(batch !== undefined && last !== undefined, "nothing was read");
    return { created: batch.created, sequence: last.sequence };
  }
}
