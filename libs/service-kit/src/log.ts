/**
 * Log lines as JSON on stderr.
 *
 * Written in the background, so that a slow reader of stderr never stops the loop; past a bound
 * lines are dropped and counted, not kept. What is unwritten when the process exits is written
 * then, as far as it is taken within half a second. Secrets are never passed to it.
 */
import pino from "pino";
import { describeError } from "./describe-error.ts";
import { LineWriter, type LineWriterOptions } from "./line-writer.ts";
import { ConfigError } from "./operational-error.ts";
import { STDERR, unblockStderr } from "./stderr.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** Put what was thrown under `error`: it is written with its chain of causes. */
  error(message: string, fields?: LogFields): void;
  /** A log that adds `fields` to every line. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly service: string;
  readonly level: LogLevel;
  readonly fields?: Readonly<Record<string, string>>;
  /** Where lines go; default stderr of the process. */
  readonly destination?: { write(line: string): void };
  /** Called for each line that stderr did not take. Default: the log alone says it. */
  readonly dropped?: () => void;
}

/** Some minutes of a busy service. */
const WAITING_BYTES_MAX = 4 * 1_048_576;

/** @throws ConfigError unless `text` is one of {@link LOG_LEVELS}. */
export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new ConfigError([`log level "${text}" is not one of ${LOG_LEVELS.join(", ")}`]);
}

export function createLog(options: LogOptions): Log {
  const missing = (lines: number): void => log.warn("log lines were dropped", { lines });
  const logger = pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid, ...options.fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (level) => ({ level }) },
      serializers: { error: describeError },
    },
    options.destination ?? stderrWriter({ dropped: options.dropped ?? (() => {}), missing }),
  );
  const log = new PinoLog(logger);
  return log;
}

/** A log that writes nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

class PinoLog implements Log {
  readonly #logger: pino.Logger;

  constructor(logger: pino.Logger) {
    this.#logger = logger;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#logger.debug(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#logger.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#logger.warn(fields, message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#logger.error(fields, message);
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#logger.child(fields));
  }
}

function stderrWriter(told: Pick<LineWriterOptions, "dropped" | "missing">): LineWriter {
  unblockStderr();
  const writer = new LineWriter({ fd: STDERR, waitingBytesMax: WAITING_BYTES_MAX, ...told });
  process.once("exit", () => writer.end());
  return writer;
}
