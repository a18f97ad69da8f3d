import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { isObject, type JsonObject, stringAt } from '../lib/json.ts'
import type { InputItem } from '../turn/turn.ts'
import {
  type Answer,
  type ResponseStore,
  type StoredResponse,
  type StoreLimits,
  toInputItem,
} from './response-store.ts'
import { migrate } from './sqlite-schema.ts'

export interface SqliteStoreOptions {
  /** `:memory:` = gone with the process. */
  readonly path: string
  readonly limits: StoreLimits
  readonly now?: () => number
  readonly warn: (fields: JsonObject, message: string) => void
}

const MEMORY = ':memory:'
const BUSY_TIMEOUT_MS = 2000
/** Writes between two looks at the limits. */
const PRUNE_EVERY = 16

/** From the answer back to where its conversation began. */
const CHAIN = `WITH RECURSIVE chain (id, previous_id, depth) AS (
    SELECT id, previous_id, 0 FROM responses WHERE key_id = :key AND id = :id AND is_deleted = 0 AND used_at > :oldest
    UNION ALL
    SELECT r.id, r.previous_id, depth + 1 FROM chain JOIN responses r ON r.key_id = :key AND r.id = chain.previous_id
  )`

/** Connector.md §11.2. */
const MEMORY_LIMITS = { maxResponses: 1000, maxBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000 }

/** Answers that last as long as this process. */
export function createMemoryStore(warn: SqliteStoreOptions['warn']): SqliteResponseStore {
  return new SqliteResponseStore({ path: MEMORY, limits: MEMORY_LIMITS, warn })
}

type Row = Record<string, SQLOutputValue>

/** Answers in SQLite, opened at their first use: a gateway whose clients store nothing never touches it. */
export class SqliteResponseStore implements ResponseStore {
  readonly #options: SqliteStoreOptions
  readonly #now: () => number
  #opened: DatabaseSync | undefined
  #writes = 0

  constructor(options: SqliteStoreOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async remember({ keyId, response, input, previousResponseId }: Answer): Promise<void> {
    const id = stringAt(response, 'id')
    if (id === undefined || !Array.isArray(response.output)) return
    const texts = [JSON.stringify(response), JSON.stringify(input)] as const
    const size = texts[0].length + texts[1].length
    if (size > this.#options.limits.maxBytes) return
    const output: unknown[] = response.output
    this.#write((database) => {
      database
        .prepare(
          `INSERT OR REPLACE INTO responses (key_id, id, previous_id, size, used_at, response, input)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(keyId, id, previousResponseId ?? null, size, this.#now(), ...texts)
      const keep = database.prepare(
        'INSERT OR REPLACE INTO items (key_id, id, response_id, position) VALUES (?, ?, ?, ?)',
      )
      for (const [position, item] of output.entries()) {
        const itemId = isObject(item) ? stringAt(item, 'id') : undefined
        if (itemId !== undefined) keep.run(keyId, itemId, id, position)
      }
    })
  }

  async history(keyId: string, responseId: string): Promise<readonly InputItem[] | undefined> {
    return this.#chain(keyId, responseId)?.flatMap((row) => [...inputOf(row), ...outputOf(row).map(toInputItem)])
  }

  async item(keyId: string, itemId: string): Promise<InputItem | undefined> {
    const row = this.#database
      .prepare(
        `SELECT position, response FROM items i JOIN responses r ON r.key_id = i.key_id AND r.id = i.response_id
         WHERE i.key_id = ? AND i.id = ? AND is_deleted = 0 AND used_at > ?`,
      )
      .get(keyId, itemId, this.#oldest)
    const item = row === undefined ? undefined : outputOf(row)[Number(row.position)]
    return item === undefined ? undefined : toInputItem(item)
  }

  async find(keyId: string, responseId: string): Promise<StoredResponse | undefined> {
    const chain = this.#chain(keyId, responseId)
    const last = chain?.at(-1)
    if (chain === undefined || last === undefined) return undefined
    const before = chain.slice(0, -1).flatMap((row) => [...inputOf(row), ...outputOf(row)])
    return { response: parseObject(last.response), input: [...before, ...inputOf(last)] }
  }

  async delete(keyId: string, responseId: string): Promise<boolean> {
    return this.#write((database) => {
      const { changes } = database
        .prepare('UPDATE responses SET is_deleted = 1 WHERE key_id = ? AND id = ? AND is_deleted = 0 AND used_at > ?')
        .run(keyId, responseId, this.#oldest)
      this.#dropUnneeded(database)
      return changes > 0
    })
  }

  async close(): Promise<void> {
    this.#opened?.close()
    this.#opened = undefined
  }

  /** Oldest first, and marked as used; undefined if it is not there from its beginning. */
  #chain(keyId: string, responseId: string): Row[] | undefined {
    const place = { key: keyId, id: responseId, oldest: this.#oldest }
    const rows = this.#database
      .prepare(
        `${CHAIN} SELECT chain.previous_id, response, input
         FROM chain JOIN responses r ON r.key_id = :key AND r.id = chain.id ORDER BY depth DESC`,
      )
      .all(place)
    if (rows.length === 0 || rows[0]?.previous_id !== null) return undefined
    this.#database
      .prepare(`${CHAIN} UPDATE responses SET used_at = :now WHERE key_id = :key AND id IN (SELECT id FROM chain)`)
      .run({ ...place, now: this.#now() })
    return rows
  }

  get #oldest(): number {
    return this.#now() - this.#options.limits.maxAgeMs
  }

  #write<T>(change: (database: DatabaseSync) => T): T {
    const database = this.#database
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = change(database)
      if (this.#writes % PRUNE_EVERY === 0) this.#prune(database)
      this.#writes += 1
      database.exec('COMMIT')
      return result
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }

  #prune(database: DatabaseSync): void {
    const { maxBytes, maxResponses } = this.#options.limits
    database.prepare('DELETE FROM responses WHERE used_at <= ?').run(this.#oldest)
    const { count, bytes } = database.prepare('SELECT COUNT(*) AS count, SUM(size) AS bytes FROM responses').get() ?? {}
    if (Number(count) > maxResponses || Number(bytes) > maxBytes) {
      database
        .prepare(
          `DELETE FROM responses WHERE rowid IN (
             SELECT rowid FROM (
               SELECT rowid, ROW_NUMBER() OVER use AS place, SUM(size) OVER use AS bytes
               FROM responses WINDOW use AS (ORDER BY used_at DESC, rowid DESC)
             ) WHERE place > ? OR bytes > ?
           )`,
        )
        .run(maxResponses, maxBytes)
    }
    this.#dropUnneeded(database)
  }

  /** A deleted answer lasts as long as one that goes on from it. */
  #dropUnneeded(database: DatabaseSync): void {
    const drop = database.prepare(
      `DELETE FROM responses WHERE is_deleted = 1 AND NOT EXISTS (
         SELECT 1 FROM responses next WHERE next.key_id = responses.key_id AND next.previous_id = responses.id
       )`,
    )
    while (drop.run().changes > 0);
  }

  get #database(): DatabaseSync {
    this.#opened ??= this.#open()
    return this.#opened
  }

  #open(): DatabaseSync {
    const { path, warn } = this.#options
    if (path === MEMORY) return openDatabase(path)
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // SQLite's own files get the mode of the database, which holds conversations.
      closeSync(openSync(path, 'a', 0o600))
      return openDatabase(path)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      warn({ path, reason }, 'stored answers cannot be kept in their file; they last as long as this process')
      return openDatabase(MEMORY)
    }
  }
}

function openDatabase(path: string): DatabaseSync {
  // Loaded here, since it is slow to load and older releases of Node warn of it.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST;')
    migrate(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function inputOf(row: Row): InputItem[] {
  const items: unknown = JSON.parse(String(row.input))
  return Array.isArray(items) ? items.filter(isObject) : []
}

function outputOf(row: Row): JsonObject[] {
  const { output } = parseObject(row.response)
  return Array.isArray(output) ? output.filter(isObject) : []
}

function parseObject(text: SQLOutputValue | undefined): JsonObject {
  const value: unknown = JSON.parse(String(text))
  return isObject(value) ? value : {}
}
