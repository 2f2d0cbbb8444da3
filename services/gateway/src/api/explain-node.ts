/**
 * Why a node is as it is: wanted, observed, done, and waited for.
 */
import type { ReasonLine } from "@atoll/planner";
import type { ExplainNodeRequest, ExplainNodeResponse, Reason } from "@atoll/proto/atoll/v1/node";
import type { CallContext } from "@atoll/service-kit";
import { renderAction } from "./action-view.ts";
import { beginRead } from "./begin-read.ts";
import { findNode } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { parseNode } from "./parse-names.ts";
import { sinceOf } from "./time.ts";

const RECENT_ACTIONS_MAX = 10;

export async function explainNode(
  { islands }: HandlerParts,
  request: ExplainNodeRequest,
  context: CallContext,
): Promise<ExplainNodeResponse> {
  const { island, name } = islands.locate(parseNode(request.name));
  const { names, mirror, nodes } = island;
  const asOf = await beginRead(island, context);
  const node = findNode(mirror, name);
  const explanation = nodes.explain(node);
  const recent = [...node.finished, ...node.open.values()].slice(-RECENT_ACTIONS_MAX).toReversed();
  return {
    node: nodes.render(node),
    desired: [
      ...(explanation?.roles ?? []).map(({ role, because, since }) => ({
        subject: names.role(role),
        text: because,
        since: sinceOf(since),
        detail: "",
      })),
      ...(explanation?.desired ?? []).map(reasonOf),
    ],
    observed: (explanation?.observed ?? []).map(reasonOf),
    doing: (explanation?.doing ?? []).map(reasonOf),
    waiting: (explanation?.waiting ?? []).map(reasonOf),
    recentActions: recent.flatMap((id) => {
      const action = mirror.datacenter.action(id);
      return action === undefined ? [] : [renderAction(mirror.datacenter, action, names)];
    }),
    asOf,
  };
}

function reasonOf({ subject, text, since, detail }: ReasonLine): Reason {
  return { subject, text, since: since === undefined ? undefined : sinceOf(since), detail };
}
