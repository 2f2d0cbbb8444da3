/**
 * Writes to the stream that answers a call, at the pace of whoever reads it.
 *
 * A call that is cancelled is destroyed without `drain` and without `error`, so `close` ends the
 * wait too. Leaves no listener behind. Used where a whole answer is written in one go; watches,
 * which have nothing to write most of the time, have a pace of their own.
 */
import { once } from "node:events";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { ApiError } from "./api-error.ts";

/** How long a caller may take for what the stream holds, which is up to 16 messages. */
export const DRAIN_MS_MAX = 600_000;

/**
 * Writes a message and waits until the stream can take another. False when nobody reads any more.
 *
 * @throws ApiError RESOURCE_EXHAUSTED when that takes longer than {@link DRAIN_MS_MAX}.
 */
export async function written<Response>(
  call: ServerWritableStream<unknown, Response>,
  message: Response,
): Promise<boolean> {
  if (call.cancelled || call.destroyed) return false;
  if (call.write(message)) return true;
  const over = new AbortController();
  const closed = (): void => over.abort();
  const timer = setTimeout(() => over.abort(tooSlow()), DRAIN_MS_MAX);
  call.once("close", closed);
  try {
    await once(call, "drain", { signal: over.signal });
    return true;
  } catch (error) {
    if (!over.signal.aborted) throw error;
    if (over.signal.reason instanceof ApiError) throw over.signal.reason;
    return false;
  } finally {
    clearTimeout(timer);
    call.off("close", closed);
  }
}

function tooSlow(): ApiError {
  return new ApiError(
    status.RESOURCE_EXHAUSTED,
    `the caller has not taken for ${DRAIN_MS_MAX / 1_000} s what was sent`,
    { reason: "CALLER_TOO_SLOW" },
  );
}
