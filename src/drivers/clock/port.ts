// The port to the programs that know how good the computer's clock is.

export interface Programs {
  /**
   * What a program prints. Rejects when it is not there, fails, or the signal aborts, which ends it; there is no other
   * time limit.
   */
  run(program: string, args: readonly string[], signal: AbortSignal): Promise<string>;
}
