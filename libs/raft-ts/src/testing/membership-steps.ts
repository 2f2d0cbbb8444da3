/**
 * What tests of memberships do and ask, in few words. Used by the tests of this package alone.
 */
import type { Effect } from "../effect.ts";
import type { Input } from "../input.ts";
import type { MembershipChange, MembershipTransition } from "../membership-change.ts";
import type { ManualGroup } from "./manual-group.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const TYPES = { v: "addVoter", l: "addLearner", r: "remove" } as const;

/** Proposes "v4 r1" and the like at `id`. */
export function change(
  group: ManualGroup,
  id: number,
  text: string,
  transition: MembershipTransition = "auto",
): void {
  const words = text.split(" ").filter((word) => word !== "");
  const changes = words.map((word): MembershipChange => {
    const type = TYPES[word[0] as keyof typeof TYPES];
    return { type, replica: Number(word.slice(1)) };
  });
  const proposal = group.lines.length;
  group.step(id, { type: "changeMembership", proposal, changes, transition });
}

export function propose(group: ManualGroup, id: number, ...texts: string[]): void {
  const input: Input = { type: "propose", proposal: group.lines.length, data: texts.map(bytes) };
  group.step(id, input);
}

/** Voters, outgoing and learners in force at `id`. */
export function members(group: ManualGroup, id: number): string {
  const { voters, outgoing, learners } = group.core(id).view().membership;
  return `${voters} | ${outgoing} | ${learners}`;
}

export function refusal(group: ManualGroup, id: number): string {
  const answer = group.answers(id).at(-1) as Effect;
  return answer.type === "proposalRefused" ? answer.reason : answer.type;
}

/** Heartbeats, so that whoever is behind hears of the newest commit. */
export function beat(group: ManualGroup, id: number, cut: readonly number[] = []): void {
  group.tick(id, 3);
  group.settle(cut);
}
