import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

/** The command in a home of its own. */
function codexway(args: readonly string[], options: { yaml?: string; env?: Record<string, string> } = {}) {
  const home = mkdtempSync(join(tmpdir(), 'codexway-command-'))
  if (options.yaml !== undefined) writeFileSync(join(home, 'config.yaml'), options.yaml)
  const env = { PATH: process.env.PATH ?? '', HOME: home, ...options.env }
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: home,
    env,
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, stdout, stderr }
}

const profile = (capabilities: string) => `backends:
  openai_codex:
    timeout: 120
    extra:
      codex:
        default_capabilities:
${capabilities
  .split('\n')
  .map((line) => `          ${line}`)
  .join('\n')}
`

test('C-02: profile A loads as printed, without a type line', () => {
  const yaml = profile(
    'protocol: openai-chat\ncodex_passthrough: false\nprompt_mode: codex_default\ntool_schema_mode: custom_only\ntool_text_format: none\nbypass_tool_call_reactor: true\ninclude_environment_context: false',
  )
  const { status, stdout, stderr } = codexway(['config', '--json'], { yaml })
  expect([status, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout).config.backends.openai_codex.extra.codex.default_capabilities).toMatchObject({
    protocol: 'openai-chat',
    codex_passthrough: false,
    prompt_mode: 'codex_default',
    tool_schema_mode: 'custom_only',
    tool_text_format: 'none',
    bypass_tool_call_reactor: true,
    include_environment_context: false,
  })
})

for (const [id, yaml, words] of [
  ['C-04', profile('prompt_mode: foo'), ['prompt_mode', 'foo', 'merge_custom']],
  ['C-05', profile('include_environment_context: "false"'), ['include_environment_context', 'boolean']],
  [
    'C-06',
    'backends: {openai_codex: {extra: {codex: {default_capabilites: {}}}}}',
    ['default_capabilites', 'default_capabilities'],
  ],
  ['C-15', 'backends: {foo: {}}', ['backends.foo.type', 'openai-codex']],
  ['C-15', 'backends: {foo: {type: nope}}', ['backends.foo.type', 'nope', 'openai-codex']],
  ['C-17', 'backends: {openai_codex: {timeout: 0}}', ['timeout', '0']],
  ['C-17', 'backends: {openai_codex: {timeout: 601}}', ['timeout', '601']],
  ['C-17', 'backends: {openai_codex: {timeout: "120"}}', ['timeout', 'number']],
  ['C-09', 'backends: {openai_codex: {base_url: "http://example.com"}}', ['base_url', 'clear text']],
  ['C-09', 'backends: {openai_codex: {oauth_issuer: "http://example.com"}}', ['oauth_issuer', 'clear text']],
  ['H-01', 'server: {host: 0.0.0.0}', ['server.host', 'server.api_keys']],
] as const) {
  test(`${id}: ${words.join(' … ')} is refused by name, with exit status 2`, () => {
    const { status, stderr } = codexway(['serve', '--port', '0'], { yaml })
    expect(status).toBe(2)
    for (const word of words) expect(stderr).toContain(word)
  })
}

test.each([
  ['C-09', 'OPENAI_API_BASE_URL', 'http://example.com', 'clear text'],
  ['C-04', 'OPENAI_CODEX_DEFAULT_CAPABILITIES', '{"prompt_mode":"foo"}', 'merge_custom'],
  ['§2.3', 'OPENAI_CODEX_AGENT_CAPABILITIES', '{"a":', 'JSON'],
])('%s: the variable %s=%s is refused by its name', (_id, name, value, word) => {
  const { status, stderr } = codexway(['serve', '--port', '0'], { env: { [name]: value } })
  expect([status, stderr]).toEqual([2, expect.stringContaining(name)])
  expect(stderr).toContain(word)
})

test('C-13: all mistakes are reported at once, one line each', () => {
  const { stderr } = codexway(['config'], {
    yaml: 'backends: {openai_codex: {timeout: 0, tokn_refresh: x}}\nserver: {port: -1}',
  })
  expect(stderr.trim().split('\n')).toHaveLength(3)
})

test('C-14: the command line beats the file, is named as source, and keys are masked', () => {
  const yaml = 'server: {api_keys: [hidden-key]}\nbackends: {openai_codex: {timeout: 60}}'
  const { stdout } = codexway(['config', '--set', 'backends.openai_codex.timeout=30'], {
    yaml,
    env: { CODEXWAY_PORT: '1234' },
  })
  expect(stdout).toContain('backends.openai_codex.timeout: 30   # command line')
  expect(stdout).toMatch(/^server\.port: 1234 {3}# environment CODEXWAY_PORT$/m)
  expect(stdout).not.toContain('hidden-key')
})

test('C-16: a named file that is not there is an error', () => {
  const { status, stderr } = codexway(['serve', '--config', 'missing.yaml'])
  expect(status).toBe(2)
  expect(stderr).toContain('missing.yaml')
})

test('H-06: serve says when it is ready, and stops on SIGTERM with status 0', async () => {
  const home = mkdtempSync(join(tmpdir(), 'codexway-command-'))
  const ready = join(home, 'ready.json')
  const args = [MAIN, 'serve', '--simulate', '--port', '0', '--ready-file', ready, '--log-level', 'silent']
  const child = spawn(process.execPath, args, {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', HOME: home },
    stdio: 'ignore',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await expect
    .poll(() => existsSync(ready) && readFileSync(ready, 'utf8').endsWith('}'), { timeout: 15_000 })
    .toBe(true)
  const { pid, url, port } = JSON.parse(readFileSync(ready, 'utf8'))
  expect([pid, new URL(url).port]).toEqual([child.pid, String(port)])
  expect(await (await fetch(`${url}/ready`)).json()).toEqual({ status: 'ready', credentials: 'ready' })
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  expect((await closed)[0]).toBe(0)
})

test('simulate answers with the scenario it is told, and names close ones for a wrong word', async () => {
  expect(codexway(['simulate', '--list']).stdout).toContain('usage-limit\n')
  const wrong = codexway(['simulate', '--port', '0', '--scenario', 'usage-limt'])
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('usage-limit')])

  const home = mkdtempSync(join(tmpdir(), 'codexway-command-'))
  const args = [MAIN, 'simulate', '--port', '0', '--scenario', 'usage-limit', '--auth-directory', home]
  const child = spawn(process.execPath, args, { cwd: home, env: { PATH: process.env.PATH ?? '', HOME: home } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  await expect.poll(() => printed, { timeout: 15_000 }).toContain('sign-in written')
  const base = /OPENAI_API_BASE_URL=(\S+)/.exec(printed)?.[1]
  const { tokens } = JSON.parse(readFileSync(join(home, 'auth.json'), 'utf8'))
  const input = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }]
  const response = await fetch(`${base}/responses`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${tokens.access_token}`,
      'chatgpt-account-id': tokens.account_id,
    },
    body: JSON.stringify({ model: 'gpt-5.5', instructions: '', input, store: false, stream: true }),
  })
  expect(response.status).toBe(429)
})

test('a scenario file without the simulator is a mistake in usage', () => {
  const { status, stderr } = codexway(['serve', '--scenarios', 'x.yaml'])
  expect([status, stderr]).toEqual([2, 'codexway: --scenarios goes with --simulate\n'])
})

test('compat holds our requests to captures, for people and machines, and says with its status what came of it', () => {
  const captures = join(import.meta.dirname, '..', 'fixtures', 'codex-cli')
  const text = codexway(['compat', '--against', captures])
  expect([text.status, text.stderr]).toEqual([0, ''])
  expect(text.stdout).toContain('Nothing unexpected.')

  const directory = mkdtempSync(join(tmpdir(), 'codexway-captures-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const name = '03-responses-http-lite-first.json'
  writeFileSync(join(directory, name), readFileSync(join(captures, name), 'utf8').replace('"x-codex-beta', '"x-other'))
  const json = codexway(['compat', '--against', directory, '--json'])
  expect(json.status).toBe(1)
  expect(JSON.parse(json.stdout).turns[0].unexpected).toMatchObject([
    { path: 'headers.x-other-features', kind: 'missing' },
    { path: 'headers.x-codex-beta-features', kind: 'added' },
  ])
  const wrong = codexway(['compat', '--against', join(directory, 'nowhere')])
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('nowhere')])
})
