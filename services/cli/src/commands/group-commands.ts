/**
 * `atoll group list`, `add`, `remove`, `replace`, `transfer` and `snapshot`: the replicas of the
 * control plane itself.
 *
 * What is wanted is recorded at once and done by the leader; the commands wait for it and say what
 * came of it. Backups are in `backup-commands.ts`.
 */
import type { Command } from "commander";
import {
  GroupReplica,
  GroupReplicaRole,
  GroupServiceService,
  ListReplicasResponse,
} from "@atoll/proto/atoll/v1/group";
import type { CommandContext } from "../command-context.ts";
import { parseCount } from "../config.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { CommandError, GatewayError } from "../failure.ts";
import { awaitGroup, listGroup } from "../group/await-replica.ts";
import { withNearestNames } from "../known-names.ts";
import { escapeLine } from "../render/escape.ts";
import { groupLines, replicaProgress } from "../render/group.ts";
import { resourceName, shortName } from "../resource-names.ts";
import type { WaitOptions } from "../wait.ts";
import { addBackupCommands } from "./backup-commands.ts";
import { addWaitOptions, type RunCommand } from "./command-runner.ts";

const QUORUM_REASON = "QUORUM_WOULD_BE_LOST";

interface RemoveOptions extends WaitOptions {
  readonly allowQuorumLoss?: boolean;
}

export function addGroupCommands(program: Command, run: RunCommand): void {
  const group = program
    .command("group")
    .description("the replicas of the control plane itself, and their backups");
  group
    .command("list")
    .description("all replicas: role, lag, address, version")
    .action(run(listReplicas));
  addWaitOptions(group.command("add"))
    .description("add a replica: a learner first, a voter by itself once it has caught up")
    .argument("<id>", "a number that was never used in this group, 1 to 9999")
    .argument("<address>", "host:port where the other replicas reach it")
    .addHelpText("after", "\nStart the new replica with ATOLL_JOIN=1 and an empty folder.")
    .action(run(addReplica));
  addWaitOptions(group.command("remove"))
    .description("take a replica out of the group")
    .argument("<replica>", "its id")
    .option("--allow-quorum-loss", "also when the others that answer are no majority")
    .action(run(removeReplica));
  addWaitOptions(group.command("replace"))
    .description("put a new replica in the place of one that is lost")
    .argument("<replica>", "the id of the one that leaves")
    .argument("<id>", "the new one's: a number that was never used in this group")
    .argument("[address]", "host:port of the new one (default: where the old one was)")
    .addHelpText("after", "\nStart the new replica with ATOLL_JOIN=1 and an empty folder.")
    .action(run(replaceReplica));
  group
    .command("transfer")
    .description("let another voter lead")
    .argument("<replica>", "its id")
    .action(run(transferLeadership));
  group
    .command("snapshot")
    .description("let a replica take a snapshot now and shorten its log")
    .argument("[replica]", "its id (default: the one that leads)")
    .action(run(takeSnapshot));
  addBackupCommands(group, run);
}

async function listReplicas(context: CommandContext): Promise<void> {
  const list = await listGroup(context);
  await context.print(ListReplicasResponse.toJSON(list), () => groupLines(list, context.paint));
}

async function addReplica(
  context: CommandContext,
  id: string,
  address: string,
  options: WaitOptions,
): Promise<void> {
  const { gateway } = context;
  const replica = await gateway.call(GroupServiceService.createReplica, {
    parent: await gateway.datacenter(),
    replicaId: await replicaId(id),
    address,
    requestId: context.newRequestId(),
  });
  await finishAddition(context, replica, options);
}

async function replaceReplica(
  context: CommandContext,
  old: string,
  id: string,
  address: string | undefined,
  options: WaitOptions,
): Promise<void> {
  const { gateway } = context;
  const newId = await replicaId(id);
  const replica = await withReplicas(context, old, (name) =>
    gateway.call(GroupServiceService.replaceReplica, {
      name,
      replicaId: newId,
      address: address ?? "",
      requestId: context.newRequestId(),
    }),
  );
  await finishAddition(context, replica, options);
}

/** Until the new one votes and, where it replaces one, until that one has left. */
async function finishAddition(
  context: CommandContext,
  added: GroupReplica,
  options: WaitOptions,
): Promise<void> {
  const { name, replaces } = added;
  if (options.wait === false) return printReplica(context, added);
  const what = `that replica ${shortName(name)} votes`;
  const group = await awaitGroup(context, { ...options, name, what }, (seen, replica) => {
    const gone = replaces === "" || !seen.replicas.some((one) => one.name === replaces);
    return replica !== undefined && isVoting(replica) && gone;
  });
  const now = group.replicas.find((one) => one.name === name) ?? added;
  const instead = replaces === "" ? "" : `; replica ${shortName(replaces)} has left the group`;
  await context.print(GroupReplica.toJSON(now), () => [
    `replica ${escapeLine(shortName(name))} votes at ${escapeLine(now.address)}${instead}`,
  ]);
}

async function removeReplica(
  context: CommandContext,
  id: string,
  options: RemoveOptions,
): Promise<void> {
  const { gateway } = context;
  const replica = await withReplicas(context, id, (name) =>
    withQuorumHint(id, () =>
      gateway.call(GroupServiceService.deleteReplica, {
        name,
        requestId: context.newRequestId(),
        allowQuorumLoss: options.allowQuorumLoss === true,
      }),
    ),
  );
  if (options.wait === false) return printReplica(context, replica);
  const { name } = replica;
  const what = `that replica ${shortName(name)} leaves`;
  await awaitGroup(context, { ...options, name, what }, (_group, seen) => seen === undefined);
  await context.print({ removed: name }, () => [
    `replica ${escapeLine(shortName(name))} has left the group; stop its process and keep or ` +
      "delete its folder",
  ]);
}

async function transferLeadership(context: CommandContext, id: string): Promise<void> {
  const replica = await withReplicas(context, id, (name) =>
    context.gateway.call(GroupServiceService.transferLeadership, { name }),
  );
  await context.print(GroupReplica.toJSON(replica), () => [
    `replica ${escapeLine(shortName(replica.name))} leads in term ${replica.term}`,
  ]);
}

async function takeSnapshot(context: CommandContext, id: string | undefined): Promise<void> {
  const which = id ?? shortName((await listGroup(context)).leader);
  if (which === "") {
    throw new CommandError("nobody leads the group now", {
      exitStatus: EXIT_STATUS.unavailable,
      hints: ["name a replica: `atoll group snapshot ID`", "`atoll group list` shows who answers"],
    });
  }
  const replica = await withReplicas(context, which, (name) =>
    context.gateway.call(GroupServiceService.snapshotReplica, { name }),
  );
  await context.print(GroupReplica.toJSON(replica), () => [
    `replica ${escapeLine(shortName(replica.name))} has a snapshot at #${replica.snapshotIndex}`,
  ]);
}

async function printReplica(context: CommandContext, replica: GroupReplica): Promise<void> {
  await context.print(GroupReplica.toJSON(replica), () => [
    `${escapeLine(replicaProgress(replica))} (\`atoll group list\`)`,
  ]);
}

function isVoting({ role }: GroupReplica): boolean {
  return (
    role === GroupReplicaRole.GROUP_REPLICA_ROLE_VOTER ||
    role === GroupReplicaRole.GROUP_REPLICA_ROLE_LEADER
  );
}

async function withReplicas<Result>(
  context: CommandContext,
  replica: string,
  work: (name: string) => Promise<Result>,
): Promise<Result> {
  const { gateway } = context;
  return withNearestNames(gateway, { replica }, async () =>
    work(resourceName(await gateway.datacenter(), "replicas", replica)),
  );
}

async function withQuorumHint<Result>(
  replica: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GatewayError) || error.status.reason !== QUORUM_REASON) throw error;
    throw new CommandError(error.message, {
      exitStatus: error.exitStatus,
      hints: [
        "bring the others back first, or put a new one in the place of one that is lost: " +
          "`atoll group replace`",
        `\`atoll group remove ${replica} --allow-quorum-loss\` does it all the same`,
      ],
      cause: error,
    });
  }
}

async function replicaId(text: string): Promise<number> {
  const { REPLICA_ID_MAX } = await import("@atoll/domain");
  return parseCount("the id of a replica", text, 1, REPLICA_ID_MAX);
}
