/**
 * The pause switch as the API shows it.
 */
import type { ActionsPause } from "@atoll/proto/atoll/v1/common";
import type { Island } from "../islands/island.ts";
import { sinceOf } from "./time.ts";

/** Undefined while actions are not paused. */
export function pauseOf({ datacenter, mirror }: Island): ActionsPause | undefined {
  const { pause } = mirror.datacenter;
  if (pause === undefined) return undefined;
  const { reason, actor, since } = pause;
  return { datacenter, reason, actor, since: sinceOf(since) };
}
