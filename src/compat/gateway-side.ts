import { zstdDecompressSync } from 'node:zlib'
import { CLI_PROFILE, toClientIdentity } from '../backends/openai-codex/cli-profile.ts'
import { createCompress } from '../backends/openai-codex/compression.ts'
import { CookieJar } from '../backends/openai-codex/cookies.ts'
import type { Identity, RequestKind } from '../backends/openai-codex/identity.ts'
import { LimitsBoard } from '../backends/openai-codex/limits-board.ts'
import type { Payload } from '../backends/openai-codex/payload.ts'
import type { SocketTurnRequest } from '../backends/openai-codex/websocket/turn-request.ts'
import type { Backend } from '../gateway/backend.ts'
import { TurnPipeline } from '../gateway/run-turn.ts'
import { type JsonObject, parseJsonObject } from '../lib/json.ts'
import { packageVersion } from '../lib/version.ts'
import { BUILTIN_ENTRIES } from '../models/builtin-models.ts'
import { createModelResolver } from '../models/resolve.ts'
import type { Credential } from '../turn/connector.ts'
import type { Turn } from '../turn/turn.ts'

/** What the captured CLI had beside the request itself. */
export interface Circumstances {
  readonly url: string
  readonly credential: Credential
  /** `name=value`, as the CLI sent it back. */
  readonly cookie: string | undefined
  readonly compression: 'auto' | 'none'
  /** What the catalogue of that run said of the model. */
  readonly isLite: boolean
}

/** What the gateway hands to its connection for one turn. */
export interface Sent {
  readonly url: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: JsonObject
  readonly payload: Payload
  readonly identity: Identity
  readonly upgradeHeaders: (kind: RequestKind) => readonly (readonly [string, string])[]
}

const INSTANCE = 'openai_codex'
const INSTALLATION_ID = '00000000-0000-4000-8000-000000000000'

/** Runs a turn through the gateway's own pipeline, with a connection that notes what it is given. @throws GatewayError */
export async function sendThroughGateway(turn: Turn, circumstances: Circumstances): Promise<Sent> {
  const signal = new AbortController().signal
  let sent: Sent | undefined
  const open: Backend['transport']['open'] = async (request) => {
    sent = await record(request, circumstances.credential)
    throw new Recorded()
  }
  const pipeline = new TurnPipeline({
    backends: [toBackend(circumstances, open)],
    resolver: toResolver(circumstances.isLite),
    installationId: INSTALLATION_ID,
    warn: () => {},
  })
  try {
    await pipeline.open(await pipeline.prepare(turn, signal), signal)
  } catch (thrown) {
    if (!(thrown instanceof Recorded)) throw thrown
  }
  if (sent === undefined) throw new Error('the pipeline sent nothing')
  return sent
}

/** Ends a turn that is not to be sent. */
class Recorded extends Error {}

async function record(request: SocketTurnRequest, credential: Credential): Promise<Sent> {
  const attempt = await request.prepareAttempt(credential)
  const socket = await request.prepareSocket(credential)
  const text = typeof attempt.body === 'string' ? attempt.body : zstdDecompressSync(attempt.body).toString('utf8')
  return {
    url: attempt.url,
    headers: attempt.headers,
    body: parseJsonObject(text) ?? {},
    payload: request.payload,
    identity: socket.identity,
    upgradeHeaders: socket.headers,
  }
}

function toBackend(circumstances: Circumstances, open: Backend['transport']['open']): Backend {
  const { url, credential, cookie, compression } = circumstances
  const cookies = new CookieJar()
  cookies.keep(credential.accountId ?? '', cookie === undefined ? [] : cookie.split('; '))
  const { host } = new URL(url)
  const none = async () => {}
  return {
    name: INSTANCE,
    responsesUrl: url,
    host,
    timeoutMs: 1000,
    transport: { open },
    credentials: { current: async () => credential, renew: async () => credential, describe: unused },
    identity: toClientIdentity('codex_cli', CLI_PROFILE.version, packageVersion()),
    workspaces: { find: async () => ({ origin: undefined, routingOverride: undefined }) },
    cookies,
    observer: { answered: () => {} },
    limits: new LimitsBoard({ warn: () => {} }),
    payload: {
      responsesShape: 'auto',
      allowedParams: [],
      prompt: { template: undefined, prepend: [], append: [], deduplicate: true, fallbackToDefault: true },
      toolSchema: { baseTools: null, customTools: [] },
    },
    ready: none,
    reasoningReplay: true,
    capabilities: { defaults: {}, agents: {} },
    compress: createCompress(compression, host),
    resolveImages: none,
  }
}

function unused(): never {
  throw new Error('nobody asks for the state of this sign-in')
}

function toResolver(isLite: boolean) {
  const entries = BUILTIN_ENTRIES.map((entry) => ({ ...entry, isLite }))
  const catalogue = { find: (name: string) => entries.find(({ slug }) => slug === name), listed: () => entries }
  return createModelResolver({ instances: [{ name: INSTANCE, catalogue, models: [] }], aliases: {} })
}
