/**
 * What every wait of a command shares: how long it lasts, the line that shows how it goes, and the
 * error when it ends too early.
 *
 * Progress is one line on the error output that is written over, on terminals only. Called by the
 * waits for operations and for replicas.
 */
import { parseDuration, WAIT_TIMEOUT_MS_DEFAULT } from "./config.ts";
import { EXIT_STATUS } from "./exit-status.ts";
import { CommandError } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

const ERASE_LINE = "\r\u001b[K";
const COLUMNS_DEFAULT = 80;

/** @param timeout what `--wait-timeout` says; undefined for the default. */
export function waitMsMax(timeout: string | undefined): number {
  if (timeout === undefined) return WAIT_TIMEOUT_MS_DEFAULT;
  return parseDuration("--wait-timeout", timeout);
}

export function showProgress(terminal: Terminal, line: string): void {
  if (!terminal.errIsTerminal || line === "") return;
  const width = (terminal.columns ?? COLUMNS_DEFAULT) - 1;
  terminal.err(ERASE_LINE + Array.from(line).slice(0, width).join(""));
}

export function eraseProgress(terminal: Terminal): void {
  if (terminal.errIsTerminal) terminal.err(ERASE_LINE);
}

/** Why nobody waits any more: the user stopped it, or the time allowed has run out. */
export function notAwaited(about: {
  readonly interrupted: boolean;
  /** What has not happened within the time allowed. */
  readonly late: string;
  /** How far it is; empty when that is unknown. */
  readonly state: string;
  readonly hint: string;
}): CommandError {
  const { interrupted, late, state, hint } = about;
  const message = interrupted ? "interrupted" : late;
  return new CommandError(state === "" ? message : `${message}; ${state}`, {
    exitStatus: interrupted ? EXIT_STATUS.interrupted : EXIT_STATUS.timeout,
    hints: [hint],
  });
}
