/** Chapter 5: `atoll why`, and a history without a gap. */
import type { Cast } from "../cast.ts";

export async function itExplainsItself(cast: Cast): Promise<void> {
  const { stage, history, narrator } = cast;
  const page = await stage.atoll("why", "node/n1");
  const sections = ["Desired", "Observed", "Doing", "Waiting", "Recent"];
  const missing = sections.filter((section) => !page.includes(`\n${section}\n`));
  narrator.check(missing.length === 0, "`atoll why node/n1`", `without ${missing.join(", ")}`);
  narrator.quote(withoutPulses(page));
  const problems = await history.problems();
  narrator.check(
    problems.length === 0,
    `${history.seen.length} events were followed across ${history.breaks} breaks: ` +
      "each once, none missing, no fact taken in twice",
    problems.join("; "),
  );
}

/** The role that only measures is not worth the reader's time. */
function withoutPulses(page: string): string {
  const lines = page.split("\n");
  const kept = lines.filter((line) => !/service:pulse\/s(?!01)\d\d/.test(line));
  const left = lines.length - kept.length;
  return `${kept.join("\n")}\n(${left} lines about the services that measure are left out)`;
}
