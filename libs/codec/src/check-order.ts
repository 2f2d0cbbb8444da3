/**
 * An order as the agent takes it: complete, and within what an executor can be asked to do.
 *
 * The orchestrator made it from roles that were checked; an agent trusts nobody with its paths and
 * commands all the same.
 */
import { showText } from "@atoll/domain";
import type { Order, RenderedFile, RenderedService } from "@atoll/domain";
import { counter, digestValue, filePath, serviceKeyText } from "./check-message.ts";
import { DecodeError } from "./decode-error.ts";

const MODE_PATTERN = /^[0-7]{4}$/;

/** The order itself; throws DecodeError when something in it is not allowed. */
export function checkedOrder(order: Order): Order {
  switch (order.type) {
    case "writeFile":
      checkFile(order.file);
      break;
    case "removeFile":
      filePath(order.path);
      break;
    case "startService":
    case "restartService":
      checkService(order.service);
      break;
    case "stopService":
      serviceKeyText(order.key);
      break;
  }
  return order;
}

function checkFile({ path, mode, digest }: RenderedFile): void {
  filePath(path);
  if (!MODE_PATTERN.test(mode))
    throw new DecodeError(`mode ${showText(mode)} is not four octal digits`);
  if (digestValue(digest) === "") throw new DecodeError("a file has no digest");
}

function checkService({
  key,
  driver,
  command,
  unit,
  stopTimeoutMs,
  digest,
}: RenderedService): void {
  serviceKeyText(key);
  counter("stop timeout", stopTimeoutMs);
  if (digestValue(digest) === "") throw new DecodeError(`service ${key} has no digest`);
  const what = driver === "process" ? (command[0] ?? "") : unit;
  if (what === "") throw new DecodeError(`service ${key} has nothing to run`);
}
