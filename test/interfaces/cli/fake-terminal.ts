// A terminal that keeps what was written to it.

import type { Terminal } from "../../../src/interfaces/cli/terminal.ts";

export class FakeTerminal implements Terminal {
  readonly isOutTty = false;
  readonly isErrorTty: boolean;
  readonly columns = 60;
  readonly rows = 24;
  readonly hasColour = false;
  output = "";
  errors = "";

  constructor({ isErrorTty = false }: { readonly isErrorTty?: boolean } = {}) {
    this.isErrorTty = isErrorTty;
  }

  out(text: string | Uint8Array): void {
    this.output += typeof text === "string" ? text : Buffer.from(text).toString();
  }

  error(text: string): void {
    this.errors += text;
  }
}
