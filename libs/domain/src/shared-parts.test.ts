import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedParts } from "./shared-parts.ts";

const disk = (serial: string): object => ({
  name: "nvme0n1",
  model: { type: "known", value: "Disk 4000" },
  serial: { type: "known", value: serial },
});

describe("SharedParts", () => {
  it("share() gives an equal value whose equal parts are one object", () => {
    const parts = new SharedParts();
    const one = parts.share({ disks: [disk("a"), disk("b")], text: "x".repeat(300) });
    const other = parts.share({ disks: [disk("a"), disk("c")], text: "x".repeat(300) });
    assert.deepEqual(one, { disks: [disk("a"), disk("b")], text: "x".repeat(300) });
    assert.deepEqual(other, { disks: [disk("a"), disk("c")], text: "x".repeat(300) });
    assert.equal(other.disks[0], one.disks[0]);
    const models = [...one.disks, ...other.disks].map((each) => (each as { model: object }).model);
    assert.equal(new Set(models).size, 1);
  });

  it("share() keeps what looks alike apart: text and number, order, emptiness", () => {
    const parts = new SharedParts();
    for (const value of [
      { at: 1 },
      { at: "1" },
      { at: [] },
      { at: {} },
      { at: null },
      [1],
      ["1"],
    ]) {
      assert.deepEqual(parts.share(value), value);
    }
    assert.deepEqual(Object.keys(parts.share({ a: 1, b: 2 })), ["a", "b"]);
    assert.deepEqual(Object.keys(parts.share({ b: 2, a: 1 })), ["b", "a"]);
  });

  it("share() goes on to share after it forgot", () => {
    const parts = new SharedParts();
    for (let at = 0; at < 10_000; at += 1)
      assert.deepEqual(parts.share(disk(`${at}`)), disk(`${at}`));
    assert.equal(parts.share(disk("9999")), parts.share(disk("9999")));
  });
});
