import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRoles, VIOLATIONS_MAX } from "./check-roles.ts";
import type { HealthProbe, RoleSpec, ServiceSpec } from "./role.ts";
import { emptyRole, sampleRole, sampleService, serviceNamed } from "./testing/index.ts";

const plainService: ServiceSpec = {
  name: serviceNamed("a"),
  driver: "process",
  command: ["/bin/a"],
  unit: "",
  environment: {},
  after: [],
  restartOn: [],
  stopTimeoutMs: 10_000,
};

function found(role: RoleSpec, existing: readonly RoleSpec[] = []): string[] {
  return checkRoles([role], existing).map(({ path, reason }) => `${path}: ${reason}`);
}

function withService(more: Partial<Record<keyof ServiceSpec, unknown>>): RoleSpec {
  return { ...emptyRole("r"), services: [{ ...plainService, ...more } as ServiceSpec] };
}

function withProbe(probe: unknown): RoleSpec {
  const health = {
    probe: probe as HealthProbe,
    intervalMs: 1_000,
    timeoutMs: 1_000,
    healthyAfter: 1,
    unhealthyAfter: 3,
  };
  return withService({ health });
}

function withFile(more: Record<string, unknown>): RoleSpec {
  return { ...emptyRole("r"), files: [{ path: "/etc/a", mode: "0644", template: "", ...more }] };
}

test("checkRoles() finds nothing wrong with a full role and with an empty one", () => {
  assert.deepEqual(checkRoles([sampleRole, emptyRole("bare")], [sampleRole]), []);
});

test("checkRoles() refuses wrong names", () => {
  assert.match(found({ ...emptyRole("A.b") })[0] ?? "", /^name: role "A.b" is not a name/);
  assert.match(
    found(withService({ name: "a/b" }))[0] ?? "",
    /^services\[0\]\.name: service "a\/b" is not a name/,
  );
  const twice = { ...emptyRole("r"), services: [plainService, plainService] };
  assert.deepEqual(found(twice), ["services[1].name: there is another service a in this role"]);
  assert.deepEqual(
    checkRoles([emptyRole("r"), emptyRole("r")], []).map(({ reason }) => reason),
    ["role r is given twice"],
  );
});

test("checkRoles() refuses two owners of a file, and a file within a file", () => {
  const a = { ...withFile({}), name: "a" as never };
  const b = { ...withFile({}), name: "b" as never };
  const reason = "/etc/a belongs to role a already: a file has one role";
  assert.deepEqual(checkRoles([a, b], []), [{ subject: "b", path: "files[0].path", reason }]);
  assert.deepEqual(checkRoles([b], [a]), [{ subject: "b", path: "files[0].path", reason }]);
  assert.deepEqual(checkRoles([b], [{ ...a, name: b.name }]), []);
  assert.deepEqual(checkRoles([{ ...a, files: [] }, b], [a]), []);
  const inside = { ...withFile({ path: "/etc/a/b" }), name: "c" as never };
  assert.equal(checkRoles([inside], [a])[0]?.reason, "/etc/a on its way is a file of role a");
  assert.equal(
    checkRoles([a], [inside])[0]?.reason,
    "/etc/a is a directory for role c, which owns /etc/a/b",
  );
});

test("checkRoles() refuses two owners of a unit", () => {
  const unit = { driver: "systemd", command: [], unit: "x.service" };
  const a = { ...withService(unit), name: "a" as never };
  const b = { ...withService(unit), name: "b" as never };
  assert.equal(
    checkRoles([b], [a])[0]?.reason,
    "unit x.service belongs to service a of role a already",
  );
});

test("checkRoles() names the cycle in the order of services", () => {
  const chain = (names: Record<string, string[]>): RoleSpec => ({
    ...emptyRole("r"),
    services: Object.entries(names).map(([name, after]) => ({
      ...plainService,
      name: serviceNamed(name),
      after: after.map(serviceNamed),
    })),
  });
  assert.deepEqual(found(chain({ a: ["b"], b: ["c"], c: ["b"] })), [
    "services[1].after: services wait for each other: b → c → b",
  ]);
  assert.deepEqual(found(chain({ a: ["a"] })), [
    "services[0].after: services wait for each other: a → a",
  ]);
  assert.deepEqual(found(chain({ a: ["b", "c"], b: ["c"], c: [] })), []);
});

test("checkRoles() refuses references to services and files that the role does not have", () => {
  const role = {
    ...withFile({ path: "/etc/app.conf" }),
    services: [{ ...plainService, after: [serviceNamed("bb")], restartOn: ["/etc/ap.conf"] }],
  };
  assert.deepEqual(found(role), [
    'services[0].after[0]: this role has no service "bb"; did you mean a?',
    'services[0].restartOn[0]: this role has no file "/etc/ap.conf"; did you mean /etc/app.conf?',
  ]);
});

test("checkRoles() refuses unknown facts with the place and the nearest right one", () => {
  const role = withFile({ template: "a\nb {{ label.port }}{{ node.nmae }}" });
  assert.deepEqual(found(role), [
    'files[0].template: line 2, column 3: there is no fact "label.port"; did you mean labels.port?',
    'files[0].template: line 2, column 19: there is no fact "node.nmae"; did you mean node.name?',
  ]);
  assert.match(
    found(withFile({ template: "{{ x" }))[0] ?? "",
    /line 1, column 1: \{\{ is never closed/,
  );
  assert.match(found(withFile({ template: "{{ labels.A }}" }))[0] ?? "", /label "A" is not a name/);
  assert.match(
    found(withService({ command: ["a", "{{ nope }}"] }))[0] ?? "",
    /^services\[0\]\.command\[1\]/,
  );
  assert.match(
    found(withService({ environment: { A: "{{" } }))[0] ?? "",
    /^services\[0\]\.environment\.A/,
  );
});

test("checkRoles() refuses paths that are not absolute, not in shortest form, or dangerous", () => {
  for (const path of [
    "etc/a",
    "/etc/../a",
    "/etc//a",
    "/etc/./a",
    "/etc/",
    "/",
    "",
    "/a\u0000b",
    "/a\nb",
    `/${"x".repeat(1_024)}`,
    `/${"x".repeat(256)}`,
  ]) {
    assert.equal(found(withFile({ path })).length, 1, JSON.stringify(path));
  }
  for (const path of ["/a", "/etc/app.conf", "/etc/ä b", "/..a/b.."])
    assert.deepEqual(found(withFile({ path })), []);
});

test("checkRoles() refuses wrong modes, accounts, sizes and policies", () => {
  for (const mode of ["644", "0888", "rw", "", "00644"])
    assert.equal(found(withFile({ mode })).length, 1, mode);
  for (const owner of ["a b", "Root", ""])
    assert.equal(found(withFile({ owner })).length, 1, owner);
  assert.equal(found(withFile({ template: "é".repeat(32_769) })).length, 1);
  assert.deepEqual(found(withFile({ template: "é".repeat(32_768) })), []);
  assert.deepEqual(found({ ...emptyRole("r"), drift: "ignore" as never }), [
    'drift: drift is "ignore": allowed are restore and report',
  ]);
});

test("checkRoles() refuses drivers that do not fit what they run", () => {
  assert.match(found(withService({ command: [] }))[0] ?? "", /command: a command needs a program/);
  assert.match(
    found(withService({ unit: "a.service" }))[0] ?? "",
    /unit: a unit is for driver systemd/,
  );
  const systemd = { driver: "systemd", command: [], unit: "a.service" };
  assert.deepEqual(found(withService(systemd)), []);
  assert.match(
    found(withService({ ...systemd, command: ["x"] }))[0] ?? "",
    /a command is for driver process/,
  );
  assert.match(found(withService({ ...systemd, unit: "a" }))[0] ?? "", /is not the name of a unit/);
  assert.match(
    found(withService({ ...systemd, environment: { A: "" } }))[0] ?? "",
    /is set in the unit/,
  );
  assert.match(found(withService({ driver: "docker" }))[0] ?? "", /driver "docker" is not known/);
});

test("checkRoles() refuses numbers out of bounds", () => {
  const wrong = withService({
    stopTimeoutMs: 99,
    health: {
      ...sampleService.health,
      intervalMs: 99,
      timeoutMs: 9,
      healthyAfter: 0,
      unhealthyAfter: 101,
    },
  });
  assert.deepEqual(
    checkRoles([wrong], []).map(({ path }) => path.replace("services[0].", "")),
    [
      "stopTimeoutMs",
      "health.intervalMs",
      "health.timeoutMs",
      "health.healthyAfter",
      "health.unhealthyAfter",
    ],
  );
  assert.equal(found(withService({ stopTimeoutMs: 100.5 })).length, 1);
});

test("checkRoles() takes probes with templates, and refuses what cannot be probed", () => {
  for (const url of [
    "http://127.0.0.1:80/",
    "http://a.b/",
    "http://[::1]:8080/x?y=1",
    "http://h:{{ labels.port }}",
    "http://{{ node.name }}:1{{ labels.port }}/x",
  ]) {
    assert.deepEqual(found(withProbe({ type: "http", url })), [], url);
  }
  for (const url of [
    "https://a/",
    "a:80",
    "http://",
    "http://a:0/",
    "http://a:65536/",
    "http://u@a/",
    "http://a/ b",
    "http://a:x/",
    "",
  ]) {
    assert.equal(found(withProbe({ type: "http", url })).length, 1, url);
  }
  assert.deepEqual(
    found(withProbe({ type: "tcp", host: "127.0.0.1", port: "{{ labels.port }}" })),
    [],
  );
  assert.equal(found(withProbe({ type: "tcp", host: "", port: "99999" })).length, 2);
  assert.equal(found(withProbe({ type: "exec", command: [] })).length, 1);
  assert.equal(found(withProbe({ type: "none" })).length, 1);
});

test("checkRoles() refuses a rule that no node could be held against", () => {
  const match = {
    labels: { "a.b": "" },
    location: { rack: "" },
    hardware: { architecture: "X 86", coresMin: -1 },
  };
  assert.deepEqual(
    checkRoles([{ ...emptyRole("r"), match }], []).map(({ path }) => path),
    [
      'match.labels["a.b"]',
      "match.location.rack",
      "match.hardware.architecture",
      "match.hardware.coresMin",
    ],
  );
});

test("checkRoles() lists a bounded number of violations", () => {
  const roles = Array.from({ length: 200 }, (_, at) => ({
    ...emptyRole(`r${at}`),
    drift: "x" as never,
  }));
  assert.equal(checkRoles(roles, []).length, VIOLATIONS_MAX);
  assert.match(
    checkRoles(
      Array.from({ length: 1_001 }, () => emptyRole("r")),
      [],
    )[0]?.reason ?? "",
    /1001 roles/,
  );
});
