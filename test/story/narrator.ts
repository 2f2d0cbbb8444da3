/**
 * Prints the story: chapters, steps with their times, and what did not hold.
 *
 * A step that does not hold is printed as such and ends its chapter; the story goes on with the
 * next one and fails at its end.
 */
export class Narrator {
  #failures = 0;
  #steps = 0;

  get failures(): number {
    return this.#failures;
  }

  get steps(): number {
    return this.#steps;
  }

  async chapter(title: string, tell: () => Promise<void>): Promise<void> {
    console.log(`\n${title}`);
    try {
      await tell();
    } catch (error) {
      if (error instanceof StepFailed) return;
      this.fails(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  /** States what was seen to hold. */
  holds(text: string): void {
    this.#steps += 1;
    console.log(`  ✓ ${text}`);
  }

  /** States what did not hold. */
  fails(text: string): void {
    this.#steps += 1;
    this.#failures += 1;
    console.log(`  ✗ ${text}`);
  }

  /** States what must hold. @throws StepFailed to end the chapter. */
  check(holds: boolean, text: string, otherwise = ""): void {
    if (holds) {
      this.holds(text);
      return;
    }
    this.fails(otherwise === "" ? text : `${text}: ${otherwise}`);
    throw new StepFailed(text);
  }

  /** Something for the reader, below the step. */
  quote(text: string): void {
    for (const line of text.trimEnd().split("\n")) console.log(`      ${line}`.trimEnd());
  }
}

export class StepFailed extends Error {
  override name = "StepFailed";
}
