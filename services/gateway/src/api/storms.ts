/**
 * Storms through the API: what is held where, and letting it go.
 */
import type { FaultDomainName, StormState } from "@atoll/domain";
import { showText } from "@atoll/domain";
import type {
  ListStormsRequest,
  ListStormsResponse,
  ReleaseStormRequest,
  Storm,
} from "@atoll/proto/atoll/v1/datacenter";
import { ApiError, type CallContext, invalidField } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import type { Mirror } from "../islands/mirror.ts";
import { beginRead } from "./begin-read.ts";
import { checkReason } from "./check-reason.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { parseDatacenter } from "./parse-names.ts";
import { sinceOf } from "./time.ts";

/** Two label values, escaped, and the word before them. */
const FAULT_DOMAIN_LENGTH_MAX = 1_000;

export async function listStorms(
  { islands }: HandlerParts,
  { parent }: ListStormsRequest,
  context: CallContext,
): Promise<ListStormsResponse> {
  const island = islands.one(parent);
  const { mirror } = island;
  const asOf = await beginRead(island, context);
  const storms = [...mirror.datacenter.storms()].map((storm) => renderStorm(mirror, storm));
  return { storms, asOf };
}

export async function releaseStorm(
  { islands }: HandlerParts,
  { name, faultDomain, reason, requestId }: ReleaseStormRequest,
  context: CallContext,
): Promise<Storm> {
  const { mirror, writes } = islands.find(parseDatacenter(name));
  checkReason(reason);
  if (faultDomain === "" || faultDomain.length > FAULT_DOMAIN_LENGTH_MAX) {
    const text = `${showText(faultDomain)} is none: for example rack:r1`;
    throw invalidField("fault_domain", text, "FAULT_DOMAIN_INVALID");
  }
  const command = { $case: "releaseStorm", value: { faultDomain, reason } } as const;
  await writes.submit(context, { command, requestId });
  const storm = mirror.datacenter.storm(faultDomain as FaultDomainName);
  if (storm !== undefined) return renderStorm(mirror, storm);
  const text = `the storm in ${faultDomain} was released and has ended`;
  throw new ApiError(status.NOT_FOUND, text, { reason: "STORM_ENDED" });
}

function renderStorm(mirror: Mirror, storm: StormState): Storm {
  const { faultDomain, nodes, of, sharePercent, since, release } = storm;
  return {
    faultDomain,
    nodes,
    of,
    sharePercent,
    since: sinceOf(since),
    nodesNow: mirror.datacenter.faultDomain(faultDomain).ailing,
    release:
      release === undefined
        ? undefined
        : { reason: release.reason, actor: release.actor, since: sinceOf(release.since) },
  };
}
