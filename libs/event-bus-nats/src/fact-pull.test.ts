/**
 * What a pull does with a server that breaks its promises; the connection is a stand-in, since no
 * real server can be made to do this.
 */
import { BATCH_MESSAGES_MAX } from "@atoll/event-bus";
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { headers } from "@nats-io/transport-node";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { FactPull } from "./fact-pull.ts";
import { Foreign } from "./foreign.ts";
import { Subjects } from "./subjects.ts";

interface Scene {
  readonly pull: FactPull;
  readonly foreign: Foreign;
  /** The reply subject of each pull request, in order. */
  readonly requests: string[];
  readonly broken: string[];
  readonly message: (place: { stream: number; consumer: number }, subject?: string) => void;
  readonly status: (code: number, words: string, left?: number) => void;
}

function scene(): Scene {
  const requests: string[] = [];
  const broken: string[] = [];
  const foreign = new Foreign();
  let deliver: ((error: Error | null, message: Msg) => void) | undefined;
  const connection = {
    info: { max_payload: 1_048_576 },
    isClosed: () => false,
    subscribe: (_subject: string, options: { callback: typeof deliver }) => {
      deliver = options.callback;
      return { unsubscribe: () => {} };
    },
    publish: (_subject: string, _payload: Uint8Array, options: { reply: string }) => {
      requests.push(options.reply);
    },
  } as unknown as NatsConnection;
  const target = { subjects: new Subjects("dc1"), consumer: "c", inboxPrefix: "_INBOX_x" };
  const pull = new FactPull(connection, target, foreign, {
    arrived: () => {},
    broken: (reason) => broken.push(reason),
  });
  const hand = (message: object): void => deliver?.(null, message as Msg);
  return {
    pull,
    foreign,
    requests,
    broken,
    message: ({ stream, consumer }, subject = "atoll.dc1.fact.n1") =>
      hand({
        subject,
        reply: `$JS.ACK.S.c.1.${stream}.${consumer}.1700000000000000000.0`,
        data: Uint8Array.of(stream),
      }),
    status: (code, words, left) => {
      const said = headers(code, words);
      if (left !== undefined) said.set("Nats-Pending-Messages", String(left));
      hand({ subject: requests.at(-1), reply: "", data: new Uint8Array(0), headers: said });
    },
  };
}

test("FactPull is broken by a gap in the consumer's numbering", () => {
  const { pull, message, broken } = scene();
  message({ stream: 5, consumer: 1 });
  message({ stream: 9, consumer: 2 });
  message({ stream: 11, consumer: 4 });
  message({ stream: 12, consumer: 5 });
  assert.deepEqual(broken, ["consumer went from 2 to 4"]);
  assert.deepEqual(
    pull.take().map((one) => one.sequence),
    [5, 9],
  );
});

test("FactPull is broken by a consumer that misses its heartbeats, by nothing less", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    const { broken, status } = scene();
    for (let second = 0; second < 20; second += 1) {
      mock.timers.tick(1_000);
      status(100, "Idle Heartbeat");
    }
    assert.deepEqual(broken, []);
    mock.timers.tick(3_000);
    assert.deepEqual(broken, []);
    mock.timers.tick(1_000);
    mock.timers.tick(60_000);
    assert.deepEqual(broken, ["the consumer is silent"]);
  } finally {
    mock.timers.reset();
  }
});

test("FactPull pulls again when a pull ends by time or size, is broken by any other end", () => {
  const { pull, status, requests, broken } = scene();
  status(408, "Request Timeout", 512);
  status(409, "Message Size Exceeds MaxBytes", 3);
  assert.equal(requests.length, 3);
  assert.deepEqual(broken, []);
  status(409, "Consumer Deleted");
  status(409, "Consumer Deleted");
  assert.deepEqual(broken, ["the server ended the pull: 409 Consumer Deleted"]);
  pull.close();
});

test("FactPull asks for no more than its buffer holds, however slowly it is taken from", () => {
  const { pull, message, requests } = scene();
  let sequence = 0;
  const serve = (count: number): void => {
    for (let at = 0; at < count; at += 1) {
      sequence += 1;
      message({ stream: sequence, consumer: sequence });
    }
  };
  serve(2 * BATCH_MESSAGES_MAX);
  assert.equal(requests.length, 1);
  assert.deepEqual([pull.take().length, requests.length], [BATCH_MESSAGES_MAX, 1]);
  assert.deepEqual([pull.take().length, requests.length], [BATCH_MESSAGES_MAX, 2]);
  pull.close();
});

test("FactPull counts what is not ours and goes on", () => {
  const { pull, message, foreign, broken } = scene();
  message({ stream: 1, consumer: 1 }, "atoll.dc1.fact.NOT_OURS");
  message({ stream: 2, consumer: 2 });
  assert.deepEqual([pull.take().length, foreign.total, pull.lastSequence, broken], [1, 1, 2, []]);
  pull.close();
});
