/** The README's commands and examples, taken out of it and run as printed (scenario O-06). */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CODEX, clientsDirectory, type RunOptions, run } from './run-client.ts'

const root = join(import.meta.dirname, '..')
const pythonDirectory = join(root, '.cache', 'python')
const PYTHON_CLIENT = 'openai==3.57.0'
/** What the README says the gateway listens on. */
const ORIGIN = 'http://127.0.0.1:2633'
/** How the simulator answers "Hello". */
const ANSWER = 'Simulated answer to: Hello'
const TIMEOUT_MS = 60_000

/** The Python SDK, from PyPI, beside the other clients. */
export async function installPythonClient(): Promise<void> {
  const done = join(pythonDirectory, `installed-${PYTHON_CLIENT}`)
  if (existsSync(done)) return
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', pythonDirectory]
  const { code, output } = await run('python3', [...args, PYTHON_CLIENT], { cwd: root, timeoutMs: 300_000 })
  if (code !== 0) throw new Error(`the Python client could not be installed:\n${output}`)
  writeFileSync(done, '')
}

/** One check for every block of the README that can be run; each starts what it needs by the README's own command. */
export const readmeChecks: Readonly<Record<string, (stage: { home: string }) => Promise<void>>> = {
  'O-06: npm run demo': async ({ home }) => {
    requireInReadme('npm run demo')
    await mustPrint('npm', ['run', 'demo'], 'Simulated answer', { cwd: root, home })
  },
  'O-06: npm start with flags, nobody signed in': ({ home }) =>
    whileStarted('npm start -- --port 8080', home, async (printed) => {
      if (!printed.includes('http://127.0.0.1:8080/v1') || !printed.includes('codex login')) throw new Error(printed)
    }),
  'O-06: the curl example': ({ home }) =>
    simulated(home, () => mustPrint('bash', ['-ec', block('sh', 'curl')], ANSWER, { cwd: home, home })),
  'O-06: the TypeScript example': ({ home }) =>
    simulated(home, async () => {
      // Inside the checkout, where the official package is found.
      const file = join(root, '.cache', 'readme-example.ts')
      writeFileSync(file, `${block('ts', 'openai')}\nconsole.log(answer.output_text)\n`)
      await mustPrint(process.execPath, [file], ANSWER, { cwd: home, home })
    }),
  'O-06: the Python example': ({ home }) =>
    simulated(home, async () => {
      const file = join(home, 'example.py')
      writeFileSync(file, `${block('python', 'openai')}\nprint(answer.choices[0].message.content)\n`)
      await mustPrint('python3', [file], ANSWER, { cwd: home, home, env: { PYTHONPATH: pythonDirectory } })
    }),
  'O-06: the Codex CLI’s configuration': ({ home }) =>
    simulated(home, async () => {
      mkdirSync(join(home, '.codex'))
      const quiet = '[analytics]\nenabled = false\n[otel]\nmetrics_exporter = "none"\n'
      writeFileSync(join(home, '.codex', 'config.toml'), `${block('toml', 'model_provider')}\n${quiet}`)
      await mustPrint(CODEX, ['exec', '--skip-git-repo-check', 'Hello'], ANSWER, { cwd: home, home })
    }),
  'O-06: OpenCode’s configuration': ({ home }) =>
    simulated(home, async () => {
      const directory = join(home, '.config', 'opencode')
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, 'opencode.json'), block('json', 'npm'))
      const env = { OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' }
      const opencode = join(clientsDirectory, 'node_modules', '.bin', 'opencode')
      await mustPrint(opencode, ['run', 'Hello'], ANSWER, { cwd: home, home, env })
    }),
  'O-06: Claude Code’s command': ({ home }) =>
    simulated(home, async () => {
      const directory = join(clientsDirectory, 'node_modules', '@anthropic-ai')
      const program = join(directory, `claude-code-${process.platform}-${process.arch}`)
      const env = { PATH: `${program}:${process.env.PATH}`, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }
      // As printed, but for one question instead of a session.
      const command = `${block('sh', 'claude').trimEnd()} -p Hello`
      await mustPrint('bash', ['-ec', command], 'Simulated answer to', { cwd: home, home, env })
    }),
}

function simulated(home: string, task: () => Promise<void>): Promise<void> {
  return whileStarted('npm start -- --simulate', home, task)
}

/** The one fenced block of this language that holds `word`. */
function block(language: string, word: string): string {
  const blocks = [...readme().matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, name, text = '']) => ({ name, text }))
  const found = blocks.filter(({ name, text }) => name === language && text.includes(word))
  const [only] = found
  if (only === undefined || found.length > 1) throw new Error(`${found.length} blocks of ${language} with "${word}"`)
  if (only.text.includes('http') && !only.text.includes(ORIGIN)) throw new Error(`another address in:\n${only.text}`)
  return only.text
}

function readme(): string {
  return readFileSync(join(root, 'README.md'), 'utf8')
}

function requireInReadme(command: string): void {
  if (!readme().includes(command)) throw new Error(`the README does not say "${command}" any more`)
}

interface Place extends Pick<RunOptions, 'cwd'> {
  readonly home: string
  readonly env?: Record<string, string>
}

async function mustPrint(command: string, args: readonly string[], words: string, place: Place): Promise<void> {
  const { code, output } = await run(command, args, {
    cwd: place.cwd,
    timeoutMs: TIMEOUT_MS,
    env: environment(place.home, place.env),
  })
  if (code !== 0 || !output.includes(words)) throw new Error(`exit ${code}\n${output.slice(-3000)}`)
}

/** Runs a task while a command of the README runs, from its line for people to its end. */
async function whileStarted(command: string, home: string, task: (printed: string) => Promise<void>): Promise<void> {
  requireInReadme(command)
  const child = spawn('bash', ['-c', command], {
    cwd: root,
    env: environment(home),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, since npm stands between us and the gateway.
    detached: true,
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    await task(await firstWords(child))
  } finally {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    await closed
  }
}

function firstWords({ stdout, stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const timer = setTimeout(() => reject(new Error(`not ready:\n${printed}`)), TIMEOUT_MS)
    const onData = (chunk: Buffer): void => {
      printed += chunk.toString()
      if (!/codexway ready at .*\n/.test(printed)) return
      clearTimeout(timer)
      resolve(printed)
    }
    stdout?.on('data', onData)
    stderr?.on('data', onData)
  })
}

function environment(home: string, more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: home, ...more }
}
