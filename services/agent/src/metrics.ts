/**
 * Counters and gauges in Prometheus' text format, in a hundred lines.
 *
 * The library that the other services use takes 20 MB of memory, a third of what an agent may have.
 * Names get the prefix `atoll_`; every metric carries `service="agent"`.
 */

export interface Counter {
  /** Adds `count`, default one. Labels are the ones the counter was made with. */
  inc(labels?: Readonly<Record<string, string>>, count?: number): void;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** By their labels as text. */
  readonly values: () => ReadonlyMap<string, number>;
}

const PREFIX = "atoll_";
const MICROSECONDS_PER_SECOND = 1_000_000;
/** Combinations of labels per counter; past it further ones are counted under none. */
const COMBINATIONS_MAX = 100;

export class AgentMetrics {
  readonly #metrics: Metric[] = [];

  constructor() {
    this.gauge("process_resident_bytes", "Memory of the process.", () => process.memoryUsage.rss());
    this.gauge("process_cpu_seconds", "CPU time that the process has used.", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS_PER_SECOND;
    });
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    const values = new Map<string, number>();
    if (labelNames.length === 0) values.set("", 0);
    this.#metrics.push({ name, help, type: "counter", values: () => values });
    return {
      inc: (labels = {}, count = 1) => {
        const wanted = labelNames
          .map((label) => `,${label}="${escape(labels[label] ?? "")}"`)
          .join("");
        const known = values.has(wanted) || values.size < COMBINATIONS_MAX;
        const key = known ? wanted : "";
        values.set(key, (values.get(key) ?? 0) + count);
      },
    };
  }

  /** `read` is called at each reading; undefined leaves the metric out. */
  gauge(name: string, help: string, read: () => number | undefined): void {
    const values = (): ReadonlyMap<string, number> => {
      const value = read();
      return new Map(value === undefined ? [] : [["", value]]);
    };
    this.#metrics.push({ name, help, type: "gauge", values });
  }

  /** All metrics of this process. */
  text(): Promise<string> {
    const lines: string[] = [];
    for (const { name, help, type, values } of this.#metrics) {
      lines.push(`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`);
      for (const [labels, value] of values()) {
        lines.push(`${PREFIX}${name}{service="agent"${labels}} ${value}`);
      }
    }
    return Promise.resolve(`${lines.join("\n")}\n`);
  }
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
