/** Each fault of a link, observed on real sockets. */
import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Links } from "./links.ts";

const SEED = 7;
/** How long nothing is watched to be nothing. */
const SILENCE_MS = 60;

/** A socket with all that it was told. */
class End {
  readonly socket: Socket;
  received = "";
  receivedBytes = 0;
  ended = false;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      this.receivedBytes += bytes.length;
      if (this.receivedBytes < 1_000) this.received += bytes.toString("latin1");
    });
    socket.on("end", () => (this.ended = true));
    socket.on("close", () => (this.closed = true));
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }
}

/** Two ends that listen, and the links between them. */
class Site {
  readonly links: Links;
  /** What was accepted at west, in order. */
  readonly accepted: readonly End[];
  readonly #dialled: End[] = [];
  readonly #stack: AsyncDisposableStack;

  private constructor(links: Links, accepted: readonly End[], stack: AsyncDisposableStack) {
    this.links = links;
    this.accepted = accepted;
    this.#stack = stack;
  }

  static async start(): Promise<Site> {
    const stack = new AsyncDisposableStack();
    const accepted: End[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      accepted.push(new End(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stack.defer(async () => {
      for (const { socket } of accepted) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    const ends = ["east", "west"].map((name) => ({ name, port }));
    const links = await Links.start({ ends, seed: SEED });
    stack.use(links);
    return new Site(links, accepted, stack);
  }

  /** From east to west, through the relay; its socket is connected, whatever the link does. */
  async dial(): Promise<End> {
    const port = this.links.port("east", "west");
    const end = new End(connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
    this.#dialled.push(end);
    await until(() => !end.socket.connecting, "connected with the relay");
    return end;
  }

  /** Both ends of a connection over which a word has passed each way. */
  async join(): Promise<{ readonly east: End; readonly west: End }> {
    const { length } = this.accepted;
    const east = await this.dial();
    east.send("hello");
    await until(() => this.accepted[length]?.received === "hello", "west was reached");
    const west = this.accepted[length] as End;
    west.send("welcome");
    await until(() => east.received === "welcome", "east was answered");
    east.received = west.received = "";
    return { east, west };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#dialled) socket.destroy();
    await this.#stack.disposeAsync();
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, `not in time: ${what}`);
    await delay(1);
  }
}

/** Long enough for anything that is not held up to have come. */
async function stays(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + SILENCE_MS;
  while (performance.now() < endMs) {
    assert.ok(condition(), `did not stay so: ${what}`);
    await delay(1);
  }
}

test("a whole link carries bytes and ends both ways, and counts them", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  east.send("last words");
  east.socket.end();
  await until(() => west.ended, "west has heard that east says no more");
  assert.equal(west.received, "last words");
  west.send("mine too");
  west.socket.end();
  await until(() => east.closed && west.closed, "both are closed");
  assert.equal(east.received, "mine too");
  await until(() => site.links.status()[0]?.connections === 0, "the relay has forgotten it");
  assert.deepEqual(
    site.links.status().map(({ carriedBytes }) => carriedBytes),
    ["hellolast words".length, "welcomemine too".length],
  );
});

test("cut: connections stay open and carry nothing; healed, they carry what waited", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.cut("east", "west");
  east.send("to west");
  west.send("to east");
  await stays(() => east.received === "" && west.received === "", "nothing passes");
  assert.ok(!east.closed && !west.closed);
  site.links.heal("east", "west");
  await until(() => west.received === "to west" && east.received === "to east", "all passes");
});

test("cut: new connections hang, and reach the other end once it is healed", async () => {
  await using site = await Site.start();
  site.links.cut("west", "east");
  const east = await site.dial();
  east.send("anybody?");
  await stays(() => site.accepted.length === 0 && !east.closed, "neither reached nor refused");
  site.links.heal("east", "west");
  await until(() => site.accepted[0]?.received === "anybody?", "reached");
});

test("cut: the death of one end is told to the other only after healing", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.cut("east", "west");
  west.socket.resetAndDestroy();
  await until(() => west.closed, "west is gone");
  await stays(() => !east.ended && !east.closed, "east knows nothing");
  site.links.heal("east", "west");
  await until(() => east.ended || east.closed, "east knows");
  east.socket.end();
  await until(() => site.links.status()[0]?.connections === 0, "the relay has forgotten it");
});

test("reset: both ends notice, also while the link is cut", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.cut("east", "west");
  site.links.reset("east", "west");
  await until(() => (east.ended || east.closed) && (west.ended || west.closed), "both know");
});

test("a target that is not there breaks the connection", async () => {
  await using links = await Links.start({
    ends: ["east", "west"].map((name) => ({ name, port: 1 })),
    seed: SEED,
  });
  const end = new End(connect({ port: links.port("east", "west"), host: "127.0.0.1" }));
  await until(() => end.closed, "closed");
});

test("one way: one direction goes on, the other holds, and no new connection is made", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.oneWay("east", "west");
  east.send("heard");
  west.send("not heard");
  await until(() => west.received === "heard", "west hears east");
  const another = await site.dial();
  another.send("hello");
  await stays(() => east.received === "" && site.accepted.length === 1, "nothing comes back");
  site.links.oneWay("west", "east");
  await until(() => east.received === "not heard", "the other way round");
  east.send("not heard either");
  await stays(() => west.received === "heard", "west hears no more");
  site.links.healAll();
  await until(() => west.received === "heardnot heard either", "healed");
  await until(() => site.accepted.length === 2, "the other connection is made");
});

test("slow: nothing arrives before its time, in either direction", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.slow("east", "west", { delayMs: 80, lossPpm: 0, bytesPerSecond: 0 });
  const beganMs = performance.now();
  east.send("ping");
  await until(() => west.received === "ping", "there");
  const thereMs = performance.now() - beganMs;
  assert.ok(thereMs >= 80, `${thereMs} ms`);
  west.send("pong");
  await until(() => east.received === "pong", "and back");
  const backMs = performance.now() - beganMs;
  assert.ok(backMs >= 160, `${backMs} ms`);
});

test("slow: a link that is made fast again holds up nothing any more", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.slow("east", "west", { delayMs: 3_600_000, lossPpm: 0, bytesPerSecond: 0 });
  east.send("a");
  await stays(() => west.received === "", "an hour is long");
  site.links.heal("east", "west");
  east.send("b");
  await until(() => west.received === "ab", "both, in order");
});

test("bandwidth: all connections of a direction share it", async () => {
  await using site = await Site.start();
  const one = await site.join();
  const two = await site.join();
  site.links.slow("east", "west", { delayMs: 0, lossPpm: 0, bytesPerSecond: 1_000_000 });
  const beganMs = performance.now();
  for (const { east } of [one, two]) east.send(Buffer.alloc(100_000));
  const all = (): boolean => [one, two].every(({ west }) => west.receivedBytes >= 100_005);
  await until(all, "all arrived");
  const tookMs = performance.now() - beganMs;
  assert.ok(tookMs >= 200, `${tookMs} ms for 200,000 bytes`);
});

test("loss: what is lost holds up what follows, and all of it arrives in order", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.slow("east", "west", { delayMs: 0, lossPpm: 1_000_000, bytesPerSecond: 0 });
  east.send("one ");
  await stays(() => west.received === "", "it is lost");
  east.send("two");
  site.links.slow("east", "west", { delayMs: 0, lossPpm: 500_000, bytesPerSecond: 0 });
  east.send(" three");
  await until(() => west.received === "one two three", "sent again");
});

test("a sender that is not taken from waits, and nothing is lost", async () => {
  await using site = await Site.start();
  const { east, west } = await site.join();
  site.links.slow("east", "west", { delayMs: 3_600_000, lossPpm: 0, bytesPerSecond: 0 });
  const pieces = 64;
  let sent = 0;
  const sendNext = (): void => {
    east.socket.write(Buffer.alloc(1024 * 1024), () => {
      sent += 1;
      if (sent < pieces) sendNext();
    });
  };
  sendNext();
  let before = -1;
  while (before !== sent) {
    before = sent;
    await delay(SILENCE_MS);
  }
  assert.ok(sent < pieces / 2, `${sent} of ${pieces} MiB were taken`);
  site.links.slow("east", "west", { delayMs: 5, lossPpm: 0, bytesPerSecond: 0 });
  const bytes = pieces * 1024 * 1024 + "hello".length;
  await until(() => west.receivedBytes === bytes, "all arrived");
});
