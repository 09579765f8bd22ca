// The seed of the tests that throw dice. A failure prints it; VSCOPE_SEED=... repeats the same run.

export const SEED = Number(process.env["VSCOPE_SEED"] ?? 20_260_621);
