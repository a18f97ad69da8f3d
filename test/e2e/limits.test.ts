import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import { startGateway } from '../support/gateway.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startCommand } from '../support/running-command.ts'
import { useSimulator } from '../support/simulator.ts'

const CHAT = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] }
const windows = (primary: number, secondary: number) => ({
  'x-codex-primary-used-percent': String(primary),
  'x-codex-secondary-used-percent': String(secondary),
})

test.each(['sse', 'websocket'])('answers tell the plan’s windows in both spellings, over %s', async (transport) => {
  const { post } = await startGateway({
    yaml: `backends: { openai_codex: { extra: { codex: { transport: ${transport} } } } }`,
  })
  await (await post('/v1/chat/completions', CHAT)).text()
  const response = await post('/v1/chat/completions', CHAT)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'x-ratelimit-limit-requests': '100',
    'x-ratelimit-remaining-requests': '66',
    'x-ratelimit-reset-requests': expect.stringMatching(/^55h33m/),
  })
})

test('a refusal tells them, too, with the seconds to wait', async () => {
  const { post, simulator } = await startGateway({
    yaml: 'backends: { openai_codex: { extra: { codex: { transport: sse } } } }',
  })
  simulator.play({
    status: 429,
    headers: windows(100, 40),
    body: {
      error: { type: 'usage_limit_reached', message: 'The usage limit has been reached', resets_in_seconds: 77 },
    },
  })
  const response = await post('/v1/chat/completions', CHAT)
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '77'])
  expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0')
})

test('80 and 95 percent are in the log once each', async () => {
  const { post, simulator, logs } = await startGateway({
    yaml: 'backends: { openai_codex: { extra: { codex: { transport: sse } } } }',
  })
  for (const used of [79, 81, 82, 96, 97]) {
    simulator.play({ headers: windows(used, 1), stream: [{ text: 'fine' }, { completed: true }] })
    await (await post('/v1/chat/completions', CHAT)).text()
  }
  const warnings = logs.map((line) => JSON.parse(line)).filter(({ window }) => window !== undefined)
  expect(warnings.map(({ level, window, used_percent: used }) => [level, window, used])).toEqual([
    ['warn', '5h', 81],
    ['warn', '5h', 96],
  ])
})

test('status shows the windows with bars, or as JSON, and fails where nobody is signed in', async () => {
  const simulator = await useSimulator()
  const home = signIn(simulator)
  const env = { HOME: home, OPENAI_CODEX_PATH: home, OPENAI_API_BASE_URL: simulator.baseUrl }
  const text = startCommand(['status'], env)
  expect(await text.ended).toBe(0)
  expect(text.output()).toMatch(/^openai_codex: p…@example\.com, plan plus\n {2}5h {6}██░+ {2}12 % used {2}resets .*\n/)
  expect(text.output()).toMatch(
    / {2}weekly {2}█{7}░{13} {2}34 % used.*\n {2}credits: none\n {2}today: no tokens through codexway\n$/,
  )

  const json = startCommand(['status', '--json'], env)
  expect(await json.ended).toBe(0)
  expect(JSON.parse(json.output())).toEqual([
    {
      backend: 'openai_codex',
      state: 'ready',
      email: 'p…@example.com',
      plan_type: 'plus',
      windows: [
        { name: '5h', used_percent: 12, window_minutes: 300, resets_at: expect.any(Number) },
        { name: 'weekly', used_percent: 34, window_minutes: 10_080, resets_at: expect.any(Number) },
      ],
      credits: { has_credits: false, unlimited: false, balance: '0' },
      tokens_today: { turns: 0, input_tokens: 0, cached_tokens: 0, output_tokens: 0 },
      observed_at: expect.any(Number),
    },
  ])
  const nobody = startCommand(['status'], { ...env, OPENAI_CODEX_PATH: join(home, 'nowhere') })
  expect([await nobody.ended, nobody.output()]).toEqual([1, expect.stringContaining('codex login')])
})

test('status counts the tokens of today, by account, also after the gateway has gone', async () => {
  const simulator = await useSimulator()
  const home = signIn(simulator)
  const gateway = await startGatewayProcess({ simulator, codexHome: home, home })
  for (let turn = 0; turn < 2; turn++) expect((await gateway.chat()).status).toBe(200)
  await gateway.kill()
  const env = { HOME: home, OPENAI_CODEX_PATH: home, OPENAI_API_BASE_URL: simulator.baseUrl }
  const command = startCommand(['status', '--json'], env)
  expect(await command.ended).toBe(0)
  const [{ tokens_today: today }] = JSON.parse(command.output())
  expect(today).toMatchObject({ turns: 2, input_tokens: expect.any(Number) })
  expect(today.input_tokens).toBeGreaterThan(0)
})

test('status --watch looks again until it is told to stop', async () => {
  const simulator = await useSimulator()
  const home = signIn(simulator)
  const command = startCommand(['status', '--watch', '--interval', '1'], {
    HOME: home,
    OPENAI_CODEX_PATH: home,
    OPENAI_API_BASE_URL: simulator.baseUrl,
  })
  await command.until(/credits[\s\S]*credits/)
  command.child.kill('SIGINT')
  expect(await command.ended).toBe(0)
  expect(simulator.countCalls('usage')).toBeGreaterThanOrEqual(2)
})

function signIn(simulator: Simulator): string {
  const home = mkdtempSync(join(tmpdir(), 'codexway-status-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  simulator.writeAuthFile(home)
  return home
}
