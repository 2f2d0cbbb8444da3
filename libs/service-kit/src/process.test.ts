/**
 * The parts of the kit that do without gRPC.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  ConfigError,
  createLog,
  describeError,
  EnvReader,
  type HealthReport,
  isLoopback,
  OperationalError,
  parseTransport,
  silentLog,
  startAdminServer,
} from "@atoll/service-kit/process";
import { createMetrics } from "./metrics.ts";

const CONDITIONS = "--conditions=atoll-source";

test("EnvReader collects every problem before it refuses", () => {
  const env = new EnvReader({
    PORT: "70000",
    LISTEN: "nonsense",
    REPLICAS: "1=127.0.0.1:1,x=y",
    MODE: "fast",
    LABELS: "rack=r1,port",
  });
  env.text("NAME");
  env.integer("PORT", { min: 0, max: 65_535 });
  env.address("LISTEN");
  env.addresses("REPLICAS");
  env.choice("MODE", ["act", "observe"]);
  env.pairs("LABELS");
  assert.throws(
    () => env.check(),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.problems.map((problem) => problem.split(/[ =:]/, 1)[0]),
        ["NAME", "PORT", "LISTEN", "REPLICAS", "MODE", "LABELS"],
      );
      return true;
    },
  );
});

test("EnvReader takes what is right and its defaults", () => {
  const env = new EnvReader({
    REPLICAS: "2=[::1]:7502, 1=127.0.0.1:7501",
    LABELS: "rack=r1,port=8101",
  });
  assert.deepEqual(
    [
      [...env.addresses("REPLICAS")],
      env.pairs("LABELS"),
      env.integer("PORT", { min: 0, max: 9, default: 5 }),
      env.list("LIST", { default: ["a"] }),
      env.address("LISTEN", { default: "localhost:0" }).host,
    ],
    [
      [
        [1, { host: "127.0.0.1", port: 7501, text: "127.0.0.1:7501" }],
        [2, { host: "::1", port: 7502, text: "[::1]:7502" }],
      ],
      { rack: "r1", port: "8101" },
      5,
      ["a"],
      "localhost",
    ],
  );
  env.check();
});

test("parseTransport() takes one name only", () => {
  assert.equal(parseTransport("insecure-for-lab"), "insecure-for-lab");
  assert.throws(() => parseTransport("insecure"), ConfigError);
  assert.deepEqual(["127.0.0.1", "127.9.9.9", "::1", "localhost"].map(isLoopback), [
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(["0.0.0.0", "10.0.0.1", "::", "127.evil.org"].map(isLoopback), [
    false,
    false,
    false,
    false,
  ]);
});

test("createLog() writes JSON lines with the chain of causes", () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLog({ service: "test", level: "info", destination }).child({ part: "x" });
  log.debug("not shown");
  const cause = new OperationalError("disk", { code: "diskFull", cause: new Error("ENOSPC") });
  log.error("failed", { error: new Error("outer", { cause }) });
  assert.equal(lines.length, 1);
  const { level, service, part, message, error } = JSON.parse(lines[0] as string);
  assert.deepEqual(
    { level, service, part, message },
    { level: "error", service: "test", part: "x", message: "failed" },
  );
  assert.equal(error.cause.code, "diskFull");
  assert.equal(error.cause.cause.message, "ENOSPC");
});

test("describeError() tells the errors that another stands for, and stays finite", () => {
  const disk = new Error("ENOSPC");
  const closing = new SuppressedError(new Error("cannot close"), disk, "while closing");
  const both = new AggregateError([closing, "text"], "two things");
  const { errors } = describeError(both);
  assert.deepEqual(
    errors?.map(({ message }) => message),
    ["while closing", "text"],
  );
  assert.deepEqual(
    errors?.[0]?.errors?.map(({ message }) => message),
    ["cannot close", "ENOSPC"],
  );
  const loop = new AggregateError([], "around");
  loop.errors.push(loop, loop);
  assert.ok(JSON.stringify(describeError(loop)).length < 2_000);
});

test("the admin server gives metrics, health by status, and nothing else", async () => {
  const metrics = createMetrics("test");
  metrics.counter("things_total", "Things.", ["kind"]).inc({ kind: "a" });
  let report: HealthReport = { status: "ok", checks: {} };
  await using server = await startAdminServer({
    host: "127.0.0.1",
    port: 0,
    metrics,
    health: () => Promise.resolve(report),
    log: silentLog,
  });
  const base = `http://127.0.0.1:${server.port}`;
  const text = await (await fetch(`${base}/metrics`)).text();
  assert.match(text, /atoll_things_total\{kind="a",service="test"\} 1/);
  assert.equal((await fetch(`${base}/healthz`)).status, 200);
  report = { status: "failed", checks: { disk: { ok: false, detail: "full" } } };
  const unhealthy = await fetch(`${base}/healthz`);
  assert.deepEqual([unhealthy.status, await unhealthy.json()], [503, report]);
  for (const [status, code] of [
    ["degraded", 200],
    ["unavailable", 503],
    ["starting", 503],
  ] as const) {
    report = { status, checks: {} };
    assert.equal((await fetch(`${base}/healthz`)).status, code);
  }
  assert.equal((await fetch(`${base}/livez`)).status, 200);
  assert.equal((await fetch(`${base}/secret`)).status, 404);
  assert.equal((await fetch(`${base}/livez`, { method: "POST" })).status, 405);
});

test("the sub-path without gRPC loads nothing of gRPC", async () => {
  const script = `
    import { createRequire } from "node:module";
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({
      resolve(name, context, next) { loaded.push(name); return next(name, context); },
    });
    await import("@atoll/service-kit/process");
    console.log(JSON.stringify(loaded.filter((name) => name.includes("grpc"))));
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CONDITIONS, "--input-type=module", "--eval", script],
    { cwd: import.meta.dirname },
  );
  assert.equal(stdout.trim(), "[]");
});

for (const [what, body, expected] of [
  ["ends in good order on SIGTERM", "await aborted(signal);", { code: 0, says: /^$/ }],
  [
    "takes a wait that SIGTERM breaks off for a good end",
    "await delay(60_000, undefined, { signal });",
    { code: 0, says: /^$/ },
  ],
  [
    "reports what main throws",
    "throw new Error('no disk', { cause: new Error('EIO') });",
    { code: 1, says: /EIO/ },
  ],
  [
    "dies of a rejection in the background",
    "Promise.reject(new Error('lost')); await aborted(signal);",
    { code: 1, says: /lost/ },
  ],
] as const) {
  test(`runService() ${what}`, async () => {
    const script = `
      import { setTimeout as delay } from "node:timers/promises";
      import { aborted, runService } from "@atoll/service-kit/process";
      await runService(async (signal) => {
        const timer = setInterval(() => {}, 1000);
        console.log("ready");
        try { ${body} } finally { clearInterval(timer); }
      });
    `;
    const child = spawn(process.execPath, [CONDITIONS, "--input-type=module", "--eval", script], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (data) => (stderr += String(data)));
    if (expected.code === 0) child.stdout.once("data", () => child.kill("SIGTERM"));
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.equal(code, expected.code, stderr);
    assert.match(stderr, expected.says);
  });
}
