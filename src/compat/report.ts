import { CLI_PROFILE } from '../backends/openai-codex/cli-profile.ts'
import { toCreateMessage, toWarmUpMessage } from '../backends/openai-codex/websocket/messages.ts'
import { parseChatRequest } from '../frontends/chat-completions/request.ts'
import { parseResponsesRequest } from '../frontends/responses/request.ts'
import { type JsonObject, objectAt, stringAt } from '../lib/json.ts'
import type { Credential } from '../turn/connector.ts'
import type { Turn } from '../turn/turn.ts'
import { type ByDesign, findByDesign, type Sender } from './by-design.ts'
import { type Capture, type CapturedMessage, metadataOf, readCaptures } from './capture.ts'
import { itemsOf, toChatRequest, toCliRequest } from './client-request.ts'
import { type CompareOptions, type Comparison, compareHeaders, compareValues, type Difference } from './compare.ts'
import { type Sent, sendThroughGateway } from './gateway-side.ts'

/** What became of one captured turn. */
export interface TurnReport {
  readonly capture: string
  /** Who asks the gateway for the turn. */
  readonly sender: Sender
  readonly equal: number
  readonly byDesign: readonly (Difference & { readonly rule: ByDesign })[]
  readonly unexpected: readonly Difference[]
}

export interface CompatReport {
  /** What the gateway states to be, and what it was held to. */
  readonly heldTo: { readonly version: string; readonly userAgent: string; readonly sources: readonly string[] }
  readonly turns: readonly TurnReport[]
}

const CLI_OPTIONS: CompareOptions = { byForm: false, unordered: /\.client_metadata$/ }
const OWN_OPTIONS: CompareOptions = { byForm: true, unordered: /\.client_metadata$/ }
/** Milliseconds; any time has the form of any other. */
const SOME_TIME = 1_795_383_460_376

/**
 * Compares what the gateway sends for each captured turn with the capture, once asked by the Codex CLI and once by a
 * chat client with the same wishes.
 * @throws Error for a directory without captures
 */
export async function compareWithCaptures(directory: string): Promise<CompatReport> {
  const captures = readCaptures(directory)
  const turns: TurnReport[] = []
  for (const capture of captures) {
    for (const sender of ['codex-cli', 'chat'] as const) turns.push(...(await compareCapture(capture, sender)))
  }
  const sources = [...new Set(captures.map(({ source }) => source.replace(/, run .*/s, '')))]
  return {
    heldTo: { version: CLI_PROFILE.version, userAgent: CLI_PROFILE.userAgent(CLI_PROFILE.version), sources },
    turns,
  }
}

async function compareCapture(capture: Capture, sender: Sender): Promise<TurnReport[]> {
  const { name, headers, body, messages } = capture
  const isAsked = (fields: JsonObject) => sender === 'codex-cli' || isPlainTurn(new Map(headers), fields)
  if (body !== undefined) {
    return isAsked(body) ? [toReport(name, sender, await comparePost(capture, body, sender))] : []
  }
  const reports = messages.map(async (message, index) => {
    if (!isAsked(message.body)) return []
    const compared = await compareMessage(capture, message, index, sender)
    return [toReport(`${name}, message ${index + 1}`, sender, compared)]
  })
  return (await Promise.all(reports)).flat()
}

/** A first turn of the user's own: what else the CLI asks for is nothing that a chat client could. */
function isPlainTurn(headers: ReadonlyMap<string, string>, body: JsonObject): boolean {
  const { request_kind: kind, history_initialization: history, ...metadata } = metadataOf(body)
  return (
    (kind === 'turn' || kind === 'prewarm') &&
    history === 'new' &&
    metadata.thread_source === 'user' &&
    metadata.window_number === 0 &&
    metadata.workspaces === undefined &&
    body.access_programs === undefined &&
    !headers.has('x-codex-turn-state') &&
    headers.get('originator') === CLI_PROFILE.originator
  )
}

function toReport(capture: string, sender: Sender, { equal, differences }: Comparison): TurnReport {
  const judged = differences.map((difference) => ({ difference, rule: findByDesign(difference, sender, capture) }))
  return {
    capture,
    sender,
    equal,
    byDesign: judged.flatMap(({ difference, rule }) => (rule === undefined ? [] : [{ ...difference, rule }])),
    unexpected: judged.flatMap(({ difference, rule }) => (rule === undefined ? [difference] : [])),
  }
}

async function comparePost(capture: Capture, body: JsonObject, sender: Sender): Promise<Comparison> {
  const options = optionsOf(sender)
  const sent = await send(capture, { body, known: [] }, sender)
  return joined(
    compareValues(capture.url, sent.url, 'url', options),
    compareHeaders(capture.headers, sent.headers, options),
    compareBodies(body, sent.body, sender),
  )
}

/** The first message comes with the upgrade it made the CLI ask for; a warm-up with the turn it prepares. */
async function compareMessage(
  capture: Capture,
  message: CapturedMessage,
  index: number,
  sender: Sender,
): Promise<Comparison> {
  const isWarmUp = message.body.generate === false
  const asked = isWarmUp ? (capture.messages[index + 1] ?? message) : message
  const sent = await send(capture, asked, sender)
  const [expected, built] = isWarmUp
    ? [message.body, toWarmUpMessage(sent.payload, sent.identity, { nowMs: SOME_TIME })]
    : toContinued(capture, message, index, sent)
  const compared = compareBodies(expected, built, sender)
  if (index > 0) return compared
  const upgrade = sent.upgradeHeaders(isWarmUp ? 'prewarm' : 'turn')
  return joined(compareHeaders(withoutExtensions(capture), upgrade, optionsOf(sender)), compared)
}

/** The gateway's warm-up holds no part of the conversation, so the message behind it has all of it. */
function toContinued(
  capture: Capture,
  { body, known }: CapturedMessage,
  index: number,
  { payload, identity, body: whole }: Sent,
): [JsonObject, JsonObject] {
  const followsWarmUp = capture.messages[index - 1]?.body.generate === false
  const expected = followsWarmUp ? { ...body, input: [...known, ...itemsOf(body)] } : body
  const responseId = stringAt(body, 'previous_response_id')
  const from = Math.max(0, itemsOf(whole).length - itemsOf(expected).length)
  const continues = responseId === undefined ? {} : { continues: { responseId, from } }
  return [expected, toCreateMessage(payload, identity, { nowMs: SOME_TIME, ...continues })]
}

/** Of a chat client's turn only what is not its conversation: that has nothing to do with the captured one. */
function compareBodies(captured: JsonObject, sent: JsonObject, sender: Sender): Comparison {
  if (sender === 'codex-cli') return compareValues(captured, sent, 'body', CLI_OPTIONS)
  const without = ({ input, tools, ...fields }: JsonObject) => fields
  return compareValues(without(captured), without(sent), 'body', OWN_OPTIONS)
}

function send(capture: Capture, { body, known }: CapturedMessage, sender: Sender): Promise<Sent> {
  const headers = new Map(capture.headers)
  return sendThroughGateway(toTurn(capture, { body, known }, sender), {
    url: capture.url,
    credential: toCredential(headers),
    cookie: headers.get('cookie'),
    compression: capture.body === undefined || headers.has('content-encoding') ? 'auto' : 'none',
    isLite: hasLiteMark(headers, body),
  })
}

function toTurn(capture: Capture, { body, known }: CapturedMessage, sender: Sender): Turn {
  const isCli = sender === 'codex-cli'
  const request = isCli ? toCliRequest(capture, body, known) : toChatRequest(body)
  const client = { headers: request.headers, keyId: '' }
  return isCli ? parseResponsesRequest(request.body, client) : parseChatRequest(request.body, client)
}

function hasLiteMark(headers: ReadonlyMap<string, string>, body: JsonObject): boolean {
  const metadata = objectAt(body, 'client_metadata') ?? {}
  const mark = metadata.ws_request_header_x_openai_internal_codex_responses_lite
  return headers.has('x-openai-internal-codex-responses-lite') || mark === 'true'
}

function toCredential(headers: ReadonlyMap<string, string>): Credential {
  const isPersonal = headers.get('authorization')?.startsWith('Bearer at-') === true
  return {
    token: 'not-a-token',
    kind: isPersonal ? 'personal_access_token' : 'chatgpt',
    accountId: headers.get('chatgpt-account-id'),
    isFedramp: false,
  }
}

/** The connection writes that header itself, behind all others. */
function withoutExtensions({ headers }: Capture): Capture['headers'] {
  return headers.filter(([name]) => name !== 'sec-websocket-extensions')
}

function optionsOf(sender: Sender): CompareOptions {
  return sender === 'codex-cli' ? CLI_OPTIONS : OWN_OPTIONS
}

function joined(...parts: readonly Comparison[]): Comparison {
  return {
    equal: parts.reduce((sum, { equal }) => sum + equal, 0),
    differences: parts.flatMap(({ differences }) => differences),
  }
}
