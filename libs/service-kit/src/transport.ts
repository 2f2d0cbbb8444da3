/**
 * How connections are protected.
 *
 * The one value is for laboratories: plaintext, on loopback addresses only. Its name says so, and
 * nothing else is taken, so that no setting can open a port to a network by accident.
 */
import { isIP } from "node:net";
import { ConfigError } from "./operational-error.ts";

export type Transport = "insecure-for-lab";

/** @throws ConfigError for every other text. */
export function parseTransport(text: string): Transport {
  if (text === "insecure-for-lab") return text;
  throw new ConfigError([
    `transport "${text}" is not known: allowed is insecure-for-lab, for loopback addresses only`,
  ]);
}

/** True for `localhost`, 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  return isIP(host) === 4 ? host.startsWith("127.") : host === "::1";
}
