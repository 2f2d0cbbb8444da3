/**
 * The HTTP port for operators: metrics and health.
 *
 * `/metrics` in Prometheus' text format, `/healthz` 200 or 503 with its checks as JSON, `/livez`
 * 200 while the loop turns. Serves nothing that changes anything. Started by each service's
 * composition root.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { OperationalError } from "./operational-error.ts";

export interface HealthCheckResult {
  readonly ok: boolean;
  /** What is wrong, or a figure worth seeing. */
  readonly detail?: string;
}

export interface HealthReport {
  /** `unavailable`: it runs, and cannot answer for now. Ready are `ok` and `degraded` alone. */
  readonly status: "ok" | "degraded" | "unavailable" | "failed" | "starting";
  readonly checks: Readonly<Record<string, HealthCheckResult>>;
}

export interface AdminServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly metrics: Pick<Metrics, "text">;
  /** Asked for each probe: answers soon, and costs little however often it is asked. */
  readonly health: () => HealthReport | Promise<HealthReport>;
  readonly log: Log;
}

export interface AdminServer extends AsyncDisposable {
  readonly port: number;
}

/** @throws OperationalError `cannotListen` when the port is taken or not allowed. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  // An import statement would evaluate every export of the module, a WebSocket client of 13 MB
  // among them.
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log.error("the admin server could not answer", { path: request.url, error });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const at = `${options.host}:${options.port}`;
      reject(
        new OperationalError(`cannot serve metrics on ${at}`, { code: "cannotListen", cause }),
      );
    });
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  options: AdminServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    send(response, { status: 405, type: "text/plain", body: "only GET and HEAD are allowed\n" });
    return;
  }
  switch (request.url) {
    case "/metrics": {
      const body = await options.metrics.text();
      send(response, { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body });
      return;
    }
    case "/healthz": {
      const report = await options.health();
      const healthy = report.status === "ok" || report.status === "degraded";
      const body = `${JSON.stringify(report)}\n`;
      send(response, { status: healthy ? 200 : 503, type: "application/json", body });
      return;
    }
    case "/livez":
      send(response, { status: 200, type: "text/plain", body: "ok\n" });
      return;
    default:
      send(response, {
        status: 404,
        type: "text/plain",
        body: "here are /metrics, /healthz, /livez\n",
      });
  }
}

function send(
  response: ServerResponse,
  content: { readonly status: number; readonly type: string; readonly body: string },
): void {
  response.writeHead(content.status, { "content-type": content.type });
  response.end(content.body);
}
