import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../lib/json.ts'
import type { StoreLimits } from './response-store.ts'
import { SqliteResponseStore } from './sqlite-response-store.ts'
import { migrate } from './sqlite-schema.ts'

const user = (content: string) => ({ type: 'message', role: 'user', content })
const said = (text: string) => ({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] })
const input = [user('hi')]
const response = {
  id: 'resp_1',
  output: [
    { type: 'reasoning', id: 'rs_1', summary: [], content: null, encrypted_content: 'gAAA' },
    { type: 'function_call', id: 'fc_1', status: 'completed', call_id: 'call_1', name: 'read', arguments: '{}' },
  ],
}
const CALL = { type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{}' }
const LIMITS: StoreLimits = { maxResponses: 1000, maxBytes: 1024 * 1024, maxAgeMs: 3_600_000 }

interface Setup {
  readonly path?: string
  readonly limits?: Partial<StoreLimits>
  readonly now?: () => number
  readonly warnings?: JsonObject[]
}

function open({ path = ':memory:', limits = {}, now = Date.now, warnings = [] }: Setup = {}): SqliteResponseStore {
  const warn = (fields: JsonObject) => void warnings.push(fields)
  const store = new SqliteResponseStore({ path, limits: { ...LIMITS, ...limits }, now, warn })
  onTestFinished(() => store.close())
  return store
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'codexway-store-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function answer(id: string, words: string, previousResponseId?: string, keyId = '') {
  const output = [{ ...said(`${words}!`), id: `msg_${id}`, status: 'completed' }]
  return { keyId, response: { id, output }, input: [user(words)], previousResponseId }
}

test('R-07: the history is the old input and the output, without ids and status', async () => {
  const store = open()
  await store.remember({ keyId: '', response, input, previousResponseId: undefined })
  expect(await store.history('', 'resp_1')).toEqual([
    ...input,
    { type: 'reasoning', summary: [], encrypted_content: 'gAAA' },
    CALL,
  ])
  expect(await store.find('', 'resp_1')).toEqual({ response, input })
})

test('R-10: an item is found by its id', async () => {
  const store = open()
  await store.remember({ keyId: '', response, input, previousResponseId: undefined })
  expect(await store.item('', 'fc_1')).toEqual(CALL)
  expect(await store.item('', 'fc_2')).toBeUndefined()
})

test('R-16: another gateway key does not find it', async () => {
  const store = open()
  await store.remember({ keyId: 'a', response, input, previousResponseId: undefined })
  expect(await store.history('b', 'resp_1')).toBeUndefined()
  expect(await store.item('b', 'fc_1')).toBeUndefined()
  expect(await store.find('b', 'resp_1')).toBeUndefined()
  expect(await store.delete('b', 'resp_1')).toBe(false)
})

test('a conversation is put together from its answers, each kept once', async () => {
  const store = open()
  await store.remember(answer('r1', 'one'))
  await store.remember(answer('r2', 'two', 'r1'))
  await store.remember(answer('r3', 'three', 'r2'))
  const conversation = [user('one'), said('one!'), user('two'), said('two!'), user('three'), said('three!')]
  expect(await store.history('', 'r3')).toEqual(conversation)
  expect(await store.history('', 'r1')).toEqual(conversation.slice(0, 2))
  expect((await store.find('', 'r2'))?.input).toMatchObject(conversation.slice(0, 3))
})

test('a deleted answer is gone, those that go on from it stay whole; then nothing of it is left', async () => {
  const path = join(directory(), 'responses.sqlite')
  const store = open({ path })
  await store.remember(answer('r1', 'one'))
  await store.remember(answer('r2', 'two', 'r1'))
  expect([await store.delete('', 'r1'), await store.delete('', 'r1')]).toEqual([true, false])
  expect([await store.find('', 'r1'), await store.item('', 'msg_r1')]).toEqual([undefined, undefined])
  expect(await store.history('', 'r2')).toHaveLength(4)
  await store.delete('', 'r2')
  await store.close()
  const database = new DatabaseSync(path)
  for (const table of ['responses', 'items']) {
    expect(database.prepare(`SELECT COUNT(*) AS count FROM ${table}`).get()).toEqual({ count: 0 })
  }
  database.close()
})

test('answers survive a restart, in a file for nobody else to read', async () => {
  const path = join(directory(), 'below', 'responses.sqlite')
  const first = open({ path })
  await first.remember(answer('r1', 'one'))
  await first.close()
  const second = open({ path })
  await second.remember(answer('r2', 'two', 'r1'))
  expect(await second.history('', 'r2')).toHaveLength(4)
  if (process.platform !== 'win32') {
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o077).toBe(0)
  }
})

test('two gateways share the file', async () => {
  const path = join(directory(), 'responses.sqlite')
  const [one, other] = [open({ path }), open({ path })]
  await one.remember(answer('r1', 'one'))
  await other.remember(answer('r2', 'two', 'r1'))
  await expect.poll(() => one.history('', 'r2')).toHaveLength(4)
})

test('what can be read is read while another process holds the file', async () => {
  const path = join(directory(), 'responses.sqlite')
  const warnings: JsonObject[] = []
  const store = open({ path, warnings })
  await store.remember(answer('r1', 'one'))
  await store.history('', 'r1')
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  expect(await store.history('', 'r1')).toHaveLength(2)
  other.exec('ROLLBACK')
  other.close()
  expect(warnings).toHaveLength(1)
})

test('an answer is kept for its time after the last use', async () => {
  let now = 1_000_000
  const store = open({ now: () => now, limits: { maxAgeMs: 1000 } })
  await store.remember(answer('r1', 'one'))
  now += 900
  expect(await store.history('', 'r1')).toHaveLength(2)
  now += 900
  expect(await store.history('', 'r1')).toHaveLength(2)
  now += 1000
  expect(await store.history('', 'r1')).toBeUndefined()
  expect(await store.delete('', 'r1')).toBe(false)
})

test('number and size are capped, the least recently used go', async () => {
  let now = 1_000_000
  const store = open({ now: () => now, limits: { maxResponses: 20 } })
  for (let index = 0; index < 100; index += 1) {
    now += 1
    await store.remember(answer(`r${index}`, 'x'))
    await store.history('', 'r0')
  }
  const kept = []
  for (let index = 0; index < 100; index += 1) if (await store.find('', `r${index}`)) kept.push(index)
  // Looked at every few writes: a handful more may be there.
  expect(kept.length).toBeLessThanOrEqual(20 + 16)
  expect([kept[0], kept.at(-1)]).toEqual([0, 99])

  const small = open({ limits: { maxBytes: 2000 } })
  await small.remember(answer('big', 'x'.repeat(3000)))
  expect(await small.find('', 'big')).toBeUndefined()
})

test('a file that is no database, or of a newer gateway, leaves answers in memory, with one warning', async () => {
  const path = join(directory(), 'responses.sqlite')
  writeFileSync(path, 'not a database, but long enough to be taken for a broken one'.repeat(100))
  const warnings: JsonObject[] = []
  const store = open({ path, warnings })
  await store.remember(answer('r1', 'one'))
  expect(await store.history('', 'r1')).toHaveLength(2)
  expect(warnings).toEqual([{ path, reason: expect.any(String) }])

  const newer = join(directory(), 'responses.sqlite')
  const database = new DatabaseSync(newer)
  database.exec('PRAGMA user_version = 99')
  database.close()
  expect(await open({ path: newer, warnings }).history('', 'r1')).toBeUndefined()
  expect(warnings[1]?.reason).toContain('newer')
})

test('steps run once, in order, and a failed one leaves nothing behind', () => {
  const database = new DatabaseSync(':memory:')
  migrate(database, ['CREATE TABLE a (x)'])
  migrate(database, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'])
  expect(() => migrate(database, ['', '', 'CREATE TABLE c (x)', 'CREATE TABLE a (x)'])).toThrow()
  const tables = database.prepare('SELECT name FROM sqlite_master ORDER BY name').all()
  expect([tables.map(({ name }) => name), database.prepare('PRAGMA user_version').get()]).toEqual([
    ['a', 'b'],
    { user_version: 2 },
  ])
})

test('what cannot be written is told, and spoils nothing else', async () => {
  const warnings: JsonObject[] = []
  const store = open({ warnings })
  const circular: JsonObject = { id: 'r1', output: [] }
  circular.self = circular
  await store.remember({ keyId: '', response: circular, input: [], previousResponseId: undefined })
  await store.remember(answer('r2', 'two'))
  expect(await store.history('', 'r1')).toBeUndefined()
  expect(await store.history('', 'r2')).toHaveLength(2)
  expect(warnings).toEqual([{ count: 1, reason: expect.any(String) }])
})
