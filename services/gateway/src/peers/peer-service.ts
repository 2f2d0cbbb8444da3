/**
 * `atoll.peer.v1.PeerService`: what gateways of other datacenters call here.
 *
 * Each stream names who opened it and which link it is part of. Two kinds serve the caller, two
 * serve this gateway: a peer that dialled is read and asked over the connection that it opened.
 * When one stream of a link ends, the whole link does, and no other.
 */
import type { DatacenterName } from "@atoll/domain";
import { checkName } from "@atoll/domain";
import type { Greeting, PeerServiceServer } from "@atoll/proto/atoll/peer/v1/peer";
import { type CallEnvironment, invalidField, unary } from "@atoll/service-kit";
import type { Metadata } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { acceptedStream, type FrameListener, type FrameStream } from "./frame-stream.ts";
import type { LinkEnds } from "./link-ends.ts";

export const DATACENTER_KEY = "atoll-datacenter";
export const GATEWAY_KEY = "atoll-gateway";
/** Drawn by who dials, for each connection: its streams belong together. */
export const LINK_KEY = "atoll-link";

const LINKS_OF_GATEWAY_MAX = 8;
const LINKS_MAX = 256;
/** Of gateways and links: they are drawn. */
const ID_PATTERN = /^[0-9A-Za-z-]{1,64}$/;

/** How gateways are told apart: a datacenter has several. */
export function gatewayKey({
  datacenter,
  gateway,
}: Pick<Greeting, "datacenter" | "gateway">): string {
  return `${datacenter}/${gateway}`;
}

export interface PeerServiceParts {
  readonly environment: CallEnvironment;
  readonly greeting: () => Greeting;
  readonly ends: LinkEnds;
  readonly accepted: Accepted;
  /** A peer has greeted: these it knows of. */
  readonly greeted: (greeting: Greeting) => void;
}

/** The streams of a link, named from the side of who dialled. */
type StreamKind = "read" | "offer" | "ask" | "answer";

/** Of which link a stream is. */
export interface LinkName {
  readonly peer: DatacenterName;
  /** See {@link gatewayKey}. */
  readonly gateway: string;
  /** Unique among all links. */
  readonly link: string;
}

interface Refusal {
  readonly code: status;
  readonly details: string;
}

interface Link {
  readonly gateway: string;
  readonly streams: Map<StreamKind, FrameStream<unknown>>;
}

/** The links that peers have opened here. */
export class Accepted {
  readonly #links = new Map<string, Link>();

  /** Whether that gateway has dialled. */
  has(gateway: string): boolean {
    return this.#countOf(gateway) > 0;
  }

  /** Why such a stream is not taken; undefined when it may be added. */
  refusal({ gateway, link }: LinkName, kind: StreamKind): Refusal | undefined {
    const known = this.#links.get(link);
    if (known?.streams.has(kind) === true) {
      return { code: status.ALREADY_EXISTS, details: `the link has a stream to ${kind} already` };
    }
    if (known !== undefined) return undefined;
    const code = status.RESOURCE_EXHAUSTED;
    if (this.#countOf(gateway) >= LINKS_OF_GATEWAY_MAX) {
      return { code, details: `one gateway may have ${LINKS_OF_GATEWAY_MAX} links` };
    }
    if (this.#links.size < LINKS_MAX) return undefined;
    return { code, details: `there are ${LINKS_MAX} links already, which is the most` };
  }

  add({ gateway, link }: LinkName, kind: StreamKind, stream: FrameStream<unknown>): void {
    const known = this.#links.get(link);
    if (known === undefined) this.#links.set(link, { gateway, streams: new Map([[kind, stream]]) });
    else known.streams.set(kind, stream);
  }

  /** One of its streams is over: the link is, with all of it. */
  remove(link: string, reason: string): void {
    const known = this.#links.get(link);
    this.#links.delete(link);
    for (const stream of known?.streams.values() ?? []) stream.close(reason);
  }

  /** Ends all of them. */
  end(): void {
    for (const link of this.#links.keys()) this.remove(link, "the gateway stops");
  }

  #countOf(gateway: string): number {
    return [...this.#links.values()].filter((link) => link.gateway === gateway).length;
  }
}

export function peerService({
  environment,
  greeting,
  greeted,
  ends,
  accepted,
}: PeerServiceParts): PeerServiceServer {
  return {
    greet: unary(
      (request) => {
        const theirs = request.greeting;
        const wrong = checkName("datacenter", theirs?.datacenter ?? "");
        if (theirs === undefined || wrong !== undefined) {
          throw invalidField("greeting.datacenter", wrong ?? "it is missing", "NAME_INVALID");
        }
        greeted(theirs);
        return { greeting: greeting() };
      },
      { method: "PeerService/Greet", environment },
    ),
    read: (call) => {
      accept(call, "read", (peer) => ends.serveLogs(peer));
    },
    offer: (call) => {
      accept(call, "offer", (peer) => ends.openLogs(peer));
    },
    ask: (call) => {
      accept(call, "ask", (peer) => ends.serveCalls(peer));
    },
    answer: (call) => {
      accept(call, "answer", (peer) => ends.openCalls(peer));
    },
  };

  function accept<In, Out>(
    call: Parameters<typeof acceptedStream<Out, In>>[0],
    kind: StreamKind,
    open: (peer: DatacenterName) => FrameListener<In> & { open(stream: FrameStream<Out>): void },
  ): void {
    const named = linkOf(call.metadata, greeting().datacenter);
    const refusal = "code" in named ? named : accepted.refusal(named, kind);
    if (refusal !== undefined || "code" in named) {
      call.emit("error", refusal);
      return;
    }
    const end = open(named.peer);
    const stream = acceptedStream(call, {
      frame: (frame: In) => end.frame(frame),
      closed: (reason) => {
        end.closed(reason);
        accepted.remove(named.link, reason);
      },
    });
    accepted.add(named, kind, stream as FrameStream<unknown>);
    end.open(stream);
  }
}

/** What a stream says of itself; why it is not taken where that is not enough. */
function linkOf(metadata: Metadata, own: string): LinkName | Refusal {
  const [datacenter = "", gateway = "", link = ""] = [DATACENTER_KEY, GATEWAY_KEY, LINK_KEY].map(
    (key) => String(metadata.get(key)[0] ?? ""),
  );
  const code = status.INVALID_ARGUMENT;
  if (checkName("datacenter", datacenter) !== undefined) {
    return { code, details: `the stream names no datacenter in ${DATACENTER_KEY}` };
  }
  if (datacenter === own) {
    return { code, details: `this is a gateway of datacenter ${own} itself` };
  }
  if (!ID_PATTERN.test(gateway) || !ID_PATTERN.test(link)) {
    return { code, details: `the stream names no link in ${GATEWAY_KEY} and ${LINK_KEY}` };
  }
  const key = gatewayKey({ datacenter, gateway });
  return { peer: datacenter as DatacenterName, gateway: key, link: `${key}/${link}` };
}
