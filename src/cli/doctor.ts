import type { Flags, LoadedConfig } from '../config/load.ts'
import { createLogger } from '../lib/logger.ts'
import { maskSecrets } from '../lib/redact.ts'
import { createApp } from '../server/app.ts'
import type { WiredBackend } from '../server/wire-backend.ts'
import type { CredentialStatus } from '../turn/connector.ts'
import { GatewayError } from '../turn/errors.ts'
import { loadOrReport } from './load-or-report.ts'

/** What one check found. A failure says in `next` what to do, unless `says` does so already. */
interface Finding {
  readonly verdict: 'ok' | 'warn' | 'skip' | 'FAIL'
  readonly about: string
  readonly says: string
  readonly next?: string | undefined
}

const WAIT_MS = 15_000
const CHECK_NETWORK = 'check the network and the proxy variables'

/** `codexway doctor`: one line a check, with the next step; 1 if one fails (connector.md §3.6). Prints no secret. */
export async function runDoctor(flags: Flags): Promise<number> {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const findings = checkConfiguration(loaded)
  findings.forEach(print)
  const app = createApp({ loaded, log: createLogger('silent', process.stderr) })
  for (const backend of app.backends) {
    for await (const finding of checkBackend(backend)) {
      findings.push(finding)
      print({ ...finding, about: `${backend.name} ${finding.about}` })
    }
  }
  await app.stop()
  return findings.some(({ verdict }) => verdict === 'FAIL') ? 1 : 0
}

function print({ verdict, about, says, next }: Finding): void {
  const line = `${verdict.padEnd(5)} ${about}: ${says}${next === undefined ? '' : ` — next: ${next}`}`
  process.stdout.write(`${maskSecrets(line.replaceAll(/\s*\n\s*/g, ' '))}\n`)
}

function checkConfiguration({ file, warnings }: LoadedConfig): Finding[] {
  const about = 'configuration'
  const warned = warnings.map((says): Finding => ({ verdict: 'warn', about, says }))
  return [{ verdict: 'ok', about, says: file ?? 'no file, defaults' }, ...warned]
}

async function* checkBackend(backend: WiredBackend): AsyncGenerator<Finding> {
  const status = await backend.credentials.describe()
  const isSignedIn = status.state === 'ready' || status.state === 'expired'
  yield checkFile(status, isSignedIn)
  const token = await checkToken(backend, isSignedIn)
  yield token
  yield await checkAnswers(backend, token.verdict === 'ok')
  yield await checkIssuer(backend, status.tokenUrl)
  yield await checkCatalogue(backend, token.verdict === 'ok')
}

function checkFile(status: CredentialStatus, isSignedIn: boolean): Finding {
  const about = 'sign-in'
  if (!isSignedIn) return { verdict: 'FAIL', about, says: status.nextStep ?? status.state }
  const who = [status.email, status.plan].filter((part) => part !== undefined).join(', ')
  return { verdict: 'ok', about, says: `${status.path} (${who === '' ? 'unnamed account' : who})` }
}

/** Renews it where that is due, as a request would. */
async function checkToken({ credentials }: WiredBackend, isSignedIn: boolean): Promise<Finding> {
  const about = 'token'
  if (!isSignedIn) return { verdict: 'skip', about, says: 'there is none' }
  try {
    await credentials.current(AbortSignal.timeout(WAIT_MS))
  } catch (error) {
    const next = error instanceof GatewayError ? undefined : CHECK_NETWORK
    return { verdict: 'FAIL', about, says: messageOf(error), next }
  }
  const { expiresAtMs } = await credentials.describe()
  const says = expiresAtMs === undefined ? 'tells no expiry' : `valid until ${new Date(expiresAtMs).toISOString()}`
  return { verdict: 'ok', about, says }
}

/** With a token it is asked for the usage, which shows that it takes the token, too. */
async function checkAnswers(backend: WiredBackend, hasToken: boolean): Promise<Finding> {
  const about = 'backend'
  const { host } = new URL(backend.responsesUrl)
  const next = `${CHECK_NETWORK}, and base_url`
  if (!hasToken) return await checkReach(backend, { about, url: backend.responsesUrl, next })
  try {
    await backend.usage(AbortSignal.timeout(WAIT_MS))
    return { verdict: 'ok', about, says: `${host} answers and takes the token` }
  } catch (error) {
    const { kind } = GatewayError.from(error)
    // Other backends than ChatGPT have no usage to tell.
    if (kind === 'upstream_refused') return { verdict: 'ok', about, says: `${host} answers` }
    return { verdict: 'FAIL', about, says: messageOf(error), next: kind.startsWith('codex_auth') ? LOGIN : next }
  }
}

const LOGIN = 'run `codex login`'

function checkIssuer(backend: WiredBackend, url: string): Promise<Finding> {
  return checkReach(backend, { about: 'issuer', url, next: `${CHECK_NETWORK}, and oauth_issuer` })
}

interface Place {
  readonly about: string
  readonly url: string
  readonly next: string
}

/** Any answer will do that is the place's own: it refuses to be asked like this. */
async function checkReach(backend: WiredBackend, { about, url, next }: Place): Promise<Finding> {
  const { host } = new URL(url)
  try {
    const status = await backend.probe(url, AbortSignal.timeout(WAIT_MS))
    const isFine = status < 300 || (status >= 400 && status < 500)
    if (isFine) return { verdict: 'ok', about, says: `${host} answers` }
    return { verdict: 'FAIL', about, says: `${host} answers HTTP ${status}`, next }
  } catch (error) {
    return { verdict: 'FAIL', about, says: messageOf(error), next }
  }
}

async function checkCatalogue({ catalogue }: WiredBackend, hasToken: boolean): Promise<Finding> {
  const about = 'catalogue'
  await catalogue.start()
  if (hasToken) await catalogue.refresh(AbortSignal.timeout(WAIT_MS))
  const count = `${catalogue.listed().length} models`
  const { source, fetchedAtMs } = catalogue
  if (source === 'live') return { verdict: 'ok', about, says: `${count}, fetched just now` }
  const age = fetchedAtMs === undefined ? source : `${source}, fetched ${toAge(Date.now() - fetchedAtMs)} ago`
  if (!hasToken) return { verdict: 'skip', about, says: `${count} (${age}); a live list needs a sign-in` }
  return { verdict: 'FAIL', about, says: `${count} (${age}); the backend gave none`, next: 'see to the backend first' }
}

function toAge(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000))
  if (minutes < 120) return `${minutes} minutes`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`
}

function messageOf(error: unknown): string {
  return error instanceof GatewayError ? error.message : 'no answer in time'
}
