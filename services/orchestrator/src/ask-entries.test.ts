/** Asking again gives the same words as long as the cause is the same. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { test } from "node:test";
import { askEntries } from "./ask-entries.ts";

const REQUEST = { groupId: "g", fromIndex: 1, toIndex: 2, toTerm: 1 };

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function askedTwice(address: string): Promise<readonly unknown[]> {
  const first = await askEntries("insecure-for-lab", address, REQUEST);
  return [first, await askEntries("insecure-for-lab", address, REQUEST)];
}

test("askEntries() says the same of one that is silent", async (context) => {
  const server = createServer(() => {});
  context.after(() => server.close());
  server.on("connection", (socket) => context.after(() => socket.destroy()));
  assert.deepEqual(await askedTwice(await listening(server)), ["no answer", "no answer"]);
});

test("askEntries() says the same of one that hangs up", async (context) => {
  const server = createServer((socket) => socket.destroy());
  context.after(() => server.close());
  const [first, second] = await askedTwice(await listening(server));
  assert.match(String(first), /Failed to connect/);
  assert.equal(second, first);
});

test("askEntries() says the same of one that is not there", async () => {
  const server = createServer();
  const address = await listening(server);
  server.close();
  await once(server, "close");
  const [first, second] = await askedTwice(address);
  assert.match(String(first), new RegExp(`ECONNREFUSED ${address}`));
  assert.equal(second, first);
});
