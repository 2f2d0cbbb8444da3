/**
 * Who claims to be a node, domain ⇄ proto.
 *
 * What comes from the log is taken as it is; what agents and replicas say is checked.
 */
import type { AgentProcess, Claimant } from "@atoll/domain";
import type {
  AgentProcess as ProtoAgentProcess,
  Claimant as ProtoClaimant,
} from "@atoll/proto/atoll/type/v1/claimant";
import { counter, cut, identifier } from "./check-message.ts";
import { required } from "./decode-error.ts";

const HOST_LENGTH_MAX = 128;

export function toProtoClaimant({ incarnation, process }: Claimant): ProtoClaimant {
  return { incarnation, process };
}

export function fromProtoClaimant({ incarnation, process }: ProtoClaimant): Claimant {
  const { instance, host, bootId, pid, address } = required(process, "process");
  return { incarnation, process: { instance, host, bootId, pid, address } };
}

export function checkedClaimant(claimant: ProtoClaimant | undefined): Claimant {
  const { incarnation, process } = required(claimant, "claimant");
  return {
    incarnation: identifier("incarnation", incarnation),
    process: checkedProcess(required(process, "process")),
  };
}

export function checkedProcess(process: ProtoAgentProcess): AgentProcess {
  const { instance, host, bootId, pid, address } = process;
  return {
    instance: identifier("instance", instance),
    host: cut(host, HOST_LENGTH_MAX),
    bootId: cut(bootId, HOST_LENGTH_MAX),
    pid: counter("pid", pid),
    address: cut(address, HOST_LENGTH_MAX),
  };
}
