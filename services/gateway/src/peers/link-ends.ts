/**
 * The four ends that a link has at this gateway, whoever dialled: two that serve the peer, two by
 * which this gateway reads and asks it.
 */
import type {
  AskRequest,
  AskResponse,
  ReadRequest,
  ReadResponse,
} from "@atoll/proto/atoll/peer/v1/peer";
import type { Log } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import { CallRoute } from "./call-route.ts";
import { CallServer } from "./call-server.ts";
import type { FrameListener, FrameStream } from "./frame-stream.ts";
import { LogRoute } from "./log-route.ts";
import { LogServer, type ServedLog } from "./log-server.ts";
import type { Ask } from "./peer-caller.ts";
import { RateLimit } from "./rate-limit.ts";
import type { Routes } from "./routes.ts";

export type LinkEnd<In, Out> = FrameListener<In> & { open(stream: FrameStream<Out>): void };

export interface LinkEndsOptions {
  readonly routes: Routes;
  readonly findLog: (datacenter: string) => ServedLog | undefined;
  /** Asks the home, or another datacenter over a link. */
  readonly ask: Ask;
  /** What may be sent over one link; 0 for no limit. */
  readonly bytesPerSecond: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class LinkEnds {
  readonly #options: LinkEndsOptions;
  readonly #servers = new Set<LogServer>();

  constructor(options: LinkEndsOptions) {
    this.#options = options;
  }

  /** The peer reads logs here. */
  serveLogs(peer: string): LinkEnd<ReadRequest, ReadResponse> {
    const { findLog, bytesPerSecond, clock } = this.#options;
    const limit = new RateLimit(bytesPerSecond, clock);
    const gone = (): void => void this.#servers.delete(server);
    const server: LogServer = new LogServer({ peer, find: findLog, limit, gone });
    this.#servers.add(server);
    return server;
  }

  /** Logs are read from the peer. */
  openLogs(peer: string): LinkEnd<ReadResponse, ReadRequest> {
    const { routes, clock } = this.#options;
    const route: LogRoute = new LogRoute({
      peer,
      clock,
      opened: () => routes.addLogs(route),
      gone: (reason) => {
        this.#note("a link for logs is down", peer, reason);
        routes.removeLogs(route);
      },
    });
    return route;
  }

  /** The peer asks here. */
  serveCalls(_peer: string): LinkEnd<AskRequest, AskResponse> {
    const { ask, clock } = this.#options;
    return new CallServer({ ask, clock });
  }

  /** The peer is asked. */
  openCalls(peer: string): LinkEnd<AskResponse, AskRequest> {
    const { routes, clock } = this.#options;
    const route: CallRoute = new CallRoute({
      peer,
      clock,
      opened: () => routes.addCalls(route),
      gone: () => routes.removeCalls(route),
    });
    return route;
  }

  /** The log of `datacenter` comes here another way: who reads it here asks again. */
  reconsider(datacenter: string): void {
    for (const server of this.#servers) server.reconsider(datacenter);
  }

  #note(message: string, peer: string, reason: string): void {
    this.#options.log.info(message, { peer, reason });
  }
}
