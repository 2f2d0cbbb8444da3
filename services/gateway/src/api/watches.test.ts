/**
 * Watches: slow callers are ended with where to go on, quiet ones get signs of life, all end
 * together.
 */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { ApiError } from "@atoll/service-kit";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { HEARTBEAT_MS, UNTAKEN_MS_MAX, WATCHES_MAX, Watches } from "./watches.ts";

class FakeStream extends EventEmitter {
  readonly written: string[] = [];
  cancelled = false;
  pushesBack = false;

  write(message: string): boolean {
    this.written.push(message);
    return !this.pushesBack;
  }

  get asStream(): ServerWritableStream<unknown, string> {
    return this as unknown as ServerWritableStream<unknown, string>;
  }
}

class FakeClock {
  nowMs = 1_000;

  monotonicMs(): number {
    return this.nowMs;
  }

  realtimeMs(): number {
    return this.nowMs;
  }
}

test("Watch is not ready while the connection pushes back, and ready after", () => {
  using watches = new Watches(new FakeClock());
  const stream = new FakeStream();
  const watch = watches.begin(stream.asStream);
  let woken = 0;
  watch.onReady(() => (woken += 1));
  stream.pushesBack = true;
  watch.send("a");
  assert.equal(watch.ready, false);
  stream.emit("drain");
  assert.equal(watch.ready, true);
  assert.equal(woken, 1);
});

test("Watch ends a caller that takes nothing, and says where to go on", async () => {
  const clock = new FakeClock();
  using watches = new Watches(clock);
  const stream = new FakeStream();
  stream.pushesBack = true;
  const watch = watches.begin(stream.asStream);
  watch.resumeIndex = 42;
  watch.send("a");
  watch.check(clock.nowMs + UNTAKEN_MS_MAX - 1);
  assert.equal(watch.over, false);
  watch.check(clock.nowMs + UNTAKEN_MS_MAX);
  await assert.rejects(watch.ended, (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    assert.equal(error.metadata["resume_index"], "42");
    return true;
  });
  assert.equal(watches.count, 0);
});

test("Watch gives a sign of life when nothing was sent for a while", () => {
  const clock = new FakeClock();
  using watches = new Watches(clock);
  const watch = watches.begin(new FakeStream().asStream);
  let beats = 0;
  watch.onQuiet(() => (beats += 1));
  watch.check(clock.nowMs + HEARTBEAT_MS - 1);
  assert.equal(beats, 0);
  watch.check(clock.nowMs + HEARTBEAT_MS);
  assert.equal(beats, 1);
});

test("Watches are bounded, and end together in good order", async () => {
  const watches = new Watches(new FakeClock());
  const all = Array.from({ length: WATCHES_MAX }, () => watches.begin(new FakeStream().asStream));
  assert.throws(() => watches.begin(new FakeStream().asStream), /2000 watches are open/);
  all[0]?.end();
  watches.begin(new FakeStream().asStream);
  watches[Symbol.dispose]();
  await Promise.all(all.map((watch) => watch.ended));
  assert.equal(watches.count, 0);
});

test("Watch ends when its caller goes away", async () => {
  using watches = new Watches(new FakeClock());
  const stream = new FakeStream();
  const watch = watches.begin(stream.asStream);
  stream.emit("cancelled");
  await watch.ended;
  assert.equal(watches.count, 0);
});
