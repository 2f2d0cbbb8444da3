/**
 * What replicas tell each other of heartbeats, as bytes.
 *
 * Each list is bounded and each value checked: whoever may speak on the bus could send anything.
 */
import type { Claimant, DatacenterName, NodeName } from "@atoll/domain";
import { WatchReport as ProtoWatchReport } from "@atoll/proto/atoll/replica/v1/watch";
import { checkedClaimant } from "./claimant.ts";
import { counter, datacenterName, identifier, listUpTo, nodeName } from "./check-message.ts";
import { attempt } from "./decoded.ts";
import type { Decoded } from "./decoded.ts";

/** As control's `WatchReport`, which says what each field means. */
export interface WatchReport {
  readonly datacenter: DatacenterName;
  readonly replica: number;
  readonly life: number;
  readonly counter: number;
  readonly heard: readonly {
    readonly replica: number;
    readonly life: number;
    readonly counter: number;
  }[];
  readonly shards: readonly { readonly shard: number; readonly uninterruptedMs: number }[];
  readonly servers: readonly string[];
  readonly silent: readonly {
    readonly node: NodeName;
    readonly incarnation: string;
    readonly silentMs: number;
    readonly probes: number;
    readonly server: string;
  }[];
  readonly back: readonly NodeName[];
  readonly needs: readonly { readonly node: NodeName; readonly incarnation: string }[];
  readonly realtimeMs: number;
  readonly timeMs: number;
  readonly contested: readonly {
    readonly node: NodeName;
    readonly heard: readonly {
      readonly claimant: Claimant;
      readonly silentMs: number;
      readonly alternates: boolean;
    }[];
  }[];
}

const NODES_MAX = 10_000;
const SHARDS_MAX = 1_024;
const SERVERS_MAX = 100;
const REPLICAS_MAX = 100;
const CONTESTED_MAX = 1_000;
const CLAIMANTS_MAX = 16;

export function encodeWatchReport(report: WatchReport): Uint8Array {
  return ProtoWatchReport.encode(report).finish();
}

export function decodeWatchReport(bytes: Uint8Array): Decoded<WatchReport> {
  return attempt(() => {
    const message = ProtoWatchReport.decode(bytes);
    return {
      datacenter: datacenterName(message.datacenter),
      replica: counter("replica", message.replica),
      life: counter("life", message.life),
      counter: counter("counter", message.counter),
      realtimeMs: counter("wall clock", message.realtimeMs),
      timeMs: counter("time", message.timeMs),
      heard: listUpTo("heard reports", message.heard, REPLICAS_MAX).map((each) => ({
        replica: counter("replica", each.replica),
        life: counter("life", each.life),
        counter: counter("counter", each.counter),
      })),
      shards: listUpTo("shards", message.shards, SHARDS_MAX).map((each) => ({
        shard: counter("shard", each.shard),
        uninterruptedMs: counter("duration", each.uninterruptedMs),
      })),
      servers: listUpTo("servers", message.servers, SERVERS_MAX).map(server),
      silent: listUpTo("silent nodes", message.silent, NODES_MAX).map((each) => ({
        node: nodeName(each.node),
        incarnation: orEmpty("incarnation", each.incarnation),
        silentMs: counter("duration", each.silentMs),
        probes: counter("probes", each.probes),
        server: server(each.server),
      })),
      back: listUpTo("nodes that are back", message.back, NODES_MAX).map(nodeName),
      needs: listUpTo("nodes in need", message.needs, NODES_MAX).map((each) => ({
        node: nodeName(each.node),
        incarnation: identifier("incarnation", each.incarnation),
      })),
      contested: listUpTo("contested nodes", message.contested, CONTESTED_MAX).map((each) => ({
        node: nodeName(each.node),
        heard: listUpTo("claimants", each.heard, CLAIMANTS_MAX).map((one) => ({
          claimant: checkedClaimant(one.claimant),
          silentMs: counter("duration", one.silentMs),
          alternates: one.alternates,
        })),
      })),
    };
  });
}

function server(text: string): string {
  return orEmpty("bus server", text);
}

function orEmpty(what: string, text: string): string {
  return text === "" ? "" : identifier(what, text);
}
