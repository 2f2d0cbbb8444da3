/**
 * One look at a service's health: http, tcp or exec.
 *
 * A probe resolves with undefined when the service answered as it should, else with the reason for
 * people. It never rejects and never takes longer than its timeout.
 */
import net from "node:net";
import type { HealthProbe } from "@atoll/domain";
import { DEFAULT_PATH, runCommand } from "../run-command.ts";

export type Probe = (
  probe: HealthProbe,
  options: {
    readonly timeoutMs: number;
    /** Of the service; for exec. */
    readonly environment: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
) => Promise<string | undefined>;

export const probeHealth: Probe = (probe, options) => {
  switch (probe.type) {
    case "http":
      return probeHttp(probe.url, options.timeoutMs, options.signal);
    case "tcp":
      return probeTcp(probe.host, probe.port, options.timeoutMs, options.signal);
    case "exec":
      return probeExec(probe.command, options.timeoutMs, options.environment);
  }
};

async function probeHttp(
  url: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  let target: URL;
  try {
    target = new URL(url);
  } catch {
    return `${JSON.stringify(url)} is not a URL`;
  }
  // An import statement would evaluate every export of the module, a WebSocket client of 13 MB
  // among them.
  const { request } = process.getBuiltinModule(
    target.protocol === "https:" ? "node:https" : "node:http",
  );
  return await new Promise((resolve) => {
    // A probe asks whether the service answers, not who it is: a self-signed certificate will do.
    const asked = request(target, {
      agent: false,
      signal,
      headers: { "user-agent": "atoll-agent", connection: "close" },
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => {
      finish(`no answer from ${url} within ${timeoutMs} ms`);
      asked.destroy();
    }, timeoutMs);
    function finish(reason: string | undefined): void {
      clearTimeout(timer);
      resolve(reason);
    }
    asked.on("response", (response) => {
      const status = response.statusCode ?? 0;
      finish(status >= 200 && status < 400 ? undefined : `${url} answered ${status}`);
      response.destroy();
    });
    asked.on("error", (error: NodeJS.ErrnoException) => {
      finish(`${url}: ${error.code ?? error.message}`);
    });
    asked.end();
  });
}

function probeTcp(
  host: string,
  port: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const number = Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    return Promise.resolve(`${JSON.stringify(port)} is not a port`);
  }
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: number, signal });
    const timer = setTimeout(() => {
      finish(`no connection to ${host}:${port} within ${timeoutMs} ms`);
    }, timeoutMs);
    function finish(reason: string | undefined): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    }
    socket.on("connect", () => finish(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      finish(`${host}:${port}: ${error.code ?? error.message}`);
    });
  });
}

async function probeExec(
  command: readonly string[],
  timeoutMs: number,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const result = await runCommand(command, {
    timeoutMs,
    environment: { PATH: process.env["PATH"] ?? DEFAULT_PATH, LANG: "C", ...environment },
  });
  if (result.type === "failed") return result.reason;
  if (result.status === 0) return undefined;
  const lines = `${result.errorOutput}\n${result.output}`.trim();
  const said = lines === "" ? "" : `: ${lines.slice(0, 200)}`;
  return `${command[0]} ended with status ${result.status}${said}`;
}
