/** The outbox on LevelDB: order, bounds, damage, and kills of its writer. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { DroppedFacts, Fact, ServiceKey } from "@atoll/domain";
import { sampleInventory } from "@atoll/domain/testing";
import { AgentDatabase } from "../storage/agent-database.ts";
import { openLevelStore } from "../storage/level-store.ts";
import type { Store } from "../storage/store.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { until } from "../testing/until.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
import type { OutboxPage } from "./outbox-page.ts";
import { keyOfPosition, START } from "./position.ts";
import { HAPPENINGS_MAX } from "./waiting-facts.ts";

const PAGE = { factsMax: 256, bytesMax: 1_000_000 };

async function withOutbox(
  body: (outbox: Outbox, disk: MemoryDisk, database: AgentDatabase) => Promise<void>,
  options: Partial<OutboxOptions> = {},
  disk: MemoryDisk = new MemoryDisk(),
): Promise<void> {
  const open = (): Promise<Store> => disk.open();
  await using database = await AgentDatabase.open({ open, onFailure() {} });
  await body(await Outbox.open({ database, boot: 1, ...options }), disk, database);
}

function observed(name: string, pid = 1): Fact {
  const service = {
    key: `web/${name}` as ServiceKey,
    digest: "d",
    status: "healthy",
    pid,
    reason: "",
  };
  return { type: "serviceObserved", observedAtMs: pid, service } as Fact;
}

function finished(number: number): Fact {
  const action = `n1-${number}`;
  return {
    type: "actionFinished",
    observedAtMs: 1,
    action,
    outcome: "succeeded",
    reason: "",
    durationMs: 0,
  } as Fact;
}

function inventoryAt(observedAtMs: number): Fact {
  return { type: "inventoryObserved", observedAtMs, inventory: {} } as Fact;
}

test("read() gives facts in order, with what stood before them", () =>
  withOutbox(async (outbox) => {
    await Promise.all(["a", "b", "c"].map((name) => outbox.append(observed(name))));
    const two = await outbox.read(START, { factsMax: 2, bytesMax: 1_000_000 });
    assert.deepEqual(two, {
      previous: START,
      first: { boot: 1, sequence: 1 },
      last: { boot: 1, sequence: 2 },
      facts: [observed("a"), observed("b")],
    });
    const third = await outbox.read({ boot: 1, sequence: 2 }, PAGE);
    assert.deepEqual(third?.previous, { boot: 1, sequence: 2 });
    assert.deepEqual(third?.facts, [observed("c")]);
    assert.equal(await outbox.read({ boot: 1, sequence: 3 }, PAGE), undefined);
  }));

test("read() stays within its bytes but gives one fact at least", () =>
  withOutbox(async (outbox) => {
    await outbox.append(observed("a"));
    await outbox.append(observed("b"));
    const page = await outbox.read(START, { factsMax: 256, bytesMax: 1 });
    assert.deepEqual(page?.facts, [observed("a")]);
  }));

test("read() never mixes boots", async () => {
  const disk = new MemoryDisk();
  await withOutbox((outbox) => outbox.append(observed("a")).then(() => undefined), {}, disk);
  await withOutbox(
    async (outbox) => {
      await outbox.append(observed("b"));
      const first = await outbox.read(START, PAGE);
      assert.deepEqual(first?.facts, [observed("a")]);
      const second = await outbox.read(first?.last ?? START, PAGE);
      assert.deepEqual(second?.previous, { boot: 1, sequence: 1 });
      assert.deepEqual(second?.first, { boot: 2, sequence: 1 });
    },
    { boot: 2 },
    disk,
  );
});

test("forget() lets go of what is committed, and remembers how far", async () => {
  const disk = new MemoryDisk();
  await withOutbox(
    async (outbox) => {
      for (const name of ["a", "b", "c"]) await outbox.append(observed(name));
      await outbox.forget({ boot: 1, sequence: 2 });
      await outbox.forget({ boot: 1, sequence: 1 });
      assert.equal(outbox.size, 1);
      assert.deepEqual(outbox.committed, { boot: 1, sequence: 2 });
    },
    {},
    disk,
  );
  await withOutbox(
    async (outbox) => {
      assert.deepEqual(outbox.committed, { boot: 1, sequence: 2 });
      assert.deepEqual(outbox.last, { boot: 1, sequence: 3 });
      await outbox.forget({ boot: 1, sequence: 3 });
      assert.deepEqual([outbox.size, outbox.bytes], [0, 0]);
      assert.deepEqual(outbox.last, { boot: 1, sequence: 3 });
    },
    { boot: 2 },
    disk,
  );
});

test("append() past the bound waits, newest of each thing, and goes on when there is room", () =>
  withOutbox(
    async (outbox) => {
      await outbox.append(observed("a", 1));
      await outbox.append(observed("b", 1));
      assert.ok(outbox.isFull);
      const waiting = [observed("a", 2), finished(1), observed("a", 3), finished(2)];
      const appended = Promise.all(waiting.map((fact) => outbox.append(fact)));
      assert.equal(outbox.waitingCount, 3);
      assert.equal(outbox.size, 2);
      await outbox.forget({ boot: 1, sequence: 2 });
      await until(() => outbox.size === 2, "two facts have moved up");
      await outbox.forget({ boot: 1, sequence: 4 });
      await until(() => outbox.last.sequence === 6, "the last has moved up");
      await outbox.forget({ boot: 1, sequence: 5 });
      assert.deepEqual(await appended, [true, true, true, true]);
      const rest = await outbox.read({ boot: 1, sequence: 5 }, PAGE);
      assert.deepEqual(rest?.facts, [finished(2)]);
    },
    { factsMax: 2 },
  ));

test("what gives way to something newer is counted, and told before what waited", () => {
  const told: DroppedFacts[] = [];
  const dropped: DroppedFacts = { lane: "state", count: 2, sinceMs: 2 };
  return withOutbox(
    async (outbox) => {
      await outbox.append(observed("a", 1));
      const waiting = [observed("a", 2), observed("b", 3), observed("a", 4), observed("a", 5)];
      void Promise.all(waiting.map((fact) => outbox.append(fact)));
      assert.deepEqual(told, []);
      const facts: Fact[] = [];
      for (let sequence = 1; sequence <= 4; sequence += 1) {
        await until(() => outbox.last.sequence >= sequence, "the next one has moved up");
        const page = await outbox.read({ boot: 1, sequence: sequence - 1 }, PAGE);
        facts.push(...(page?.facts ?? []));
        await outbox.forget({ boot: 1, sequence });
      }
      const drop = { type: "factsDropped", observedAtMs: 2, ...dropped };
      assert.deepEqual(facts, [observed("a", 1), drop, observed("b", 3), observed("a", 5)]);
      assert.deepEqual(told, [dropped]);
      assert.equal(outbox.waitingCount, 0);
    },
    { factsMax: 1, onDropped: (one) => told.push(one) },
  );
});

test("results of actions past their bound are lost, oldest first, and counted", () =>
  withOutbox(
    async (outbox) => {
      await outbox.append(observed("a", 1));
      const more = Array.from({ length: HAPPENINGS_MAX + 3 }, (_, at) =>
        outbox.append(finished(at)),
      );
      assert.deepEqual(await Promise.all(more.slice(0, 3)), [false, false, false]);
      assert.equal(outbox.waitingCount, HAPPENINGS_MAX);
      await outbox.forget({ boot: 1, sequence: 1 });
      await until(() => outbox.last.sequence === 2, "the count is stored");
      const page = await outbox.read({ boot: 1, sequence: 1 }, PAGE);
      const dropped = { lane: "state", count: 3, sinceMs: 1 };
      assert.deepEqual(page?.facts, [{ type: "factsDropped", observedAtMs: 1, ...dropped }]);
      for (const one of more) one.catch(() => undefined);
    },
    { factsMax: 1 },
  ));

test("append() of an inventory takes no room, and no position before it is promoted", () =>
  withOutbox(
    async (outbox) => {
      const inventory = outbox.append(inventoryAt(1));
      const newer = outbox.append(inventoryAt(2));
      for (const name of ["a", "b"]) void outbox.append(observed(name));
      await until(() => outbox.isFull, "there is no more room");
      await until(() => outbox.size === 2, "both are stored");
      assert.deepEqual([outbox.stagedCount, outbox.last.sequence], [1, 2]);
      outbox.promote();
      assert.equal(outbox.stagedCount, 1, "nothing is promoted while there is no room");
      await outbox.forget({ boot: 1, sequence: 2 });
      outbox.promote();
      outbox.promote();
      await until(() => outbox.last.sequence === 4, "the inventory is stored");
      assert.deepEqual(await Promise.all([inventory, newer]), [true, true]);
      const page = await outbox.read({ boot: 1, sequence: 2 }, PAGE);
      const dropped = { lane: "inventory", count: 1, sinceMs: 1 };
      assert.deepEqual(page?.facts, [
        { type: "factsDropped", observedAtMs: 1, ...dropped },
        inventoryAt(2),
      ]);
      assert.equal(outbox.stagedCount, 0);
    },
    { factsMax: 2 },
  ));

test("promote() makes of an inventory what changed since the last, until that is forgotten", () =>
  withOutbox(async (outbox) => {
    const report = async (hostName: string): Promise<Fact | undefined> => {
      const inventory = {
        ...sampleInventory,
        hostName: { type: "known", value: hostName },
      } as const;
      const { sequence } = outbox.last;
      void outbox.append({ type: "inventoryObserved", observedAtMs: 1, inventory });
      outbox.promote();
      await until(() => outbox.last.sequence > sequence, "it is stored");
      const page = await outbox.read({ boot: sequence === 0 ? 0 : 1, sequence }, PAGE);
      return page?.facts[0];
    };
    assert.equal((await report("a"))?.type, "inventoryObserved");
    const second = await report("b");
    assert.deepEqual(second?.type === "inventoryDiffered" && second.changed, {
      hostName: { type: "known", value: "b" },
    });
    outbox.forgetInventory();
    assert.equal((await report("b"))?.type, "inventoryObserved");
  }));

test("promote() lets a change of state that is being stored go first", () =>
  withOutbox(async (outbox) => {
    void outbox.append(inventoryAt(1));
    const state = outbox.append(observed("a"));
    outbox.promote();
    await state;
    assert.deepEqual([outbox.stagedCount, outbox.last.sequence], [1, 1]);
  }));

test("append() while the disk is full waits and loses nothing", () =>
  withOutbox(async (outbox, disk, database) => {
    disk.failure = new Error("ENOSPC");
    const first = outbox.append(observed("a", 1));
    await until(() => database.failure !== undefined, "the failure shows");
    const others = [outbox.append(observed("a", 2)), outbox.append(finished(1))];
    assert.equal(outbox.size, 0);
    disk.failure = undefined;
    await first;
    outbox.drain();
    await Promise.all(others);
    const page = await outbox.read(START, PAGE);
    assert.deepEqual(page?.facts, [observed("a", 1), observed("a", 2), finished(1)]);
  }));

test("open() takes over what stands behind damaged or lost records", async () => {
  for (const harm of ["damage", "loss"] as const) {
    const disk = new MemoryDisk();
    await withOutbox(
      async (outbox) => {
        for (const name of ["a", "b", "c", "d"]) await outbox.append(observed(name));
      },
      {},
      disk,
    );
    const key = keyOfPosition({ boot: 1, sequence: 2 });
    if (harm === "loss") disk.content.delete(key);
    else (disk.content.get(key) as Uint8Array)[9] = 0xff;
    for (const boot of [2, 3]) {
      await withOutbox(
        async (outbox) => {
          if (boot === 2) assert.ok(outbox.holes > 0);
          else assert.equal(outbox.holes, 0);
          const first = await outbox.read(START, PAGE);
          assert.deepEqual(first?.facts, [observed("a")]);
          const second = await outbox.read(first?.last ?? START, PAGE);
          assert.deepEqual(second?.previous, { boot: 1, sequence: 1 });
          assert.deepEqual(second?.first, { boot: 2, sequence: 1 });
          assert.deepEqual(second?.facts.slice(0, 2), [observed("c"), observed("d")]);
          if (boot === 2) await outbox.append(observed("e"));
          else assert.equal(second?.facts.length, 3);
        },
        { boot },
        disk,
      );
    }
  }
});

test("a writer killed at any moment: all it confirmed is there, no position twice", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-outbox-"));
  const contentOf = new Map<string, string>();
  for (let boot = 1; boot <= 6; boot += 1) {
    const confirmed = await killWriter(folder, boot, 20 + boot * 17);
    const store = await openLevelStore(join(folder, "state"));
    const database = await AgentDatabase.open({
      open: () => Promise.resolve(store),
      onFailure() {},
    });
    const outbox = await Outbox.open({ database, boot: boot + 1 });
    assert.equal(outbox.holes, 0);
    const found = new Set<number>();
    let after = START;
    for (;;) {
      const page: OutboxPage | undefined = await outbox.read(after, PAGE);
      if (page === undefined) break;
      for (const [index, fact] of page.facts.entries()) {
        const position: string = `${page.first.boot}/${page.first.sequence + index}`;
        const content = JSON.stringify(fact);
        assert.equal(contentOf.get(position) ?? content, content, `${position} is given twice`);
        contentOf.set(position, content);
        if (page.first.boot === boot) found.add(fact.observedAtMs);
      }
      after = page.last;
    }
    for (const number of confirmed) assert.ok(found.has(number), `fact ${number} is lost`);
    assert.ok(confirmed.length > 0, "the writer confirmed something");
    await database[Symbol.asyncDispose]();
  }
  await rm(folder, { recursive: true });
});

/** Runs a writer that confirms each fact on its output; kills it; returns what it had confirmed. */
async function killWriter(folder: string, boot: number, delayMs: number): Promise<number[]> {
  const here = (path: string): string => JSON.stringify(import.meta.resolve(path));
  const script = `
    import { writeSync } from "node:fs";
    import { AgentDatabase } from ${here("../storage/agent-database.ts")};
    import { openLevelStore } from ${here("../storage/level-store.ts")};
    import { Outbox } from ${here("./outbox.ts")};
    const folder = ${JSON.stringify(join(folder, "state"))};
    const open = () => openLevelStore(folder);
    const database = await AgentDatabase.open({ open, onFailure() {} });
    const outbox = await Outbox.open({ database, boot: ${boot} });
    let number = 0;
    async function writer() {
      for (;;) {
        const mine = ++number;
        const text = "x".repeat(mine % 700);
        await outbox.append({ type: "fileForgotten", observedAtMs: mine, path: "/" + text });
        writeSync(1, mine + "\\n");
      }
    }
    for (let count = 0; count < 5; count += 1) writer();`;
  const child = spawn(
    process.execPath,
    ["--conditions=atoll-source", "--input-type=module", "-e", script],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const confirmed: number[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => confirmed.push(Number(line)));
  await once(lines, "line");
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill("SIGKILL");
  await once(child, "close");
  return confirmed;
}
