/**
 * A stream of frames both ways, whichever side opened it.
 *
 * Two ends of gRPC look different and mean the same; what is built on this does not know who
 * dialled. Closed once, by either side, a break or `close`; nothing is heard after that.
 */
import type { ClientDuplexStream, ServerDuplexStream } from "@grpc/grpc-js";

export interface FrameStream<Out> {
  readonly closed: boolean;
  /** False: the next one is to wait for `whenDrained`. What is written after the end is dropped. */
  write(frame: Out): boolean;
  whenDrained(then: () => void): void;
  readonly held: boolean;
  /** Takes nothing in for now: the other side is held. */
  hold(): void;
  release(): void;
  /** Ends it, with a reason for the log of whoever listens. */
  close(reason: string): void;
}

export interface FrameListener<In> {
  frame(frame: In): void;
  /** It is over, for whatever reason. */
  closed(reason: string): void;
}

export function dialledStream<Out, In>(
  call: ClientDuplexStream<Out, In>,
  listener: FrameListener<In>,
): FrameStream<Out> {
  return frameStream(call, listener, () => call.cancel());
}

export function acceptedStream<Out, In>(
  call: ServerDuplexStream<In, Out>,
  listener: FrameListener<In>,
): FrameStream<Out> {
  const stream = frameStream(call, listener, () => call.end());
  call.on("cancelled", () => stream.close("the peer is gone"));
  return stream;
}

type Call<Out, In> = ClientDuplexStream<Out, In> | ServerDuplexStream<In, Out>;

function frameStream<Out, In>(
  call: Call<Out, In>,
  listener: FrameListener<In>,
  end: () => void,
): FrameStream<Out> {
  let closed = false;
  const close = (reason: string): void => {
    if (closed) return;
    closed = true;
    end();
    listener.closed(reason);
  };
  call.on("data", (frame: In) => {
    if (!closed) listener.frame(frame);
  });
  call.on("error", (error: Error) => close(error.message));
  call.on("end", () => close("the peer ended it"));
  return {
    get closed() {
      return closed;
    },
    // The two kinds of call agree on what they are written to, their types do not.
    write: (frame) => closed || (call as { write(frame: Out): boolean }).write(frame),
    whenDrained: (then) => void call.once("drain", then),
    get held() {
      return call.isPaused();
    },
    hold: () => void call.pause(),
    release: () => void call.resume(),
    close,
  };
}
