import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type JsonObject, parseJsonObject, stringAt } from '../lib/json.ts'
import { defaultAnswer } from './default-answer.ts'
import type { RawEvent } from './events.ts'
import { Issuer } from './issuer.ts'
import { SIMULATOR_MODELS } from './models.ts'
import { findRefusal } from './rules.ts'

/** One scripted answer to one generating request. */
export interface Scenario {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent instead of a stream. */
  readonly body?: string | JsonObject
  readonly delayMs?: number
  /** Events, raw bytes, or a pause. */
  readonly stream?: readonly (RawEvent | string | { pauseMs: number })[]
  readonly newline?: '\n' | '\r\n' | '\r'
  /** Bytes a write; undefined = one event a write. */
  readonly chunkBytes?: number
  /** After the last step: end cleanly, cut the connection, or stay silent. */
  readonly end?: 'close' | 'cut' | 'stall'
}

export interface RecordedRequest {
  readonly path: string
  /** Names as sent, in wire order. */
  readonly rawHeaders: readonly string[]
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: JsonObject
  /** Set when the client left before the end. */
  closedAtMs: number | undefined
}

export interface SimulatorOptions {
  readonly host?: string
  readonly port?: number
  /** False skips the backend's rules, for tests of something else. */
  readonly isStrict?: boolean
  readonly log?: (line: string) => void
}

/** A local stand-in for the Codex backend and its OAuth issuer, for work without an account. */
export class Simulator {
  readonly issuer = new Issuer()
  readonly requests: RecordedRequest[] = []
  /** Every other call, as `METHOD path`. */
  readonly calls: string[] = []
  models: readonly JsonObject[] = SIMULATOR_MODELS
  modelsEtag = '"sim-1"'
  readonly #queue: Scenario[] = []
  readonly #options: SimulatorOptions
  readonly #server = createServer((request, response) => void this.#handle(request, response))

  constructor(options: SimulatorOptions = {}) {
    this.#options = options
  }

  /** Origin; the backend is below `/backend-api/codex`, the issuer at the origin itself. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}`
  }

  get baseUrl(): string {
    return `${this.url}/backend-api/codex`
  }

  /** Each generating request takes one; without any the simulator answers sensibly by itself. */
  play(...scenarios: Scenario[]): void {
    this.#queue.push(...scenarios)
  }

  async listen(): Promise<void> {
    const { port = 0, host = '127.0.0.1' } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, resolve)
    })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    try {
      const text = await readBody(request)
      if (request.method === 'POST' && path.endsWith('/responses')) {
        await this.#generate(request, response, path, parseJsonObject(text) ?? {})
        return
      }
      this.calls.push(`${request.method} ${path}`)
      const { status, body, headers } = this.#answerCall(request, path, text)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    } catch (error) {
      this.#options.log?.(`simulator: ${error instanceof Error ? error.message : String(error)}`)
      response.destroy()
    }
  }

  #answerCall(
    request: IncomingMessage,
    path: string,
    text: string,
  ): { status: number; body: JsonObject; headers?: Record<string, string> } {
    if (path === '/oauth/token') {
      const body = parseJsonObject(text) ?? Object.fromEntries(new URLSearchParams(text))
      return this.issuer.refresh(stringAt(body, 'refresh_token') ?? '')
    }
    const accountId = this.issuer.accountOf(request.headers.authorization ?? '')
    if (accountId === undefined) return { status: 401, body: { detail: 'Unauthorized' } }
    if (path.endsWith('/models'))
      return { status: 200, body: { models: this.models }, headers: { etag: this.modelsEtag } }
    if (path.endsWith('/wham/usage')) return { status: 200, body: USAGE }
    if (path.endsWith('/wham/accounts/check')) {
      const account = {
        id: accountId,
        workspace_backend_origin: 'https://chatgpt.com',
        account_routing_override: 'NO_CONSTRAINT',
      }
      return { status: 200, body: { accounts: [account] } }
    }
    if (path.endsWith('/responses'))
      return { status: 426, body: { error: { message: 'WebSocket is not simulated', type: 'invalid_request_error' } } }
    return { status: 404, body: { detail: 'Not Found' } }
  }

  async #generate(request: IncomingMessage, response: ServerResponse, path: string, body: JsonObject): Promise<void> {
    const record: RecordedRequest = {
      path,
      rawHeaders: request.rawHeaders,
      headers: request.headers,
      body,
      closedAtMs: undefined,
    }
    this.requests.push(record)
    response.once('close', () => {
      if (!response.writableFinished) record.closedAtMs = Date.now()
    })
    const scenario = this.#queue.shift()
    if (scenario !== undefined && (scenario.status ?? 200) !== 200) {
      await play(scenario, response)
      return
    }
    const accountId = this.issuer.accountOf(request.headers.authorization ?? '')
    const refusal =
      accountId === undefined || accountId !== (request.headers['chatgpt-account-id'] ?? accountId)
        ? { status: 401, body: { detail: 'Unauthorized' } }
        : this.#options.isStrict === false
          ? undefined
          : findRefusal(body, request.headers, this.models)
    if (refusal !== undefined) await play(refusal, response)
    else await play(scenario ?? { stream: defaultAnswer(body) }, response, this.modelsEtag)
  }
}

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = new Simulator(options)
  await simulator.listen()
  return simulator
}

const USAGE: JsonObject = {
  plan_type: 'plus',
  rate_limit: {
    primary_window: {
      used_percent: 12,
      limit_window_seconds: 18_000,
      reset_after_seconds: 600,
      reset_at: 1_795_400_000,
    },
    secondary_window: {
      used_percent: 34,
      limit_window_seconds: 604_800,
      reset_after_seconds: 6000,
      reset_at: 1_795_900_000,
    },
  },
  credits: { has_credits: false, unlimited: false, balance: '0' },
}

async function play(scenario: Scenario, response: ServerResponse, modelsEtag = ''): Promise<void> {
  if (scenario.delayMs !== undefined) await delay(scenario.delayMs)
  const { status = 200, headers = {}, body } = scenario
  if (body !== undefined) {
    const type = typeof body === 'string' ? 'text/html' : 'application/json'
    response
      .writeHead(status, { 'content-type': type, ...headers })
      .end(typeof body === 'string' ? body : JSON.stringify(body))
    return
  }
  response.writeHead(status, {
    'content-type': 'text/event-stream',
    'x-request-id': 'req_simulated',
    'x-models-etag': modelsEtag,
    ...headers,
  })
  response.flushHeaders()
  for (const step of scenario.stream ?? []) {
    if (response.destroyed) return
    if (typeof step === 'object' && 'pauseMs' in step && typeof step.pauseMs === 'number') await delay(step.pauseMs)
    else await write(response, toBytes(step as RawEvent | string, scenario.newline ?? '\n'), scenario.chunkBytes)
  }
  if (scenario.end === 'cut') response.destroy()
  else if (scenario.end !== 'stall') response.end()
}

function toBytes(step: RawEvent | string, newline: string): Buffer {
  if (typeof step === 'string') return Buffer.from(step)
  return Buffer.from(`event: ${step.type}${newline}data: ${JSON.stringify(step)}${newline}${newline}`)
}

async function write(response: ServerResponse, bytes: Buffer, chunkBytes = bytes.length): Promise<void> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const isTaken = response.write(bytes.subarray(start, start + chunkBytes))
    if (isTaken || response.destroyed) continue
    await new Promise<void>((resolve) => {
      response.once('drain', resolve)
      response.once('close', resolve)
    })
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const encoding = request.headers['content-encoding']
  return (encoding === 'zstd' ? zstdDecompressSync(bytes) : encoding === 'gzip' ? gunzipSync(bytes) : bytes).toString(
    'utf8',
  )
}
