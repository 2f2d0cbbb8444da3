/**
 * Waits for an operation to end, and shows how it goes.
 *
 * The operation goes on whether anybody waits or not, and every way out of here says so. Called by
 * every command that starts one.
 */
import {
  Operation,
  OperationServiceService,
  OperationStatus,
} from "@atoll/proto/atoll/v1/operation";
import type { CommandContext } from "./command-context.ts";
import { EXIT_STATUS } from "./exit-status.ts";
import { CommandError } from "./failure.ts";
import { outcomeLine, progressLine } from "./render/operation.ts";
import { span } from "./render/time.ts";
import { shortName } from "./resource-names.ts";
import type { Terminal } from "./terminal.ts";
import { eraseProgress, notAwaited, showProgress, waitMsMax } from "./wait-progress.ts";
import { BEGINNING, watchWithResume } from "./watch.ts";

export interface WaitOptions {
  readonly wait?: boolean;
  readonly waitTimeout?: string;
}

/** Prints the operation: as it ended, or as it began where nobody is to wait. */
export async function finishOperation(
  context: CommandContext,
  started: Operation,
  options: WaitOptions,
): Promise<void> {
  const ended =
    started.done || options.wait === false ? started : await awaitEnd(context, started, options);
  await context.print(Operation.toJSON(ended), () => [resultLine(context, ended)]);
  failWhenCancelled(ended);
}

/** Follows an operation to its end. Throws {@link CommandError} when the time allowed runs out. */
async function awaitEnd(
  context: CommandContext,
  started: Operation,
  options: WaitOptions,
): Promise<Operation> {
  const allowedMs = waitMsMax(options.waitTimeout);
  const { terminal, gateway } = context;
  using timeout = abortAfter(allowedMs);
  const signal = AbortSignal.any([terminal.signal, timeout.signal]);
  let latest = started;
  show(terminal, latest);
  const watch = watchWithResume<Operation>(
    {
      open: () =>
        gateway.stream(OperationServiceService.watchOperation, { name: started.name }, signal),
      positionOf: () => undefined,
      position: BEGINNING,
      signal,
      note: (text) => context.note(text),
    },
    (operation) => operation.done,
  );
  for await (latest of watch) show(terminal, latest);
  eraseProgress(terminal);
  if (latest.done) return latest;
  throw notEnded(latest, terminal.signal.aborted, allowedMs);
}

function show(terminal: Terminal, operation: Operation): void {
  if (!operation.done) showProgress(terminal, progressLine(operation));
}

function notEnded(operation: Operation, interrupted: boolean, allowedMs: number): CommandError {
  const id = shortName(operation.name);
  const [first] = operation.waiting;
  return notAwaited({
    interrupted,
    late: `${id} has not ended within ${span(allowedMs)}`,
    state: first === undefined ? "" : `it waits for ${first}`,
    hint: `it goes on: \`atoll operation watch ${id}\`; \`atoll operation cancel ${id}\` stops it`,
  });
}

function resultLine(context: CommandContext, operation: Operation): string {
  if (operation.done) return outcomeLine(operation, context.nowMs, context.paint);
  return `${progressLine(operation)} (\`atoll operation watch ${shortName(operation.name)}\`)`;
}

export function failWhenCancelled(operation: Operation): void {
  if (operation.status !== OperationStatus.OPERATION_STATUS_CANCELLED) return;
  throw new CommandError(`${shortName(operation.name)} was cancelled: ${operation.reason}`, {
    exitStatus: EXIT_STATUS.error,
  });
}

function abortAfter(milliseconds: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}
