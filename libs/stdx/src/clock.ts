/**
 * The clock as a value that is passed in.
 *
 * Pure packages never read time; they are given stamps and ticks. Shells take a `Clock`, so that
 * the simulator can run the same code on virtual time.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. For intervals and deadlines. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC, as the machine believes; may jump. For stamps only. */
  realtimeMs(): number;
}
