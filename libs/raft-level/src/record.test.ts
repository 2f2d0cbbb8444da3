/** Packed records: what goes in comes out, and nothing altered passes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import type { Entry } from "raft-ts";
import { identityDigest } from "./identity.ts";
import { decodeRecord, encodeRecord, HASH_BYTES, recordBytes } from "./record.ts";
import { entries, IDENTITY, randomBytes } from "./testing/harness.ts";

const identity = identityDigest(IDENTITY);
const header = {
  sequence: 2 ** 40 + 7,
  firstIndex: 5,
  previousTerm: 3,
  hardState: { term: 2 ** 35 + 1, vote: 3, commit: 2 ** 34 + 5 },
  previousHash: new Uint8Array(HASH_BYTES).fill(9),
};

function pack(packed: readonly Entry[]): { bytes: Buffer; hash: Uint8Array } {
  const bytes = Buffer.alloc(recordBytes(packed));
  return { bytes, hash: encodeRecord(bytes, identity, header, packed) };
}

test("decodeRecord() returns what encodeRecord() packed", () => {
  const prng = new Prng(1);
  const packed: Entry[] = [
    { index: 5, term: 4, type: "noop", data: new Uint8Array() },
    { index: 6, term: 4, type: "data", data: randomBytes(prng, 300) },
    { index: 7, term: 2 ** 35, type: "membership", data: randomBytes(prng, 3) },
  ];
  const { bytes, hash } = pack(packed);
  const decoded = decodeRecord(bytes, identity);
  assert.ok(typeof decoded !== "string", String(decoded));
  const plain = decoded.entries.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) }));
  assert.deepEqual(
    {
      ...decoded,
      entries: plain,
      previousHash: [...decoded.previousHash],
      hash: [...decoded.hash],
    },
    {
      ...header,
      count: 3,
      entries: packed.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) })),
      previousHash: [...header.previousHash],
      hash: [...hash],
    },
  );
});

test("decodeRecord() refuses every single flipped bit and every shorter or longer copy", () => {
  const { bytes } = pack(entries(5, 4, 4));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(typeof decodeRecord(damaged, identity), "string", `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length += 1) {
    assert.equal(typeof decodeRecord(bytes.subarray(0, length), identity), "string");
  }
  assert.equal(typeof decodeRecord(Buffer.concat([bytes, Buffer.alloc(1)]), identity), "string");
});

test("decodeRecord() refuses a record of another replica", () => {
  const other = identityDigest({ ...IDENTITY, replicaId: 3 });
  assert.equal(decodeRecord(pack(entries(5, 1)).bytes, other), "it belongs to another replica");
});

test("the hash of a record depends on every byte of its entries", () => {
  const [one] = entries(5, 1);
  const data = Buffer.from((one as Entry).data);
  data[0] = (data[0] as number) ^ 1;
  const other = { ...(one as Entry), data };
  assert.notDeepEqual([...pack([one as Entry]).hash], [...pack([other]).hash]);
});
