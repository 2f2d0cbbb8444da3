/** What the wire is called in code is what its description calls it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PROTOCOL_VERSION } from "./frame-layout.ts";
import { helloMetadata, raftServiceDefinition } from "./raft-service.ts";

const PROTO = join(import.meta.dirname, "../../../proto/raft/v1/raft.proto");
const described = readFileSync(PROTO, "utf8");

function found(pattern: RegExp): string {
  const [, text] = pattern.exec(described) ?? [];
  assert.ok(text !== undefined, `${pattern} is not in the description`);
  return text;
}

test("the path of the call is that of the described service", () => {
  const service = `${found(/^package (.*);/m)}.${found(/^service (\w+)/m)}`;
  assert.equal(raftServiceDefinition.receive.path, `/${service}/${found(/^ {2}rpc (\w+)\(/m)}`);
});

test("the metadata of a call are those described, with the version that is spoken", () => {
  const keys = [...described.matchAll(/^ {2}\/\/ {3}([\w-]+) {2}/gm)].map(([, key]) => key);
  const hello = helloMetadata({ groupId: "test", receiver: 1, sender: 2 });
  assert.deepEqual(keys.toSorted(), Object.keys(hello.getMap()).toSorted());
  assert.equal(found(/decimal; now ([0-9]+)$/m), String(PROTOCOL_VERSION));
});

test("nothing on the wire names the product that is built on it", () => {
  const hello = helloMetadata({ groupId: "test", receiver: 1, sender: 2 });
  const names = [raftServiceDefinition.receive.path, ...Object.keys(hello.getMap())];
  assert.deepEqual(
    names.filter((name) => /atoll/i.test(name)),
    [],
  );
});
