// The two streams of a command: results on stdout, everything else on stderr. Tests put texts in their place.

export interface Terminal {
  out(text: string | Uint8Array): void;
  error(text: string): void;
  readonly isOutTty: boolean;
  readonly isErrorTty: boolean;
  readonly columns: number;
  readonly rows: number;
  /** False when NO_COLOR is set (https://no-color.org) or stdout is not a terminal. */
  readonly hasColour: boolean;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  return {
    out: (text) => {
      stdout.write(text);
    },
    error: (text) => {
      stderr.write(text);
    },
    isOutTty: stdout.isTTY === true,
    isErrorTty: stderr.isTTY === true,
    columns: (stdout.isTTY ? stdout.columns : stderr.columns) ?? 80,
    rows: stdout.rows ?? 24,
    hasColour: stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
  };
}
