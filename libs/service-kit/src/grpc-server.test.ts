/**
 * The gRPC side of the kit against a real client and raw HTTP/2.
 */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import {
  Datacenter,
  DatacenterServiceClient,
  DatacenterServiceService,
} from "@atoll/proto/atoll/v1/datacenter";
import { HealthClient } from "@atoll/proto/grpc/health/v1/health";
import { Metadata, status } from "@grpc/grpc-js";
import {
  ApiError,
  type CallContext,
  CHANNEL_OPTIONS,
  channelCredentials,
  ConfigError,
  createCallEnvironment,
  createMetrics,
  type DecodedStatus,
  fromServiceError,
  type GrpcServer,
  silentLog,
  startGrpcServer,
  unary,
} from "@atoll/service-kit";

const SERVICE = "atoll.v1.DatacenterService";
const DATACENTER: Datacenter = Datacenter.fromPartial({ name: "datacenters/dc1" });

type GetDatacenter = (name: string, context: CallContext) => Promise<void> | void;

async function startServer(getDatacenter: GetDatacenter): Promise<GrpcServer> {
  const metrics = createMetrics("test");
  const environment = createCallEnvironment({ log: silentLog, metrics });
  return await startGrpcServer({
    listen: "127.0.0.1:0",
    transport: "insecure-for-lab",
    reflection: true,
    log: silentLog,
    metrics,
    services: [
      {
        definition: DatacenterServiceService,
        implementation: {
          getDatacenter: unary(
            async (request: { name: string }, context) => {
              await getDatacenter(request.name, context);
              return DATACENTER;
            },
            { method: "DatacenterService/GetDatacenter", environment },
          ),
          listDatacenters: unary(
            () => {
              throw new Error("secret path /etc/x");
            },
            { method: "DatacenterService/ListDatacenters", environment },
          ),
        },
      },
    ],
  });
}

function clientOf(
  server: GrpcServer,
  options: typeof CHANNEL_OPTIONS = CHANNEL_OPTIONS,
): DatacenterServiceClient & Disposable {
  const address = `127.0.0.1:${server.port}`;
  const credentials = channelCredentials("insecure-for-lab");
  const client = new DatacenterServiceClient(address, credentials, options);
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

function get(
  client: DatacenterServiceClient,
  name: string,
  metadata: Metadata = new Metadata(),
): Promise<DecodedStatus | "answered"> {
  return new Promise((resolve) => {
    client.getDatacenter({ name }, metadata, (error) => {
      resolve(error === null ? "answered" : fromServiceError(error));
    });
  });
}

test("unary() carries reason, violations and retry delay of an ApiError", async () => {
  await using server = await startServer(() => {
    throw new ApiError(status.INVALID_ARGUMENT, "näme is wrong", {
      reason: "NAME_INVALID",
      metadata: { form: "datacenters/DC" },
      violations: [{ field: "name", description: "must be a näme" }],
      retryDelayMs: 1_250,
      cause: new Error("never shown"),
    });
  });
  using client = clientOf(server);
  assert.deepEqual(await get(client, "x"), {
    code: status.INVALID_ARGUMENT,
    message: "näme is wrong",
    reason: "NAME_INVALID",
    metadata: { form: "datacenters/DC" },
    violations: [{ field: "name", description: "must be a näme" }],
    retryDelayMs: 1_250,
  });
});

test("unary() says nothing of an unexpected error but that there was one", async () => {
  await using server = await startServer(() => {});
  using client = clientOf(server);
  const failure = await new Promise<DecodedStatus>((resolve) => {
    client.listDatacenters({ pageSize: 0, pageToken: "" }, (error) =>
      resolve(fromServiceError(error)),
    );
  });
  assert.equal(failure.code, status.INTERNAL);
  assert.equal(failure.reason, "INTERNAL");
  assert.doesNotMatch(failure.message, /secret/);
});

test("unary() keeps a thousand violations within what clients take of trailers", async () => {
  await using server = await startServer(() => {
    throw new ApiError(status.INVALID_ARGUMENT, "x".repeat(100_000), {
      reason: "MANY",
      violations: Array.from({ length: 1_000 }, (_, at) => ({
        field: `roles.yaml:${at}`,
        description: "wrong",
      })),
    });
  });
  using client = clientOf(server);
  const failure = (await get(client, "x")) as DecodedStatus;
  assert.equal(failure.violations[0]?.field, "roles.yaml:0");
  assert.match(failure.violations.at(-1)?.description ?? "", /^and \d+ more$/);
});

test("CallContext gives deadline and actor, and refuses a name that is none", async () => {
  const seen: string[] = [];
  await using server = await startServer((_, context) => {
    seen.push(context.actor);
  });
  using client = clientOf(server);
  assert.equal(await get(client, "x"), "answered");
  const named = new Metadata();
  named.set("atoll-actor", "ann@example.org");
  assert.equal(await get(client, "x", named), "answered");
  const forged = new Metadata();
  forged.set("atoll-actor", "a/planner");
  assert.equal(((await get(client, "x", forged)) as DecodedStatus).reason, "ACTOR_INVALID");
  assert.deepEqual(seen, ["user/anonymous", "user/ann@example.org"]);
});

test("a message over the limit is refused with the limit in the text", async () => {
  await using server = await startServer(() => {});
  using client = clientOf(server, {});
  const failure = (await get(client, "x".repeat(5_000_000))) as DecodedStatus;
  assert.equal(failure.code, status.RESOURCE_EXHAUSTED);
  assert.match(failure.message, /4194304/);
});

for (const timeout of ["-5S", "5", "123456789S", "5X", "abc"]) {
  test(`a deadline of ${timeout} is refused with what is allowed`, async () => {
    await using server = await startServer(() => {});
    const { code, message } = await rawCall(server.port, timeout);
    assert.equal(code, String(status.INVALID_ARGUMENT));
    assert.match(decodeURIComponent(message), /1 to 8 digits/);
  });
}

test("bytes that are no request are the caller's fault", async () => {
  await using server = await startServer(() => {});
  const { code, message } = await rawCall(
    server.port,
    "5S",
    Buffer.from([0, 0, 0, 0, 2, 0x0a, 0x7f]),
  );
  assert.equal(code, String(status.INVALID_ARGUMENT));
  assert.match(decodeURIComponent(message), /cannot be read/);
});

test("a deadline of 5S is taken", async () => {
  await using server = await startServer(() => {});
  assert.equal((await rawCall(server.port, "5S")).code, "0");
});

test("health says NOT_SERVING until told otherwise, and tells watchers", async () => {
  await using server = await startServer(() => {});
  const client = new HealthClient(
    `127.0.0.1:${server.port}`,
    channelCredentials("insecure-for-lab"),
    CHANNEL_OPTIONS,
  );
  try {
    const watched: number[] = [];
    const stream = client.watch({ service: SERVICE });
    const two = new Promise<void>((resolve) => {
      stream.on("data", (response: { status: number }) => {
        watched.push(response.status);
        if (watched.length === 1) server.setServing(SERVICE, true);
        if (watched.length === 2) resolve();
      });
      stream.on("error", () => {});
    });
    await two;
    stream.cancel();
    assert.deepEqual(watched, [2, 1]);
    const failure = await new Promise<DecodedStatus>((resolve) => {
      client.check({ service: "nope" }, (error) => resolve(fromServiceError(error)));
    });
    assert.equal(failure.code, status.NOT_FOUND);
    assert.match(failure.message, new RegExp(SERVICE));
  } finally {
    client.close();
  }
});

test("startGrpcServer() refuses plaintext on an address that others can reach", async () => {
  const options = {
    transport: "insecure-for-lab",
    services: [],
    reflection: false,
    log: silentLog,
    metrics: createMetrics("test"),
  } as const;
  await assert.rejects(startGrpcServer({ ...options, listen: "0.0.0.0:0" }), ConfigError);
  await assert.rejects(startGrpcServer({ ...options, listen: "nonsense" }), ConfigError);
});

function rawCall(
  port: number,
  timeout: string,
  frame: Buffer = Buffer.alloc(5),
): Promise<{ code: string; message: string }> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const request = session.request({
      ":method": "POST",
      ":path": `/${SERVICE}/GetDatacenter`,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": timeout,
    });
    function finish(headers: Record<string, unknown>): void {
      if (headers["grpc-status"] === undefined) return;
      resolve({
        code: String(headers["grpc-status"]),
        message: String(headers["grpc-message"] ?? ""),
      });
      session.close();
    }
    request.on("response", finish);
    request.on("trailers", finish);
    request.on("error", reject);
    request.resume();
    request.end(frame);
  });
}
