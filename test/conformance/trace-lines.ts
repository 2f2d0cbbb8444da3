/**
 * The lines of a trace that say nothing about a replica's state that is not said elsewhere too.
 *
 * An explicit list: messages, what is counted on the way to an election, what a log does inside. A
 * line that is neither here nor understood by trace.ts is an error, so nothing is overlooked.
 */

const SENDER = String.raw`(?:\d+|AppendThread|ApplyThread)`;
/** A message that is sent, delivered or lost; long ones go on in lines of their own. */
const MESSAGE = new RegExp(String.raw`^(?:dropped: )?${SENDER}->${SENDER} Msg\w+ `, "u");

/**
 * What a replica says on its way to a state that it tells elsewhere: `#` is a number, `VOTE` a kind
 * of vote, `MSG` any message, `…` any text.
 */
const ON_THE_WAY: readonly RegExp[] = [
  "INFO # is starting a new election at term #",
  "INFO # [logterm: #, index: #] sent VOTE request to # at term #",
  "INFO # received VOTEResp from # at term #",
  "INFO # received VOTEResp rejection from # at term #",
  "INFO # has received # VOTEResp votes and # vote rejections",
  "INFO # [term: #] received a MSG message with higher term from # [term: #]",
  "INFO # [term: #] received a MSG message with lower term from # [term: #]",
  "INFO # [term: #] ignored a MSG message with lower term from # [term: #]",
  "INFO # [logterm: #, index: #, vote: #] rejected VOTE from # …",
  "INFO # [logterm: #, index: #, vote: #] ignored VOTE from # …",
  "INFO # [logterm: #, index: #, vote: #] cast MsgPreVote for # …",
  "INFO found conflict at index # [existing term: #, conflicting term: #]",
  "INFO replace the unstable entries from index #",
  "INFO truncate the unstable entries before index #",
  "INFO entry at index # missing from unstable log; ignoring",
  "INFO entry at (index,term)=(#,#) mismatched with entry at (#,#) in unstable log; ignoring",
  "INFO # [term: #] ignored entry appends from a MSG message with lower term …",
  "INFO log [committed=…] starts to restore snapshot …",
  "INFO initiating automatic transition out of joint configuration …",
  "INFO # [term #] starts to transfer leadership to #",
  "INFO # [term #] abort previous transferring leadership to #",
  "INFO # [term #] transfer leadership to # is in progress, ignores request to same node #",
  "INFO # [term #] received MsgTimeoutNow from # and starts an election to get leadership.",
  "INFO # [term #] MsgTransferLeader is ignored since lead transferee …",
  "INFO # sends MsgTimeoutNow to # immediately as # already has up-to-date log",
  "INFO # sent MsgTimeoutNow to # after received MsgAppResp",
  "DEBUG # sent MsgTimeoutNow to # after received MsgAppResp",
  "INFO # no leader at term #; dropping …",
  "DEBUG # [term #] transfer leadership to # is in progress; dropping proposal",
  "DEBUG # is already leader. Ignored transferring leadership to self",
  "DEBUG # is learner. Ignored transferring leadership",
  "DEBUG # no progress available for #",
  "DEBUG # ignoring MsgHup because already leader",
  "INFO # [commit: #] ignored snapshot …",
  "INFO # [commit: #, lastindex: #, lastterm: #] fast-forwarded commit to snapshot …",
  "WARN # stepped down to follower since quorum is not active",
  "INFO # stepped down to follower since quorum is not active",
  "DEBUG # stepped down to follower since quorum is not active",
  "DEBUG # [logterm: #, index: #] rejected MsgApp [logterm: #, index: #] from #",
  "DEBUG # received MsgAppResp(rejected, hint: (index #, term #)) from # for index #",
  "DEBUG # decreased progress of # to …",
  "DEBUG # [firstindex: #, commit: #] sent snapshot[index: #, term: #] to # …",
  "DEBUG # paused sending replication messages to # …",
  "DEBUG # recovered from needing snapshot, resumed sending replication messages to # …",
  "DEBUG # failed to send message to # because it is unreachable …",
  "DEBUG # failed to send snapshot to # because snapshot is temporarily unavailable",
  "DEBUG # ignore sending snapshot to # since it is not recently active",
  "DEBUG # snapshot failed, resumed sending replication messages to # …",
  "DEBUG # snapshot aborted, resumed sending replication messages to # …",
  "DEBUG # snapshot succeeded, resumed sending replication messages to # …",
  // A leader hears from one that it no longer knows.
  "raft: cannot step as peer not found",
].map(toPattern);

export function isMessage(line: string): boolean {
  return MESSAGE.test(line);
}

/** A message that opens a bracket which further lines fill. */
export function opensBracket(line: string): boolean {
  return line.endsWith("[");
}

export function isOnTheWay(line: string): boolean {
  return ON_THE_WAY.some((pattern) => pattern.test(line));
}

function toPattern(template: string): RegExp {
  const source = template
    .replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`)
    .replaceAll("#", String.raw`\d+`)
    .replaceAll("VOTE", "Msg(?:Pre)?Vote")
    .replaceAll("MSG", String.raw`Msg\w+`)
    .replaceAll("…", ".*");
  return new RegExp(`^${source}$`, "u");
}
