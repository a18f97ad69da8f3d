/**
 * Real agents complete tool-using turns through the gateway and the simulator. Installs their pinned releases, then
 * runs itself again in a network namespace that has loopback only, since the agents try to reach their makers.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../src/config/load.ts'
import { createLogger } from '../src/lib/logger.ts'
import { createApp } from '../src/server/app.ts'
import { type Simulator, startSimulator } from '../src/simulator/server.ts'
import { checkLocks } from './codex-locks.ts'
import { installPythonClient, readmeChecks } from './readme-examples.ts'
import {
  CODEX,
  type CodexWays,
  clientsDirectory as cache,
  installClients,
  run,
  runInside,
  toCodexConfig,
} from './run-client.ts'
import { sharedWithCodex } from './shared-with-codex.ts'

const { values: flags } = parseArgs({
  options: { inside: { type: 'boolean' }, report: { type: 'string' }, only: { type: 'string' } },
})
const RUN_TIMEOUT_MS = 90_000

if (flags.inside === true) await runAll()
else {
  await installClients()
  await installPythonClient()
  const report = flags.report === undefined ? [] : ['--report', flags.report]
  // Part of a check's name: the others are left out.
  const only = flags.only === undefined ? [] : ['--only', flags.only]
  process.exitCode = await runInside(import.meta.filename, [...report, ...only])
}

interface Stage {
  readonly simulator: Simulator
  readonly url: string
  readonly home: string
  /** The gateway's log. */
  readonly logs: readonly string[]
}

async function runAll(): Promise<void> {
  const checks: Record<string, (stage: Stage) => Promise<void>> = {
    'E-14: the Codex CLI runs a command, classic model': (stage) => codex(stage, 'gpt-5.5'),
    'E-14: the Codex CLI runs a command, lite model': (stage) => codex(stage, 'gpt-5.6-sol'),
    'E-14, M-28: the Codex CLI signed in runs a command': (stage) => codex(stage, 'gpt-5.6-sol', { isSignedIn: true }),
    'E-14: the Codex CLI runs a command over WebSocket, classic model': (stage) => codexOverSocket(stage, 'gpt-5.5'),
    'E-14: the Codex CLI runs a command over WebSocket, lite model': (stage) => codexOverSocket(stage, 'gpt-5.6-sol'),
    'the Codex CLI takes the gateway for its backend': (stage) =>
      codex(stage, 'gpt-5.6-sol', { isSignedIn: true, basePath: '/backend-api/codex' }),
    'the Codex CLI and our locks on the sign-in keep each other out': ({ simulator, home }) =>
      checkLocks(simulator, home),
    'two gateways and the Codex CLI share one sign-in': async () => void (await sharedWithCodex(25, 300)),
    'E-13: OpenCode runs two commands over chat completions': (stage) => opencode(stage, '@ai-sdk/openai-compatible'),
    'E-13: OpenCode runs two commands over Responses': (stage) => opencode(stage, '@ai-sdk/openai'),
    'Claude Code runs two commands over Messages': claudeCode,
    'Gemini CLI runs two commands over the Gemini API': geminiCli,
    ...readmeChecks,
  }
  let numPassedTests = 0
  let numFailedTests = 0
  for (const [name, check] of Object.entries(checks).filter(([name]) => name.includes(flags.only ?? ''))) {
    const startedAtMs = Date.now()
    try {
      await onStage(check)
      numPassedTests += 1
      console.log(` ✓ ${name} (${Date.now() - startedAtMs} ms)`)
    } catch (error) {
      numFailedTests += 1
      console.log(` ✗ ${name}\n${error instanceof Error ? error.message : error}`)
    }
  }
  if (flags.report !== undefined) writeFileSync(flags.report, JSON.stringify({ numPassedTests, numFailedTests }))
  process.exit(numFailedTests === 0 ? 0 : 1)
}

/** A gateway and a simulator of their own for each check. */
async function onStage(check: (stage: Stage) => Promise<void>): Promise<void> {
  const simulator = await startSimulator()
  const home = mkdtempSync(join(tmpdir(), 'codexway-clients-'))
  const auth = join(home, 'gateway-auth.json')
  writeFileSync(auth, JSON.stringify(simulator.issuer.authFile()))
  const env = {
    HOME: home,
    OPENAI_CODEX_PATH: auth,
    OPENAI_API_BASE_URL: simulator.baseUrl,
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    CODEXWAY_PORT: '0',
  }
  const result = loadConfig({}, env, home)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const logs: string[] = []
  const app = createApp({ loaded: result.loaded, log: createLogger('info', { write: (line) => logs.push(line) }) })
  const { url } = await app.listen()
  try {
    await check({ simulator, url, home, logs })
  } finally {
    await Promise.all([app.stop(), simulator.close()])
    rmSync(home, { recursive: true, force: true })
  }
}

async function codex({ simulator, url, home }: Stage, model: string, ways: CodexWays = {}): Promise<void> {
  const codexHome = join(home, 'codex')
  const work = join(home, 'work')
  for (const directory of [codexHome, work]) mkdirSync(directory)
  if (ways.isSignedIn) writeFileSync(join(codexHome, 'auth.json'), JSON.stringify(simulator.issuer.authFile()))
  writeFileSync(join(codexHome, 'config.toml'), toCodexConfig(url, model, ways))
  const args = [
    'exec',
    '--skip-git-repo-check',
    '--json',
    '--dangerously-bypass-approvals-and-sandbox',
    'Please run `echo marker-$((40+2))`.',
  ]
  const { code, output } = await run(CODEX, args, {
    cwd: work,
    timeoutMs: RUN_TIMEOUT_MS,
    env: { HOME: home, CODEX_HOME: codexHome, PATH: process.env.PATH ?? '', GATEWAY_KEY: 'unused' },
  })
  if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-3000)}`)
  if (!output.includes('The command printed') || !output.includes('marker-42'))
    throw new Error(`no result\n${output.slice(-3000)}`)
  const turns = simulator.requests.map(({ body }) => JSON.stringify(body))
  if (turns.length !== 2) throw new Error(`${turns.length} upstream requests instead of 2`)
  mustContinue(simulator)
}

/** One connection: the warm-up, a turn and its follow-up, and nothing over HTTP. */
async function codexOverSocket(stage: Stage, model: string): Promise<void> {
  await codex(stage, model, { isOverWebSocket: true })
  const lines = stage.logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  const ways = lines.map(({ method, path, status }) => `${method} ${path} ${status}`)
  const [opened, ...messages] = ways
  const isWhole = opened === 'GET /v1/responses 101' && messages.length === 3
  if (!isWhole || messages.some((way) => way !== 'WEBSOCKET /v1/responses 200'))
    throw new Error(`not over one WebSocket: ${ways.join(', ')}`)
}

/** The last turn brought its tool's result to a conversation the backend still held, over the same WebSocket. */
function mustContinue({ requests }: Simulator): void {
  const last = requests.at(-1)
  const sent = Array.isArray(last?.body.input) ? last.body.input.length : 0
  if (last?.transport !== 'websocket' || last.previousResponseId === undefined || sent !== 1)
    throw new Error(`the last turn came over ${last?.transport} with ${sent} of ${last?.context.length} items`)
}

async function opencode({ simulator, url, home }: Stage, npm: string): Promise<void> {
  const config = join(home, '.config', 'opencode')
  const work = join(home, 'work')
  for (const directory of [config, work]) mkdirSync(directory, { recursive: true })
  const provider = { gw: { npm, options: { baseURL: `${url}/v1`, apiKey: 'x' }, models: { 'gpt-5.5': {} } } }
  writeFileSync(
    join(config, 'opencode.json'),
    JSON.stringify({ provider, model: 'gw/gpt-5.5', permission: 'allow', autoupdate: false, share: 'disabled' }),
  )
  const { code, output } = await run(
    join(cache, 'node_modules', '.bin', 'opencode'),
    ['run', 'Please run `echo first-$((40+1))` and then run `echo second-$((40+2))`.'],
    {
      cwd: work,
      timeoutMs: RUN_TIMEOUT_MS,
      env: {
        HOME: home,
        PATH: process.env.PATH ?? '',
        OPENCODE_DISABLE_AUTOUPDATE: '1',
        OPENCODE_DISABLE_MODELS_FETCH: '1',
        OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
      },
    },
  )
  if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-3000)}`)
  if (!output.includes('The command printed')) throw new Error(`no result\n${output.slice(-3000)}`)
  const withTools = simulator.requests.filter(({ body }) => Array.isArray(body.tools) && body.tools.length > 0)
  if (withTools.length !== 3)
    throw new Error(`${withTools.length} tool-using upstream requests instead of 3\n${output.slice(-2000)}`)
  mustContinue(simulator)
}

async function claudeCode({ simulator, url, home }: Stage): Promise<void> {
  const work = join(home, 'work')
  mkdirSync(work)
  const binary = join(
    cache,
    'node_modules',
    '@anthropic-ai',
    `claude-code-${process.platform}-${process.arch}`,
    'claude',
  )
  const task = 'Please run `echo first-$((40+1))` and then run `echo second-$((40+2))`.'
  const { code, output } = await run(binary, ['-p', task, '--allowedTools', 'Bash', '--output-format', 'json'], {
    cwd: work,
    timeoutMs: RUN_TIMEOUT_MS,
    env: {
      HOME: home,
      PATH: process.env.PATH ?? '',
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: 'unused',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      DISABLE_ERROR_REPORTING: '1',
      DISABLE_TELEMETRY: '1',
    },
  })
  if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-3000)}`)
  if (!output.includes('"is_error":false') || !output.includes('second-42'))
    throw new Error(`no result\n${output.slice(-3000)}`)
  const turns = simulator.requests.length
  if (turns !== 3) throw new Error(`${turns} upstream requests instead of 3`)
  const sealed = simulator.requests.at(-1)?.context.filter(({ type }) => type === 'reasoning') ?? []
  if (sealed.length !== 2) throw new Error(`${sealed.length} sealed reasonings in the last turn instead of 2`)
  mustContinue(simulator)
}

async function geminiCli({ simulator, url, home }: Stage): Promise<void> {
  const config = join(home, '.gemini')
  const work = join(home, 'work')
  for (const directory of [config, work]) mkdirSync(directory)
  const settings = {
    security: { auth: { selectedType: 'gemini-api-key' } },
    privacy: { usageStatisticsEnabled: false },
    general: { enableAutoUpdate: false },
  }
  writeFileSync(join(config, 'settings.json'), JSON.stringify(settings))
  // It refuses commands with `$(…)`.
  const task = 'Please run `printf first-%d 41` and then run `printf second-%d 42`.'
  const { code, output } = await run(
    join(cache, 'node_modules', '.bin', 'gemini'),
    ['--yolo', '--skip-trust', '-m', 'gpt-5.5', '-p', task],
    {
      cwd: work,
      timeoutMs: RUN_TIMEOUT_MS,
      env: {
        HOME: home,
        PATH: process.env.PATH ?? '',
        GEMINI_API_KEY: 'unused',
        GOOGLE_GEMINI_BASE_URL: url,
      },
    },
  )
  if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-3000)}`)
  if (!output.includes('The command printed') || !output.includes('second-42'))
    throw new Error(`no result\n${output.slice(-3000)}`)
  const turns = simulator.requests.length
  if (turns !== 3) throw new Error(`${turns} upstream requests instead of 3`)
  const sealed = simulator.requests.at(-1)?.context.filter(({ type }) => type === 'reasoning') ?? []
  if (sealed.length !== 2) throw new Error(`${sealed.length} sealed reasonings in the last turn instead of 2`)
  mustContinue(simulator)
}
