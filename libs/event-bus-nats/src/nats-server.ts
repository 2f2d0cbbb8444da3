/**
 * A real nats-server for tests: on a port of its own, in a folder of its own.
 *
 * Started with JetStream, alone or as one of a cluster; can be killed, frozen, restarted on its
 * store or on an older copy of it, or robbed of it. One that does not start leaves nothing behind.
 * Only tests use it; it ends its own process and no other.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { dial } from "./dial.ts";
import { freePorts } from "./free-ports.ts";

const START_MAX_MS = 10_000;
const CONNECT_TIMEOUT_MS = 1_000;
const PING_INTERVAL_MS = 2_000;
const LOOK_MS = 10;
/** How much of what a server says is kept, from its end. */
const SAID_CHARACTERS_MAX = 2_000;

/** Why tests that need a server cannot run; undefined when they can. */
export const skipReason: string | undefined =
  findServer() === undefined ? "nats-server is not on the PATH" : undefined;

/** What a test does to the servers of a bus, be it one or a cluster. */
export interface TestNats extends AsyncDisposable {
  /** All servers, as the clients of the bus take it. */
  readonly url: string;
  /** On how many of them the stream lies. */
  readonly streamReplicas: number;
  start(): Promise<void>;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  wipe(): Promise<void>;
  connect(): Promise<NatsConnection>;
}

export interface NatsServerOptions {
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** Default true. */
  readonly jetStream?: boolean;
  /** Default: alone. */
  readonly cluster?: ClusterPlace;
}

/** One server's place in a cluster. */
export interface ClusterPlace {
  /** Of this server, as the cluster calls it. */
  readonly name: string;
  /** Where it takes routes. */
  readonly port: number;
  /** Where all of them do. */
  readonly ports: readonly number[];
}

export class NatsServer implements TestNats {
  readonly streamReplicas = 1;
  readonly #folder: string;
  readonly #options: NatsServerOptions;
  readonly #port: number;
  #process: ChildProcess | undefined;
  #said = "";

  private constructor(folder: string, port: number, options: NatsServerOptions) {
    this.#folder = folder;
    this.#port = port;
    this.#options = options;
  }

  /** A running server. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const port = options.port ?? (await freePorts(1))[0] ?? 0;
    const folder = await mkdtemp(join(tmpdir(), "atoll-nats-"));
    const server = new NatsServer(folder, port, options);
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  /** Starts it again on the same port and store. */
  async start(): Promise<void> {
    const program = findServer();
    if (program === undefined) throw new Error("no nats-server");
    const config = join(this.#folder, "server.conf");
    await writeFile(config, this.#config());
    const child = spawn(program, ["-c", config], { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    this.#said = "";
    child.stderr.setEncoding("utf8").on("data", (said: string) => {
      this.#said = (this.#said + said).slice(-SAID_CHARACTERS_MAX);
    });
    // Should the test's own process end early, nobody else would end this one.
    const end = (): boolean => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.removeListener("exit", end));
    await (await this.connect()).close();
  }

  /** As by `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Stops its clock: connections stay, nothing is answered. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Removes what it stored; it must not run. */
  async wipe(): Promise<void> {
    await rm(this.#store, { recursive: true, force: true });
  }

  /** Keeps a copy of what it stored; it must not run. */
  async copyStore(): Promise<void> {
    await cp(this.#store, join(this.#folder, "copy"), { recursive: true });
  }

  /** Puts the copy in the place of what it stored since; it must not run. */
  async rollBack(): Promise<void> {
    await this.wipe();
    await cp(join(this.#folder, "copy"), this.#store, { recursive: true });
  }

  /** A connection for what the bus does not offer, once the server takes one. */
  connect(): Promise<NatsConnection> {
    return connectTo(this.url, () => {
      const { exitCode = null, signalCode = null } = this.#process ?? {};
      if (exitCode === null && signalCode === null) return;
      throw new Error(`nats-server ended: ${exitCode ?? signalCode}\n${this.#said}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #store(): string {
    return join(this.#folder, "store");
  }

  #config(): string {
    const { jetStream = true, cluster } = this.#options;
    const lines = [`listen: "127.0.0.1:${this.#port}"`];
    if (jetStream) lines.push(`jetstream { store_dir: ${JSON.stringify(this.#store)} }`);
    if (cluster !== undefined) {
      const routes = cluster.ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
      lines.push(
        `server_name: "${cluster.name}"`,
        `cluster { name: "test", listen: "127.0.0.1:${cluster.port}", routes: [${routes}] }`,
      );
    }
    return `${lines.join("\n")}\n`;
  }
}

/**
 * A connection to any of these servers, once one takes it. It closes at the end of its block
 * without a word to the server, which may be gone or frozen by then.
 * @param check throws when it is of no use to wait longer.
 */
export async function connectTo(url: string, check?: () => void): Promise<NatsConnection> {
  const endMs = performance.now() + START_MAX_MS;
  for (;;) {
    try {
      const { connection } = await dial({
        servers: url.split(","),
        reconnect: false,
        timeout: CONNECT_TIMEOUT_MS,
        pingInterval: PING_INTERVAL_MS,
      });
      return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() });
    } catch (error) {
      check?.();
      if (performance.now() > endMs) throw error;
      await look();
    }
  }
}

function findServer(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return [...folders, "/usr/sbin", "/usr/local/sbin"]
    .map((folder) => join(folder, "nats-server"))
    .find((path) => existsSync(path));
}

function look(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, LOOK_MS);
  });
}
