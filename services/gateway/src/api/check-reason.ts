/**
 * Whether a caller gave a reason for what others will wonder about.
 *
 * Printability and the rest is the domain's to judge.
 */
import { REASON_LENGTH_MAX } from "@atoll/domain";
import { invalidField } from "@atoll/service-kit";

/** @throws ApiError when there is none, or when it is too long. */
export function checkReason(reason: string): void {
  if (reason.trim() === "") throw invalidField("reason", "it is required", "REASON_MISSING");
  if (reason.length <= REASON_LENGTH_MAX) return;
  throw invalidField(
    "reason",
    `it has ${reason.length} characters; at most ${REASON_LENGTH_MAX} are allowed`,
    "REASON_TOO_LONG",
  );
}
