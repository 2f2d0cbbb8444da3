/** Dialling servers that do not behave. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { dial } from "./dial.ts";

test("dial() that is given up closes its connection to a server that does not greet", async () => {
  const accepted: Socket[] = [];
  await using server = createServer((socket) => {
    accepted.push(socket);
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const servers = `nats://127.0.0.1:${port}`;
  await assert.rejects(dial({ servers, reconnect: false, timeout: 100 }));
  const [socket] = accepted;
  assert.ok(socket !== undefined);
  if (!socket.closed) await once(socket, "close", { signal: AbortSignal.timeout(10_000) });
  assert.equal(accepted.length, 1);
});
