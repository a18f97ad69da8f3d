import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RequestMetrics } from '../../src/server/request-metrics.ts'
import { CHAT, chatBody } from '../support/ask.ts'
import { type Running, type StartOptions, startGateway } from '../support/gateway.ts'

const LONG_AGO = 'turn-state-of-nobody'
const text = 'A prompt that nobody else may read'

/** Sample line → value. */
async function metricsOf(gateway: Running, headers: Record<string, string> = {}): Promise<Record<string, number>> {
  const response = await fetch(`${gateway.url}/metrics`, { headers })
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  const body = await response.text()
  for (const secret of [text, LONG_AGO, 'acct-A', 'eyJ', 'gpt-5']) expect(body).not.toContain(secret)
  const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(samples.map((line) => [line.replace(/ \S+$/, ''), Number(line.replace(/^.* /, ''))]))
}

const requestLines = ({ logs }: Running) => logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
const onSocket: StartOptions = { simulator: { webSocket: 'accept' } }

test('turns are counted by transport, with bytes, items, tokens, times and open sockets', async () => {
  const gateway = await startGateway(onSocket)
  const ask = async (messages: object[], stream: boolean) => {
    const response = await gateway.post(CHAT, chatBody({ messages, stream }), { 'user-agent': 'opencode/1.2' })
    return await response.text()
  }
  const messages: object[] = [{ role: 'user', content: text }]
  const first = JSON.parse(await ask(messages, false)) as { choices: { message: object }[] }
  messages.push(first.choices[0]?.message ?? {}, { role: 'user', content: 'And?' })
  await ask(messages, true)
  await fetch(`${gateway.url}/no/such/path/${text}`)
  await fetch(`${gateway.url}/v1/models/gpt-5.5`)

  const lines = requestLines(gateway).filter(({ path }) => path === CHAT)
  const sum = (key: string) => lines.reduce((total, line) => total + (line[key] ?? 0), 0)
  const metrics = await metricsOf(gateway)
  expect(metrics).toMatchObject({
    [`codexway_requests_total{method="POST",route="${CHAT}",status="200",family="opencode"}`]: 2,
    'codexway_requests_total{method="GET",route="other",status="404",family="unknown"}': 1,
    'codexway_requests_total{method="GET",route="/v1/models/{id}",status="200",family="unknown"}': 1,
    'codexway_turns_total{transport="websocket"}': 2,
    'codexway_upstream_sent_bytes_total{transport="websocket"}': sum('upstream_bytes'),
    codexway_items_skipped_total: sum('items_skipped'),
    codexway_reconnects_total: 0,
    'codexway_tokens_total{kind="input"}': sum('input_tokens'),
    'codexway_tokens_total{kind="output"}': sum('output_tokens'),
    'codexway_tokens_total{kind="cached"}': sum('cached_tokens'),
    'codexway_upstream_sockets{backend="openai_codex"}': 1,
    codexway_upgrade_seconds_count: 1,
    'codexway_first_event_seconds_count{transport="websocket"}': 2,
    'codexway_first_text_seconds_count{transport="websocket"}': 2,
    'codexway_turn_seconds_count{transport="websocket"}': 2,
  })
  expect(sum('items_skipped')).toBeGreaterThan(0)
  for (const { ms, first_event_ms: event, first_text_ms: firstText } of lines) {
    expect(event).toBeLessThanOrEqual(firstText)
    expect(firstText).toBeLessThanOrEqual(ms)
  }
})

test('the first text comes after the first event; an answer without text has none', async () => {
  const gateway = await startGateway()
  gateway.simulator.play(
    { stream: [{ created: true }, { pause_ms: 300 }, { text: 'Hi' }, { completed: true }] },
    {
      stream: [
        { created: true },
        { tool_call: { name: 'f', arguments: '{}', call_id: 'call_1' } },
        { completed: true },
      ],
    },
  )
  for (const _ of [1, 2]) await (await gateway.post(CHAT, chatBody({ stream: true }))).text()
  const [said, called] = requestLines(gateway)
  expect(said.first_text_ms - said.first_event_ms).toBeGreaterThan(100)
  expect([typeof called.first_event_ms, called.first_text_ms, called.transport]).toEqual(['number', undefined, 'sse'])
})

test('a turn that fails behind its beginning is counted, one that never reached the backend is a request only', async () => {
  const gateway = await startGateway()
  gateway.simulator.play('cut-mid-text')
  await (await gateway.post(CHAT, chatBody({ stream: true }))).text()
  expect((await gateway.post(CHAT, chatBody({ messages: [] }))).status).toBe(400)
  const metrics = await metricsOf(gateway)
  expect(metrics['codexway_turns_total{transport="sse"}']).toBe(1)
  expect(metrics[`codexway_requests_total{method="POST",route="${CHAT}",status="400",family="unknown"}`]).toBe(1)
})

test('the metrics need a gateway key where there are any', async () => {
  const gateway = await startGateway({ yaml: 'server: {api_keys: [one-long-enough-key]}' })
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401)
  await metricsOf(gateway, { authorization: 'Bearer one-long-enough-key' })
})

test('docs/metrics.md lists every metric there is, as it is', () => {
  const document = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8')
  const listed = document.split('\n').filter((line) => line.startsWith('| `codexway_'))
  const cell = (labels: readonly string[]) => labels.map((label) => `\`${label}\``).join(', ')
  expect(listed).toEqual(
    new RequestMetrics([]).described.map(
      ({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${cell(labels)} | ${help} |`,
    ),
  )
})
