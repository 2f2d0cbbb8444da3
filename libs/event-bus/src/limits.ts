/**
 * The bounds that every adapter of the bus keeps.
 *
 * One place, so that the in-memory bus refuses where the real one does. Past a bound the caller
 * gets an error at once; nothing queues without end.
 */

/** Publications of one agent that are not yet acknowledged; one more is refused. */
export const PUBLISHES_IN_FLIGHT_MAX = 256;
/** Payload bytes of those together. */
export const PUBLISHED_BYTES_IN_FLIGHT_MAX: number = 16 * 1024 * 1024;
/** How long a publication waits for its acknowledgement. */
export const PUBLISH_TIMEOUT_MS = 5_000;
/** Messages in one batch of a reading. */
export const BATCH_MESSAGES_MAX = 1_024;
/** Payload bytes in one batch, unless its only message is larger. */
export const BATCH_BYTES_MAX: number = 4 * 1024 * 1024;
/** Orders of one orchestrator that wait for their reply; one more counts as unanswered. */
export const ORDERS_IN_FLIGHT_MAX = 10_000;
/** What a stream holds unless it is told otherwise. */
export const STREAM_BYTES_MAX: number = 1024 * 1024 * 1024;
