/**
 * The version of this command.
 */
export const VERSION = "0.1.0";
