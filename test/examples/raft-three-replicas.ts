/**
 * Three replicas in one process: no network, no disk, no clock, only the cores and their effects.
 *
 *     npm run example -- raft-three-replicas
 *
 * Shows everything that an owner of a core must do: start writes, hand over messages, apply, and
 * say what came of it. A real owner does the same over a disk and a wire; see raft-replica.
 */
import { Prng } from "@atoll/stdx";
import { type Effect, type Input, membershipOf, RaftCore } from "raft-ts";

const IDS = [1, 2, 3];
const NOTHING = { index: 0, term: 0 };

/** What happens next, and to whom. A message that is on its way is an input that waits here. */
const agenda: { readonly replica: number; readonly input: Input }[] = [];
const applied = new Map<number, string[]>(IDS.map((id) => [id, []]));
const cores = new Map<number, RaftCore>(IDS.map((id) => [id, newCore(id)]));

function newCore(id: number): RaftCore {
  const snapshot = { ...NOTHING, membership: membershipOf(IDS), sizeBytes: 0, checksum: 0 };
  const hardState = { term: 0, vote: 0, commit: 0 };
  const log = { firstIndex: 1, tailPrevious: NOTHING, tail: [] };
  return new RaftCore({ id, recovered: { hardState, snapshot, ...log }, prng: new Prng(id) });
}

/** Does what a core wants. Writes are durable at once here, and nothing is ever read back. */
function execute(replica: number, effect: Effect): void {
  switch (effect.type) {
    case "persist":
      agenda.push({ replica, input: { type: "persisted", write: effect.write } });
      break;
    case "send":
      for (const message of effect.messages) {
        agenda.push({ replica: message.to, input: { type: "message", message } });
      }
      break;
    case "apply": {
      for (const { type, data } of effect.entries) {
        if (type === "data") applied.get(replica)?.push(new TextDecoder().decode(data));
      }
      const index = effect.entries.at(-1)?.index ?? 0;
      agenda.push({ replica, input: { type: "applied", index } });
      break;
    }
    case "leadership":
      if (effect.leading) console.log(`replica ${replica} leads in term ${effect.term}`);
      break;
    case "proposalAccepted":
      console.log(`replica ${replica} took in entries ${effect.firstIndex}–${effect.lastIndex}`);
      break;
    case "readReady":
      console.log(`a read at replica ${replica} waits for index ${effect.index}`);
      break;
    default:
      console.log(`replica ${replica} wants ${effect.type}`);
  }
}

function give(replica: number, input: Input): void {
  const core = cores.get(replica) as RaftCore;
  core.step(input);
  for (const effect of core.takeEffects()) execute(replica, effect);
}

/** Until nobody has anything to do. */
function settle(): void {
  for (let next = agenda.shift(); next !== undefined; next = agenda.shift()) {
    give(next.replica, next.input);
  }
}

function leader(): number | undefined {
  return IDS.find((id) => cores.get(id)?.view().role === "leader");
}

while (leader() === undefined) {
  for (const id of IDS) give(id, { type: "tick" });
  settle();
}
const data = ["one", "two", "three"].map((word) => new TextEncoder().encode(word));
give(leader() as number, { type: "propose", proposal: 1, data });
settle();
give(leader() as number, { type: "readIndex", read: 1 });
settle();
for (const [id, words] of applied) console.log(`replica ${id} has applied ${words.join(", ")}`);
