import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedQueue, Bug, canonicalJson, crc32c, digestText, nearest, Prng } from "@atoll/stdx";

test("crc32c() gives the check value of RFC 3720 and continues from a seed", () => {
  const bytes = new TextEncoder().encode("123456789");
  assert.equal(crc32c(bytes), 0xe3069283);
  assert.equal(crc32c(bytes.subarray(3), crc32c(bytes.subarray(0, 3))), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
});

test("Prng gives the same draws for the same seed, and children of their own", () => {
  const first = new Prng(7);
  const second = new Prng(7);
  second.child("noise").nextUint32();
  assert.deepEqual(
    Array.from({ length: 5 }, () => first.below(100)),
    Array.from({ length: 5 }, () => second.below(100)),
  );
  assert.notEqual(new Prng(7).child("a").nextUint32(), new Prng(7).child("b").nextUint32());
});

test("Prng.below() is even within three standard deviations", () => {
  const prng = new Prng(1);
  const counts = Array.from({ length: 10 }, () => 0);
  for (let draw = 0; draw < 100_000; draw += 1) (counts[prng.below(10)] as number) += 1;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 300, `${count}`);
});

test("BoundedQueue refuses past its capacity and keeps order through many rounds", () => {
  const queue = new BoundedQueue<number>(3);
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 5_000; round += 1) {
    while (queue.push(next)) next += 1;
    assert.equal(queue.size, 3);
    assert.equal(queue.shift(), expected);
    expected += 1;
    assert.deepEqual(queue.drain(1), [expected]);
    expected += 1;
  }
  assert.deepEqual(queue.drain(), [expected]);
  assert.equal(queue.shift(), undefined);
});

test("canonicalJson() sorts keys, drops absent members and refuses fractions", () => {
  assert.equal(
    canonicalJson({
      b: 1,
      a: [
        new Map([
          ["z", null],
          ["y", "é"],
        ]),
      ],
      c: undefined,
    }),
    '{"a":[{"y":"é","z":null}],"b":1}',
  );
  assert.throws(() => canonicalJson({ a: 0.5 }), Bug);
});

test("digestText() tells near texts apart", () => {
  const digests = new Set(Array.from({ length: 20_000 }, (_, at) => digestText(`node-${at}`)));
  assert.equal(digests.size, 20_000);
  assert.match(digestText(""), /^[0-9a-f]{16}$/);
});

test("nearest() names the right word and stays silent when nothing is near", () => {
  assert.equal(nearest("maintian", ["maintain", "node", "list"]), "maintain");
  assert.equal(nearest("xyzzy", ["maintain", "node", "list"]), undefined);
});
