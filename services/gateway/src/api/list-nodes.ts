/**
 * A page of nodes, sorted by datacenter and name.
 */
import type { NodeState } from "@atoll/domain";
import { type ListNodesRequest, type ListNodesResponse, Node } from "@atoll/proto/atoll/v1/node";
import type { CallContext } from "@atoll/service-kit";
import { compileFilter, type Filter } from "../filter/compile.ts";
import type { Island } from "../islands/island.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { listOver } from "./list-over.ts";
import { pauseOf } from "./pause-view.ts";

export async function listNodes(
  parts: HandlerParts,
  request: ListNodesRequest,
  context: CallContext,
): Promise<ListNodesResponse> {
  const { parent, filter } = request;
  const islands = parts.islands.under(parent);
  const filters = new Map<Island, Filter<NodeState>>(
    islands.map((island) => [island, compileFilter(filter, island.nodes.filterFields())]),
  );
  const page = await listOver(
    islands,
    { request, context },
    {
      list: ["nodes", parent, filter],
      items: (island, after) => nodesOf(island, filters.get(island), after),
      keyOf: ({ name }: NodeState) => name,
      render: ({ nodes }, node) => nodes.render(node),
      bytesOf: (node) => Node.encode(node).finish().length,
    },
  );
  return {
    nodes: page.items,
    nextPageToken: page.nextPageToken,
    asOf: page.asOf,
    pauses: islands.map(pauseOf).filter((pause) => pause !== undefined),
  };
}

function* nodesOf(
  { mirror }: Island,
  keeps: Filter<NodeState> | undefined,
  after: string | undefined,
): Iterable<NodeState> {
  for (const node of mirror.datacenter.nodes()) {
    if ((after === undefined || node.name > after) && keeps?.(node) === true) yield node;
  }
}
