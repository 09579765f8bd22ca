// What the scheduler shows of itself.

export interface SchedulerStatus {
  /** False until the clock of the computer has been set, or is behind what it showed once; nothing is begun before. */
  readonly isClockSet: boolean;
  readonly isQuiet: boolean;
  /** Whether quiet time has switched the spectrometers off. */
  readonly isPowerOff: boolean;
  /** Job that has its turn. */
  readonly running?: number;
  /** Runs that wait for the end of another. */
  readonly waiting: number;
  readonly nextUtcUs?: number;
  /** Whether jobs outlive the server. */
  readonly isLasting: boolean;
  /** What somebody should see to: why jobs do not last, why nothing begins. */
  readonly problems?: readonly string[];
}
