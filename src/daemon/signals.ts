// The signals that steer the server: SIGTERM and SIGINT end it, SIGHUP makes it reopen its logs and
// read certificates again.

export interface SignalActions {
  /** Called once, by the first SIGTERM or SIGINT. */
  readonly stop: (signal: "SIGTERM" | "SIGINT") => void;
  /** Called by each SIGHUP. */
  readonly reload: () => void;
}

/** Listens until the returned function is called. After that the system's own reaction to these signals holds. */
export function listenForSignals({ stop, reload }: SignalActions): () => void {
  let isStopping = false;
  const end = (signal: "SIGTERM" | "SIGINT"): void => {
    if (isStopping) return;
    isStopping = true;
    stop(signal);
  };
  const onTerm = (): void => end("SIGTERM");
  const onInterrupt = (): void => end("SIGINT");
  process.on("SIGTERM", onTerm).on("SIGINT", onInterrupt).on("SIGHUP", reload);
  return () => {
    process.off("SIGTERM", onTerm).off("SIGINT", onInterrupt).off("SIGHUP", reload);
  };
}
