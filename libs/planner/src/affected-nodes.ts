/**
 * Whose plan may change by an event.
 *
 * The contract that makes incremental planning equal to planning everything: a node that is not
 * named here has, after the event, the same plan as before. Called by the leader for each event
 * it applies.
 */
import type { DomainEvent, FaultDomainName, NodeName } from "@atoll/domain";

export type AffectedNodes =
  | { readonly type: "node"; readonly node: NodeName }
  /** Nodes of the fault domain that ail. */
  | { readonly type: "faultDomain"; readonly faultDomain: FaultDomainName }
  | { readonly type: "all" }
  | { readonly type: "none" };

const ALL: AffectedNodes = { type: "all" };
const NONE: AffectedNodes = { type: "none" };

export function affectedNodes(event: DomainEvent): AffectedNodes {
  switch (event.type) {
    case "roleApplied":
    case "roleDeleted":
    case "actionsPaused":
    case "actionsResumed":
    case "actionLimitsSet":
      return ALL;
    case "stormHeld":
    case "stormReleased":
    case "stormEnded":
      return { type: "faultDomain", faultDomain: event.faultDomain };
    case "operationStarted":
    case "operationSucceeded":
    case "operationCancelled":
    case "requestRecorded":
    case "replicaAddressSet":
    case "replicaRetired":
    case "replicaForgotten":
    case "groupRestored":
    case "sightLost":
    case "sightRegained":
    case "factsDropped":
    // A role matches by what was known last.
    case "inventoryOutdated":
    // The watermark alone; what the batch said has events of its own.
    case "factsAccepted":
      return NONE;
    default:
      return { type: "node", node: event.node };
  }
}
