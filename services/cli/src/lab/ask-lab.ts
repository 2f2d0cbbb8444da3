/**
 * One question to the process of a lab on this machine, found by its state folder.
 */
import { status as GrpcStatus } from "@grpc/grpc-js";
import { channelCredentials, checkTransport, ConfigError } from "@atoll/service-kit";
import type { CommandContext } from "../command-context.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { CommandError, hasStatus } from "../failure.ts";
import { Gateway, type UnaryMethod } from "../gateway.ts";
import { readLab } from "./lab-file.ts";

/** The only one that a lab has. */
const TRANSPORT = "insecure-for-lab";

/** Throws CommandError; one that says so when no lab runs there. */
export async function askLab<Request, Response>(
  context: CommandContext,
  stateDir: string,
  method: UnaryMethod<Request, Response>,
  request: Request,
): Promise<Response> {
  const lab = readLab(stateDir);
  if (lab === undefined) throw noLab(stateDir, `there is no lab.json in ${stateDir}`);
  if (lab.control === undefined) throw noLab(stateDir, `the lab of ${stateDir} has stopped`);
  checkControl(stateDir, lab.control);
  using connection = new Gateway({
    address: lab.control,
    credentials: channelCredentials(TRANSPORT),
    timeoutMs: context.settings.timeoutMs,
    actor: undefined,
    datacenter: undefined,
    signal: context.terminal.signal,
  });
  try {
    return await connection.call(method, request);
  } catch (error) {
    if (!hasStatus(error, GrpcStatus.UNAVAILABLE)) throw error;
    throw noLab(stateDir, `the lab of ${stateDir} does not answer at ${lab.control}`, error);
  }
}

function noLab(stateDir: string, message: string, cause?: unknown): CommandError {
  return new CommandError(message, {
    exitStatus: EXIT_STATUS.unavailable,
    hints: [
      `start one with \`npm start -- --state ${stateDir} --datacenters east,west\``,
      "or name the state folder of one that runs with --state or ATOLL_LAB_STATE",
    ],
    cause,
  });
}

/** A lab is on this machine; a file that says otherwise is none of its. */
function checkControl(stateDir: string, address: string): void {
  try {
    checkTransport(TRANSPORT, address);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw noLab(stateDir, `lab.json in ${stateDir} is not a lab's: ${error.message}`, error);
  }
}
