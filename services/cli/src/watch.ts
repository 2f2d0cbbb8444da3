/**
 * A watch that survives breaks of the gateway or of the link to it.
 *
 * It resumes from the index that the last whole message gave, so that nothing is missing and
 * nothing comes twice. It tells on the error output that it reconnects, once per break. A no of
 * the gateway (a wrong filter, an index that is no longer kept) ends it. Called by `event list
 * --follow`, `node list --watch` and `operation watch`.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Resume } from "@atoll/proto/atoll/v1/common";
import { isTransient } from "./failure.ts";

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 3_000;

/** Where a watch goes on. */
export interface Position {
  /** 0 for its beginning. */
  readonly index: number;
  /** Of a watch over all datacenters: in each of them. */
  readonly resume?: Resume | undefined;
}

export const BEGINNING: Position = { index: 0 };

export interface WatchOptions<Message> {
  readonly open: (position: Position) => AsyncIterable<Message>;
  /** Where to go on after this message; undefined leaves the position as it is. */
  readonly positionOf: (message: Message) => Position | undefined;
  readonly position: Position;
  /** Ends the watch without an error. */
  readonly signal: AbortSignal;
  /** Takes remarks about breaks. */
  readonly note: (text: string) => void;
}

/**
 * Ends when the stream ends in good order after a message that `isLast` accepts, or by the user's
 * signal.
 */
export async function* watchWithResume<Message>(
  options: WatchOptions<Message>,
  isLast: (message: Message) => boolean = () => false,
): AsyncGenerator<Message, void, undefined> {
  const { signal, note } = options;
  let { position } = options;
  let backoffMs = BACKOFF_FIRST_MS;
  let broken = false;
  while (!signal.aborted) {
    try {
      for await (const message of options.open(position)) {
        if (broken) note("connected again");
        broken = false;
        backoffMs = BACKOFF_FIRST_MS;
        yield message;
        position = options.positionOf(message) ?? position;
        if (isLast(message)) return;
      }
      if (!broken) note(reconnectNote("the gateway ended it", position));
      broken = true;
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      if (!broken) note(reconnectNote(error, position));
      broken = true;
    }
    await delay(backoffMs, undefined, { signal }).catch(() => undefined);
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
  }
}

function reconnectNote(error: unknown, { index, resume }: Position): string {
  const reason = error instanceof Error ? error.message : String(error);
  const places = Object.entries(resume?.indexes ?? {}).map(([name, at]) => `#${at} of ${name}`);
  const place = places.length > 0 ? places.join(", ") : index === 0 ? "" : `#${index}`;
  const from = place === "" ? "" : `, to go on from ${place}`;
  return `the connection broke (${reason}); reconnecting${from}`;
}
