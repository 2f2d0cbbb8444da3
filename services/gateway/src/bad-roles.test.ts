/**
 * What bad role documents get: refused as a whole, with file, line and reason.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { call, failure } from "./testing/client.ts";
import { startTestGateway, type TestGateway } from "./testing/gateway.ts";

interface Case {
  readonly name: string;
  readonly text: string;
  readonly says: RegExp;
}

const CYCLE = `kind: Role
name: a
services:
  - name: one
    command: [sleep, 1]
    after: [two]
  - name: two
    command: [sleep, 1]
    after: [one]
`;

const CASES: readonly Case[] = [
  {
    name: "YAML that does not parse",
    text: "kind: Role\nname: [\n",
    says: /a\.yaml:\d/,
  },
  { name: "no role at all", text: "---\n", says: /no role/ },
  {
    name: "a role of another kind",
    text: "kind: Pod\nname: a\n",
    says: /a\.yaml:1: kind is "Pod": allowed is Role/,
  },
  {
    name: "an unknown key",
    text: "kind: Role\nname: a\nservcies: []\n",
    says: /a\.yaml:3: .*did you mean services/,
  },
  {
    name: "a wrong type",
    text: "kind: Role\nname: a\nservices: 5\n",
    says: /a\.yaml:3: services must be a list/,
  },
  {
    name: "an unknown drift",
    text: "kind: Role\nname: a\ndrift: ignore\n",
    says: /allowed are restore, report/,
  },
  {
    name: "an alias",
    text: "kind: Role\nname: &x a\ndescription: *x\n",
    says: /anchors and aliases/,
  },
  {
    name: "a name given twice",
    text: "kind: Role\nname: a\n---\nkind: Role\nname: a\n",
    says: /a\.yaml:5: role "a" is at a\.yaml:2 already/,
  },
  {
    name: "a document without end",
    text: `kind: ${"[".repeat(200_000)}`,
    says: /a\.yaml:1/,
  },
  {
    name: "two megabytes of YAML",
    text: "#".repeat(2_000_000),
    says: /1048576/,
  },
  { name: "a cycle of services", text: CYCLE, says: /cycle|circle|after/ },
];

let gateway: TestGateway;

before(async () => {
  gateway = await startTestGateway({ replicas: 1 });
});
after(async () => {
  await gateway[Symbol.asyncDispose]();
});

for (const { name, text, says } of CASES) {
  test(`bad roles: ${name}`, async () => {
    const { roles } = gateway.api;
    const documents = [{ fileName: "a.yaml", text }];
    const request = { documents, validateOnly: false, requestId: "" };
    const refused = await failure(call(roles, roles.applyRoles, request));
    assert.equal(status[refused.code], "INVALID_ARGUMENT", refused.message);
    assert.match(refused.message, says);
    const list = { pageSize: 0, pageToken: "", filter: "" };
    const { response } = await call(roles, roles.listRoles, list);
    assert.deepEqual(response.roles, []);
  });
}

test("a role document that is right after all is taken", async () => {
  const { roles } = gateway.api;
  const documents = [{ fileName: "a.yaml", text: "kind: Role\nname: a\n" }];
  const request = { documents, validateOnly: true, requestId: "" };
  const { response } = await call(roles, roles.applyRoles, request);
  assert.equal(response.done, true);
});
