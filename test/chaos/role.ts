/**
 * The role that nodes have in a chaos run: services that write down each of their starts, so that
 * what ran can be counted apart from what anybody says ran, and a file that can be changed by hand.
 */

export const SERVICES: readonly string[] = ["one", "two", "three"];
export const FILE_PATH = "etc/chaos.conf";

export function roleText(): string {
  const services = SERVICES.map((name) => {
    const command = `echo $$ >> ${startsFile(name)}; exec sleep 1000000`;
    return [
      `  - name: ${name}`,
      `    command: [sh, -c, ${JSON.stringify(command)}]`,
      `    stopTimeoutMs: 1000`,
      ``,
    ].join("\n");
  });
  const head = [
    "kind: Role",
    "name: chaos",
    "match: { labels: { tier: chaos } }",
    "files:",
    `  - path: /${FILE_PATH}`,
    '    template: "as it should be\\n"',
    "services:",
  ];
  return `${head.join("\n")}\n${services.join("")}`;
}

/** Below the node's root. */
export function startsFile(service: string): string {
  return `starts-${service}`;
}
