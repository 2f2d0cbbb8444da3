/**
 * Watches nodes of one datacenter or of all: all of them once, then each that changes, then each
 * that is forgotten.
 *
 * Goes on from an index by what `NodeChanges` remembers; where that is not enough, everything of
 * that datacenter is sent again.
 */
import type { WatchNodesRequest, WatchNodesResponse } from "@atoll/proto/atoll/v1/node";
import { type CallContext, invalidField } from "@atoll/service-kit";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { compileFilter } from "../filter/compile.ts";
import type { Island } from "../islands/island.ts";
import { beginReads } from "./begin-read.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { NodeSender } from "./node-sender.ts";
import { ALL_DATACENTERS, parseParent } from "./parse-names.ts";
import { resumePoints } from "./resume.ts";

export async function watchNodes(
  { islands, watches }: HandlerParts,
  request: WatchNodesRequest,
  context: CallContext,
  stream: ServerWritableStream<WatchNodesRequest, WatchNodesResponse>,
): Promise<void> {
  const { parent, filter, resumeIndex: index, resume } = request;
  const asked = islands.under(parent);
  if (index < 0) throw invalidField("resume_index", `${index} is not allowed: 0 or an index`);
  const points = resumePoints({ index, resume }, asked, islands);
  for (const { nodes } of asked) compileFilter(filter, nodes.filterFields());
  const asOf = await beginReads(asked, context);
  using watch = watches.begin(stream);
  const several = parseParent(parent) === ALL_DATACENTERS;
  // They may have come and gone while it was read.
  const present = islands.under(parent);
  const main = several ? islands.home : (present[0] ?? islands.home);
  using sender = new NodeSender({ watch, main, several });
  function add(island: Island): void {
    const keeps = compileFilter(filter, island.nodes.filterFields());
    sender.add(island, keeps, { resumed: points.size > 0, resumeIndex: points.get(island) ?? 0 });
  }
  for (const island of present) add(island);
  sender.closeBeginning(asOf);
  using _islands = islands.subscribe({
    added: (island) => {
      if (!several) return;
      add(island);
      sender.flush();
    },
    removed: (island) => {
      if (several) sender.remove(island);
      else if (island === main) watch.fail(islands.unknown(island.datacenter));
    },
  });
  watch.onReady(() => sender.flush());
  watch.onQuiet(() => sender.beat());
  sender.flush();
  await watch.ended;
}
