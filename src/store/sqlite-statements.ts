import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** From the answer back to where its conversation began. */
const CHAIN = `WITH RECURSIVE chain (id, previous_id, depth) AS (
    SELECT id, previous_id, 0 FROM responses WHERE key_id = :key AND id = :id AND is_deleted = 0 AND used_at > :oldest
    UNION ALL
    SELECT r.id, r.previous_id, depth + 1 FROM chain JOIN responses r ON r.key_id = :key AND r.id = chain.previous_id
  )`

const SQL = {
  insert: `INSERT OR REPLACE INTO responses (key_id, id, previous_id, size, used_at, response, input)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  insertItem: 'INSERT OR REPLACE INTO items (key_id, id, response_id, position) VALUES (?, ?, ?, ?)',
  item: `SELECT position, response FROM items i JOIN responses r ON r.key_id = i.key_id AND r.id = i.response_id
    WHERE i.key_id = ? AND i.id = ? AND is_deleted = 0 AND used_at > ?`,
  chain: `${CHAIN} SELECT chain.previous_id, response, input
    FROM chain JOIN responses r ON r.key_id = :key AND r.id = chain.id ORDER BY depth DESC`,
  touchChain: `${CHAIN} UPDATE responses SET used_at = :now WHERE key_id = :key AND id IN (SELECT id FROM chain)`,
  hide: 'UPDATE responses SET is_deleted = 1 WHERE key_id = ? AND id = ? AND is_deleted = 0 AND used_at > ?',
  /** A hidden answer lasts as long as one that goes on from it. */
  dropHidden: `DELETE FROM responses WHERE is_deleted = 1 AND NOT EXISTS (
      SELECT 1 FROM responses next WHERE next.key_id = responses.key_id AND next.previous_id = responses.id
    )`,
  dropOld: 'DELETE FROM responses WHERE used_at <= ?',
  total: 'SELECT COUNT(*) AS count, SUM(size) AS bytes FROM responses',
  /** All but the most recently used ones within a number and a size. */
  dropRest: `DELETE FROM responses WHERE rowid IN (
      SELECT rowid FROM (
        SELECT rowid, ROW_NUMBER() OVER use AS place, SUM(size) OVER use AS bytes
        FROM responses WINDOW use AS (ORDER BY used_at DESC, rowid DESC)
      ) WHERE place > ? OR bytes > ?
    )`,
} as const

export type Statements = { readonly [K in keyof typeof SQL]: StatementSync }

/** Prepared once: that costs more than most of them take to run. */
export function prepareStatements(database: DatabaseSync): Statements {
  const prepared = Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)])
  // The keys are those of SQL, which Object.entries forgets.
  return Object.fromEntries(prepared) as Statements
}
