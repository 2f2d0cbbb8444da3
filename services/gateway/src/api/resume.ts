/**
 * Where a watch goes on after a break, in each datacenter that it is over.
 *
 * A watch of one datacenter goes on from an index. One over all goes on from an index of each, in
 * `resume`; the bare index is then of the gateway's own datacenter.
 */
import { checkName, type DatacenterName } from "@atoll/domain";
import type { Resume } from "@atoll/proto/atoll/v1/common";
import { invalidField } from "@atoll/service-kit";
import type { Island } from "../islands/island.ts";
import { type Islands, ISLANDS_MAX } from "../islands/islands.ts";

export interface ResumeRequest {
  /** The bare index; 0 for none. */
  readonly index: number;
  readonly resume: Resume | undefined;
}

/**
 * The index to go on from, of each island that one is given for.
 *
 * @throws ApiError for what is no index, and for datacenters that are not known.
 */
export function resumePoints(
  request: ResumeRequest,
  asked: readonly Island[],
  islands: Islands,
): ReadonlyMap<Island, number> {
  const points = new Map<Island, number>();
  const bare = asked.length === 1 ? asked[0] : islands.home;
  if (request.index > 0 && bare !== undefined) points.set(bare, request.index);
  const given = Object.entries(request.resume?.indexes ?? {});
  if (given.length > ISLANDS_MAX)
    throw invalidField("resume", `at most ${ISLANDS_MAX} datacenters`);
  for (const [name, index] of given) {
    const wrong = checkName("datacenter", name);
    if (wrong !== undefined) throw invalidField("resume", wrong, "NAME_INVALID");
    if (index < 0) throw invalidField("resume", `${index} is not allowed: 0 or an index`);
    const island = islands.find(name as DatacenterName);
    if (index > 0 && asked.includes(island)) points.set(island, index);
  }
  return points;
}

export function toResume(indexes: ReadonlyMap<string, number>): Resume {
  return { indexes: Object.fromEntries(indexes) };
}
