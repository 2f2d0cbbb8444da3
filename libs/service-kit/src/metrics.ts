/**
 * Counters, gauges and histograms in Prometheus' text format.
 *
 * One registry per process, made by its composition root and passed on; nothing registers itself at
 * import. Names get the prefix `atoll_`. Labels take few values: never a node's name, never a
 * request's id.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  /** `collect` is called before each reading and may set the gauge. */
  gauge(
    name: string,
    help: string,
    labelNames?: readonly string[],
    collect?: (gauge: Gauge) => void,
  ): Gauge;
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly string[],
  ): Histogram;
  /** All metrics of this process. */
  text(): Promise<string>;
}

/** Upper bounds in seconds for the durations of calls and writes: 0.1 ms to 30 s. */
export const DURATION_SECONDS_BUCKETS: readonly number[] = [
  0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30,
];

const PREFIX = "atoll_";
const MICROSECONDS_PER_SECOND = 1_000_000;

/** A registry whose metrics all carry `service`; the process's own memory and CPU are in it. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  const metrics = new PrometheusMetrics(registry);
  metrics.gauge("process_resident_bytes", "Memory of the process.", [], (gauge) => {
    gauge.set(process.memoryUsage.rss());
  });
  metrics.gauge("process_heap_used_bytes", "Memory in use by JavaScript values.", [], (gauge) => {
    gauge.set(process.memoryUsage().heapUsed);
  });
  metrics.gauge("process_cpu_seconds", "CPU time that the process has used.", [], (gauge) => {
    const usage = process.cpuUsage();
    gauge.set((usage.user + usage.system) / MICROSECONDS_PER_SECOND);
  });
  return metrics;
}

class PrometheusMetrics implements Metrics {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name: prefixed(name), help, labelNames, registers: [this.#registry] });
  }

  gauge(
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    collect?: (gauge: Gauge) => void,
  ): Gauge {
    return new Gauge({
      name: prefixed(name),
      help,
      labelNames,
      registers: [this.#registry],
      ...(collect === undefined
        ? {}
        : {
            collect(this: Gauge): void {
              collect(this);
            },
          }),
    });
  }

  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly string[] = [],
  ): Histogram {
    return new Histogram({
      name: prefixed(name),
      help,
      labelNames,
      buckets: [...buckets],
      registers: [this.#registry],
    });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function prefixed(name: string): string {
  return name.startsWith(PREFIX) ? name : `${PREFIX}${name}`;
}
