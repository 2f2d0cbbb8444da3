/**
 * The lane of each fact: what is reported first, and dropped last.
 *
 * Liveness is none of them: heartbeats are not stored and wait for nothing.
 */
import type { Fact, FactLane } from "@atoll/domain";

export function laneOf(fact: Fact): FactLane {
  switch (fact.type) {
    case "inventoryObserved":
    case "inventoryDiffered":
      return "inventory";
    case "factsDropped":
      return fact.lane;
    case "agentStarted":
    case "serviceObserved":
    case "serviceForgotten":
    case "serviceRestartedAlone":
    case "fileObserved":
    case "fileForgotten":
    case "actionFinished":
      return "state";
  }
}
