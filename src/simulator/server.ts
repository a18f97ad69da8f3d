import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JsonObject, wordOf } from '../lib/json.ts'
import { toAnswerHeaders } from './answer-headers.ts'
import { answerControl } from './control.ts'
import { Decisions } from './decisions.ts'
import { generate } from './generate.ts'
import { type AuthFileOptions, type IssuedTokens, Issuer, type TokenOptions } from './issuer.ts'
import { connectionOf, createListener, type Listener } from './listener.ts'
import { SIMULATOR_MODELS } from './models.ts'
import { answerCall, toCallName } from './other-calls.ts'
import {
  type CallName,
  type OtherCall,
  type RecordedConnection,
  type RecordedRequest,
  toOtherCall,
  toRecordedRequest,
} from './records.ts'
import type { Refusal } from './refusal.ts'
import { readBody } from './request-body.ts'
import type { Scenario, ScenarioInput } from './scenario.ts'
import { Script } from './script.ts'
import { type ScriptedCall, ScriptedCalls, sendCall } from './scripted-calls.ts'
import { SignIn } from './sign-in.ts'
import { SocketEndpoint } from './socket-endpoint.ts'
import { UsageEstimate } from './usage-estimate.ts'

export interface SimulatorOptions {
  readonly host?: string
  /** 0: any free one. */
  readonly port?: number
  /** Where `baseUrl` points; requests are told apart by how their path ends, so any other base works too. */
  readonly basePath?: string
  readonly models?: readonly JsonObject[]
  /** False skips the backend's rules, for tests of something else. */
  readonly strict?: boolean
  /** Any bearer is taken, and none is needed. */
  readonly anyToken?: boolean
  /** Slugs taken though the catalogue does not list them. */
  readonly unlistedModels?: readonly string[]
  /** What a request for a WebSocket gets: one unless said, a status, or no answer at all. */
  readonly webSocket?: 'accept' | 'hang' | number
  /** WebSocket clients may compress their messages. */
  readonly deflate?: boolean
  readonly tls?: { readonly key: string; readonly cert: string }
  /** HTTP/2 is offered beside 1.1; needs `tls`. */
  readonly http2?: boolean
  readonly scenarios?: readonly (ScenarioInput | Scenario)[]
  readonly tokenLifetimeS?: number
  /** Between events of scenarios that say nothing. */
  readonly paceMs?: number
  readonly log?: (line: string) => void
}

/** A local stand-in for the Codex backend and its OAuth issuer, for work without an account. */
export class Simulator {
  readonly issuer: Issuer
  readonly signIn: SignIn
  /** Generating requests, answered or refused. */
  readonly requests: RecordedRequest[] = []
  /** WebSocket messages with `generate: false`, which generate nothing. */
  readonly warmUps: RecordedRequest[] = []
  /** WebSockets, open and closed. */
  readonly connections: RecordedConnection[] = []
  /** Everything else, upgrades included. */
  readonly otherCalls: OtherCall[] = []
  models: readonly JsonObject[]
  modelsEtag = '"sim-1"'
  readonly #options: SimulatorOptions
  readonly #script: Script
  readonly #scripted = new ScriptedCalls()
  readonly #decisions: Decisions
  readonly #usage = new UsageEstimate()
  readonly #doomed = new WeakSet<object>()
  readonly #numbers = new WeakMap<object, number>()
  readonly #sockets: SocketEndpoint
  readonly #listener: Listener
  #httpConnections = 0
  #url = ''

  constructor(options: SimulatorOptions = {}) {
    this.#options = options
    this.models = options.models ?? SIMULATOR_MODELS
    this.issuer = new Issuer(options.tokenLifetimeS)
    this.signIn = new SignIn(this.issuer)
    this.#script = new Script(options.scenarios)
    this.#decisions = new Decisions(options, this.issuer, this.#script, this.#scripted, () => this.models)
    this.#listener = createListener(options, (request, response) => void this.#handle(request, response))
    this.#sockets = this.#createSockets()
    const onUpgrade = (request: IncomingMessage, _socket: unknown, head: Buffer) =>
      void this.#sockets.handle(request, head)
    this.#listener.server.on('upgrade', onUpgrade)
  }

  /** Origin; the issuer is here, the backend below `basePath`. */
  get url(): string {
    return this.#url
  }

  get baseUrl(): string {
    return this.#url + (this.#options.basePath ?? '/backend-api/codex')
  }

  /** The other calls in short, e.g. `POST /oauth/token`. */
  get calls(): string[] {
    return this.otherCalls.map(({ method, path }) => `${method} ${path.replace(/\?.*/s, '')}`)
  }

  countCalls(name: CallName): number {
    return this.otherCalls.filter((call) => call.name === name).length
  }

  /** The one generating request there was. @throws Error if there was none, or more */
  onlyRequest(): RecordedRequest {
    const [request, ...more] = this.requests
    if (request === undefined || more.length > 0) {
      throw new Error(`expected one generating request, got ${this.requests.length}`)
    }
    return request
  }

  /** Each generating request takes one, by name or in full; without any the simulator answers sensibly by itself. */
  play(...scenarios: readonly (ScenarioInput | string)[]): void {
    this.#script.play(scenarios)
  }

  /** Answers every request the predicate holds for, ahead of what is queued. */
  on(
    predicate: (request: RecordedRequest) => boolean,
    answer: (request: RecordedRequest) => ScenarioInput | string,
  ): void {
    this.#script.on(predicate, answer)
  }

  /** Each refresh takes one. */
  playToken(...answers: readonly ScriptedCall[]): void {
    this.#scripted.play('token', answers)
  }

  /** Each call of this kind takes one. */
  playCall(name: CallName, ...answers: readonly ScriptedCall[]): void {
    this.#scripted.play(name, answers)
  }

  /** The answer to all calls of this kind from now on; undefined: as usual again. */
  answerCall(name: CallName, answer: ScriptedCall | undefined): void {
    this.#scripted.fix(name, answer)
  }

  issueTokens(options: TokenOptions = {}): IssuedTokens {
    return this.issuer.issue(options)
  }

  /** Writes an auth.json in the CLI's own form into `directory` and returns its path. */
  writeAuthFile(directory: string, options: AuthFileOptions = {}): string {
    return this.issuer.writeAuthFile(directory, options)
  }

  /** Forgets scripts and records; tokens stay good. */
  resetState(): void {
    this.requests.length = 0
    this.warmUps.length = 0
    this.connections.length = 0
    this.otherCalls.length = 0
    this.#script.reset()
    this.#scripted.reset()
  }

  async listen(): Promise<void> {
    const { port = 0, host = '127.0.0.1', tls } = this.#options
    const { server } = this.#listener
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
    const { port: bound } = server.address() as AddressInfo
    const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    const name = reachable.includes(':') ? `[${reachable}]` : reachable
    this.#url = `${tls === undefined ? 'http' : 'https'}://${name}:${bound}`
    this.issuer.url = this.#url
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.server.close(resolve))
    this.#listener.closeAllConnections()
    this.#sockets.close()
    await closed
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = connectionOf(request)
    if (connection !== undefined && this.#doomed.has(connection.key)) {
      connection.reset()
      return
    }
    try {
      const read = await readBody(request)
      const path = (request.url ?? '/').replace(/\?.*/s, '')
      if (path.startsWith('/_simulator')) this.#control(request, response, read.text)
      else if (request.method === 'POST' && path.endsWith('/responses')) await this.#generate(request, response, read)
      else await this.#call(request, response, read.text)
    } catch (thrown) {
      this.#log(`failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
      response.destroy()
    }
  }

  async #generate(
    message: IncomingMessage,
    response: ServerResponse,
    read: { text: string; encoding: string | undefined; bytesReceived: number },
  ): Promise<void> {
    const connection = this.#numberOf(connectionOf(message)?.key ?? message)
    const request = toRecordedRequest(message, { transport: 'http', connection, ...read })
    this.requests.push(request)
    const refusal = this.#decisions.findRefusal(request)
    const scenario = refusal === undefined ? this.#decisions.takeScenario(request) : { name: 'refused', ...refusal }
    request.scenario = scenario.name
    const headers = toAnswerHeaders(request, this.modelsEtag)
    const paceMs = this.#options.paceMs ?? 0
    await generate(request, response, scenario, { headers, paceMs, usage: this.#usage, doomed: this.#doomed })
    this.#logAnswer(request, refusal)
  }

  #createSockets(): SocketEndpoint {
    const { paceMs = 0, deflate = false } = this.#options
    const decisions = this.#decisions
    const etag = () => this.modelsEtag
    return new SocketEndpoint({
      findRefusal: (request, earlier) => decisions.findMessageRefusal(request, earlier),
      takeScenario: (request) => decisions.takeScenario(request),
      takeWarmUp: (request) => this.#script.takeWarmUp(request),
      takeUpgrade: (call) => decisions.takeUpgrade(call),
      findUpgradeRefusal: (call) => decisions.findUpgradeRefusal(call),
      toHeaders: (request) => toAnswerHeaders(request, etag()),
      record: (request, isWarmUp) => (isWarmUp ? this.warmUps : this.requests).push(request),
      log: (request) => this.#logAnswer(request),
      usage: this.#usage,
      paceMs,
      isCompressing: deflate,
      calls: this.otherCalls,
      connections: this.connections,
      get modelsEtag() {
        return etag()
      },
    })
  }

  #numberOf(key: object): number {
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#httpConnections += 1
    this.#numbers.set(key, this.#httpConnections)
    return this.#httpConnections
  }

  #logAnswer(request: RecordedRequest, refusal?: Refusal): void {
    const note = refusal === undefined ? (request.scenario ?? 'scenario') : JSON.stringify(refusal.body)
    const model = wordOf(request.body.model)
    this.#log(`${request.method} ${request.path} ${request.transport} ${model} → ${request.status ?? '-'} ${note}`)
  }

  async #call(request: IncomingMessage, response: ServerResponse, text: string): Promise<void> {
    const path = (request.url ?? '/').replace(/\?.*/s, '')
    const call = toOtherCall(request, text, toCallName(request.method ?? '', path))
    this.otherCalls.push(call)
    const { issuer, signIn, models, modelsEtag } = this
    const { anyToken = false } = this.#options
    const usual = () => answerCall(call, { issuer, signIn, models, modelsEtag, anyToken })
    await sendCall(response, this.#scripted.take(call.name), usual)
    this.#log(`${call.method} ${path} → ${response.headersSent ? response.statusCode : '-'}`)
  }

  #control(request: IncomingMessage, response: ServerResponse, text: string): void {
    const { status, body } = answerControl(request.method ?? '', request.url ?? '', text, {
      names: this.#script.names,
      requests: this.requests,
      warmUps: this.warmUps,
      connections: this.connections,
      calls: this.otherCalls,
      play: (scenario) => this.#script.playRemote(scenario),
      reset: () => this.resetState(),
    })
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #log(line: string): void {
    this.#options.log?.(`simulator: ${line}`)
  }
}

/** A listening simulator. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = new Simulator(options)
  await simulator.listen()
  return simulator
}
