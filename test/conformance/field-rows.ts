import assert from 'node:assert/strict'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Case, CHAT_CASES, MESSAGES_CASES, RESPONSES_CASES } from './field-cases.ts'
import { type Claim, type Door, dropped, emulated, type Lab, passed, type Row, refused, sent } from './row.ts'

type Becomes = 'changes' | 'own' | 'dropped' | 'refused'
type Ask = (lab: Lab, fields: object) => PromiseLike<Response>

const HELLO = [{ role: 'user', content: 'Hello' }]

/** The least a request needs, and one more field, through the official client. */
const ASK: Record<Door, Ask> = {
  chat: ({ openai }, fields) =>
    openai.chat.completions.create(typed({ model: 'gpt-5.5', messages: HELLO, ...fields })).asResponse(),
  responses: ({ openai }, fields) =>
    openai.responses.create(typed({ model: 'gpt-5.5', input: 'Hello', ...fields })).asResponse(),
  // `messages.create` makes headers of some fields; as fields they are the API's all the same.
  messages: ({ anthropic }, fields) =>
    anthropic
      .post('/v1/messages', { body: { model: 'gpt-5.5', max_tokens: 1000, messages: HELLO, ...fields } })
      .asResponse(),
}

/** Rows about how answers come have these. */
const ELSEWHERE = new Set([
  'stream',
  'stop',
  'stop_sequences',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
])

/** Each optional field of the official types alone. */
export const FIELD_ROWS: readonly Row[] = toRows({
  chat: mapValues(CHAT_CASES, toPlainCase),
  responses: mapValues(RESPONSES_CASES, toPlainCase),
  messages: MESSAGES_CASES,
})

type PlainCase = { readonly value: unknown; readonly becomes: Becomes }

function toRows(doors: Record<Door, Readonly<Record<string, PlainCase>>>): Row[] {
  const names = [...new Set(Object.values(doors).flatMap((cases) => Object.keys(cases)))].sort()
  return names
    .filter((name) => !ELSEWHERE.has(name))
    .map((name) => {
      const claims: Partial<Record<Door, Claim>> = {}
      for (const door of Object.keys(doors) as Door[]) {
        const row = doors[door][name]
        if (row !== undefined) claims[door] = toClaim(door, name, row)
      }
      return { feature: `\`${name}\``, claims }
    })
}

function toClaim(door: Door, name: string, { value, becomes }: PlainCase): Claim {
  const ask = (lab: Lab) => ASK[door](lab, { [name]: value })
  if (becomes === 'refused') return refused(400, ask)
  if (becomes === 'dropped') return dropped(name, ask)
  if (becomes === 'changes') {
    return passed(async (lab) => assert.notDeepEqual(await bodyFor(lab, ask), await bodyFor(lab, toPlain(door))))
  }
  return emulated([], async (lab) => assert.deepEqual(await bodyFor(lab, ask), await bodyFor(lab, toPlain(door))))
}

function toPlain(door: Door) {
  return (lab: Lab) => ASK[door](lab, {})
}

/** What the backend was sent, without the ids that differ anyway. */
async function bodyFor(lab: Lab, ask: (lab: Lab) => PromiseLike<Response>): Promise<JsonObject> {
  lab.simulator.resetState()
  const response = await ask(lab)
  await response.text()
  assert.equal(response.headers.get('x-codexway-dropped-params'), null)
  const { client_metadata: _metadata, previous_response_id: _previous, ...body } = sent(lab)
  return body
}

function toPlainCase(row: Case): PlainCase {
  const becomes = 'changes' in row ? 'changes' : 'own' in row ? 'own' : 'dropped' in row ? 'dropped' : 'refused'
  return { value: row.value, becomes }
}

function mapValues<T, U>(object: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
}

/** The tables hold values of every type; the client passes on what it is given. */
function typed<T>(body: object): T {
  return body as T
}
