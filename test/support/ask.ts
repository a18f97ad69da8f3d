import { expect } from 'vitest'
import { arrayAt, isObject, type JsonObject, objectAt } from '../../src/lib/json.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import type { Running } from './gateway.ts'

export const CHAT = '/v1/chat/completions'
export const RESPONSES = '/v1/responses'
export const HELLO = [{ role: 'user' as const, content: 'Hello' }]

/** What the common ground asks unless a scenario says otherwise. */
export function chatBody(fields: object = {}): JsonObject {
  return { model: 'openai-codex:gpt-5.5', messages: HELLO, ...fields }
}

/** A chat as curl sends it. */
export function chat(gateway: Running, fields: object = {}, headers?: Record<string, string>): Promise<Response> {
  return gateway.post(CHAT, chatBody(fields), headers)
}

/** The same for `/v1/responses`. */
export function respond(gateway: Running, fields: object = {}, headers?: Record<string, string>): Promise<Response> {
  return gateway.post(RESPONSES, { model: 'openai-codex:gpt-5.5', input: 'Hello', ...fields }, headers)
}

/** An answered chat: the one body the backend got for it, and the answer's headers. */
export async function sentFor(gateway: Running, fields: object = {}, headers?: Record<string, string>) {
  return await sentBy(gateway, chat(gateway, fields, headers))
}

/** As `sentFor`, for any request. */
export async function sentBy(
  { simulator }: Running,
  asking: Promise<Response>,
): Promise<{ sent: JsonObject; headers: Headers; answer: JsonObject }> {
  const before = simulator.requests.length
  const response = await asking
  const text = await response.text()
  expect([response.status, text.slice(0, 500)]).toEqual([200, expect.any(String)])
  expect(simulator.requests).toHaveLength(before + 1)
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  return {
    sent: simulator.requests[before]?.body ?? {},
    headers: response.headers,
    answer: isJson ? (JSON.parse(text) as JsonObject) : {},
  }
}

export interface Refused {
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly param: string | null
  readonly message: string
}

/** The OpenAI error of an answer, which must have its four keys. */
export async function errorOf(response: Response): Promise<Refused> {
  const error = objectAt((await response.json()) as JsonObject, 'error') ?? {}
  expect(Object.keys(error)).toEqual(expect.arrayContaining(['message', 'type', 'param', 'code']))
  return { status: response.status, ...(error as unknown as Omit<Refused, 'status'>) }
}

/** What a chat is refused with, which is the same streamed and not. */
export async function refusalOf(
  gateway: Running,
  fields: object = {},
  headers?: Record<string, string>,
): Promise<Refused> {
  const whole = await errorOf(await chat(gateway, { ...fields, stream: false }, headers))
  const streamed = await errorOf(await chat(gateway, { ...fields, stream: true }, headers))
  expect(streamed).toEqual(whole)
  return whole
}

/** The input items of a body. */
export function itemsOf(body: JsonObject | undefined): JsonObject[] {
  return (arrayAt(body ?? {}, 'input') ?? []).filter(isObject)
}

/** Role and text of each message in a body's input. */
export function messagesOf(body: JsonObject | undefined): [unknown, string][] {
  return itemsOf(body)
    .filter(({ type }) => type === undefined || type === 'message')
    .map(({ role, content }) => [role, textOf(content)])
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return String(content)
  const parts: unknown[] = content
  return parts.map((part) => (isObject(part) ? String(part.text) : '')).join('')
}

/** **D** of a model of the simulator. */
export function defaultText(simulator: Simulator, slug = 'gpt-5.5'): string {
  const model = simulator.models.find((candidate) => candidate.slug === slug)
  if (typeof model?.base_instructions !== 'string') throw new Error(`no text of ${slug}`)
  return model.base_instructions
}

/** Log lines at `warn` and above, parsed. */
export function warningsOf({ logs }: Running): JsonObject[] {
  return logs.map((line) => JSON.parse(line) as JsonObject).filter(({ level }) => level === 'warn' || level === 'error')
}

/** The bearer of every generating request. */
export function bearersOf(simulator: Simulator): (string | undefined)[] {
  return simulator.requests.map(({ headers }) => headers.authorization?.replace(/^Bearer /, ''))
}

/** The data of an SSE answer, parsed; `[DONE]` stays text. */
export async function framesOf(response: Response): Promise<(JsonObject | '[DONE]')[]> {
  const text = await response.text()
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) =>
    data === '[DONE]' ? data : (JSON.parse(data) as JsonObject),
  )
}
