/**
 * What a command leads to: events to be logged, or a rejection.
 *
 * Pure and total. Runs on the leader alone, on a draft of the state; nothing has happened until the
 * events are committed. A user's command with a request id is decided once: its repetition gives
 * the same answer and no events.
 */
import { canonicalJson, digestText } from "@atoll/stdx";
import { decideCancelAction } from "./cancel-action.ts";
import type { Command, CommandContext, UserCommand } from "./command.ts";
import { decideAcceptFacts } from "./decide-facts.ts";
import { decideEndMaintenance, decideStartMaintenance } from "./decide-maintenance.ts";
import { decideForgetNode, decideUpdateNode } from "./decide-node.ts";
import { decideCancelOperation } from "./decide-operation.ts";
import { decideCarryOutPlan } from "./decide-plan.ts";
import { decideReportPresence } from "./decide-presence.ts";
import { decideApplyRoles, decideDeleteRole } from "./decide-role.ts";
import { decideAssignRole, decideUnassignRole } from "./decide-role-assignment.ts";
import { decided } from "./decision.ts";
import type { Decision } from "./decision.ts";
import { decideReportClaimants } from "./identity-conflict.ts";
import { showText } from "./names.ts";
import { decideSetLimits } from "./set-limits.ts";
import { decidePause, decideResume } from "./pause.ts";
import { rejected } from "./rejection.ts";
import { decideAddReplica, decideForgetReplica, decideRemoveReplica } from "./group-replica.ts";
import { decideReportSight } from "./sight.ts";
import { decideReleaseStorm } from "./storm.ts";
import type { StateView } from "./state.ts";

export const REQUEST_ID_LENGTH_MAX = 128;

const REQUEST_ID_PATTERN = /^[!-~]{1,128}$/;

export function decide(view: StateView, command: Command, context: CommandContext): Decision {
  switch (command.type) {
    case "acceptFacts":
      return decideAcceptFacts(view, command.batch, context);
    case "reportPresence":
      return decideReportPresence(view, command);
    case "reportSight":
      return decideReportSight(view, command);
    case "reportClaimants":
      return decideReportClaimants(view, command);
    case "carryOutPlan":
      return decideCarryOutPlan(view, command.decisions, context);
    default:
      return decideOnce(view, command, context);
  }
}

function decideOnce(view: StateView, command: UserCommand, context: CommandContext): Decision {
  const { requestId } = context;
  if (requestId === "") return decideUserCommand(view, command, context);
  if (!REQUEST_ID_PATTERN.test(requestId)) {
    const allowed = `1 to ${REQUEST_ID_LENGTH_MAX} printable ASCII characters without blanks`;
    return rejected(
      "invalidArgument",
      `request id ${showText(requestId)} is not one: allowed are ${allowed}`,
    );
  }
  const known = view.request(requestId);
  if (known !== undefined) {
    if (known.digest === digestOfCommand(command)) return decided([], known.operation);
    return rejected("alreadyExists", `request id ${requestId} was used for another command`);
  }
  const decision = decideUserCommand(view, command, context);
  if (decision.type === "rejected") return decision;
  const { events, operation } = decision;
  const digest = digestOfCommand(command);
  return decided([...events, { type: "requestRecorded", requestId, digest, operation }], operation);
}

function decideUserCommand(
  view: StateView,
  command: UserCommand,
  context: CommandContext,
): Decision {
  switch (command.type) {
    case "applyRoles":
      return decideApplyRoles(view, command.roles);
    case "deleteRole":
      return decideDeleteRole(view, command.role);
    case "assignRole":
      return decideAssignRole(view, command);
    case "unassignRole":
      return decideUnassignRole(view, command);
    case "updateNode":
      return decideUpdateNode(view, command);
    case "startMaintenance":
      return decideStartMaintenance(view, command);
    case "endMaintenance":
      return decideEndMaintenance(view, command.node);
    case "forgetNode":
      return decideForgetNode(view, command.node);
    case "cancelOperation":
      return decideCancelOperation(view, command.operation, context);
    case "cancelAction":
      return decideCancelAction(view, command);
    case "pauseActions":
      return decidePause(view, command.reason);
    case "resumeActions":
      return decideResume(view);
    case "setActionLimits":
      return decideSetLimits(view, command);
    case "releaseStorm":
      return decideReleaseStorm(view, command);
    case "addReplica":
      return decideAddReplica(view, command);
    case "removeReplica":
      return decideRemoveReplica(view, command.replica);
    case "forgetReplica":
      return decideForgetReplica(view, command.replica);
  }
}

function digestOfCommand(command: UserCommand): string {
  return digestText(canonicalJson(command));
}
