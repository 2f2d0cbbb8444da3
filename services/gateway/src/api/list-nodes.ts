/**
 * A page of nodes, sorted by name.
 */
import type { NodeState } from "@atoll/domain";
import { type ListNodesRequest, type ListNodesResponse, Node } from "@atoll/proto/atoll/v1/node";
import type { CallContext } from "@atoll/service-kit";
import { compileFilter } from "../filter/compile.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { pageSizeOf, readPageToken, takePage } from "./pages.ts";
import { pauseOf } from "./pause-view.ts";

export async function listNodes(
  { islands }: HandlerParts,
  request: ListNodesRequest,
  context: CallContext,
): Promise<ListNodesResponse> {
  const island = islands.one(request.parent);
  const { reads, mirror, nodes } = island;
  const keeps = compileFilter(request.filter, nodes.filterFields());
  const list = ["nodes", request.parent, request.filter];
  const after = readPageToken(request, list);
  const size = pageSizeOf(request);
  const asOf = await reads.begin(context.deadlineMs);
  function* kept(): Iterable<NodeState> {
    for (const node of mirror.datacenter.nodes()) {
      if ((after === undefined || node.name > after) && keeps(node)) yield node;
    }
  }
  const page = takePage(kept(), {
    size,
    list,
    keyOf: ({ name }) => name,
    render: (node) => nodes.render(node),
    bytesOf: (node) => Node.encode(node).finish().length,
  });
  return {
    nodes: page.items,
    nextPageToken: page.nextPageToken,
    asOf: [asOf],
    pauses: [pauseOf(island)].filter((pause) => pause !== undefined),
  };
}
