import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const MAIN = join(ROOT, 'src', 'cli', 'main.ts')
const home = mkdtempSync(join(tmpdir(), 'codexway-usage-'))
afterAll(() => rmSync(home, { recursive: true }))

function codexway(args: readonly string[], env: Record<string, string> = {}) {
  const options = { cwd: home, env: { HOME: home, ...env }, encoding: 'utf8', timeout: 20_000 } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], options)
  return { status, stdout, stderr }
}

const COMMANDS = [
  'serve',
  'login',
  'logout',
  'status',
  'accounts list',
  'accounts use',
  'models',
  'doctor',
  'config',
  'config schema',
  'simulate',
  'demo',
]

test.each(COMMANDS)('%s --help shows what it does, an example and the exit codes', (command) => {
  const { status, stdout, stderr } = codexway([...command.split(' '), '--help'])
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(new RegExp(`^Usage: codexway ${command} `))
  expect(stdout).toMatch(/Examples?:\n {2}codexway /)
  expect(stdout).toContain('130  stopped at once by a second signal')
})

test('--help lists every command; every command knows the version', () => {
  const { stdout } = codexway(['--help'])
  for (const command of ['serve', 'models', 'doctor', 'config', 'simulate', 'demo'])
    expect(stdout).toContain(`  ${command}`)
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(codexway(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
  expect(codexway(['models', '--version']).stdout).toBe(`${version}\n`)
})

test.each([[[]], [['sevre']], [['serve', '--nope']], [['config', 'more']], [['simulate', '--port', 'x']]])(
  'wrong usage %j ends with 2 and says so on stderr only',
  (args) => {
    const { status, stdout, stderr } = codexway(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).not.toBe('')
  },
)

test('config prints each value once, with its source; --json holds the same', () => {
  const env = { CODEXWAY_API_KEYS: 'first-key,second-key' }
  const { status, stdout, stderr } = codexway(['config', '--port', '0'], env)
  expect([status, stderr]).toEqual([0, ''])
  const lines = stdout.trim().split('\n')
  expect(lines).toContain('server.port: 0   # command line')
  expect(lines).toContain('server.api_keys: ["***","***"]   # environment CODEXWAY_API_KEYS')
  expect(lines).toContain('default_backend: "openai_codex"   # default')
  expect(lines).toContain(
    'backends.openai_codex.extra.codex.default_capabilities.prompt_mode: "codex_default"   # default',
  )
  expect(stdout).not.toContain('first-key')

  const { config, sources } = JSON.parse(codexway(['config', '--json', '--port', '0'], env).stdout)
  expect(config.server).toMatchObject({ port: 0, api_keys: ['***', '***'] })
  expect(sources['server.port']).toBe('command line')
  expect(Object.keys(sources)).toEqual(lines.map((line) => line.split(': ', 1)[0]))
})

test('config reports faults, bad alias targets among them, and ends with 2', () => {
  const set = ['--set', 'model_aliases.x=ghost:gpt-5.5', '--set', 'server.drain_seconds=-1']
  const { status, stdout, stderr } = codexway(['config', ...set])
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringMatching(
      /^codexway: --set: server\.drain_seconds: -1 is not allowed; expected a number from 0 to 3600$/,
    ),
    expect.stringMatching(/^codexway: model_aliases\.x: .*"ghost"/),
  ])
})

test('config warns of a host that is not OpenAI’s', () => {
  const { status, stderr } = codexway(['config', '--base-url', 'https://proxy.example/v1'])
  expect(status).toBe(0)
  expect(stderr).toContain('proxy.example')
})

test('config schema prints the published schema', () => {
  const { status, stdout } = codexway(['config', 'schema'])
  expect(status).toBe(0)
  expect(stdout).toBe(readFileSync(join(ROOT, 'config.schema.json'), 'utf8'))
})

test('a reader that has seen enough is no failure', () => {
  const script = '"$0" "$1" config schema | head -c 10; exit $PIPESTATUS'
  const { status, stdout } = spawnSync('bash', ['-c', script, process.execPath, MAIN], {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH ?? '' },
    encoding: 'utf8',
  })
  expect([status, stdout]).toEqual([0, '{\n  "$sche'])
})
