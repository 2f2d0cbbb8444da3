/**
 * A port that stands for another one far away: what connects to it reaches the other over a link
 * that can be cut, slowed and narrowed.
 *
 * A relay on loopback. Neither end is told of what happens to the link, as with a real cable: a
 * connection stays open and carries nothing, and one that is made meanwhile gets no answer. The
 * kernel itself accepts such a one before the relay can keep it waiting; nothing beyond that does.
 * What was held is carried on when the link heals, as TCP would send it again, unless the
 * connections were reset.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { Flow } from "./flow.ts";
import type { Lane } from "./lane.ts";

const HOST = "127.0.0.1";
/** Those beyond are refused. */
const CONNECTIONS_MAX = 1_000;

export interface RelayOptions {
  readonly targetPort: number;
  /** Default any that is free. */
  readonly port?: number;
  /** From those who connect to the target. */
  readonly forth: Lane;
  /** From the target to those who connect. */
  readonly back: Lane;
}

export class Relay {
  readonly #server: Server;
  readonly #options: RelayOptions;
  readonly #connections = new Set<Connection>();

  private constructor(server: Server, options: RelayOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** @throws when the port is taken. */
  static async start(options: RelayOptions): Promise<Relay> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    server.maxConnections = CONNECTIONS_MAX;
    const relay = new Relay(server, options);
    server.on("connection", (near) => relay.#take(near));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port ?? 0, HOST, resolve);
    });
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Breaks every connection; both ends notice, whatever the state of the link. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    await closed;
  }

  #take(near: Socket): void {
    const connection = new Connection(near, this.#options, () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
  }
}

/** One that was accepted; it reaches the target as soon as the link carries both ways. */
class Connection {
  readonly #near: Socket;
  readonly #options: RelayOptions;
  readonly #gone: () => void;
  readonly #flows: Flow[] = [];
  readonly #unwatch: readonly (() => void)[];
  #far: Socket | undefined;

  constructor(near: Socket, options: RelayOptions, gone: () => void) {
    this.#near = near;
    this.#options = options;
    this.#gone = gone;
    this.#guard(near);
    const { forth, back } = options;
    const reach = (): void => this.#reach();
    this.#unwatch = [forth.watch(reach), back.watch(reach)];
    this.#reach();
  }

  /**
   * Not by `resetAndDestroy()`: where a shutdown is under way, Node's reset fails with EINVAL and
   * leaves a handle that can no longer be closed, so that the process never exits.
   */
  reset(): void {
    for (const flow of this.#flows) flow.close();
    this.#near.destroy();
    this.#far?.destroy();
  }

  /** A handshake needs both directions. */
  #reach(): void {
    const { targetPort, forth, back } = this.#options;
    if (this.#far !== undefined || this.#near.destroyed) return;
    if (forth.conditions.cut || back.conditions.cut) return;
    for (const unwatch of this.#unwatch) unwatch();
    const far = connect({ host: HOST, port: targetPort, allowHalfOpen: true, noDelay: true });
    this.#far = far;
    this.#guard(far);
    this.#flows.push(new Flow(this.#near, far, forth), new Flow(far, this.#near, back));
  }

  #guard(socket: Socket): void {
    socket.on("error", () => {
      // Its end follows, and is passed on by the flow.
    });
    socket.once("close", () => {
      const { destroyed } = this.#near;
      if (!destroyed || this.#far?.destroyed === false) return;
      for (const unwatch of this.#unwatch) unwatch();
      for (const flow of this.#flows) flow.close();
      this.#gone();
    });
  }
}
