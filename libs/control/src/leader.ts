/**
 * What the leader of a datacenter does, over and over: collect, plan, decide, log, act.
 *
 * One batch is under way at a time. It gathers refused orders, plans of nodes that changed, changes
 * of presence, users' commands and agents' facts; decides them against a draft of the state, one
 * after another; and proposes what they lead to as one entry. Only when that is committed and
 * applied are callers answered, agents told and orders sent: nobody ever sees what is not in the
 * log. Everything here is lost with the leadership, and nothing of it is missed by the next leader.
 *
 * Never waits, never reads a clock but the given one, never acts from inside a callback: `run` is
 * called by the owner soon after `requestRun`, and at each tick.
 */
import type {
  ActionEvent,
  DatacenterName,
  DomainEvent,
  LogEntry,
  NodeName,
  PlannerDecision,
  StreamPosition,
  UserCommand,
} from "@atoll/domain";
import { Planner } from "@atoll/planner";
import { BoundedQueue, type Clock } from "@atoll/stdx";
import { Batch } from "./batch.ts";
import type { DatacenterTime } from "./datacenter-time.ts";
import { directiveOf } from "./directive.ts";
import { OrderDispatcher } from "./order-dispatcher.ts";
import { PlanSchedule } from "./plan-schedule.ts";
import type {
  AgentLink,
  FactMessage,
  LeaderObserver,
  Log,
  LogCodec,
  PendingCommand,
  PresenceSource,
  SubmitDone,
  SubmitOptions,
} from "./ports.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import type { ControlSettings } from "./settings.ts";
import type { NodeInNeed } from "./watch-report.ts";

export interface LeaderOptions {
  readonly datacenter: DatacenterName;
  readonly state: ReplicatedState;
  readonly codec: LogCodec;
  readonly log: Log;
  readonly link: AgentLink;
  readonly observer: LeaderObserver;
  readonly presence: PresenceSource;
  readonly clock: Clock;
  /** What entries are stamped with. */
  readonly time: DatacenterTime;
  readonly settings: ControlSettings;
  /** Asks the owner to call `run` soon. May be called many times before it does. */
  readonly requestRun: () => void;
}

interface OfferedFacts {
  readonly created: string;
  readonly messages: readonly FactMessage[];
  next: number;
  readonly ready: () => void;
}

/** Whether a node is acted upon; its agent is to know at once. */
const TOLD_AT_ONCE: ReadonlySet<DomainEvent["type"]> = new Set([
  "maintenanceStarted",
  "maintenanceEnded",
  "identityConflict",
  "identityConflictEnded",
]);

export class Leader {
  readonly #options: LeaderOptions;
  readonly #commands: BoundedQueue<PendingCommand>;
  readonly #dispatcher: OrderDispatcher;
  readonly #schedule: PlanSchedule = new PlanSchedule();
  readonly #converged = new Map<NodeName, boolean>();
  #planner: Planner | undefined;
  #term = 0;
  #underWay = false;
  #offered: OfferedFacts | undefined;
  #operationsDue = false;
  #replannedAtMs = 0;
  /** Nodes that would have been looked at by now, and were not. */
  #replansDue = 0;
  /** Of what is to be said to agents once the entry is committed. */
  #plannedActions: Extract<ActionEvent, { type: "actionPlanned" | "actionCancelRequested" }>[] = [];
  /** Nodes to be told what is committed, all together a little later: it saves messages. */
  readonly #toDirect = new Set<NodeName>();
  #directedAtMs = 0;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#commands = new BoundedQueue(options.settings.commandsWaitingMax);
    this.#dispatcher = new OrderDispatcher({
      link: options.link,
      observer: options.observer,
      resendEveryMs: options.settings.resendOrderEveryMs,
    });
    options.state.onApplied((_index, entry) => this.#applied(entry));
  }

  get leading(): boolean {
    return this.#term > 0;
  }

  /** This replica leads in `term`, and everything committed before is applied. */
  lead(term: number): void {
    const view = this.#options.state.datacenter;
    this.#term = term;
    this.#planner = new Planner({ view, datacenter: this.#options.datacenter });
    this.#schedule.clear();
    this.#schedule.addAll(view);
    this.#converged.clear();
    this.#operationsDue = true;
    this.#underWay = false;
    this.#plannedActions = [];
    this.#toDirect.clear();
    this.#replannedAtMs = this.#options.clock.monotonicMs();
    this.#replansDue = 0;
    this.#dispatcher.lead(term);
    this.#options.presence.begin();
    this.#options.requestRun();
  }

  /** It does not any more. Everyone who waits is told. */
  resign(): void {
    this.#term = 0;
    this.#planner = undefined;
    this.#offered = undefined;
    this.#dispatcher.resign();
    this.#options.presence.end();
    for (const pending of this.#commands.drain()) pending.done({ type: "notLeader" });
  }

  /** Where reading of the stream must begin; undefined for its beginning. */
  get streamPosition(): StreamPosition | undefined {
    return this.#options.state.datacenter.stream;
  }

  submit(command: UserCommand, options: SubmitOptions, done: SubmitDone): void {
    if (!this.leading) {
      done({ type: "notLeader" });
      return;
    }
    if (!this.#commands.push({ command, options, done })) {
      const waiting = this.#commands.capacity;
      done({ type: "overloaded", reason: `${waiting} commands are waiting already` });
      return;
    }
    this.#options.requestRun();
  }

  /**
   * Takes the next messages of the stream; calls `ready` when it wants more. One offer at a time.
   */
  offerFacts(created: string, messages: readonly FactMessage[], ready: () => void): void {
    if (!this.leading) return;
    this.#offered = { created, messages, next: 0, ready };
    this.#options.requestRun();
  }

  /** Called soon after `requestRun` and at each tick. */
  run(): void {
    if (!this.leading) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (const need of this.#options.presence.takeNeeds()) this.#needed(need);
    this.#directAll(nowMs);
    if (this.#underWay || !this.#options.time.ready()) return;
    this.#replanSlowly(nowMs);
    const batch = this.#collect(nowMs);
    // Looking at nodes has found what is open on them.
    this.#dispatcher.resend(this.#options.state.datacenter, nowMs);
    if (batch.events.length > 0 || this.#mustLogPosition(batch)) this.#propose(batch);
    else this.#answerUnchanged(batch);
  }

  #collect(nowMs: number): Batch {
    const { state, time } = this.#options;
    const view = state.datacenter;
    const index = state.appliedIndex + 1;
    const batch = new Batch({ view, index, nowMs: time.now() });
    this.#collectDecisions(batch);
    for (const command of this.#options.presence.verdicts(nowMs)) batch.decide(command, "detector");
    for (const pending of this.#commands.drain(this.#options.settings.commandsPerBatchMax)) {
      batch.decideFor(pending);
    }
    this.#collectFacts(batch);
    return batch;
  }

  #collectDecisions(batch: Batch): void {
    const { settings, state } = this.#options;
    const view = state.datacenter;
    const decisions = [...this.#dispatcher.takeEndings(), ...this.#schedule.takeStorms()];
    for (const name of this.#schedule.take(batch.nowMs, settings.plansPerBatchMax, view)) {
      decisions.push(...this.#plan(name, batch.nowMs));
    }
    if (this.#operationsDue && !this.#schedule.waits) {
      decisions.push(...this.#planOperations());
    }
    if (decisions.length > 0) batch.decide({ type: "carryOutPlan", decisions }, "planner");
  }

  #plan(name: NodeName, nowMs: number): readonly PlannerDecision[] {
    const plan = this.#planner?.planNode(name, nowMs);
    if (plan === undefined) return [];
    this.#dispatcher.addOpen(this.#options.state.datacenter.node(name));
    this.#schedule.planned(plan, this.#options.state.datacenter);
    if (this.#converged.get(name) !== plan.converged) {
      this.#converged.set(name, plan.converged);
      this.#operationsDue = true;
    }
    return plan.decisions;
  }

  #planOperations(): readonly PlannerDecision[] {
    const planner = this.#planner;
    if (planner === undefined) return [];
    const looksMax = this.#options.settings.operationLooksPerBatchMax;
    const done = planner.planOperations((node) => this.#isConverged(node), looksMax);
    this.#operationsDue = planner.operationsLeft;
    return done;
  }

  #isConverged(node: NodeName): boolean {
    return this.#converged.get(node) ?? this.#options.state.datacenter.node(node) === undefined;
  }

  #collectFacts(batch: Batch): void {
    const offered = this.#offered;
    if (offered === undefined) return;
    const { messagesPerBatchMax, factsPerBatchMax } = this.#options.settings;
    const end = Math.min(offered.messages.length, offered.next + messagesPerBatchMax);
    let taken = 0;
    for (; offered.next < end && taken < factsPerBatchMax; offered.next += 1) {
      const { read, sequence } = offered.messages[offered.next] as FactMessage;
      const facts = read();
      if (facts !== undefined) {
        batch.decide({ type: "acceptFacts", batch: facts }, `agent/${facts.node}`);
        batch.addressees.add(facts.node);
        for (const { observedAtMs } of facts.facts) batch.observedAtMs.push(observedAtMs);
        taken += facts.facts.length;
      }
      batch.stream = { created: offered.created, sequence };
      batch.messages += 1;
    }
    if (offered.next < offered.messages.length) return;
    this.#offered = undefined;
    offered.ready();
  }

  #mustLogPosition(batch: Batch): boolean {
    if (batch.stream === undefined) return false;
    const logged = this.#options.state.datacenter.stream;
    if (logged === undefined || logged.created !== batch.stream.created) return true;
    return batch.stream.sequence - logged.sequence >= this.#options.settings.positionLagMessagesMax;
  }

  #propose(batch: Batch): void {
    const { codec, log } = this.#options;
    const term = this.#term;
    this.#underWay = true;
    log.propose(codec.encodeLogEntry(batch.entry()), (outcome) => {
      if (outcome.type === "committed") this.#report(batch, outcome.index);
      batch.answer(outcome);
      if (this.#term !== term) return;
      this.#underWay = false;
      if (outcome.type === "committed") this.#act(batch);
      this.#options.requestRun();
    });
  }

  #report({ events, messages, commandCount, observedAtMs }: Batch, index: number): void {
    const nowMs = this.#options.clock.realtimeMs();
    const factAgesMs = observedAtMs.map((atMs) => nowMs - atMs);
    this.#options.observer.batchCommitted({
      index,
      events: events.length,
      messages,
      commands: commandCount,
      factAgesMs,
    });
  }

  /**
   * Nothing to log: callers are answered once a quorum confirms that the state they were judged by
   * is the newest.
   */
  #answerUnchanged(batch: Batch): void {
    for (const node of batch.addressees) this.#toDirect.add(node);
    if (batch.commandCount > 0) {
      const index = this.#options.state.appliedIndex;
      this.#options.log.confirmLeadership((confirmed) => {
        batch.answer(confirmed ? { type: "committed", index } : { type: "refused" });
      });
    }
    const more =
      this.#schedule.waits ||
      this.#operationsDue ||
      this.#commands.size > 0 ||
      this.#offered !== undefined;
    if (more) this.#options.requestRun();
  }

  #applied(entry: LogEntry | undefined): void {
    if (!this.leading || entry === undefined) return;
    const view = this.#options.state.datacenter;
    for (const { event } of entry.events) {
      this.#schedule.addAffected(event, view);
      if (event.type === "actionPlanned") {
        this.#dispatcher.add(event.action);
        this.#plannedActions.push(event);
      } else if (event.type === "actionCancelRequested") {
        this.#plannedActions.push(event);
      } else if (event.type === "operationStarted") {
        this.#operationsDue = true;
      } else if (event.type.startsWith("action") && "action" in event) {
        this.#dispatcher.remove(event.action);
      }
    }
  }

  /** What the committed batch means for agents. */
  #act(batch: Batch): void {
    const { state, clock, link } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const event of this.#plannedActions) {
      this.#dispatcher.send(event.action, state.datacenter, nowMs);
    }
    this.#plannedActions = [];
    for (const { event } of batch.events) {
      if (TOLD_AT_ONCE.has(event.type) && "node" in event) this.#direct(event.node);
    }
    for (const node of batch.addressees) this.#toDirect.add(node);
    if (batch.stream !== undefined) link.forgetFacts(batch.stream);
  }

  #directAll(nowMs: number): void {
    if (nowMs - this.#directedAtMs < this.#options.settings.directEveryMs) return;
    this.#directedAtMs = nowMs;
    for (const node of this.#toDirect) this.#direct(node);
    this.#toDirect.clear();
  }

  /**
   * To a node that the log never held nothing is committed: an agent that believes otherwise
   * learns it and begins anew.
   */
  #needed({ node, incarnation }: NodeInNeed): void {
    const { state, link } = this.#options;
    if (state.datacenter.node(node) !== undefined) this.#toDirect.add(node);
    else if (state.datacenter.forgottenNode(node) === undefined) {
      const committed = { boot: 0, sequence: 0 };
      link.sendDirective(node, { term: this.#term, incarnation, committed, maintenance: false });
    }
  }

  #direct(name: NodeName): void {
    const node = this.#options.state.datacenter.node(name);
    if (node === undefined) return;
    const { datacenter } = this.#options.state;
    this.#options.link.sendDirective(name, directiveOf(datacenter, node, this.#term));
  }

  /** The share of all nodes that has come due since the last call. */
  #replanSlowly(nowMs: number): void {
    const { settings, state } = this.#options;
    const { replanAllEveryMs, replansPerSecondMax, plansPerBatchMax } = settings;
    const perMs = Math.min(
      state.datacenter.nodeCount / replanAllEveryMs,
      replansPerSecondMax / 1_000,
    );
    const due = this.#replansDue + (nowMs - this.#replannedAtMs) * perMs;
    this.#replannedAtMs = nowMs;
    const count = Math.min(plansPerBatchMax, Math.floor(due));
    this.#replansDue = Math.min(plansPerBatchMax, due - count);
    if (count > 0) this.#schedule.addNext(count, state.datacenter);
  }
}
