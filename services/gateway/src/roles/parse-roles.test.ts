/**
 * Role documents: the whole form, every kind of mistake at its line, and the way back from a field
 * to its line.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRoles } from "./parse-roles.ts";

const WHOLE = `# a comment
kind: Role
name: web
description: Serves pages
match:
  labels:
    tier: web
    port: 8101
  location:
    rack: r1
  hardware:
    architecture: x86_64
    coresMin: 2
drift: report
files:
  - path: /etc/web.conf
    mode: 0640
    owner: www
    template: |
      port={{ labels.port }}
services:
  - name: app
    driver: process
    command: [python3, -m, http.server, 8101]
    environment:
      DEBUG: true
    restartOn: [/etc/web.conf]
    stopTimeoutMs: 500
    health:
      http: http://127.0.0.1:8101/
      intervalMs: 200
  - name: side
    unit: side.service
    after: [app]
    health:
      tcp: 9000
---
kind: Role
name: check
services:
  - name: one
    command: [sleep, "1"]
    health:
      exec: ["true"]
  - name: two
    command: [sleep, "1"]
    health:
      tcp:
        host: 10.0.0.1
        port: "{{ labels.port }}"
  - name: three
    command: [sleep, "1"]
    health:
      http:
        url: http://localhost/
`;

function parse(text: string, fileName = "web.yaml"): ReturnType<typeof parseRoles> {
  return parseRoles([{ fileName, text }]);
}

function complaints(text: string): string[] {
  const parsed = parse(text);
  assert.equal(parsed.type, "failed");
  return parsed.type === "failed"
    ? parsed.violations.map(({ field, description }) => `${field}: ${description}`)
    : [];
}

test("parseRoles() reads the whole form", () => {
  const parsed = parse(WHOLE);
  assert.equal(parsed.type, "parsed", JSON.stringify(parsed));
  if (parsed.type !== "parsed") return;
  const [web, check] = parsed.roles;
  assert.deepEqual(web?.match?.labels, { tier: "web", port: "8101" });
  assert.deepEqual(web?.match?.hardware?.coresMin, 2);
  assert.equal(web?.drift, 2);
  assert.deepEqual(
    [web?.files[0]?.mode, web?.files[0]?.owner, web?.files[0]?.template],
    ["0640", "www", "port={{ labels.port }}\n"],
  );
  assert.deepEqual(web?.services[0]?.command, ["python3", "-m", "http.server", "8101"]);
  assert.deepEqual(web?.services[0]?.environment, { DEBUG: "true" });
  assert.deepEqual(web?.services[1]?.health?.probe, {
    $case: "tcp",
    value: { host: "127.0.0.1", port: "9000" },
  });
  assert.deepEqual(
    check?.services.map(({ health }) => health?.probe),
    [
      { $case: "exec", value: { command: ["true"] } },
      { $case: "tcp", value: { host: "10.0.0.1", port: "{{ labels.port }}" } },
      { $case: "http", value: { url: "http://localhost/" } },
    ],
  );
});

test("parseRoles() finds all mistakes at once, each at its line", () => {
  const found = complaints(`kind: Role
nmae: web
files:
  - path: /etc/x
  - template: x
    mode: [1]
services:
  - name: app
    command: sleep
    health:
      http: http://x/
      tcp: 80
    stopTimeoutMs: fast
  - 5
match:
  labels: [a]
`);
  assert.deepEqual(found.map((line) => line.replace(/ Keys are.*/, "")).toSorted(), [
    "web.yaml:10: health needs exactly one of http, tcp, exec".replace(":10:", ":11:"),
    "web.yaml:13: stopTimeoutMs must be a whole number",
    "web.yaml:14: a service must be a mapping of keys to values",
    "web.yaml:16: labels must be a mapping of names to texts",
    "web.yaml:1: a role needs name",
    'web.yaml:2: a role has no key "nmae"; did you mean name?',
    "web.yaml:4: a file needs template",
    "web.yaml:5: a file needs path",
    "web.yaml:6: mode must be text",
    "web.yaml:9: command must be a list of texts",
  ]);
});

test("parseRoles() leads a violation of the domain back to its line", () => {
  const parsed = parse(WHOLE);
  assert.equal(parsed.type, "parsed");
  if (parsed.type !== "parsed") return;
  const line = (subject: string, path: string): string => {
    return parsed.locate({ subject, path, reason: "x" }).field;
  };
  assert.deepEqual(
    [
      line("web", "name"),
      line("web", ""),
      line("web", "match.labels.port"),
      line("web", 'match.labels["port"]'),
      line("web", "files[0].path"),
      line("web", "services[1].after[0]"),
      line("web", "services[0].command[3]"),
      line("web", "services[0].health.intervalMs"),
      line("web", "services[0].health.probe.url"),
      line("check", "services[1].health.tcp.port"),
      line("check", "services[9].name"),
      line("elsewhere", "x"),
    ],
    [3, 3, 8, 8, 16, 34, 24, 31, 29, 50, 41].map((at) => `web.yaml:${at}`).concat("elsewhere: x"),
  );
});

test("parseRoles() names documents without a file name and cleans odd ones", () => {
  const parsed = parseRoles([
    { fileName: "", text: "kind: x\nname: a" },
    { fileName: "a\u0007\n.yaml", text: "[]" },
  ]);
  assert.equal(parsed.type, "failed");
  if (parsed.type !== "failed") return;
  assert.deepEqual(
    parsed.violations.map(({ field }) => field),
    ["document 1:1", "a??.yaml:1"],
  );
});
