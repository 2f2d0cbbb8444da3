/**
 * Users' commands between gateways and replicas, and the rejections that come back.
 *
 * Names are not checked here: `decide` refuses wrong ones with a code and a sentence for the user.
 * What cannot be understood at all is undecodable.
 */
import type {
  ActionId,
  FaultDomainName,
  NodeName,
  OperationId,
  Rejection,
  RejectionCode,
  RoleName,
  UserCommand,
} from "@atoll/domain";
import { rejected } from "@atoll/domain";
import { SubmitCommand as ProtoSubmit } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { Rejected as ProtoRejected } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { fromProtoSomeLimits } from "./action-limits.ts";
import { counter, cut } from "./check-message.ts";
import { DecodeError } from "./decode-error.ts";
import { attempt } from "./decoded.ts";
import type { Decoded } from "./decoded.ts";
import {
  fromProtoLocation,
  fromUserRoleSpec,
  toProtoLocation,
  toProtoRoleSpec,
} from "./role-spec.ts";
import { sortedRecord } from "./sorted-record.ts";
import { oneOf } from "./words.ts";

export const ACTOR_LENGTH_MAX = 256;

export interface Submit {
  /** Empty: a repetition is another command. */
  readonly requestId: string;
  readonly actor: string;
  readonly command: UserCommand;
  readonly validateOnly: boolean;
}

type ProtoCommand = NonNullable<ProtoSubmit["command"]>;

const REJECTION_CODES: readonly RejectionCode[] = [
  "invalidArgument",
  "notFound",
  "alreadyExists",
  "failedPrecondition",
  "aborted",
  "resourceExhausted",
];

export function encodeSubmit(submit: Submit): Uint8Array {
  return ProtoSubmit.encode(toProtoSubmit(submit)).finish();
}

export function decodeSubmit(bytes: Uint8Array): Decoded<Submit> {
  return attempt(() => fromSubmit(ProtoSubmit.decode(bytes)));
}

export function toProtoSubmit({ requestId, actor, command, validateOnly }: Submit): ProtoSubmit {
  return { requestId, actor, command: toCommand(command), validateOnly };
}

/** For who has the message decoded already. */
export function fromProtoSubmit(message: ProtoSubmit): Decoded<Submit> {
  return attempt(() => fromSubmit(message));
}

export function toProtoRejection({ code, reason, violations }: Rejection): ProtoRejected {
  return { code, reason, violations };
}

export function fromProtoRejection(message: ProtoRejected): Decoded<Rejection> {
  return attempt(() => {
    const code = oneOf("rejection code", REJECTION_CODES, message.code);
    const violations = message.violations.map(({ subject, path, reason }) => ({
      subject,
      path,
      reason,
    }));
    return rejected(code, message.reason, violations);
  });
}

function toCommand(command: UserCommand): ProtoCommand {
  switch (command.type) {
    case "applyRoles":
      return { $case: "applyRoles", value: { roles: command.roles.map(toProtoRoleSpec) } };
    case "updateNode": {
      const { node, labels, location, revision } = command;
      return {
        $case: "updateNode",
        value: {
          node,
          ...(labels === undefined ? {} : { labels: { labels: sortedRecord(labels) } }),
          ...(location === undefined ? {} : { location: toProtoLocation(location) }),
          revision,
        },
      };
    }
    case "deleteRole":
      return { $case: "deleteRole", value: command };
    case "assignRole":
      return { $case: "assignRole", value: command };
    case "unassignRole":
      return { $case: "unassignRole", value: command };
    case "startMaintenance":
      return { $case: "startMaintenance", value: command };
    case "endMaintenance":
      return { $case: "endMaintenance", value: command };
    case "forgetNode":
      return { $case: "forgetNode", value: command };
    case "cancelOperation":
      return { $case: "cancelOperation", value: command };
    case "cancelAction":
      return { $case: "cancelAction", value: command };
    case "releaseStorm":
      return { $case: "releaseStorm", value: command };
    case "pauseActions":
      return { $case: "pauseActions", value: command };
    case "resumeActions":
      return { $case: "resumeActions", value: {} };
    case "setActionLimits":
      return { $case: "setActionLimits", value: command };
    case "addReplica":
      return { $case: "addReplica", value: command };
    case "removeReplica":
      return { $case: "removeReplica", value: command };
    case "forgetReplica":
      return { $case: "forgetReplica", value: command };
  }
}

function fromSubmit({ requestId, actor, command, validateOnly }: ProtoSubmit): Submit {
  if (command === undefined) throw new DecodeError("a command of no known type");
  return {
    requestId,
    actor: cut(actor, ACTOR_LENGTH_MAX),
    command: fromCommand(command),
    validateOnly,
  };
}

function fromCommand(command: ProtoCommand): UserCommand {
  switch (command.$case) {
    case "applyRoles":
      return { type: "applyRoles", roles: command.value.roles.map(fromUserRoleSpec) };
    case "deleteRole":
      return { type: "deleteRole", role: command.value.role as RoleName };
    case "assignRole":
    case "unassignRole": {
      const { node, role } = command.value;
      return { type: command.$case, node: node as NodeName, role: role as RoleName };
    }
    case "updateNode": {
      const { node, labels, location, revision } = command.value;
      return {
        type: "updateNode",
        node: node as NodeName,
        ...(labels === undefined ? {} : { labels: labels.labels }),
        ...(location === undefined ? {} : { location: fromProtoLocation(location) }),
        revision: counter("revision", revision),
      };
    }
    case "startMaintenance": {
      const { node, reason } = command.value;
      return { type: "startMaintenance", node: node as NodeName, reason };
    }
    case "endMaintenance":
      return { type: "endMaintenance", node: command.value.node as NodeName };
    case "forgetNode":
      return { type: "forgetNode", node: command.value.node as NodeName };
    case "cancelOperation":
      return { type: "cancelOperation", operation: command.value.operation as OperationId };
    case "cancelAction": {
      const { action, reason } = command.value;
      return { type: "cancelAction", action: action as ActionId, reason };
    }
    case "releaseStorm": {
      const { faultDomain, reason } = command.value;
      return { type: "releaseStorm", faultDomain: faultDomain as FaultDomainName, reason };
    }
    case "pauseActions":
      return { type: "pauseActions", reason: command.value.reason };
    case "resumeActions":
      return { type: "resumeActions" };
    case "setActionLimits": {
      const { limits, reason } = command.value;
      return { type: "setActionLimits", limits: fromProtoSomeLimits(limits), reason };
    }
    case "addReplica": {
      const { replica, address, replaces } = command.value;
      return { type: "addReplica", replica, address, replaces };
    }
    case "removeReplica":
    case "forgetReplica":
      return { type: command.$case, replica: command.value.replica };
  }
}
