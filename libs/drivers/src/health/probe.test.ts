/**
 * Probes against real listeners: what counts as an answer, and that none takes longer than it may.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { test } from "node:test";
import type { HealthProbe } from "@atoll/domain";
import { probeHealth } from "./probe.ts";

function probe(what: HealthProbe, timeoutMs = 5_000): Promise<string | undefined> {
  const { signal } = new AbortController();
  return probeHealth(what, { timeoutMs, environment: {}, signal });
}

async function withServer(server: Server, body: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await body((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

test("http: 200 to 399 is a success, anything else says what was answered", () => {
  const server = createHttpServer((request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { connection: "close" }).end("body");
  });
  return withServer(server, async (port) => {
    for (const status of [200, 204, 302, 399]) {
      const url = `http://127.0.0.1:${port}/${status}`;
      assert.equal(await probe({ type: "http", url }), undefined);
    }
    const url = `http://127.0.0.1:${port}/503`;
    assert.equal(await probe({ type: "http", url }), `${url} answered 503`);
  });
});

test("http and tcp: a server that never answers, and none at all", async () => {
  const held = new Set<{ destroy(): void }>();
  const server = createServer((socket) => held.add(socket));
  let port = 0;
  await withServer(server, async (listening) => {
    port = listening;
    const url = `http://127.0.0.1:${port}/`;
    assert.equal(await probe({ type: "http", url }, 50), `no answer from ${url} within 50 ms`);
    const tcp = { type: "tcp", host: "127.0.0.1", port: String(port) } as const;
    assert.equal(await probe(tcp), undefined);
    for (const socket of held) socket.destroy();
  });
  const tcp = { type: "tcp", host: "127.0.0.1", port: String(port) } as const;
  assert.equal(await probe(tcp), `127.0.0.1:${port}: ECONNREFUSED`);
  assert.match(
    (await probe({ type: "http", url: `http://127.0.0.1:${port}/` })) ?? "",
    /ECONNREFUSED/,
  );
});

test("exec: the status decides, output helps, time is bounded", async () => {
  assert.equal(await probe({ type: "exec", command: ["true"] }), undefined);
  assert.equal(
    await probe({ type: "exec", command: ["sh", "-c", "echo not yet >&2; exit 3"] }),
    "sh ended with status 3: not yet",
  );
  assert.equal(
    await probe({ type: "exec", command: ["/no/such/check"] }),
    "/no/such/check is not installed",
  );
  const slow = { type: "exec", command: ["sh", "-c", "sleep 1000 & wait"] } as const;
  assert.equal(await probe(slow, 50), "no end after 50 ms");
});

test("what cannot be probed says so", async () => {
  assert.equal(await probe({ type: "http", url: "nonsense" }), '"nonsense" is not a URL');
  assert.equal(await probe({ type: "tcp", host: "h", port: "70000" }), '"70000" is not a port');
});
