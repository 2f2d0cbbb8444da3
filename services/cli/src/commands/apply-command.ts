/**
 * `atoll apply -f FILE|FOLDER`: roles from YAML, as a whole or not at all.
 *
 * The command reads files and shows what the gateway says of them; it understands no YAML itself.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { Operation } from "@atoll/proto/atoll/v1/operation";
import { RoleServiceService, type RoleDocument } from "@atoll/proto/atoll/v1/role";
import type { CommandContext } from "../command-context.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { CommandError, usageError } from "../failure.ts";
import { bytesText, counted } from "../render/document.ts";
import { finishOperation, type WaitOptions } from "../wait.ts";
import { addWaitOptions, type RunCommand } from "./command-runner.ts";

const FILES_MAX = 1_000;
/** Below the limit of a message, so that the refusal can name the cause. */
const TEXT_BYTES_MAX = 3_900_000;
const ROLE_FILE = /\.ya?ml$/;

interface ApplyOptions extends WaitOptions {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
}

export function addApplyCommand(program: Command, run: RunCommand): void {
  addWaitOptions(program.command("apply"))
    .description("apply roles from YAML files, as a whole or not at all")
    .requiredOption(
      "-f, --file <path...>",
      "a file, a folder with *.yaml in it, or - for standard input",
    )
    .option("--dry-run", "only check; nothing is changed")
    .action(run(applyRoles));
}

async function applyRoles(context: CommandContext, options: ApplyOptions): Promise<void> {
  const documents: RoleDocument[] = [];
  for (const path of options.file) documents.push(...(await readDocuments(context, path)));
  checkSize(documents);
  const operation = await context.gateway.call(RoleServiceService.applyRoles, {
    documents,
    validateOnly: options.dryRun === true,
    requestId: context.newRequestId(),
  });
  if (options.dryRun === true) {
    await context.print(Operation.toJSON(operation), () => [
      `${counted(documents.length, "file")} would be applied; nothing was changed`,
    ]);
    return;
  }
  await finishOperation(context, operation, options);
}

async function readDocuments(context: CommandContext, path: string): Promise<RoleDocument[]> {
  if (path === "-")
    return [{ fileName: "standard input", text: await context.terminal.readInput() }];
  const paths = await filesAt(path);
  return Promise.all(paths.map(async (file) => ({ fileName: file, text: await readText(file) })));
}

async function filesAt(path: string): Promise<string[]> {
  const about = await fromDisk(path, () => stat(path));
  if (!about.isDirectory()) return [path];
  const names = (await fromDisk(path, () => readdir(path)))
    .filter((name) => ROLE_FILE.test(name))
    .toSorted();
  if (names.length === 0) throw usageError(`${path} has no *.yaml file in it`);
  if (names.length > FILES_MAX) {
    throw usageError(`${path} has ${names.length} files; allowed are ${FILES_MAX}`);
  }
  return names.map((name) => join(path, name));
}

async function readText(path: string): Promise<string> {
  const bytes = await fromDisk(path, () => readFile(path));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CommandError(`${path} is no UTF-8 text`, {
      exitStatus: EXIT_STATUS.usage,
      cause: error,
    });
  }
}

async function fromDisk<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    const what = { ENOENT: "does not exist", EACCES: "may not be read", EISDIR: "is a folder" };
    throw new CommandError(
      `${path} ${what[code as keyof typeof what] ?? `cannot be read: ${code}`}`,
      {
        exitStatus: EXIT_STATUS.usage,
        cause: error,
      },
    );
  }
}

function checkSize(documents: readonly RoleDocument[]): void {
  const bytes = documents.reduce((sum, document) => sum + Buffer.byteLength(document.text), 0);
  if (bytes <= TEXT_BYTES_MAX) return;
  throw usageError(
    `${counted(documents.length, "file")} hold ${bytesText(bytes)}; ` +
      `allowed are ${bytesText(TEXT_BYTES_MAX)} at once`,
    "apply them in several steps, each complete in itself",
  );
}
