/**
 * What the bus could not do.
 *
 * Handed to `done` callbacks, never thrown out of a method of the port. `code` is stable and for
 * programs, the message for people. Made by every adapter.
 */

export type BusErrorCode =
  /** There is no connection; nothing was sent. */
  | "NOT_CONNECTED"
  /** The connection ended before the answer came: stored or not, nobody knows. */
  | "DISCONNECTED"
  /** No answer in time: stored or not, nobody knows. */
  | "TIMEOUT"
  /** The window of unanswered publications is full; nothing was sent. */
  | "OVERLOADED"
  /** The payload is larger than any adapter takes; nothing was sent. */
  | "TOO_LARGE"
  /** The datacenter's stream does not exist yet. */
  | "NO_STREAM"
  /** The stream holds all it may; it takes more when the orchestrator has committed some. */
  | "STREAM_FULL"
  /** The server refused for another reason, which the message gives. */
  | "REFUSED"
  /** The bus was closed by its owner. */
  | "CLOSED";

export class BusError extends Error {
  override name = "BusError";
  readonly code: BusErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;

  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code !== "TOO_LARGE" && code !== "CLOSED";
  }
}
