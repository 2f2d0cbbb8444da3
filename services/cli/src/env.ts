/**
 * The environment variables that the command reads, as text.
 *
 * The only file that touches `process.env`. `config.ts` gives the texts a meaning.
 */
import { userInfo } from "node:os";

export interface CliEnvironment {
  /** ATOLL_GATEWAY: host:port. */
  readonly gateway: string | undefined;
  /** ATOLL_TRANSPORT. */
  readonly transport: string | undefined;
  /** ATOLL_DATACENTER. */
  readonly datacenter: string | undefined;
  /** ATOLL_LAB_STATE: the state folder of a lab. */
  readonly labState: string | undefined;
  /** NO_COLOR: any text but none forbids colours (no-color.org). */
  readonly noColor: string | undefined;
  /** The user's name on this machine. */
  readonly user: string | undefined;
  readonly terminalKind: string | undefined;
}

export function readEnvironment(): CliEnvironment {
  return {
    gateway: process.env["ATOLL_GATEWAY"],
    transport: process.env["ATOLL_TRANSPORT"],
    datacenter: process.env["ATOLL_DATACENTER"],
    labState: process.env["ATOLL_LAB_STATE"],
    noColor: process.env["NO_COLOR"],
    user: process.env["USER"] ?? process.env["LOGNAME"] ?? accountName(),
    terminalKind: process.env["TERM"],
  };
}

/** Undefined for an account without a name, as containers have. */
function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
