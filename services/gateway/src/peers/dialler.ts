/**
 * Keeps a link to one address, for ever: dials, greets, opens the four streams, dials again.
 *
 * While the link is there it greets again and again: each side tells which datacenters it knows.
 * One connection for each pair of gateways is enough: of two that could dial each other, the one
 * whose datacenter's name comes first does, and the other only when it is not linked a while after
 * it has greeted.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { checkName } from "@atoll/domain";
import { type Greeting, PeerServiceClient } from "@atoll/proto/atoll/peer/v1/peer";
import { CHANNEL_OPTIONS, channelCredentials, type Log, type Transport } from "@atoll/service-kit";
import { Metadata } from "@grpc/grpc-js";
import { dialledStream, type FrameListener, type FrameStream } from "./frame-stream.ts";
import type { LinkEnd, LinkEnds } from "./link-ends.ts";
import type { Peer } from "./federation.ts";
import { DATACENTER_KEY, GATEWAY_KEY, gatewayKey, LINK_KEY } from "./peer-service.ts";

const GREET_MS_MAX = 3_000;
const GREET_EVERY_MS = 2_000;
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 2_000;
/** How long one that need not dial waits for the other. */
const YIELD_MS = 3_000;
const CLIENT_OPTIONS = {
  ...CHANNEL_OPTIONS,
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
  // A channel of its own for each attempt: what TCP still believes in must not be used again.
  "grpc.use_local_subchannel_pool": 1,
};

export interface DiallerOptions {
  readonly peer: Peer;
  readonly transport: Transport;
  readonly greeting: () => Greeting;
  readonly ends: LinkEnds;
  /** Whether there is a link to that gateway already, by {@link gatewayKey}. */
  readonly isLinked: (gateway: string) => boolean;
  /** Gateways to which there are dialled links: those of all diallers. */
  readonly dialled: Set<string>;
  readonly greeted: (greeting: Greeting) => void;
  readonly log: Log;
}

export class Dialler implements AsyncDisposable {
  readonly #options: DiallerOptions;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  #pauseMs = PAUSE_FIRST_MS;
  #account = "";

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const reason = await this.#dial(signal);
      if (reason !== this.#account) {
        this.#options.log.info("no link", { ...this.#options.peer, reason });
        this.#account = reason;
      }
      await delay(this.#pauseMs, undefined, { signal }).catch(() => undefined);
      this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
    }
  }

  /** One link from its beginning to its end; why it ended, or why there was none. */
  async #dial(signal: AbortSignal): Promise<string> {
    const { transport, greeting, greeted, isLinked, dialled } = this.#options;
    const { address, datacenter } = this.#options.peer;
    const client = new PeerServiceClient(address, channelCredentials(transport), CLIENT_OPTIONS);
    try {
      const own = greeting();
      const theirs = await greet(client, own, signal);
      signal.throwIfAborted();
      if (checkName("datacenter", theirs.datacenter) !== undefined) {
        return `what answers there calls its datacenter "${theirs.datacenter}"`;
      }
      if (datacenter !== undefined && theirs.datacenter !== datacenter) {
        return `a gateway of datacenter ${theirs.datacenter} answers there`;
      }
      if (theirs.gateway === own.gateway) return "this gateway answers there itself";
      if (theirs.datacenter === own.datacenter) return "a gateway of this datacenter answers there";
      greeted(theirs);
      if (theirs.datacenter < own.datacenter) {
        await delay(YIELD_MS, undefined, { signal });
      }
      const gateway = gatewayKey(theirs);
      if (isLinked(gateway)) {
        this.#pauseMs = PAUSE_MAX_MS;
        return "there is a link to that gateway already";
      }
      this.#account = "";
      dialled.add(gateway);
      try {
        return await this.#open(client, theirs, signal);
      } finally {
        dialled.delete(gateway);
      }
    } catch (error) {
      return signal.aborted ? "the gateway stops" : (error as Error).message;
    } finally {
      client.close();
    }
  }

  async #open(client: PeerServiceClient, theirs: Greeting, signal: AbortSignal): Promise<string> {
    const {
      ends,
      greeting,
      greeted,
      log,
      peer: { address },
    } = this.#options;
    signal.throwIfAborted();
    const { datacenter, gateway } = greeting();
    const metadata = new Metadata();
    metadata.set(DATACENTER_KEY, datacenter);
    metadata.set(GATEWAY_KEY, gateway);
    metadata.set(LINK_KEY, randomUUID());
    const peer = theirs.datacenter;
    log.info("linked", { peer, address });
    return new Promise((resolve) => {
      const streams: FrameStream<unknown>[] = [];
      const heard = (again: Greeting): void => {
        // Not earlier: a peer that takes no link is not to be dialled ten times a second.
        this.#pauseMs = PAUSE_FIRST_MS;
        greeted(again);
      };
      const again = setInterval(() => {
        greet(client, greeting(), signal).then(heard, () => undefined);
      }, GREET_EVERY_MS);
      const closed = (reason: string): void => {
        clearInterval(again);
        signal.removeEventListener("abort", stopped);
        for (const stream of streams) stream.close(reason);
        resolve(reason);
      };
      const stopped = (): void => closed("the gateway stops");
      function join<In, Out>(
        end: LinkEnd<In, Out>,
        call: Parameters<typeof dialledStream<Out, In>>[0],
      ): void {
        const listener: FrameListener<In> = {
          frame: (frame) => end.frame(frame),
          closed: (reason) => {
            end.closed(reason);
            closed(reason);
          },
        };
        const stream = dialledStream(call, listener);
        streams.push(stream as FrameStream<unknown>);
        end.open(stream);
      }
      signal.addEventListener("abort", stopped, { once: true });
      join(ends.serveLogs(peer), client.offer(metadata));
      join(ends.serveCalls(peer), client.answer(metadata));
      join(ends.openLogs(peer), client.read(metadata));
      join(ends.openCalls(peer), client.ask(metadata));
    });
  }
}

function greet(client: PeerServiceClient, own: Greeting, signal: AbortSignal): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + GREET_MS_MAX };
    const call = client.greet({ greeting: own }, new Metadata(), options, (error, response) => {
      signal.removeEventListener("abort", cancel);
      if (error !== null) reject(error);
      else if (response.greeting === undefined) reject(new Error("it does not say who it is"));
      else resolve(response.greeting);
    });
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
  });
}
