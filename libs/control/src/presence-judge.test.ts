/** Who is suspected or lost, by what the watchers say together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter, decide, type DomainEvent, evolve, type NodeName } from "@atoll/domain";
import { DETECTION_DEFAULTS } from "./detection-settings.ts";
import { PresenceJudge } from "./presence-judge.ts";
import type { Witness } from "./watch-group.ts";

const { lostAfterMs, suspectAfterMs, probesMin, sightHoldMs } = DETECTION_DEFAULTS;
const STEADY = lostAfterMs;

/** What a watcher of everything says: since when each node was silent. */
interface Said {
  readonly listenedMs?: number;
  readonly probes?: number;
  /** Whose silence it is. */
  readonly incarnation?: string;
  readonly servers?: readonly string[];
  readonly silent?: Readonly<Record<string, number>>;
  readonly back?: readonly string[];
}

class Harness {
  readonly state: Datacenter = new Datacenter();
  readonly judge: PresenceJudge = new PresenceJudge(DETECTION_DEFAULTS, () => 0);
  nowMs = 100_000;
  #index = 0;

  constructor(nodes: Readonly<Record<string, { rack?: string; room?: string }>>) {
    for (const [name, location] of Object.entries(nodes)) {
      const node = name as NodeName;
      this.#apply({ type: "nodeDiscovered", node, incarnation: "i", labels: {} });
      this.#apply({ type: "nodeUpdated", node, labels: {}, location });
    }
    this.judge.reset(this.state);
    this.judge.begin(0);
  }

  /** Another agent is the node. */
  wipe(name: string, incarnation: string): void {
    this.#apply({ type: "nodeWiped", node: name as NodeName, incarnation, lost: 0 });
  }

  #apply(event: DomainEvent): void {
    this.#index += 1;
    evolve(this.state, event, { index: this.#index, offset: 0, stampMs: 1 }, "test");
    this.judge.applied(event, this.state);
  }

  /** Judges, logs what follows, and shows it. */
  hear(...said: readonly Said[]): string[] {
    const shown: string[] = [];
    for (const command of this.judge.verdicts(said.map(witness), this.state, this.nowMs)) {
      const decision = decide(this.state, command, { nowMs: 1, actor: "test", requestId: "" });
      assert.equal(decision.type, "decided");
      if (decision.type !== "decided") continue;
      for (const event of decision.events) {
        this.#apply(event);
        shown.push(show(event));
      }
    }
    return shown;
  }
}

function witness(said: Said, at: number): Witness {
  const { listenedMs = STEADY, probes = probesMin, silent = {}, servers = ["s1"] } = said;
  const { incarnation = "i" } = said;
  const claims = Object.entries(silent).map(([name, silentMs]) => {
    const node = name as NodeName;
    const claim = { node, incarnation, silentMs, probes, server: "s1", madeAfterMs: 0 };
    return [node, claim] as const;
  });
  return {
    replica: at + 1,
    uninterruptedMs: new Map([[0, listenedMs]]),
    servers,
    silent: new Map(claims),
    clock: undefined,
    back: new Set((said.back ?? []) as NodeName[]),
    contested: new Map(),
  };
}

function show(event: DomainEvent): string {
  if (event.type === "sightLost") {
    return `sightLost ${event.domain} ${event.silent}/${event.nodes}`;
  }
  if (event.type === "sightRegained") return `sightRegained ${event.domain} ${event.silent}`;
  return "node" in event ? `${event.type} ${event.node}` : event.type;
}

function rack(name: string, nodes: number, room?: string): Record<string, { rack: string }> {
  const location = { rack: name, ...(room === undefined ? {} : { room }) };
  return Object.fromEntries(
    Array.from({ length: nodes }, (_, at) => [`${name}-${at + 1}`, location]),
  );
}

function allOf(names: Iterable<string>, silentMs: number): Record<string, number> {
  return Object.fromEntries([...names].map((name) => [name, silentMs]));
}

const LOST = { n1: lostAfterMs };

test("PresenceJudge suspects, then loses, when all watchers agree, and brings back", () => {
  const harness = new Harness({ n1: {} });
  const suspected = { n1: suspectAfterMs };
  assert.deepEqual(harness.hear({ silent: { n1: suspectAfterMs - 1 } }), []);
  assert.deepEqual(harness.hear({ silent: suspected }, { silent: suspected }), [
    "nodeSuspected n1",
  ]);
  assert.deepEqual(harness.hear({ silent: LOST }, { silent: suspected }), []);
  assert.deepEqual(harness.hear({ silent: LOST }, { silent: LOST }), ["nodeLost n1"]);
  assert.deepEqual(harness.hear({ silent: LOST }, { back: ["n1"] }), ["nodeReturned n1"]);
});

test("PresenceJudge loses nobody whom one steady watcher hears, or any says is back", () => {
  const harness = new Harness({ n1: {} });
  assert.deepEqual(harness.hear({ silent: LOST }, {}), []);
  assert.deepEqual(harness.hear({ silent: LOST }, { listenedMs: 0, back: ["n1"] }), []);
  assert.deepEqual(harness.hear({ listenedMs: 0 }, { back: ["n1"], silent: LOST }), []);
});

test("PresenceJudge judges no node by the silence of the agent before", () => {
  const harness = new Harness({ n1: {} });
  harness.wipe("n1", "j");
  assert.deepEqual(harness.hear({ silent: LOST }, { silent: LOST }), []);
  assert.deepEqual(harness.hear({ silent: LOST }, {}), []);
  const said = { silent: LOST, incarnation: "j" };
  assert.deepEqual(harness.hear(said, { silent: LOST }), ["nodeLost n1"]);
});

test("PresenceJudge does not wait for a watcher that could not listen all the time", () => {
  const harness = new Harness({ n1: {} });
  assert.deepEqual(harness.hear({ silent: LOST }, { listenedMs: STEADY - 1 }), ["nodeLost n1"]);
});

test("PresenceJudge wants all of them to agree when none could listen all the time", () => {
  const harness = new Harness({ n1: {} });
  assert.deepEqual(harness.hear({ silent: LOST, listenedMs: 0 }, { listenedMs: 0 }), []);
  const both = { silent: LOST, listenedMs: 0 };
  assert.deepEqual(harness.hear(both, both), ["nodeLost n1"]);
});

test("PresenceJudge judges nobody who could not be probed", () => {
  const harness = new Harness({ n1: {} });
  const unasked = { silent: LOST, probes: probesMin - 1 };
  assert.deepEqual(harness.hear({ silent: LOST }, unasked), []);
  assert.deepEqual(harness.hear({ silent: LOST }), ["nodeLost n1"]);
});

test("PresenceJudge says once that a rack fell silent, and puts its verdicts off", () => {
  const harness = new Harness({ ...rack("k1", 10), ...rack("k2", 40) });
  const names = Object.keys(rack("k1", 10)).slice(0, 8);
  assert.deepEqual(harness.hear({ silent: allOf(names, suspectAfterMs) }), [
    "sightLost rack:k1 8/10",
  ]);
  for (const silentMs of [lostAfterMs, 10_000, sightHoldMs]) {
    harness.nowMs = 100_000 + silentMs - suspectAfterMs;
    assert.deepEqual(harness.hear({ silent: allOf(names, silentMs) }), []);
  }
  harness.nowMs = 100_000 + sightHoldMs;
  const after = harness.hear({ silent: allOf(names, sightHoldMs + lostAfterMs) });
  assert.deepEqual(after.toSorted(), [
    ...names.map((name) => `nodeLost ${name}`),
    "sightRegained rack:k1 8",
  ]);
});

test("PresenceJudge says that sight is back when they are heard, and nothing of each node", () => {
  const harness = new Harness(rack("k1", 10));
  const names = Object.keys(rack("k1", 10));
  assert.deepEqual(harness.hear({ silent: allOf(names, suspectAfterMs) }), [
    "sightLost rack:k1 10/10",
  ]);
  harness.nowMs += 5_000;
  assert.deepEqual(harness.hear({ silent: allOf(names.slice(0, 1), 7_000) }), []);
  assert.deepEqual(harness.hear({}), ["sightRegained rack:k1 0"]);
  assert.deepEqual(harness.hear({}), []);
});

test("PresenceJudge puts a second wave in one rack down to the same cause, without a word", () => {
  const harness = new Harness({ ...rack("k1", 20), ...rack("k2", 80) });
  const names = Object.keys(rack("k1", 20));
  assert.deepEqual(harness.hear({ silent: allOf(names.slice(0, 8), suspectAfterMs) }), [
    "sightLost rack:k1 8/20",
  ]);
  harness.nowMs += 10_000;
  const first = allOf(names.slice(0, 8), suspectAfterMs + 10_000);
  const both = { ...first, ...allOf(names.slice(8), lostAfterMs) };
  assert.deepEqual(harness.hear({ silent: both }), []);
});

test("PresenceJudge goes on judging another node while sight of a rack is lost", () => {
  const harness = new Harness({ ...rack("k1", 10), n1: { rack: "k2" } });
  const names = Object.keys(rack("k1", 10));
  harness.hear({ silent: allOf(names, suspectAfterMs) });
  harness.nowMs += 8_000;
  assert.deepEqual(harness.hear({ silent: { ...allOf(names, 10_000), ...LOST } }), ["nodeLost n1"]);
});

test("PresenceJudge judges one by one what fell silent one by one", () => {
  const harness = new Harness(rack("k1", 10));
  for (let number = 1; number <= 6; number += 1) {
    const name = `k1-${number}`;
    assert.deepEqual(harness.hear({ silent: { [name]: lostAfterMs } }), [`nodeLost ${name}`]);
  }
});

test("PresenceJudge names the widest domain that is needed to explain it", () => {
  const racks = [1, 2, 3].flatMap((number) => Object.entries(rack(`k${number}`, 10, "r1")));
  const nodes = { ...Object.fromEntries(racks), ...rack("k9", 70, "r2") };
  const silentIn = (...prefixes: string[]): Record<string, number> =>
    allOf(
      Object.keys(nodes).filter((name) => prefixes.some((each) => name.startsWith(each))),
      suspectAfterMs,
    );
  assert.deepEqual(new Harness(nodes).hear({ silent: silentIn("k1-") }), [
    "sightLost rack:r1/k1 10/10",
  ]);
  assert.deepEqual(new Harness(nodes).hear({ silent: silentIn("k1-", "k2-", "k3-") }), [
    "sightLost room:r1 30/30",
  ]);
  assert.deepEqual(new Harness(nodes).hear({ silent: silentIn("k") }), [
    "sightLost datacenter 100/100",
  ]);
});

test("PresenceJudge blames the server of the bus by which nobody is heard any more", () => {
  const harness = new Harness({ n1: {}, n2: {}, n3: {}, n4: {} });
  const silent = { silent: LOST, servers: ["s2"] };
  assert.deepEqual(harness.hear(silent), ["sightLost bus/s1 1/1"]);
  harness.nowMs += 3_000;
  assert.deepEqual(harness.hear({ servers: ["s2"] }), ["sightRegained bus/s1 0"]);
  assert.deepEqual(harness.hear({ silent: LOST, servers: ["s1", "s2"] }), ["nodeLost n1"]);
});

test("PresenceJudge takes a lost sight over from the log, and does not end it at once", () => {
  const harness = new Harness(rack("k1", 10));
  const names = Object.keys(rack("k1", 10));
  harness.hear({ silent: allOf(names, suspectAfterMs) });
  harness.judge.begin(harness.nowMs);
  assert.deepEqual(harness.hear({}), []);
  assert.deepEqual(harness.hear({ silent: allOf(names, 3_000) }), []);
  harness.nowMs += 5_000;
  assert.deepEqual(harness.hear({}), ["sightRegained rack:k1 0"]);
});

test("PresenceJudge judges nobody before it has counted all nodes of another state", () => {
  const many = Array.from({ length: 1_500 }, (_, number) => [`n${number}`, {}] as const);
  const harness = new Harness(Object.fromEntries(many));
  const silent = { n7: lostAfterMs };
  assert.deepEqual(harness.hear({ silent }), []);
  harness.judge.countMore(harness.state);
  assert.deepEqual(harness.hear({ silent }), ["nodeLost n7"]);
});
