/**
 * What the exit status of the command says. Shown in `atoll help`; scripts rely on it.
 */
export const EXIT_STATUS = {
  ok: 0,
  /** Refused or failed, for a reason that the message gives. */
  error: 1,
  /** The command line, or a document given to it, is wrong. */
  usage: 2,
  notFound: 3,
  /** No gateway, or no leader, could be reached. */
  unavailable: 4,
  /** The time allowed ran out; what was asked may still happen. */
  timeout: 5,
  /** Ended by Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

export type ExitStatus = (typeof EXIT_STATUS)[keyof typeof EXIT_STATUS];

export const EXIT_STATUS_HELP = `Exit status:
  0  done
  1  refused or failed, for the reason given
  2  the command line or a given document is wrong
  3  no such node, role, action or operation
  4  the gateway or its orchestrator cannot be reached
  5  the time allowed ran out; what was asked may still happen`;
