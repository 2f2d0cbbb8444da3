/**
 * Entries go to peers of the same group, and arrive as they were; refusals say why.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReadEntriesResponse } from "@atoll/proto/atoll/replica/v1/repair";
import { status as GrpcStatus } from "@grpc/grpc-js";
import type { Entry } from "raft-ts";
import { entriesOf, repairService, type RepairServiceParts } from "./repair-service.ts";

const ENTRIES: readonly Entry[] = (["data", "noop", "membership"] as const).map((type, at) => ({
  index: at + 4,
  term: at + 1,
  type,
  data: Buffer.from(type),
}));

type Answer = ReadEntriesResponse | { readonly code: number; readonly details: string };

function serviceWith(parts: Partial<RepairServiceParts>): (groupId?: string) => Promise<Answer> {
  const { implementation } = repairService({
    groupId: "g",
    replicaId: 2,
    entriesUpTo: async () => undefined,
    answerer: () => ({ whole: true, voters: [1, 2], outgoingVoters: [], addresses: { 1: "a:1" } }),
    ...parts,
  });
  const handler = implementation["readEntries"] as (
    call: unknown,
    done: (error: Answer | null, answer?: Answer) => void,
  ) => void;
  return (groupId = "g") =>
    new Promise((resolve) => {
      const request = { groupId, fromIndex: 4, toIndex: 6, toTerm: 3 };
      handler({ request }, (error, answer) => resolve((error ?? answer) as Answer));
    });
}

test("readEntries gives entries of every type, and says who answers", async () => {
  const entriesUpTo: RepairServiceParts["entriesUpTo"] = async ({ from, to, termAtTo }) => {
    assert.deepEqual([from, to, termAtTo], [4, 6, 3]);
    return { entries: ENTRIES, previousTerm: 1 };
  };
  const answer = (await serviceWith({ entriesUpTo })()) as ReadEntriesResponse;
  assert.deepEqual(entriesOf(answer), ENTRIES);
  const { entries: _entries, ...about } = answer;
  assert.deepEqual(about, {
    previousTerm: 1,
    replica: 2,
    whole: true,
    voters: [1, 2],
    outgoingVoters: [],
    addresses: { 1: "a:1" },
  });
  const [first] = answer.entries;
  assert.ok(first !== undefined);
  assert.equal(entriesOf({ ...answer, entries: [{ ...first, type: 0 }] }), undefined);
});

test("readEntries gives none for a position that the log has not", async () => {
  const answer = (await serviceWith({})()) as ReadEntriesResponse;
  assert.deepEqual([answer.entries, answer.replica], [[], 2]);
});

test("readEntries refuses another group, too many calls, and a log that fails", async () => {
  const refused = async (answer: Promise<Answer>): Promise<number> =>
    ((await answer) as { readonly code?: number }).code ?? GrpcStatus.OK;
  assert.equal(await refused(serviceWith({})("h")), GrpcStatus.FAILED_PRECONDITION);
  const failing = serviceWith({ entriesUpTo: () => Promise.reject(new Error("no disk")) });
  assert.equal(await refused(failing()), GrpcStatus.UNAVAILABLE);
  const waiting = Promise.withResolvers<undefined>();
  const slow = serviceWith({ entriesUpTo: () => waiting.promise });
  const calls = Array.from({ length: 9 }, () => slow());
  waiting.resolve(undefined);
  const codes = await Promise.all(calls.map(refused));
  assert.deepEqual(codes.filter(Boolean), [GrpcStatus.RESOURCE_EXHAUSTED]);
  assert.deepEqual(((await slow()) as ReadEntriesResponse).entries, []);
});
