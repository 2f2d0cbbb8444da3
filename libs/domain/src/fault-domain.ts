/**
 * The fault domains that a place belongs to: what can fail together.
 */
import type { Location } from "./role.ts";

/** What everything stands in. */
export const WHOLE_DATACENTER = "datacenter";

/**
 * From the narrowest to the widest, as far as they are known: `room/r1/rack/k1`, `room/r1`,
 * `datacenter`. Racks of two rooms may have one name.
 */
export function faultDomainsOf({ rack, room }: Location): readonly string[] {
  const inRoom = room === undefined || room === "" ? "" : `room/${room}`;
  const inRack = rack === undefined || rack === "" ? "" : `rack/${rack}`;
  const narrow = inRack === "" || inRoom === "" ? inRack : `${inRoom}/${inRack}`;
  return [narrow, inRoom, WHOLE_DATACENTER].filter((domain) => domain !== "");
}
