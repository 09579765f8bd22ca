// Notes which rows change while they are in memory only, so that a file that can be written again gets those and no others.

import type Database from "better-sqlite3";

const KEYS = { jobs: "id", history: "id", settings: "name" } as const;
const CHANGES = { INSERT: "NEW", UPDATE: "NEW", DELETE: "OLD" } as const;

interface Changed {
  readonly relation: keyof typeof KEYS;
  readonly id: number | string;
}

export class Meanwhile {
  readonly #memory: Database.Database;

  constructor(memory: Database.Database) {
    this.#memory = memory;
    memory.pragma("temp_store = MEMORY");
    memory.exec("CREATE TEMP TABLE changed (relation, id, PRIMARY KEY (relation, id)) WITHOUT ROWID");
    for (const [relation, key] of Object.entries(KEYS))
      for (const [change, row] of Object.entries(CHANGES))
        memory.exec(
          `CREATE TEMP TRIGGER ${relation}_${change} AFTER ${change} ON main.${relation} BEGIN ` +
            `INSERT OR IGNORE INTO changed VALUES ('${relation}', ${row}.${key}); END`,
        );
  }

  get isChanged(): boolean {
    return this.#changed().length > 0;
  }

  /** All changes, or none; everything into a file that was made anew. Throws SqliteError. */
  writeTo(file: Database.Database): void {
    file.transaction(() => {
      for (const { relation, id } of isEmpty(file) ? this.#all() : this.#changed()) {
        const key = KEYS[relation];
        const row = this.#memory
          .prepare<[unknown], Record<string, unknown>>(`SELECT * FROM ${relation} WHERE ${key} = ?`)
          .get(id);
        if (row === undefined) file.prepare(`DELETE FROM ${relation} WHERE ${key} = ?`).run(id);
        else file.prepare(insertOf(relation, Object.keys(row))).run(row);
      }
    })();
  }

  #changed(): readonly Changed[] {
    return this.#memory.prepare<[], Changed>("SELECT * FROM changed").all();
  }

  #all(): readonly Changed[] {
    const rows = Object.entries(KEYS).map(
      ([relation, key]) => `SELECT '${relation}' AS relation, ${key} AS id FROM ${relation}`,
    );
    return this.#memory.prepare<[], Changed>(rows.join(" UNION ALL ")).all();
  }
}

function isEmpty(file: Database.Database): boolean {
  return file.prepare("SELECT 1 FROM jobs UNION ALL SELECT 1 FROM history LIMIT 1").get() === undefined;
}

function insertOf(relation: string, columns: readonly string[]): string {
  const values = columns.map((column) => `@${column}`);
  return `INSERT OR REPLACE INTO ${relation} (${columns.join(", ")}) VALUES (${values.join(", ")})`;
}
