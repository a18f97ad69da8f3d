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
import { prepareStatements, type Statements } from './sqlite-statements.ts'

export interface SqliteStoreOptions {
  /** `:memory:` = gone with the process. */
  readonly path: string
  readonly limits: StoreLimits
  readonly now?: () => number
  readonly warn: (fields: JsonObject, message: string) => void
}

const MEMORY = ':memory:'
const BUSY_TIMEOUT_MS = 500
/** Answers between two looks at the limits. */
const PRUNE_EVERY = 16
const MAX_WAITING = 64
const WRITE_WITHIN_MS = 20

/** Connector.md §11.2. */
const MEMORY_LIMITS = { maxResponses: 1000, maxBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000 }

/** Answers that last as long as this process. */
export function createMemoryStore(warn: SqliteStoreOptions['warn']): SqliteResponseStore {
  return new SqliteResponseStore({ path: MEMORY, limits: MEMORY_LIMITS, warn })
}

type Row = Record<string, SQLOutputValue>

const NOT_STORED = 'answers could not be stored'

interface SerialisedAnswer {
  readonly answer: Answer
  /** Response and input. */
  readonly texts: readonly [string, string]
  readonly size: number
}

interface Opened {
  readonly database: DatabaseSync
  readonly statements: Statements
}

/** Answers in SQLite, opened at their first use: a gateway whose clients store nothing never touches it. */
export class SqliteResponseStore implements ResponseStore {
  readonly #options: SqliteStoreOptions
  readonly #now: () => number
  #opened: Opened | undefined
  /** Not written yet: many answers in one transaction cost little more than one. */
  #waiting: Answer[] = []
  #timer: NodeJS.Timeout | undefined
  #sincePrune = 0

  constructor(options: SqliteStoreOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async remember(answer: Answer): Promise<void> {
    if (stringAt(answer.response, 'id') === undefined || !Array.isArray(answer.response.output)) return
    this.#waiting.push(answer)
    if (this.#waiting.length >= MAX_WAITING) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), WRITE_WITHIN_MS)
  }

  async history(keyId: string, responseId: string): Promise<readonly InputItem[] | undefined> {
    return this.#chain(keyId, responseId)?.flatMap((row) => [...inputOf(row), ...outputOf(row).map(toInputItem)])
  }

  async item(keyId: string, itemId: string): Promise<InputItem | undefined> {
    const row = this.#written().statements.item.get(keyId, itemId, this.#oldest)
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
    const opened = this.#written()
    return write(opened, ({ hide }) => {
      const isThere = hide.run(keyId, responseId, this.#oldest).changes > 0
      dropHidden(opened)
      return isThere
    })
  }

  async close(): Promise<void> {
    this.#flush()
    this.#opened?.database.close()
    this.#opened = undefined
  }

  /** Oldest first, and marked as used; undefined if it is not there from its beginning. */
  #chain(keyId: string, responseId: string): Row[] | undefined {
    const place = { key: keyId, id: responseId, oldest: this.#oldest }
    const { statements } = this.#written()
    const rows = statements.chain.all(place)
    if (rows.length === 0 || rows[0]?.previous_id !== null) return undefined
    try {
      statements.touchChain.run({ ...place, now: this.#now() })
    } catch (error) {
      // What has been read is good on a full disk, too, and while another gateway writes for long.
      this.#options.warn({ reason: reasonOf(error) }, 'the last use of an answer could not be noted')
    }
    return rows
  }

  get #oldest(): number {
    return this.#now() - this.#options.limits.maxAgeMs
  }

  /** The database, with all answers that were handed in. */
  #written(): Opened {
    this.#flush()
    this.#opened ??= this.#open()
    return this.#opened
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.length === 0) return
    const answers = this.#waiting.flatMap((answer) => this.#serialised(answer) ?? [])
    this.#waiting = []
    try {
      this.#opened ??= this.#open()
      const opened = this.#opened
      write(opened, (statements) => {
        for (const answer of answers) this.#insert(answer, statements)
        this.#prune(opened, answers.length)
      })
    } catch (error) {
      // Their clients have them: a full disk must not spoil that.
      this.#options.warn({ reason: reasonOf(error), count: answers.length }, NOT_STORED)
    }
  }

  /** undefined = too large, or no JSON: one answer must not take others with it. */
  #serialised(answer: Answer): SerialisedAnswer | undefined {
    try {
      const texts = [JSON.stringify(answer.response), JSON.stringify(answer.input)] as const
      const size = texts[0].length + texts[1].length
      return size > this.#options.limits.maxBytes ? undefined : { answer, texts, size }
    } catch (error) {
      this.#options.warn({ reason: reasonOf(error), count: 1 }, NOT_STORED)
      return undefined
    }
  }

  #insert({ answer, texts, size }: SerialisedAnswer, { insert, insertItem }: Statements): void {
    const { keyId, response, previousResponseId } = answer
    const id = stringAt(response, 'id') ?? ''
    insert.run(keyId, id, previousResponseId ?? null, size, this.#now(), ...texts)
    const output: unknown[] = Array.isArray(response.output) ? response.output : []
    for (const [position, item] of output.entries()) {
      const itemId = isObject(item) ? stringAt(item, 'id') : undefined
      if (itemId !== undefined) insertItem.run(keyId, itemId, id, position)
    }
  }

  /** Now and then, since it looks at all of them. */
  #prune(opened: Opened, written: number): void {
    this.#sincePrune -= written
    if (this.#sincePrune > 0) return
    this.#sincePrune = PRUNE_EVERY
    const { maxBytes, maxResponses } = this.#options.limits
    const { dropOld, total, dropRest } = opened.statements
    dropOld.run(this.#oldest)
    const { count, bytes } = total.get() ?? {}
    if (Number(count) > maxResponses || Number(bytes) > maxBytes) dropRest.run(maxResponses, maxBytes)
    dropHidden(opened)
  }

  #open(): Opened {
    const { path, warn } = this.#options
    if (path === MEMORY) return openDatabase(path)
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // SQLite's own files get the mode of the database, which holds conversations.
      closeSync(openSync(path, 'a', 0o600))
      return openDatabase(path)
    } catch (error) {
      warn(
        { path, reason: reasonOf(error) },
        'stored answers cannot be kept in their file; they last as long as this process',
      )
      return openDatabase(MEMORY)
    }
  }
}

function write<T>({ database, statements }: Opened, change: (statements: Statements) => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = change(statements)
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** One may have been all that held another. */
function dropHidden({ statements }: Opened): void {
  while (statements.dropHidden.run().changes > 0);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function openDatabase(path: string): Opened {
  // Loaded here, since it is slow to load and older releases of Node warn of it.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST;')
    migrate(database)
    return { database, statements: prepareStatements(database) }
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
