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
import type { Gap, PullTarget } from "./fact-pull.ts";
import { Foreign } from "./foreign.ts";
import { Subjects } from "./subjects.ts";

interface Scene {
  readonly pull: FactPull;
  readonly foreign: Foreign;
  /** The reply subject of each pull request, in order. */
  readonly requests: string[];
  readonly broken: string[];
  readonly gaps: (Gap | undefined)[];
  readonly passed: Gap[];
  readonly message: (place: { stream: number; consumer: number }, subject?: string) => void;
  readonly status: (code: number, words: string, left?: number) => void;
}

function scene({ after, knownGap }: Partial<PullTarget> = {}): Scene {
  const requests: string[] = [];
  const broken: string[] = [];
  const gaps: (Gap | undefined)[] = [];
  const passed: Gap[] = [];
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
  const subjects = new Subjects("dc1");
  const target = { subjects, consumer: "c", inboxPrefix: "_INBOX_x", after, knownGap };
  const pull = new FactPull(connection, target, foreign, {
    arrived: () => {},
    broken: (reason, gap) => {
      broken.push(reason);
      gaps.push(gap);
    },
    passed: (gap) => passed.push(gap),
  });
  const hand = (message: object): void => deliver?.(null, message as Msg);
  return {
    pull,
    foreign,
    requests,
    broken,
    gaps,
    passed,
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
  message({ stream: 6, consumer: 2 });
  message({ stream: 7, consumer: 4 });
  message({ stream: 8, consumer: 5 });
  assert.deepEqual(broken, ["consumer went from 2 to 4"]);
  assert.deepEqual(
    pull.take().map((one) => one.sequence),
    [5, 6],
  );
});

test("FactPull is broken by a gap in the stream, and passes it when it is known", () => {
  const first = scene({ after: 4 });
  first.message({ stream: 5, consumer: 1 });
  first.message({ stream: 9, consumer: 2 });
  first.message({ stream: 10, consumer: 3 });
  const gap = { after: 5, before: 9 };
  assert.deepEqual([first.broken, first.gaps], [["the stream goes from 5 to 9"], [gap]]);
  assert.deepEqual(first.pull.take().length, 1);
  const second = scene({ after: 5, knownGap: gap });
  second.message({ stream: 9, consumer: 1 });
  second.message({ stream: 11, consumer: 2 });
  assert.deepEqual(second.passed, [gap]);
  assert.deepEqual(second.gaps, [{ after: 9, before: 11 }]);
  assert.deepEqual(
    second.pull.take().map((one) => one.sequence),
    [9],
  );
});

test("FactPull leaves out what a consumer on a server that lags gives once more", () => {
  const { pull, message, broken } = scene({ after: 7 });
  for (const stream of [5, 6, 7, 8]) message({ stream, consumer: stream - 4 });
  assert.deepEqual(
    pull.take().map((one) => one.sequence),
    [8],
  );
  assert.deepEqual([pull.lastSequence, broken], [8, []]);
  pull.close();
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
