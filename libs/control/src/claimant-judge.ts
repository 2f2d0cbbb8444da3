/**
 * Turns what the watching replicas say of claimants into commands; only the leader's are decided.
 *
 * That two agents alternate is certain when one replica hears it. That only one is left needs all
 * who listened for long enough, as a verdict on silence does. Used by `ReplicaWatch`.
 */
import type { Claimant, InternalCommand, NodeName, StateView } from "@atoll/domain";
import { compareText } from "@atoll/stdx";
import type { DetectionSettings } from "./detection-settings.ts";
import type { Witness } from "./watch-group.ts";
import type { ContestedNode } from "./watch-report.ts";

export type ReportClaimants = Extract<InternalCommand, { type: "reportClaimants" }>;

export function judgeClaimants(
  witnesses: readonly Witness[],
  about: {
    readonly view: StateView;
    readonly settings: DetectionSettings;
    readonly shardOf: (node: string) => number;
  },
): ReportClaimants[] {
  const { view, settings } = about;
  const commands = new Map<NodeName, ReportClaimants>();
  for (const { contested } of witnesses) {
    for (const [node, heard] of contested) {
      if (commands.has(node)) continue;
      if (commands.size >= settings.verdictsPerBatchMax) return [...commands.values()];
      const state = view.node(node);
      if (state === undefined) continue;
      const claimants =
        state.conflict === undefined ? alternating(heard) : leftAlone(node, witnesses, about);
      if (claimants.length === 0) continue;
      commands.set(node, { type: "reportClaimants", node, claimants });
    }
  }
  return [...commands.values()];
}

/** Those who speak by turns, by instance; nobody when they are fewer than two. */
function alternating(heard: ContestedNode["heard"]): readonly Claimant[] {
  const found = heard.filter(({ alternates }) => alternates).map(({ claimant }) => claimant);
  if (found.length < 2) return [];
  return found.toSorted((left, right) =>
    compareText(left.process.instance, right.process.instance),
  );
}

/**
 * The one that every replica hears that listened all the time, and none hears another; nobody when
 * there is none.
 */
function leftAlone(
  node: NodeName,
  witnesses: readonly Witness[],
  about: { readonly settings: DetectionSettings; readonly shardOf: (node: string) => number },
): readonly Claimant[] {
  const shard = about.shardOf(node);
  let left: Claimant | undefined;
  let steady = false;
  for (const { uninterruptedMs, contested } of witnesses) {
    const listenedMs = uninterruptedMs.get(shard);
    if (listenedMs === undefined) continue;
    const heard = contested.get(node) ?? [];
    const [first] = heard;
    const listenedAll = listenedMs >= about.settings.claimantGoneMs;
    if (heard.length > 1 || (first === undefined && listenedAll)) return [];
    if (first === undefined) continue;
    steady ||= listenedAll;
    if (left !== undefined && left.process.instance !== first.claimant.process.instance) return [];
    left = first.claimant;
  }
  return steady && left !== undefined ? [left] : [];
}
