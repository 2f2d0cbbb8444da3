/**
 * Whether a command line can be run: a program, then arguments, each a template.
 */
import type { Report } from "./check-labels.ts";
import { checkTemplate } from "./check-template.ts";

export const COMMAND_PARTS_MAX = 64;
export const COMMAND_PART_BYTES_MAX = 8_192;

/** Program and arguments, of a service or of a probe. */
export function checkCommand(command: readonly string[], report: Report): void {
  if (command.length === 0 || command[0] === "") report("", "a command needs a program");
  if (command.length > COMMAND_PARTS_MAX) {
    report("", `${command.length} parts are too many: at most ${COMMAND_PARTS_MAX}`);
  }
  for (const [at, part] of command.slice(0, COMMAND_PARTS_MAX).entries()) {
    checkTemplate(part, COMMAND_PART_BYTES_MAX, (reason) => report(`[${at}]`, reason));
  }
}
