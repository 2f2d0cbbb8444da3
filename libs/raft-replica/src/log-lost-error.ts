/**
 * The log shows less than was acknowledged with it.
 *
 * The store found nothing wrong, yet a leader knows better, or entries that must be there are not:
 * a folder was replaced by an older copy of itself, or a disk lied. Given to the observer's
 * `failed`; whoever owns the log must not open it as a whole one again.
 */
export class LogLostError extends Error {
  override name = "LogLostError";
  readonly code = "LOG_LOST";
  readonly retryable = false;
}
