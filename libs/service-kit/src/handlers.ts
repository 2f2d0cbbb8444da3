/**
 * Asynchronous functions as gRPC handlers.
 *
 * The wrapper checks the deadline, maps what was thrown to a status, measures, and logs what is
 * ours to mend. A broken invariant is thrown on to the process, which ends. Used by every service
 * that answers calls.
 */
import { Bug, type Clock } from "@atoll/stdx";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import type { Histogram } from "prom-client";
import { ApiError } from "./api-error.ts";
import { CallContext, streamDeadlineMs, unaryDeadlineMs } from "./call-context.ts";
import { systemClock } from "./clock.ts";
import type { Log } from "./log.ts";
import { DURATION_SECONDS_BUCKETS, type Metrics } from "./metrics.ts";
import { toStatus } from "./status.ts";

/** What all handlers of a process share. */
export interface CallEnvironment {
  readonly log: Log;
  readonly clock: Clock;
  readonly durations: Histogram;
}

export interface HandlerOptions {
  /** For example `NodeService/GetNode`. */
  readonly method: string;
  readonly environment: CallEnvironment;
}

export type UnaryHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response> | Response;

/** Writes to `stream` until done; the wrapper ends it. */
export type StreamingHandler<Request, Response> = (
  request: Request,
  context: CallContext,
  stream: ServerWritableStream<Request, Response>,
) => Promise<void>;

/** What a request is replaced by when its bytes are none. */
export class UndecodableRequest {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * Handlers of this file refuse an {@link UndecodableRequest} themselves; see `tolerantDefinition`.
 */
export interface TolerantHandler {
  readonly refusesUndecodable: true;
}

const MS_PER_SECOND = 1_000;

export function createCallEnvironment(options: {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock?: Clock;
}): CallEnvironment {
  return {
    log: options.log,
    clock: options.clock ?? systemClock,
    durations: options.metrics.histogram(
      "grpc_server_call_seconds",
      "Duration of answered calls.",
      DURATION_SECONDS_BUCKETS,
      ["method", "code"],
    ),
  };
}

/** A handler of unary calls. */
export function unary<Request, Response>(
  handler: UnaryHandler<Request, Response>,
  options: HandlerOptions,
): handleUnaryCall<Request, Response> & TolerantHandler {
  const measure = measurer(options);
  const { clock } = options.environment;
  const handle: handleUnaryCall<Request, Response> = (call, callback) => {
    const startMs = clock.monotonicMs();
    async function answer(): Promise<void> {
      refuseUndecodable(call.request);
      const context = new CallContext(call, unaryDeadlineMs(call, clock));
      const response = await handler(call.request, context);
      callback(null, response, context.trailersIfAny);
      measure(status.OK, startMs);
    }
    answer().catch((error: unknown) => {
      crashOnBug(error);
      const failure = toStatus(error);
      callback(failure);
      measure(failure.code, startMs);
      logFailure(options, failure.code, error);
    });
  };
  return Object.assign(handle, { refusesUndecodable: true } as const);
}

/** A handler of calls that are answered by a stream. */
export function serverStreaming<Request, Response>(
  handler: StreamingHandler<Request, Response>,
  options: HandlerOptions,
): handleServerStreamingCall<Request, Response> & TolerantHandler {
  const measure = measurer(options);
  const { clock } = options.environment;
  const handle: handleServerStreamingCall<Request, Response> = (call) => {
    const startMs = clock.monotonicMs();
    // Emitted by grpc-js when the peer is gone; `cancelled` says the same.
    call.on("error", () => {});
    async function answer(): Promise<void> {
      refuseUndecodable(call.request);
      const context = new CallContext(call, streamDeadlineMs(call, clock));
      await handler(call.request, context, call);
      call.end(context.trailersIfAny);
      measure(status.OK, startMs);
    }
    answer().catch((error: unknown) => {
      crashOnBug(error);
      const failure = toStatus(error);
      call.emit("error", failure);
      measure(failure.code, startMs);
      logFailure(options, failure.code, error);
    });
  };
  return Object.assign(handle, { refusesUndecodable: true } as const);
}

function refuseUndecodable(request: unknown): void {
  if (!(request instanceof UndecodableRequest)) return;
  throw new ApiError(status.INVALID_ARGUMENT, `the request cannot be read: ${request.reason}`, {
    reason: "REQUEST_UNDECODABLE",
  });
}

function measurer(options: HandlerOptions): (code: status, startMs: number) => void {
  const { clock, durations } = options.environment;
  const children = new Map<status, Histogram.Internal<string>>();
  return (code, startMs) => {
    let child = children.get(code);
    if (child === undefined) {
      child = durations.labels({ method: options.method, code: status[code] });
      children.set(code, child);
    }
    child.observe((clock.monotonicMs() - startMs) / MS_PER_SECOND);
  };
}

/** A broken invariant ends the process: thrown where nothing catches it. */
function crashOnBug(error: unknown): void {
  if (!(error instanceof Bug)) return;
  setImmediate(() => {
    throw error;
  });
}

function logFailure(options: HandlerOptions, code: status, error: unknown): void {
  const fields = { method: options.method, code: status[code] };
  if (error instanceof ApiError && error.code !== status.INTERNAL) {
    options.environment.log.debug("a call was refused", { ...fields, reason: error.message });
  } else {
    options.environment.log.error("a call failed", { ...fields, error });
  }
}
