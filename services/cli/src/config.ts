/**
 * Settings of one command, from its options and the environment.
 *
 * Options win over variables. A wrong value is an error that says what is allowed; nothing is
 * repaired in silence.
 */
import { checkTransport, ConfigError, parseTransport, type Transport } from "@atoll/service-kit";
import { nearest } from "@atoll/stdx";
import type { CliEnvironment } from "./env.ts";
import { usageError } from "./failure.ts";
import { OUTPUT_FORMATS, type OutputFormat } from "./render/structured.ts";

export const GATEWAY_ADDRESS_DEFAULT = "127.0.0.1:7400";
/** Where `npm start` keeps its state, from where it is started. */
export const LAB_STATE_DEFAULT = ".atoll";
export const TIMEOUT_MS_DEFAULT = 30_000;
export const WAIT_TIMEOUT_MS_DEFAULT = 600_000;
const TIMEOUT_MS_MAX = 86_400_000;

/** What commander gives for the options that every command has. */
export interface GlobalOptions {
  readonly output?: string;
  readonly gateway?: string;
  readonly datacenter?: string;
  readonly timeout?: string;
}

export interface Settings {
  readonly output: OutputFormat;
  readonly gatewayAddress: string;
  readonly transport: Transport;
  /** For the history; absent where the user's name makes none. */
  readonly actor: string | undefined;
  /** `all` for every one, in lists; absent: the gateway's own. */
  readonly datacenter: string | undefined;
  /** The state folder of the lab that `atoll lab` speaks of, unless it names another. */
  readonly labState: string;
  readonly timeoutMs: number;
  readonly colour: boolean;
}

export function settingsFrom(
  options: GlobalOptions,
  environment: CliEnvironment,
  outIsTerminal: boolean,
): Settings {
  const gatewayAddress = options.gateway ?? environment.gateway ?? GATEWAY_ADDRESS_DEFAULT;
  const colourForbidden = (environment.noColor ?? "") !== "" || environment.terminalKind === "dumb";
  return {
    output: parseOutput(options.output ?? "table"),
    gatewayAddress,
    transport: transportFor(gatewayAddress, environment.transport),
    actor: actorFrom(environment.user),
    datacenter: options.datacenter ?? environment.datacenter,
    labState: environment.labState ?? LAB_STATE_DEFAULT,
    timeoutMs:
      options.timeout === undefined
        ? TIMEOUT_MS_DEFAULT
        : parseDuration("--timeout", options.timeout),
    colour: outIsTerminal && !colourForbidden,
  };
}

/** `500ms`, `5s`, `2m`, `1h`, or a number of seconds. */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(text);
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, "": 1_000 }[match?.[2] ?? ""] ?? 0;
  const milliseconds = match === null ? NaN : Math.round(Number(match[1]) * unitMs);
  if (milliseconds >= 1 && milliseconds <= TIMEOUT_MS_MAX) return milliseconds;
  throw usageError(
    `${option} ${JSON.stringify(text)} is no time span`,
    "allowed are 1ms to 24h, for example 500ms, 5s, 2m",
  );
}

/** A whole number between two bounds, both allowed. */
export function parseCount(option: string, text: string, minimum: number, maximum: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= minimum && value <= maximum) return value;
  throw usageError(
    `${option} ${JSON.stringify(text)} is not allowed`,
    `allowed is a whole number from ${minimum} to ${maximum}`,
  );
}

function parseOutput(text: string): OutputFormat {
  const found = OUTPUT_FORMATS.find((format) => format === text);
  if (found !== undefined) return found;
  const near = nearest(text, OUTPUT_FORMATS);
  throw usageError(
    `--output ${JSON.stringify(text)} is not a format`,
    ...(near === undefined ? [] : [`did you mean ${near}?`]),
    `allowed are ${OUTPUT_FORMATS.join(", ")}`,
  );
}

/** Plaintext needs no word on loopback addresses, and is refused elsewhere whatever is said. */
function transportFor(address: string, given: string | undefined): Transport {
  checkAddress(address);
  try {
    const transport = parseTransport(given ?? "insecure-for-lab");
    checkTransport(transport, address);
    return transport;
  } catch (error) {
    if (error instanceof ConfigError) throw usageError(error.message);
    throw error;
  }
}

function actorFrom(user: string | undefined): string | undefined {
  const name = (user ?? "").replace(/[^A-Za-z0-9@._-]/g, "").replace(/^[^A-Za-z0-9]+/, "");
  return name === "" ? undefined : name.slice(0, 63);
}

function checkAddress(address: string): void {
  const match = /^(\[[0-9a-fA-F:]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(address);
  const port = Number(match?.[2] ?? NaN);
  if (match !== null && port >= 1 && port <= 65_535) return;
  throw usageError(
    `${JSON.stringify(address)} is no gateway address`,
    "allowed is HOST:PORT, for example 127.0.0.1:7400",
  );
}
