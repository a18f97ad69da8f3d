import { setTimeout as delay } from 'node:timers/promises'
import type { Flags } from '../config/load.ts'
import { createLogger } from '../lib/logger.ts'
import { createApp } from '../server/app.ts'
import type { WiredBackend } from '../server/wire-backend.ts'
import { NO_TOKENS, readTokensToday, type TokenCount } from '../store/daily-tokens.ts'
import type { CredentialSource } from '../turn/connector.ts'
import { GatewayError } from '../turn/errors.ts'
import { loadOrReport } from './load-or-report.ts'
import { type BackendStatus, toStatusText } from './status-text.ts'

export interface StatusFlags extends Flags {
  readonly json?: boolean
  readonly watch?: boolean
  /** Seconds between two looks. */
  readonly interval?: string
}

const WAIT_MS = 15_000
const DEFAULT_INTERVAL_S = 60
const CLEAR_SCREEN = '\u001b[2J\u001b[H'

/** `codexway status`: what is left of each account's plan; 1 if one of them cannot tell. */
export async function runStatus(flags: StatusFlags): Promise<number> {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const app = createApp({ loaded, log: createLogger('silent', process.stderr) })
  const stopped = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopped.abort())
  try {
    for (;;) {
      const tokens = await readTokensToday(loaded.paths.tokensDirectory)
      const statuses = await Promise.all(app.backends.flatMap((backend) => lookAtAll(backend, tokens, stopped.signal)))
      if (stopped.signal.aborted) return 0
      print(statuses, flags)
      if (flags.watch !== true) return statuses.every(({ problem }) => problem === undefined) ? 0 : 1
      const seconds = Number(flags.interval ?? DEFAULT_INTERVAL_S)
      await delay(Math.max(1, seconds) * 1000, undefined, { signal: stopped.signal }).catch(() => undefined)
      if (stopped.signal.aborted) return 0
    }
  } finally {
    await app.stop()
  }
}

type Tokens = ReadonlyMap<string, TokenCount>

/** One account, or each of several. */
function lookAtAll(backend: WiredBackend, tokens: Tokens, stopped: AbortSignal): Promise<BackendStatus>[] {
  const { name, accounts, credentials } = backend
  if (accounts.length === 0) return [look(backend, { backend: name }, { credentials, tokens, stopped })]
  return accounts.map((account) =>
    look(backend, { backend: name, account }, { credentials: backend.account(account), tokens, stopped }),
  )
}

interface Asked {
  readonly credentials: CredentialSource
  readonly tokens: Tokens
  readonly stopped: AbortSignal
}

async function look(
  backend: WiredBackend,
  named: Pick<BackendStatus, 'backend' | 'account'>,
  { credentials, tokens, stopped }: Asked,
): Promise<BackendStatus> {
  const usage = await backend
    .usage(AbortSignal.any([stopped, AbortSignal.timeout(WAIT_MS)]), credentials)
    .catch((error: unknown) => (error instanceof GatewayError ? error : undefined))
  const { state, email, plan, accountId = '' } = await credentials.describe()
  const common = { ...named, state, email, tokens_today: tokens.get(accountId) ?? NO_TOKENS }
  if (usage === undefined || usage instanceof GatewayError) {
    const problem = usage?.message ?? `${backend.host} did not answer in time.`
    return { ...common, plan_type: plan ?? null, windows: [], credits: null, observed_at: null, problem }
  }
  return { ...common, ...usage.view, plan_type: usage.view.plan_type ?? plan ?? null, problem: undefined }
}

function print(statuses: readonly BackendStatus[], { json, watch }: StatusFlags): void {
  if (json === true) {
    process.stdout.write(`${JSON.stringify(statuses, undefined, watch === true ? undefined : 2)}\n`)
    return
  }
  const screen = watch === true && process.stdout.isTTY ? CLEAR_SCREEN : ''
  process.stdout.write(`${screen}${toStatusText(statuses, { nowMs: Date.now() })}\n`)
}
