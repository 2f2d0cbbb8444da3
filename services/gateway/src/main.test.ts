/**
 * The gateway as a process: settings, readiness, reflection, a clean end.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { HealthClient } from "@atoll/proto/grpc/health/v1/health";
import { channelCredentials } from "@atoll/service-kit";
import { FakeDatacenter } from "./testing/fake-datacenter.ts";
import { eventually } from "./testing/client.ts";

interface Started {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  stderr(): string;
}

function start(environment: Record<string, string>): Started {
  const child = spawn(
    process.execPath,
    ["--conditions=atoll-source", join(import.meta.dirname, "main.ts")],
    { env: environment, stdio: ["ignore", "ignore", "pipe"] },
  );
  let stderr = "";
  child.stderr?.on("data", (data) => (stderr += String(data)));
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, exit, stderr: () => stderr };
}

test("main names every setting that is wrong", async () => {
  const { exit, stderr } = start({ ATOLL_LISTEN: "x", ATOLL_TRANSPORT: "insecure-for-lab" });
  assert.equal(await exit, 1);
  for (const name of ["ATOLL_DATACENTER", "ATOLL_LISTEN", "ATOLL_REPLICAS"]) {
    assert.match(stderr(), new RegExp(name));
  }
});

test("main refuses plaintext beyond loopback", async () => {
  const { exit, stderr } = start({
    ATOLL_DATACENTER: "dc1",
    ATOLL_REPLICAS: "1=127.0.0.1:1",
    ATOLL_LISTEN: "0.0.0.0:0",
    ATOLL_TRANSPORT: "insecure-for-lab",
  });
  assert.equal(await exit, 1);
  assert.match(stderr(), /loopback/);
});

test("main serves, and ends in good order on SIGTERM", async () => {
  using datacenter = await FakeDatacenter.start(1);
  const replicas = [...datacenter.addresses].map(([id, { text }]) => `${id}=${text}`).join(",");
  const { child, exit, stderr } = start({
    ATOLL_DATACENTER: "dc1",
    ATOLL_REPLICAS: replicas,
    ATOLL_LISTEN: "127.0.0.1:0",
    ATOLL_TRANSPORT: "insecure-for-lab",
  });
  try {
    await eventually(() => /"port":\d+/.test(stderr()), { describe: stderr, timeoutMs: 10_000 });
    const port = /"port":(\d+)/.exec(stderr())?.[1];
    const health = new HealthClient(`127.0.0.1:${port}`, channelCredentials("insecure-for-lab"));
    let serving = false;
    await eventually(() => {
      health.check({ service: "atoll.v1.NodeService" }, (error, response) => {
        serving ||= error === null && response.status === 1;
      });
      return serving;
    });
    health.close();
    child.kill("SIGTERM");
    assert.equal(await exit, 0, stderr());
    assert.match(stderr(), /"message":"stopped"/);
  } finally {
    child.kill("SIGKILL");
  }
});
