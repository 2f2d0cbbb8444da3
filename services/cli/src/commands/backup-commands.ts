/**
 * `atoll group backup`, `restore` and `verify`: the whole state in a file, a lost group founded
 * anew from it, and proof that a file or a folder is whole.
 *
 * Restore and verify work on files of this machine and need no gateway. What they need beyond other
 * commands is loaded when they run, so that the others start as fast as ever.
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Datacenter } from "@atoll/domain";
import type { Command } from "commander";
import { type BackupGroupResponse, GroupServiceService } from "@atoll/proto/atoll/v1/group";
import type { CommandContext } from "../command-context.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { CommandError, usageError } from "../failure.ts";
import type { BackupHeader, BackupScan, BackupWriter } from "../group/backup-file.ts";
import type { RestorePlan } from "../group/restore.ts";
import type { VerifyReport } from "../group/verify.ts";
import { bytesText } from "../render/document.ts";
import { escapeLine } from "../render/escape.ts";
import { timestampMs } from "../render/time.ts";
import type { RunCommand } from "./command-runner.ts";

interface BackupOptions {
  readonly force?: boolean;
}

interface RestoreOptions {
  readonly to: readonly string[];
  readonly replicas?: string;
  readonly group?: string;
  readonly compare?: readonly string[];
  readonly acceptStale?: boolean;
  readonly acceptSurvivors?: boolean;
}

export function addBackupCommands(group: Command, run: RunCommand): void {
  group
    .command("backup")
    .description("write the whole state of the running group to a file, verified")
    .argument("<path>", "the file to write")
    .option("--force", "put it in the place of a file that is there")
    .action(run(backup));
  group
    .command("restore")
    .description("found a lost group anew from a backup")
    .argument("<path>", "the backup")
    .requiredOption(
      "--to <[id=]folder...>",
      "folders of replicas on this machine; none of them may exist yet",
    )
    .option("--replicas <id=host:port,...>", "the whole new group (default: as in the backup)")
    .option("--group <id>", "on further machines: the id that the first restore has printed")
    .option("--compare <path...>", "further backups and replicas' folders that may be newer")
    .option("--accept-stale", "although something newer is there: what it knows more is lost")
    .option("--accept-survivors", "although replicas of the lost group still answer")
    .addHelpText("after", "\nThe datacenter must be named: --datacenter or ATOLL_DATACENTER.")
    .action(run(restore));
  group
    .command("verify")
    .description("check backups and folders of stopped replicas from end to end")
    .argument("<path...>", "a backup, or a replica's folder")
    .action(run(verify));
}

async function backup(
  context: CommandContext,
  path: string,
  options: BackupOptions,
): Promise<void> {
  const { gateway } = context;
  await checkFree(path, options.force === true);
  const parent = await gateway.datacenter();
  const stream = gateway.stream(GroupServiceService.backupGroup, { parent });
  const { header, writer } = await begin(path, stream);
  await using _abandoned = writer;
  let trailer: { readonly sizeBytes: number; readonly stateHash: Uint8Array } | undefined;
  for await (const { content } of stream) {
    if (content?.$case === "chunk") await fromDisk(path, () => writer.piece(content.value));
    else if (content?.$case === "trailer") trailer = content.value;
  }
  const hash = trailer === undefined ? "" : Buffer.from(trailer.stateHash).toString("hex");
  if (trailer?.sizeBytes !== writer.sizeBytes || hash !== writer.stateHash) {
    throw broken("the backup did not arrive whole; nothing was written");
  }
  const scan = await fromDisk(path, () => writer.finish());
  if (scan.problems.length > 0) throw damaged(path, scan, "was written and cannot be read back");
  await context.print({ file: resolve(path), ...describeScan(scan) }, () => [
    `${escapeLine(path)}: group ${escapeLine(header.groupId)} up to #${header.index}, ` +
      `${bytesText(scan.sizeBytes)}, read again and whole`,
  ]);
}

/** The header comes first; the file is made with it. */
async function begin(
  path: string,
  stream: AsyncGenerator<BackupGroupResponse, void, undefined>,
): Promise<{
  readonly header: BackupHeader;
  readonly writer: BackupWriter;
}> {
  const first = (await stream.next()).value;
  if (first?.content?.$case !== "header") throw broken("the gateway sent no backup");
  const { createTime, addresses, ...rest } = first.content.value;
  const header = {
    ...rest,
    addresses,
    createdAtMs: createTime === undefined ? 0 : timestampMs(createTime),
  };
  const { BackupWriter } = await import("../group/backup-file.ts");
  return { header, writer: await fromDisk(path, () => BackupWriter.create(path, header)) };
}

async function restore(
  context: CommandContext,
  path: string,
  options: RestoreOptions,
): Promise<void> {
  const { datacenter } = context.settings;
  if (datacenter === undefined) {
    throw usageError(
      "the datacenter must be named",
      `atoll group restore ${path} --datacenter dc1 --to …`,
    );
  }
  const { scanBackup } = await import("../group/backup-file.ts");
  const told = await import("../group/restore-arguments.ts");
  const checks = await import("../group/restore-checks.ts");
  const restoring = await import("../group/restore.ts");
  const pieces: Uint8Array[] = [];
  const scan = await fromDisk(path, () => scanBackup(path, (piece) => pieces.push(piece)));
  const { header } = scan;
  if (header === undefined || scan.problems.length > 0) throw damaged(path, scan, "is damaged");
  refuse(path, checks.foreignness(header, datacenter), "is foreign", [
    `\`atoll group verify ${path}\` shows whose it is`,
  ]);
  const replicas = told.replicasOf(options.replicas, header);
  const targets = told.targetsOf(options.to, [...replicas.keys()]);
  const groupId = told.groupOf(options.group, datacenter);
  if (options.acceptSurvivors !== true) {
    const { transport } = context.settings;
    refuse(path, await checks.survivors(header, transport), "is of a group that is not lost", [
      "stop every process of the old group first",
      "a group that has a majority needs no restore: `atoll group replace`",
    ]);
  }
  if (options.acceptStale !== true) {
    const compare = [...(options.compare ?? []), ...targets.map(({ folder }) => folder)];
    refuse(path, await checks.staleness(path, header, { compare, groupId }), "is stale", [
      "restore the newest, or accept the loss with --accept-stale",
    ]);
  }
  for (const { folder } of targets) await fromDisk(folder, () => told.checkFolder(folder));
  const state = await stateOf(path, pieces);
  const plan = { header, groupId, replicas, targets };
  await fromDisk(path, () => restoring.writeTargets(plan, state));
  const index = restoring.restoredIndex(header);
  const document = { groupId, previousGroupId: header.groupId, index, targets };
  await context.print(document, () => restoredLines(plan, path, index));
}

function restoredLines(plan: RestorePlan, path: string, index: number): string[] {
  const { groupId, header, targets, replicas } = plan;
  const lines = [
    `group ${escapeLine(groupId)} is founded from ${escapeLine(path)} at #${header.index}; ` +
      `its log goes on after #${index}`,
    ...targets.map(({ replica, folder }) => `replica ${replica}: ${escapeLine(folder)}`),
  ];
  const here = new Set(targets.map(({ replica }) => replica));
  const elsewhere = [...replicas.keys()].filter((id) => !here.has(id));
  if (elsewhere.length === 0) return [...lines, "start the replicas on these folders"];
  const all = [...replicas].map(([id, address]) => `${id}=${address}`).join(",");
  return [
    ...lines,
    `replicas ${elsewhere.join(", ")} are made on their machines: ` +
      `atoll group restore FILE --datacenter ${header.datacenter} --group ${escapeLine(groupId)} ` +
      `--replicas ${escapeLine(all)} --to ID=FOLDER`,
  ];
}

async function verify(context: CommandContext, paths: readonly string[]): Promise<void> {
  const { verifyPath } = await import("../group/verify.ts");
  const reports: VerifyReport[] = [];
  for (const path of paths) reports.push(await fromDisk(path, () => verifyPath(path)));
  await context.print({ reports }, () =>
    reports.map(({ path, summary, problems }) =>
      problems.length === 0
        ? `${escapeLine(path)}: ${escapeLine(summary)}: whole`
        : `${escapeLine(path)}: ${escapeLine(summary)}: ${problems.length} wrong`,
    ),
  );
  const bad = reports.filter(({ problems }) => problems.length > 0);
  if (bad.length === 0) return;
  const many = bad.length === 1 ? (bad[0]?.path ?? "") : `${bad.length} of ${reports.length}`;
  throw new CommandError(`${many} ${bad.length === 1 ? "is" : "are"} not whole`, {
    exitStatus: EXIT_STATUS.error,
    violations: bad.flatMap(({ path, problems }) => problems.map((one) => `${path}: ${one}`)),
    hints: bad.map(({ hint }) => hint),
  });
}

function describeScan(scan: BackupScan): Record<string, unknown> {
  const { header, sizeBytes, stateHash } = scan;
  return { ...header, sizeBytes, stateHash };
}

async function stateOf(path: string, pieces: readonly Uint8Array[]): Promise<Datacenter> {
  const { decodeSnapshot } = await import("@atoll/codec");
  try {
    return decodeSnapshot(pieces);
  } catch (error) {
    throw new CommandError(`${path} holds no state that this release reads`, {
      exitStatus: EXIT_STATUS.error,
      violations: [error instanceof Error ? error.message : String(error)],
      hints: ["restore it with the release that wrote it, or a later one"],
      cause: error,
    });
  }
}

async function checkFree(path: string, force: boolean): Promise<void> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) return;
  if (about.isDirectory()) throw usageError(`${path} is a folder; name a file`);
  if (!force) throw usageError(`${path} is there already`, "name another file, or use --force");
}

function refuse(
  path: string,
  problems: readonly string[],
  what: string,
  hints: readonly string[],
): void {
  if (problems.length === 0) return;
  throw new CommandError(`${path} ${what}; nothing was changed`, {
    exitStatus: EXIT_STATUS.error,
    violations: problems,
    hints,
  });
}

function damaged(path: string, scan: BackupScan, what: string): CommandError {
  return new CommandError(`${path} ${what}`, {
    exitStatus: EXIT_STATUS.error,
    violations: scan.problems,
    hints: ["take another one; `atoll group verify FILE` checks a backup"],
  });
}

function broken(message: string): CommandError {
  return new CommandError(message, {
    exitStatus: EXIT_STATUS.unavailable,
    hints: ["try again; `atoll group list` shows who answers"],
  });
}

/** What the disk says, as a sentence. */
async function fromDisk<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== "string" || error instanceof CommandError) throw error;
    const what = {
      ENOENT: "does not exist",
      EACCES: "may not be used",
      ENOSPC: "has no room left",
    };
    const detail = what[code as keyof typeof what] ?? `failed: ${(error as Error).message}`;
    throw new CommandError(`${path} ${detail}`, { exitStatus: EXIT_STATUS.error, cause: error });
  }
}
