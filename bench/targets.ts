import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MODEL } from './bodies.ts'
import { type Started, startScript } from './process.ts'

export type Door = 'responses' | 'chat' | 'messages' | 'completions' | 'gemini' | 'ollama'

/** What is measured: something that stands between a client and the upstream. A peer is one more entry of `TARGETS`. */
export interface TargetKind {
  readonly name: string
  /** Undefined = the upstream itself, which has no cost of its own to compare. */
  start(upstreamPort: number): Promise<Started> | undefined
  /** Path for each door it has; the pipe and the upstream take any body. */
  readonly paths: Partial<Record<Door, string>>
}

export interface Target {
  readonly kind: TargetKind
  readonly name: string
  /** Undefined for the upstream. */
  readonly pid: number | undefined
  readonly port: number
  readonly upstreamPort: number
}

export const ROOT = join(import.meta.dirname, '..')
export const PIPE = 'pipe'
export const CODEXWAY = 'codexway'
export const DIRECT = 'direct'

const UPSTREAM_PATHS: Readonly<Record<Door, string>> = {
  responses: '/responses',
  chat: '/responses',
  messages: '/responses',
  completions: '/responses',
  gemini: '/responses',
  ollama: '/responses',
}

export const TARGETS: readonly TargetKind[] = [
  { name: DIRECT, start: () => undefined, paths: UPSTREAM_PATHS },
  {
    name: PIPE,
    start: (upstreamPort) => startPipe(upstreamPort),
    paths: UPSTREAM_PATHS,
  },
  {
    name: CODEXWAY,
    start: (upstreamPort) => startGateway(upstreamPort),
    paths: {
      responses: '/v1/responses',
      chat: '/v1/chat/completions',
      messages: '/v1/messages',
      completions: '/v1/completions',
      gemini: `/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`,
      ollama: '/api/chat',
    },
  },
]

export async function startTarget(kind: TargetKind, upstreamPort: number): Promise<Target & { started?: Started }> {
  const started = await kind.start(upstreamPort)
  if (started === undefined) return { kind, name: kind.name, pid: undefined, port: upstreamPort, upstreamPort }
  return { kind, name: kind.name, pid: started.pid, port: started.port, upstreamPort, started }
}

/** As plain JavaScript, as the built gateway is: stripping types takes time and memory. */
export function startPipe(upstreamPort: number): Promise<Started> {
  const script = join(mkdtempSync(join(tmpdir(), 'codexway-bench-')), 'pipe.mjs')
  writeFileSync(script, stripTypeScriptTypes(readFileSync(join(ROOT, 'bench/pipe.ts'), 'utf8')))
  return startScript([script, String(upstreamPort)])
}

/** Empty but for a sign-in. */
export function createHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'codexway-bench-'))
  const tokens = { access_token: 'bench', account_id: 'bench' }
  writeFileSync(join(home, 'auth.json'), JSON.stringify({ tokens, last_refresh: new Date().toISOString() }))
  return home
}

/** The built package: what is installed has no types to strip. */
export function startGateway(upstreamPort: number, home = createHome()): Promise<Started> {
  const main = join(ROOT, 'dist/cli/main.js')
  const env = { PATH: process.env.PATH, HOME: home, CODEX_HOME: home }
  const base = `http://127.0.0.1:${upstreamPort}`
  return startScript(
    [main, 'serve', '--port', '0', '--base-url', base, '--log-level', 'warn', '--set', 'ollama=true'],
    env,
  )
}
