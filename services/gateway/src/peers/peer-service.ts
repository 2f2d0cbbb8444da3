/**
 * `atoll.peer.v1.PeerService`: what gateways of other datacenters call here.
 *
 * Each stream names who opened it. Two kinds serve the caller, two serve this gateway: a peer that
 * dialled is read and asked over the connection that it opened.
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

export interface PeerServiceParts {
  readonly environment: CallEnvironment;
  readonly greeting: () => Greeting;
  readonly ends: LinkEnds;
  readonly accepted: Accepted;
  /** A peer has greeted: these it knows of. */
  readonly greeted: (greeting: Greeting) => void;
}

/** The streams that peers have opened here, by gateway. */
export class Accepted {
  readonly #streams = new Map<string, Set<FrameStream<unknown>>>();

  /** Whether that gateway has dialled. */
  has(gateway: string): boolean {
    return this.#streams.has(gateway);
  }

  add(gateway: string, stream: FrameStream<unknown>): void {
    const streams = this.#streams.get(gateway);
    if (streams === undefined) this.#streams.set(gateway, new Set([stream]));
    else streams.add(stream);
  }

  /** One is over: the link is, with all of it. */
  remove(gateway: string, reason: string): void {
    const streams = this.#streams.get(gateway);
    this.#streams.delete(gateway);
    for (const stream of streams ?? []) stream.close(reason);
  }

  /** Ends all of them. */
  end(): void {
    for (const gateway of this.#streams.keys()) this.remove(gateway, "the gateway stops");
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
      accept(call, (peer) => ends.serveLogs(peer));
    },
    offer: (call) => {
      accept(call, (peer) => ends.openLogs(peer));
    },
    ask: (call) => {
      accept(call, (peer) => ends.serveCalls(peer));
    },
    answer: (call) => {
      accept(call, (peer) => ends.openCalls(peer));
    },
  };

  function accept<In, Out>(
    call: Parameters<typeof acceptedStream<Out, In>>[0],
    open: (peer: DatacenterName) => FrameListener<In> & { open(stream: FrameStream<Out>): void },
  ): void {
    const peer = peerOf(call.metadata);
    if (peer === undefined) {
      call.emit("error", {
        code: status.INVALID_ARGUMENT,
        details: `the stream names no datacenter in ${DATACENTER_KEY}`,
      });
      return;
    }
    const [gateway] = call.metadata.get(GATEWAY_KEY);
    const key = `${peer}/${String(gateway ?? "")}`;
    const end = open(peer);
    const stream = acceptedStream(call, {
      frame: (frame: In) => end.frame(frame),
      closed: (reason) => {
        end.closed(reason);
        accepted.remove(key, reason);
      },
    });
    accepted.add(key, stream as FrameStream<unknown>);
    end.open(stream);
  }
}

function peerOf(metadata: Metadata): DatacenterName | undefined {
  const [name] = metadata.get(DATACENTER_KEY);
  if (typeof name !== "string" || checkName("datacenter", name) !== undefined) return undefined;
  return name as DatacenterName;
}
