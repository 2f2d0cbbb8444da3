/**
 * Three real nats-servers as one cluster, for tests: streams lie on all of them.
 *
 * What is done to the cluster is done to every server; what befalls one is done to it. It counts as
 * started when JetStream answers. One that does not start leaves no server behind: a test whose
 * process has a child never ends. Only tests use it.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { freePorts } from "./free-ports.ts";
import { connectTo, NatsServer } from "./nats-server.ts";
import type { TestNats } from "./nats-server.ts";
import { until } from "./until.ts";

const SERVERS = 3;
/** The servers elect a leader among them after 4 to 9 seconds. */
const START_MAX_MS = 60_000;
const REQUEST_MS = 1_000;

interface StreamAnswer {
  readonly cluster?: {
    readonly leader?: string;
    /** All but the leader. */
    readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[];
  };
}

export class NatsCluster implements TestNats {
  readonly streamReplicas: number = SERVERS;
  readonly servers: readonly NatsServer[];

  private constructor(servers: readonly NatsServer[]) {
    this.servers = servers;
  }

  /** A running cluster. */
  static async start(): Promise<NatsCluster> {
    const ports = await freePorts(2 * SERVERS);
    const routes = ports.slice(SERVERS);
    const starts = await Promise.allSettled(
      routes.map((port, at) =>
        NatsServer.start({ port: ports[at], cluster: { name: nameOf(at), port, ports: routes } }),
      ),
    );
    const cluster = new NatsCluster(
      starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : [])),
    );
    try {
      for (const start of starts) if (start.status === "rejected") throw start.reason;
      await cluster.#untilJetStream();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  get url(): string {
    return this.servers.map((server) => server.url).join(",");
  }

  async start(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.start()));
    await this.#untilJetStream();
  }

  async kill(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
  }

  freeze(): void {
    for (const server of this.servers) server.freeze();
  }

  thaw(): void {
    for (const server of this.servers) server.thaw();
  }

  async wipe(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.wipe()));
  }

  connect(): Promise<NatsConnection> {
    return connectTo(this.url);
  }

  /** The server that leads the stream at this moment, and the others. */
  async leaderOf(stream: string): Promise<{ leader: NatsServer; others: readonly NatsServer[] }> {
    let at = -1;
    await until(`${stream} has a leader`, async () => {
      const answer = await this.#ask<StreamAnswer>(`$JS.API.STREAM.INFO.${stream}`);
      const name = answer?.cluster?.leader;
      at = this.servers.findIndex((_server, index) => nameOf(index) === name);
      return at >= 0;
    });
    const leader = this.servers[at] as NatsServer;
    return { leader, others: this.servers.filter((server) => server !== leader) };
  }

  /** Every server has the whole stream. */
  async untilWhole(stream: string): Promise<void> {
    const isWhole = async (): Promise<boolean> => {
      const answer = await this.#ask<StreamAnswer>(`$JS.API.STREAM.INFO.${stream}`);
      const { leader = "", replicas = [] } = answer?.cluster ?? {};
      const whole = replicas.filter(({ current, offline }) => current && offline !== true);
      return leader !== "" && whole.length === this.servers.length - 1;
    };
    await until(`${stream} is on every server`, isWhole, START_MAX_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }

  async #untilJetStream(): Promise<void> {
    const answers = async (): Promise<boolean> => {
      const answer = await this.#ask<{ readonly error?: unknown }>("$JS.API.INFO");
      return answer !== undefined && answer.error === undefined;
    };
    await until("JetStream answers", answers, START_MAX_MS);
  }

  async #ask<T>(subject: string): Promise<T | undefined> {
    await using connection = await this.connect();
    try {
      return (await connection.request(subject, undefined, { timeout: REQUEST_MS })).json<T>();
    } catch {
      return undefined;
    }
  }
}

function nameOf(at: number): string {
  return `server-${at + 1}`;
}
