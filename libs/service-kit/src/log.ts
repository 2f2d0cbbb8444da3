/**
 * Log lines as JSON on stderr.
 *
 * Written in the background, so that a slow reader of stderr never stops the loop; past a bound
 * lines are dropped, not kept. What is unwritten when the process exits is written then. Secrets
 * are never passed to it.
 */
import pino from "pino";
import { describeError } from "./describe-error.ts";
import { ConfigError } from "./operational-error.ts";

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
}

const STDERR = 2;
const UNWRITTEN_BYTES_MAX = 16 * 1_048_576;

/** @throws ConfigError unless `text` is one of {@link LOG_LEVELS}. */
export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new ConfigError([`log level "${text}" is not one of ${LOG_LEVELS.join(", ")}`]);
}

export function createLog(options: LogOptions): Log {
  const logger = pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid, ...options.fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (level) => ({ level }) },
      serializers: { error: describeError },
    },
    options.destination ?? stderrDestination(),
  );
  return new PinoLog(logger);
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

function stderrDestination(): pino.DestinationStream {
  const destination = pino.destination({
    dest: STDERR,
    sync: false,
    maxLength: UNWRITTEN_BYTES_MAX,
  });
  // A closed stderr must not end the service.
  destination.on("error", () => {});
  process.once("exit", () => {
    try {
      destination.flushSync();
    } catch {
      // Nobody is left to tell.
    }
  });
  return destination;
}
