/**
 * A broken promise of the system under simulation.
 *
 * Thrown by checkers at the step where it happens; nothing but the end of a run catches it.
 */
export class Violation extends Error {
  override name = "Violation";
}
