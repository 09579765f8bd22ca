// What an export's thread tells the one that started it.

import type { ErrorCode } from "../base/errors.ts";
import type { ExportReport } from "./pipeline.ts";

export type ThreadMessage =
  | { readonly kind: "progress"; readonly done: number; readonly of: number; readonly text: string }
  | { readonly kind: "done"; readonly report: ExportReport }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly stack?: string };
