/**
 * A watch that survives breaks of the gateway or of the link to it.
 *
 * It resumes from the index that the last whole message gave, so that nothing is missing and
 * nothing comes twice. It tells on the error output that it reconnects, once per break. A no of
 * the gateway (a wrong filter, an index that is no longer kept) ends it. Called by `event list
 * --follow`, `node list --watch` and `operation watch`.
 */
import { setTimeout as delay } from "node:timers/promises";
import { isTransient } from "./failure.ts";

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 3_000;

export interface WatchOptions<Message> {
  /** Opens the stream at a position; 0 for its beginning. */
  readonly open: (resumeIndex: number) => AsyncIterable<Message>;
  /** Where to go on after this message; undefined leaves the position as it is. */
  readonly resumeIndexOf: (message: Message) => number | undefined;
  readonly resumeIndex: number;
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
  let resumeIndex = options.resumeIndex;
  let backoffMs = BACKOFF_FIRST_MS;
  let broken = false;
  while (!signal.aborted) {
    try {
      for await (const message of options.open(resumeIndex)) {
        if (broken) note("connected again");
        broken = false;
        backoffMs = BACKOFF_FIRST_MS;
        yield message;
        resumeIndex = options.resumeIndexOf(message) ?? resumeIndex;
        if (isLast(message)) return;
      }
      if (!broken) note(reconnectNote("the gateway ended it", resumeIndex));
      broken = true;
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      if (!broken) note(reconnectNote(error, resumeIndex));
      broken = true;
    }
    await delay(backoffMs, undefined, { signal }).catch(() => undefined);
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
  }
}

function reconnectNote(error: unknown, resumeIndex: number): string {
  const reason = error instanceof Error ? error.message : String(error);
  const from = resumeIndex === 0 ? "" : `, to go on from #${resumeIndex}`;
  return `the connection broke (${reason}); reconnecting${from}`;
}
