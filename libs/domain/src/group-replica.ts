/**
 * The rules about the replicas of the control plane's own group: where each serves, and which are
 * wanted.
 *
 * Records say what operators want; who is a member and who votes is in Raft's membership alone. The
 * leader's group keeper brings the second to the first. Nothing here knows how either stands.
 */
import type { UserCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { GroupEvent } from "./event.ts";
import { showText } from "./names.ts";
import { rejected } from "./rejection.ts";
import type { Since, StateStore, StateView } from "./state.ts";

export const REPLICA_ID_MAX = 9_999;
/** Wanted ones; retired ones are beyond it. */
const GROUP_REPLICAS_MAX = 9;
const ADDRESS_PATTERN = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]{1,253}):([1-9]\d{0,4})$/;
const PORT_MAX = 65_535;
/**
 * How far a restored group keeps away from what the lost one may have given out after its backup:
 * no id of an action is used twice.
 */
const RESTORE_GENERATION_LEAP = 1_000_000;

/** Adds one, or changes its address or which one it replaces. One that is to leave stays so. */
export function decideAddReplica(
  view: StateView,
  command: Extract<UserCommand, { type: "addReplica" }>,
): Decision {
  const { replica, address, replaces } = command;
  if (!Number.isSafeInteger(replica) || replica < 1 || replica > REPLICA_ID_MAX) {
    return rejected("invalidArgument", `replica ids are 1 to ${REPLICA_ID_MAX}, not ${replica}`);
  }
  const port = Number(ADDRESS_PATTERN.exec(address)?.[2] ?? NaN);
  if (!(port <= PORT_MAX)) {
    const allowed = "allowed is HOST:PORT, for example 10.0.0.7:7500";
    return rejected("invalidArgument", `${showText(address)} is no address: ${allowed}`);
  }
  const records = [...view.groupReplicas()];
  const other = records.find((one) => one.address === address && one.id !== replica);
  if (other !== undefined && other.id !== replaces && other.status === "wanted") {
    return rejected("alreadyExists", `replica ${other.id} serves at ${address} already`);
  }
  const known = view.groupReplica(replica);
  if (known?.status === "retired") {
    return rejected(
      "failedPrecondition",
      `replica ${replica} is being removed; give the new one an id that was never used`,
    );
  }
  const same = known?.address === address && known.replaces === replaces;
  if (same) return UNCHANGED;
  const wanted = records.filter(({ status }) => status === "wanted").length;
  if (known === undefined && wanted >= GROUP_REPLICAS_MAX) {
    return rejected("resourceExhausted", `a group has at most ${GROUP_REPLICAS_MAX} replicas`);
  }
  const refusal = replaces === 0 ? undefined : refuseReplacing(view, replica, replaces);
  if (refusal !== undefined) return refusal;
  return decided([{ type: "replicaAddressSet", replica, address, replaces }]);
}

/** The leader takes it out; then it is forgotten. */
export function decideRemoveReplica(view: StateView, replica: number): Decision {
  const known = view.groupReplica(replica);
  if (known === undefined) return unknownReplica(view, replica);
  if (known.status === "retired") return UNCHANGED;
  const left = wantedIds(view).filter((id) => id !== replica);
  if (left.length === 0) {
    return rejected("failedPrecondition", `replica ${replica} is the only one that is wanted`);
  }
  return decided([{ type: "replicaRetired", replica }]);
}

/** Only what was to leave may be forgotten. */
export function decideForgetReplica(view: StateView, replica: number): Decision {
  const known = view.groupReplica(replica);
  if (known === undefined) return UNCHANGED;
  if (known.status !== "retired") {
    return rejected("failedPrecondition", `replica ${replica} is wanted: remove it first`);
  }
  return decided([{ type: "replicaForgotten", replica }]);
}

export function evolveGroup(store: StateStore, event: GroupEvent, since: Since): void {
  switch (event.type) {
    case "replicaAddressSet": {
      const { replica: id, address, replaces } = event;
      store.setGroupReplica(id, { id, address, replaces, status: "wanted", since });
      return;
    }
    case "replicaRetired": {
      const known = store.groupReplica(event.replica);
      if (known === undefined) return;
      store.setGroupReplica(known.id, { ...known, status: "retired", replaces: 0, since });
      return;
    }
    case "replicaForgotten":
      forget(store, event.replica);
      return;
    case "groupRestored":
      leapGenerations(store);
  }
}

function forget(store: StateStore, replica: number): void {
  store.setGroupReplica(replica, undefined);
  for (const other of [...store.groupReplicas()]) {
    if (other.replaces === replica) store.setGroupReplica(other.id, { ...other, replaces: 0 });
  }
}

function leapGenerations(store: StateStore): void {
  for (const node of [...store.nodes()]) {
    store.setNode(node.name, { ...node, generation: node.generation + RESTORE_GENERATION_LEAP });
  }
  for (const node of [...store.forgottenNodes()]) {
    const generation = node.generation + RESTORE_GENERATION_LEAP;
    store.setForgottenNode(node.name, { ...node, generation });
  }
}

function refuseReplacing(view: StateView, replica: number, replaces: number): Decision | undefined {
  if (replaces === replica) {
    return rejected("invalidArgument", `replica ${replica} cannot replace itself`);
  }
  return view.groupReplica(replaces) === undefined ? unknownReplica(view, replaces) : undefined;
}

function unknownReplica(view: StateView, replica: number): Decision {
  const known = wantedIds(view).join(", ");
  return rejected("notFound", `no replica ${replica} is known; known are ${known}`);
}

function wantedIds(view: StateView): number[] {
  return [...view.groupReplicas()].filter(({ status }) => status === "wanted").map(({ id }) => id);
}
