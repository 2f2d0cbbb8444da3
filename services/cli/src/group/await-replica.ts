/**
 * Waits until a replica of the group is what was asked for, and shows how it goes.
 *
 * Asks again and again; the leader does the work whether anybody waits or not, and every way out of
 * here says so. A change of leader or a gateway that is away for a moment is waited out.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  type GroupReplica,
  GroupServiceService,
  type ListReplicasResponse,
} from "@atoll/proto/atoll/v1/group";
import type { CommandContext } from "../command-context.ts";
import { isTransient } from "../failure.ts";
import { replicaProgress } from "../render/group.ts";
import { span } from "../render/time.ts";
import { shortName } from "../resource-names.ts";
import type { WaitOptions } from "../wait.ts";
import { eraseProgress, notAwaited, showProgress, waitMsMax } from "../wait-progress.ts";

const ASK_EVERY_MS = 250;

export async function listGroup(context: CommandContext): Promise<ListReplicasResponse> {
  const { gateway } = context;
  const request = { parent: await gateway.datacenter(), pageSize: 0, pageToken: "" };
  return gateway.call(GroupServiceService.listReplicas, request);
}

/**
 * Resolves with the group once `reached` holds; `name` is the replica that is shown meanwhile.
 * Throws {@link CommandError} when the time allowed runs out.
 */
export async function awaitGroup(
  context: CommandContext,
  options: WaitOptions & { readonly name: string; readonly what: string },
  reached: (group: ListReplicasResponse, replica: GroupReplica | undefined) => boolean,
): Promise<ListReplicasResponse> {
  const allowedMs = waitMsMax(options.waitTimeout);
  const { terminal, clock } = context;
  const giveUpMs = clock.monotonicMs() + allowedMs;
  let last = "";
  for (;;) {
    const group = await ask(context);
    const replica = group?.replicas.find(({ name }) => name === options.name);
    if (group !== undefined && reached(group, replica)) {
      eraseProgress(terminal);
      return group;
    }
    if (replica !== undefined) last = replicaProgress(replica);
    const interrupted = terminal.signal.aborted;
    if (interrupted || clock.monotonicMs() >= giveUpMs) {
      eraseProgress(terminal);
      throw notAwaited({
        interrupted,
        late: `${options.what} has not happened within ${span(allowedMs)}`,
        state: last,
        hint:
          "it goes on without you: `atoll group list` shows how far replica " +
          `${shortName(options.name)} is`,
      });
    }
    showProgress(terminal, last);
    await delay(ASK_EVERY_MS, undefined, { signal: terminal.signal }).catch(() => undefined);
  }
}

async function ask(context: CommandContext): Promise<ListReplicasResponse | undefined> {
  try {
    return await listGroup(context);
  } catch (error) {
    if (isTransient(error)) return undefined;
    throw error;
  }
}
