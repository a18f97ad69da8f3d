import type { DatabaseSync } from 'node:sqlite'

/**
 * Each step brings a database from its place in the list to the next; `PRAGMA user_version` counts them. Steps that have
 * been released never change.
 */
const STEPS: readonly string[] = [
  // The short columns stand first: counting and ageing then never read the texts.
  `CREATE TABLE responses (
     key_id TEXT NOT NULL,
     id TEXT NOT NULL,
     previous_id TEXT,
     size INTEGER NOT NULL,
     used_at INTEGER NOT NULL,
     is_deleted INTEGER NOT NULL DEFAULT 0,
     response TEXT NOT NULL,
     input TEXT NOT NULL,
     PRIMARY KEY (key_id, id)
   );
   CREATE INDEX responses_by_use ON responses (used_at, size);
   CREATE INDEX responses_by_previous ON responses (key_id, previous_id);
   CREATE TABLE items (
     key_id TEXT NOT NULL,
     id TEXT NOT NULL,
     response_id TEXT NOT NULL,
     position INTEGER NOT NULL,
     PRIMARY KEY (key_id, id)
   );
   CREATE INDEX items_by_response ON items (key_id, response_id);
   CREATE TRIGGER items_go AFTER DELETE ON responses BEGIN
     DELETE FROM items WHERE key_id = old.key_id AND response_id = old.id;
   END;`,
]

/** Creates what is missing. @throws Error for a database of a newer gateway */
export function migrate(database: DatabaseSync, steps: readonly string[] = STEPS): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    if (version > steps.length) throw new Error(`it is of a newer gateway (version ${version} of its form)`)
    for (const step of steps.slice(version)) database.exec(step)
    database.exec(`PRAGMA user_version = ${steps.length}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
