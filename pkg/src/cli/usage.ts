/** The command line is not usable; the message says what to do. */
export class UsageError extends Error {}

/** What a shell reports for a process that SIGINT ended. */
export const EXIT_INTERRUPTED = 130;
