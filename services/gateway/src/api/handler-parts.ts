/**
 * What the handlers of all services share. Made once by the composition root.
 */
import type { DatacenterName } from "@atoll/domain";
import type { CallEnvironment } from "@atoll/service-kit";
import type { Mirror } from "../replicas/mirror.ts";
import type { Reads } from "../replicas/reads.ts";
import type { NodeView } from "./node-view.ts";
import type { OperationView } from "./operation-view.ts";
import type { ResourceNames } from "./resource-names.ts";
import type { Writes } from "./writes.ts";

export interface HandlerParts {
  readonly datacenter: DatacenterName;
  readonly environment: CallEnvironment;
  readonly mirror: Mirror;
  readonly names: ResourceNames;
  readonly nodes: NodeView;
  readonly operations: OperationView;
  readonly reads: Reads;
  readonly writes: Writes;
}
