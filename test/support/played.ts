import { isObject, type JsonObject } from '../../src/lib/json.ts'
import type { RawEvent } from '../../src/simulator/events.ts'
import type { Running } from './gateway.ts'
import { messagesClient } from './messages-client.ts'

const MODEL = 'gpt-5.5'
const HELLO = [{ role: 'user' as const, content: 'Hello' }]
const CHAT = { model: MODEL, messages: HELLO }
const MESSAGES = { model: MODEL, max_tokens: 10_000, messages: HELLO, thinking: { type: 'adaptive' as const } }

/** What the backend answers with. */
export interface Played {
  readonly events: readonly RawEvent[]
  /** Bytes of a network write; all in one unless said. */
  readonly chunking?: number | undefined
}

function play({ simulator }: Running, { events, chunking = Number.MAX_SAFE_INTEGER }: Played): void {
  simulator.play({ chunking, stream: [...events] })
}

/** The chat answer as the official client puts it together from a stream, and in one piece. */
export async function bothChats(gateway: Running, played: Played): Promise<[streamed: unknown, whole: unknown]> {
  const { completions } = gateway.client.chat
  play(gateway, played)
  const stream = completions.stream({ ...CHAT, stream_options: { include_usage: true } })
  // What the client does not know of it keeps the last of, instead of all.
  const texts = { reasoning_content: '' }
  const annotations: unknown[] = []
  stream.on('chunk', ({ choices }) => {
    const delta: JsonObject = { ...choices[0]?.delta }
    if (typeof delta.reasoning_content === 'string') texts.reasoning_content += delta.reasoning_content
    if (Array.isArray(delta.annotations)) annotations.push(...delta.annotations)
  })
  const streamed = toPlain(await stream.finalChatCompletion())
  play(gateway, played)
  const whole = toPlain(await completions.create(CHAT))
  return [toChat(streamed, { ...texts, annotations }), toChat(whole, {})]
}

/** The same of a message. */
export async function bothMessages(gateway: Running, played: Played): Promise<[streamed: unknown, whole: unknown]> {
  const { messages } = messagesClient(gateway)
  play(gateway, played)
  const streamed = await messages.stream(MESSAGES).finalMessage()
  play(gateway, played)
  const whole = await messages.create(MESSAGES)
  return [toMessage(toPlain(streamed)), toMessage(toPlain(whole))]
}

/** The bytes of a Responses stream as curl sees them. */
export async function responsesText(gateway: Running, played: Played): Promise<string> {
  play(gateway, played)
  const response = await gateway.post('/v1/responses', { model: MODEL, input: 'Hello', stream: true, store: false })
  return await response.text()
}

/** Every door, streamed: the answer's status and text. */
export async function atEveryDoor(
  gateway: Running,
  played: Played,
): Promise<{ door: string; status: number; text: string }[]> {
  const asks: [string, JsonObject][] = [
    ['/v1/chat/completions', { ...CHAT, stream: true }],
    ['/v1/responses', { model: MODEL, input: 'Hello', stream: true, store: false }],
    ['/v1/messages', { ...MESSAGES, stream: true }],
  ]
  const answers: { door: string; status: number; text: string }[] = []
  for (const [door, body] of asks) {
    play(gateway, played)
    const response = await gateway.post(door, body)
    answers.push({ door, status: response.status, text: await response.text() })
  }
  return answers
}

function toPlain(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}

/** Without the time of the answer, and with nothing where nothing is said in either form. */
function toChat({ created: _created, object: _object, choices, ...rest }: JsonObject, more: JsonObject): unknown {
  const [choice] = Array.isArray(choices) ? choices.filter(isObject) : []
  const { message, finish_reason: finish } = choice ?? {}
  return { ...rest, finish, message: withoutNothing({ ...(isObject(message) ? message : {}), ...more }) }
}

function toMessage({ usage, ...rest }: JsonObject): unknown {
  return withoutNothing({ ...rest, usage: withoutNothing(isObject(usage) ? usage : {}) })
}

function withoutNothing(object: JsonObject): JsonObject {
  const said = Object.entries(object).filter(
    ([name, value]) =>
      value !== null && value !== '' && name !== 'parsed' && !(Array.isArray(value) && value.length === 0),
  )
  return Object.fromEntries(said.map(([name, value]) => [name, name === 'tool_calls' ? withoutParsed(value) : value]))
}

function withoutParsed(calls: unknown): unknown {
  return JSON.parse(JSON.stringify(calls), (key, value) => (key === 'parsed_arguments' ? undefined : value))
}
