import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRoles, rejected } from "@atoll/domain";
import type { UserCommand } from "@atoll/domain";
import { sampleCommands, sampleInventory, sampleRole } from "@atoll/domain/testing";
import {
  decodeSubmit,
  encodeSubmit,
  fromProtoInventory,
  fromProtoRejection,
  fromProtoRoleSpec,
  fromUserRoleSpec,
  ROLE_DEFAULTS,
  toProtoInventory,
  toProtoRejection,
  toProtoRoleSpec,
} from "@atoll/codec";
import { RoleSpec as ProtoRoleSpec } from "@atoll/proto/atoll/type/v1/role_spec";
import { Prng } from "@atoll/stdx";

const {
  acceptFacts: _facts,
  reportPresence: _presence,
  reportSight: _sight,
  reportClaimants: _claimants,
  carryOutPlan: _plan,
  ...userCommands
} = sampleCommands;
const commands: UserCommand[] = [
  ...Object.values(userCommands satisfies { [T in UserCommand["type"]]: UserCommand }),
  { type: "updateNode", node: userCommands.updateNode.node, revision: 0 },
  { type: "updateNode", node: userCommands.updateNode.node, labels: {}, location: {}, revision: 0 },
];

test("every user's command comes back as it was", () => {
  for (const command of commands) {
    const value = {
      requestId: "r-1",
      actor: "ann",
      command,
      validateOnly: command.type === "applyRoles",
    };
    assert.deepEqual(decodeSubmit(encodeSubmit(value)), { type: "decoded", value });
  }
});

test("decodeSubmit() refuses a command of no known type and takes any bytes", () => {
  assert.deepEqual(decodeSubmit(new Uint8Array(0)), {
    type: "undecodable",
    reason: "a command of no known type",
  });
  const prng = new Prng(29);
  for (const command of commands) {
    const good = encodeSubmit({ requestId: "r", actor: "a", command, validateOnly: false });
    for (let round = 0; round < 500; round += 1) {
      const bytes = good.slice(0, prng.between(0, good.length));
      if (bytes.length > 0) bytes[prng.below(bytes.length)] = prng.below(256);
      decodeSubmit(bytes);
    }
  }
});

test("a rejection comes back as it was; with an unknown code it is undecodable", () => {
  const value = rejected("aborted", "read it again", [
    { subject: "web", path: "files[0]", reason: "no" },
  ]);
  assert.deepEqual(fromProtoRejection(toProtoRejection(value)), { type: "decoded", value });
  assert.equal(fromProtoRejection({ code: "odd", reason: "", violations: [] }).type, "undecodable");
});

test("a role and an inventory come back as they were", () => {
  assert.deepEqual(fromProtoRoleSpec(toProtoRoleSpec(sampleRole)), sampleRole);
  assert.deepEqual(fromUserRoleSpec(toProtoRoleSpec(sampleRole)), sampleRole);
  assert.deepEqual(fromProtoInventory(toProtoInventory(sampleInventory)), sampleInventory);
});

test("fromUserRoleSpec() puts in defaults, and keeps the unknown for checkRoles()", () => {
  const sent = ProtoRoleSpec.fromJSON({
    name: "r",
    files: [{ path: "/etc/a" }],
    services: [
      { name: "a", command: ["x"], health: { http: { url: "http://a/" } } },
      { name: "b", unit: "b.service" },
    ],
  });
  const role = fromUserRoleSpec(sent);
  assert.deepEqual(checkRoles([role], []), []);
  assert.deepEqual(
    [role.drift, role.files[0]?.mode, role.services[0]?.driver, role.services[1]?.driver],
    ["restore", ROLE_DEFAULTS.mode, "process", "systemd"],
  );
  const { probe: _probe, ...health } = role.services[0]?.health ?? {};
  assert.deepEqual(health, {
    intervalMs: 1_000,
    timeoutMs: 1_000,
    healthyAfter: 1,
    unhealthyAfter: 3,
  });
  const [service] = ProtoRoleSpec.fromJSON({
    services: [{ name: "a", command: ["x"], health: {} }],
  }).services;
  assert.ok(service);
  const odd = fromUserRoleSpec({
    ...sent,
    drift: 9 as never,
    services: [{ ...service, driver: 8 as never }],
  });
  // What the gateway passes on is as odd at the orchestrator.
  for (const passed of [odd, fromUserRoleSpec(toProtoRoleSpec(odd))]) {
    assert.deepEqual(
      checkRoles([passed], []).map(({ path, reason }) => `${path}: ${reason}`),
      [
        'drift: drift is "9": allowed are restore and report',
        'services[0].driver: driver "8" is not known: allowed are process and systemd',
        "services[0].health: a health check needs one probe: http, tcp or exec",
      ],
    );
  }
});
