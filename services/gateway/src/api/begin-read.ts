/**
 * How handlers begin to read: what the caller demands in its metadata, and what the answer carries
 * in its own.
 *
 * Demands: `atoll-consistency` is `exact` or `mirror`; `atoll-at-least` is `DC/INDEX`, any number
 * of times. Answers carry `atoll-at-least` for each datacenter they rest on: passed on with a later
 * call, at whatever gateway, it makes that call see what this one saw. What is not known to be up
 * to date says so in `atoll-as-of-bin`, an `atoll.v1.AsOf`.
 */
import { checkName } from "@atoll/domain";
import { AsOf } from "@atoll/proto/atoll/v1/common";
import { ApiError, type CallContext, invalidField } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import type { Island } from "../islands/island.ts";
import { ISLANDS_MAX } from "../islands/islands.ts";
import type { Consistency, ReadDemand } from "../islands/read-demand.ts";

export const CONSISTENCY_KEY = "atoll-consistency";
export const AT_LEAST_KEY = "atoll-at-least";
export const AS_OF_KEY = "atoll-as-of-bin";

const NONE: ReadonlyMap<string, number> = new Map();
const AT_LEAST_PATTERN = /^([^/]+)\/(\d{1,15})$/;

/** @throws ApiError when the demand is wrong or cannot be met. */
export async function beginRead(island: Island, context: CallContext): Promise<AsOf> {
  const asOf = await island.reads.begin(readDemandOf(context));
  tellIndex(context, island.datacenter, asOf.index);
  if (!isExact(asOf)) {
    context.trailers.add(AS_OF_KEY, Buffer.from(AsOf.encode(asOf).finish()));
  }
  return asOf;
}

/**
 * Begins to read several datacenters at once; one as {@link beginRead}. Of several, one of which
 * nothing is known yet is as of nothing, unless more was demanded of it.
 *
 * @throws ApiError when the demand is wrong or cannot be met.
 */
export async function beginReads(
  islands: readonly Island[],
  context: CallContext,
): Promise<readonly AsOf[]> {
  const demand = readDemandOf(context);
  const known = islands.filter(({ mirror }) => mirror.synced);
  const demanding = demand.consistency === "exact" || known.length === 0;
  const begun = await Promise.all(
    islands.map(async ({ datacenter, mirror, reads }) =>
      mirror.synced || demanding || demand.atLeast.has(datacenter)
        ? reads.begin(demand)
        : asOfNothing(datacenter),
    ),
  );
  for (const { datacenter, index } of begun) tellIndex(context, datacenter, index);
  return begun;
}

/** Known to be up to date when the call came. */
export function isExact(asOf: AsOf | undefined): boolean {
  return asOf?.stale === false && asOf.age?.seconds === 0 && asOf.age.nanos === 0;
}

/** Nothing is known of the datacenter. */
export function asOfNothing(datacenter: string): AsOf {
  return { datacenter, index: 0, time: undefined, age: undefined, stale: true };
}

/** The answer rests on the datacenter's log up to `index`. */
export function tellIndex(context: CallContext, datacenter: string, index: number): void {
  if (index > 0) context.trailers.add(AT_LEAST_KEY, `${datacenter}/${index}`);
}

/** @throws ApiError INVALID_ARGUMENT. */
export function readDemandOf({ deadlineMs, metadata }: CallContext): ReadDemand {
  const [consistency] = metadata.get(CONSISTENCY_KEY);
  const atLeast = metadata.get(AT_LEAST_KEY);
  return {
    deadlineMs,
    consistency: consistencyOf(consistency),
    atLeast: atLeast.length === 0 ? NONE : atLeastOf(atLeast),
  };
}

function consistencyOf(value: string | Buffer | undefined): Consistency {
  if (value === undefined || value === "exact" || value === "mirror") return value;
  throw invalidField(CONSISTENCY_KEY, "allowed are exact and mirror", "CONSISTENCY_INVALID");
}

function atLeastOf(values: readonly (string | Buffer)[]): ReadonlyMap<string, number> {
  // What was sent several times arrives in one line.
  const given = values.flatMap((value) => String(value).split(","));
  if (given.length > ISLANDS_MAX) {
    throw new ApiError(status.INVALID_ARGUMENT, `${AT_LEAST_KEY}: at most ${ISLANDS_MAX} of them`, {
      reason: "AT_LEAST_INVALID",
    });
  }
  const indexes = new Map<string, number>();
  for (const text of given) {
    const [, datacenter, index] = AT_LEAST_PATTERN.exec(text.trim()) ?? [];
    if (datacenter === undefined || checkName("datacenter", datacenter) !== undefined) {
      throw invalidField(
        AT_LEAST_KEY,
        "each is DATACENTER/INDEX, as an answer carried it",
        "AT_LEAST_INVALID",
      );
    }
    indexes.set(datacenter, Math.max(indexes.get(datacenter) ?? 0, Number(index)));
  }
  return indexes;
}
