/**
 * `atoll.lab.v1.LabService`: what the `atoll lab` commands ask of a lab that runs.
 *
 * Served on loopback by the lab's process. Says how things are and acts on links; starts and stops
 * no process.
 */
import {
  LabServiceService,
  type Lab as LabMessage,
  type LabServiceServer,
} from "@atoll/proto/atoll/lab/v1/lab";
import { showText } from "@atoll/domain";
import {
  ApiError,
  createCallEnvironment,
  createMetrics,
  invalidField,
  silentLog,
  startGrpcServer,
  unary,
  type GrpcServer,
  type Metrics,
} from "@atoll/service-kit";
import { nearest } from "@atoll/stdx";
import { status } from "@grpc/grpc-js";
import type { LabDatacenter } from "./lab-datacenter.ts";
import { laneText } from "./links/lane-text.ts";
import type { Links, LaneStatus } from "./links/links.ts";
import { HOST } from "./topology.ts";

const DELAY_MS_MAX = 60_000;
const LOSS_PPM_MAX = 500_000;
const BYTES_PER_SECOND_MIN = 1_000;

/** What of a lab it works on. */
export interface ControlledLab {
  readonly stateDir: string;
  readonly datacenters: readonly LabDatacenter[];
  readonly links: Links;
}

export interface ControlOptions {
  readonly lab: ControlledLab;
  readonly port: number;
  /** Told of each direction of a link that has changed. */
  readonly report: (line: string) => void;
}

/** @throws OperationalError when the port is taken. */
export async function startControl({ lab, port, report }: ControlOptions): Promise<GrpcServer> {
  const metrics = createMetrics("lab");
  const server = await startGrpcServer({
    listen: `${HOST}:${port}`,
    transport: "insecure-for-lab",
    services: [{ definition: LabServiceService, implementation: labService(lab, report, metrics) }],
    reflection: false,
    log: silentLog,
    metrics,
  });
  server.setServing("", true);
  return server;
}

function labService(
  lab: ControlledLab,
  report: (line: string) => void,
  metrics: Metrics,
): LabServiceServer {
  const environment = createCallEnvironment({ log: silentLog, metrics });
  const options = (method: string): Parameters<typeof unary>[1] => ({
    method: `LabService/${method}`,
    environment,
  });
  function change(work: (links: Links) => void): LabMessage {
    const before = lab.links.status();
    work(lab.links);
    for (const line of changedLanes(before, lab.links.status())) report(line);
    return describe(lab);
  }
  return {
    getLab: unary(() => describe(lab), options("GetLab")),
    cutLink: unary(({ datacenter, other, reset }) => {
      checkPair(lab, { datacenter, other });
      return change((links) => {
        links.cut(datacenter, other);
        if (reset) links.reset(datacenter, other);
      });
    }, options("CutLink")),
    cutOneWay: unary(({ from, to }) => {
      checkPair(lab, { from, to });
      return change((links) => links.oneWay(from, to));
    }, options("CutOneWay")),
    slowLink: unary(({ datacenter, other, ...slowness }) => {
      checkPair(lab, { datacenter, other });
      checkSlowness(slowness);
      return change((links) => links.slow(datacenter, other, slowness));
    }, options("SlowLink")),
    healLinks: unary(({ datacenter, other }) => {
      const all = datacenter === "" && other === "";
      if (!all) checkPair(lab, { datacenter, other });
      return change((links) => (all ? links.healAll() : links.heal(datacenter, other)));
    }, options("HealLinks")),
  };
}

function describe(lab: ControlledLab): LabMessage {
  return {
    stateDir: lab.stateDir,
    datacenters: lab.datacenters.map(({ name, gatewayAddress, processes }) => ({
      name,
      gateway: gatewayAddress,
      processes: processes.map((one) => ({ name: one.name, state: one.state })),
    })),
    lanes: lab.links.status(),
  };
}

function changedLanes(before: readonly LaneStatus[], now: readonly LaneStatus[]): string[] {
  return now.flatMap((lane, at) => {
    const was = before[at];
    if (was !== undefined && laneText(was) === laneText(lane)) return [];
    return [`link ${lane.from} → ${lane.to}: ${laneText(lane)}`];
  });
}

/** @throws ApiError unless both are datacenters of the lab, and not the same. */
function checkPair(lab: ControlledLab, pair: Readonly<Record<string, string>>): void {
  const known = lab.datacenters.map(({ name }) => name);
  for (const [field, name] of Object.entries(pair)) {
    if (name === "") throw invalidField(field, `a datacenter must be named: ${known.join(", ")}`);
    if (known.includes(name)) continue;
    const message = `the lab has no datacenter ${showText(name)}, only ${known.join(", ")}`;
    const near = nearest(name, known);
    throw new ApiError(
      status.NOT_FOUND,
      near === undefined ? message : `${message}; did you mean ${near}?`,
      { reason: "DATACENTER_UNKNOWN" },
    );
  }
  const [one, other] = Object.values(pair);
  const [, field = ""] = Object.keys(pair);
  if (one === other) throw invalidField(field, `${one} has no link to itself`);
}

function checkSlowness(given: {
  readonly delayMs: number;
  readonly lossPpm: number;
  readonly bytesPerSecond: number;
}): void {
  checkRange("delay_ms", given.delayMs, 0, DELAY_MS_MAX);
  checkRange("loss_ppm", given.lossPpm, 0, LOSS_PPM_MAX);
  if (given.bytesPerSecond === 0) return;
  checkRange("bytes_per_second", given.bytesPerSecond, BYTES_PER_SECOND_MIN, 10 ** 12);
}

function checkRange(field: string, value: number, minimum: number, maximum: number): void {
  if (value >= minimum && value <= maximum) return;
  throw invalidField(field, `${value} is not allowed: allowed are ${minimum} to ${maximum}`);
}
