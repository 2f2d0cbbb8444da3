import assert from "node:assert/strict";
import { test } from "node:test";
import type { DomainEvent } from "./event.ts";
import { known, unknown } from "./inventory.ts";
import { parseTemplate, renderTemplate } from "./template.ts";
import { readFact, templateFacts } from "./template-facts.ts";
import { hasRole, matchesRole, rolesOf } from "./match-role.ts";
import {
  bareInventory,
  dc1,
  emptyRole,
  given,
  n1,
  sampleEvents,
  sampleRole,
} from "./testing/index.ts";
import type { NodeState } from "./state.ts";

function render(text: string, facts: Record<string, string>): string {
  const parsed = parseTemplate(text);
  if (parsed.type === "failed") return `failed at ${parsed.offset}: ${parsed.reason}`;
  const rendered = renderTemplate(parsed.parts, (fact) =>
    facts[fact] === undefined ? unknown("not there") : known(facts[fact]),
  );
  return rendered.type === "rendered"
    ? rendered.text
    : `failed: ${rendered.fact}: ${rendered.reason}`;
}

test("renderTemplate() puts facts in the place of their names and leaves all else alone", () => {
  assert.equal(render("a {{ x }}{{y}} }} { b", { x: "1", y: "{{ x }}" }), "a 1{{ x }} }} { b");
  assert.equal(render("", {}), "");
  assert.equal(render('{{ "{{" }} .Go {{ "}" }}', {}), "{{ .Go }");
});

test("renderTemplate() names the first fact that is not known", () => {
  assert.equal(render("{{ x }}{{ z }}", { x: "1" }), "failed: z: not there");
});

test("parseTemplate() says where it fails", () => {
  assert.equal(render("ab {{ x", {}), "failed at 3: {{ is never closed by }}");
  assert.equal(render("{{ }}", {}), "failed at 0: {{ }} names no fact");
  assert.match(render("{{ x | y }}", {}), /^failed at 0: "x \| y" is not the name of a fact/);
  assert.match(render("{{ {{ x }}", {}), /^failed at 0: /);
});

function nodeWith(...events: readonly DomainEvent[]): NodeState {
  return given(sampleEvents.nodeDiscovered, ...events).node as NodeState;
}

test("readFact() knows every fact of the list, or gives a reason", () => {
  const location = { room: "a", rack: "r1", position: "7" };
  const node = nodeWith(sampleEvents.inventoryChanged, { ...sampleEvents.nodeUpdated, location });
  const values = templateFacts.map((fact) => {
    const reading = readFact(node, dc1, fact);
    return reading.type === "known" ? reading.value : reading.reason;
  });
  assert.deepEqual(values, [
    "n1",
    "dc1",
    "a",
    "r1",
    "7",
    "8",
    "16",
    "x86_64",
    "Example CPU 7",
    "32768",
    "6.1.0",
    "Debian GNU/Linux 12",
    "2",
    "2",
  ]);
  assert.deepEqual(readFact(node, dc1, "labels.use"), known("db"));
  assert.deepEqual(
    readFact(node, dc1, "labels.toString"),
    unknown("node n1 has no label toString"),
  );
  const bare = nodeWith();
  assert.deepEqual(
    readFact(bare, dc1, "cpu.cores"),
    unknown("the inventory of node n1 is not known yet"),
  );
  assert.deepEqual(readFact(bare, dc1, "location.rack"), unknown("the rack of node n1 is not set"));
  const blind = nodeWith({ type: "inventoryChanged", node: n1, inventory: bareInventory });
  assert.deepEqual(readFact(blind, dc1, "memory.mib"), unknown("no /proc"));
});

test("matchesRole() asks for all conditions, and an unknown reading holds none", () => {
  const located = { ...sampleEvents.nodeUpdated, labels: { use: "web" }, location: { rack: "r1" } };
  const full = nodeWith(sampleEvents.inventoryChanged, located);
  assert.equal(matchesRole(sampleRole, full), true);
  assert.equal(matchesRole(sampleRole, nodeWith(located)), false);
  assert.equal(matchesRole(sampleRole, nodeWith(sampleEvents.inventoryChanged)), false);
  const match = sampleRole.match as NonNullable<typeof sampleRole.match>;
  for (const hardware of [
    { coresMin: 9 },
    { memoryMibMin: 32_769 },
    { disksMin: 3 },
    { architecture: "aarch64" },
  ]) {
    assert.equal(
      matchesRole({ ...sampleRole, match: { ...match, hardware } }, full),
      false,
      JSON.stringify(hardware),
    );
  }
  const exact = { coresMin: 8, memoryMibMin: 32_768, disksMin: 2 };
  assert.equal(matchesRole({ ...sampleRole, match: { ...match, hardware: exact } }, full), true);
  assert.equal(
    matchesRole({ ...sampleRole, match: { ...match, labels: { use: "db" } } }, full),
    false,
  );
  assert.equal(matchesRole(emptyRole("r"), full), false);
});

test("hasRole() and rolesOf() count assignment as well as rule", () => {
  const state = given(
    sampleEvents.nodeDiscovered,
    sampleEvents.roleAssigned,
    sampleEvents.roleApplied,
    {
      type: "roleApplied",
      role: { ...emptyRole("all"), match: { labels: {}, location: {}, hardware: {} } },
    },
  );
  assert.equal(hasRole(sampleRole, state.node as NodeState), true);
  assert.deepEqual(
    rolesOf(state.state, state.node as NodeState).map(({ spec }) => spec.name),
    ["all", "web"],
  );
});
