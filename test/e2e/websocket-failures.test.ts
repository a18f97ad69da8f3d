import { APIError } from 'openai'
import { describe, expect, test } from 'vitest'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { brief, chatTurn, user } from '../support/conversation.ts'
import { type Running, type StartOptions, startGateway } from '../support/gateway.ts'

const startOnSocket = (options: StartOptions = {}) =>
  startGateway({ ...options, simulator: { webSocket: 'accept', ...options.simulator } })
const transports = ({ simulator }: Running) => simulator.requests.map(({ transport }) => transport)
const hello = () => [user('Hello')]

async function streamed({ post }: Running, path: string): Promise<string> {
  const asked = path === '/v1/responses' ? { input: 'Hello' } : { messages: hello() }
  return (await post(path, { model: 'gpt-5.5', ...asked, stream: true })).text()
}

function types(stream: string): unknown[] {
  return [...stream.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json ?? '').type)
}

/** The error of a chat that does not succeed. */
async function refusal({ client }: Running): Promise<APIError> {
  const error = await chatTurn(client, hello()).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

describe('refused upgrades', () => {
  test('W-02: 426 means HTTP at once, and for a while no further question', async () => {
    const running = await startOnSocket({ simulator: { webSocket: 426 } })
    for (const _ of [1, 2]) expect(await chatTurn(running.client, hello())).toContain('Hello')
    expect(transports(running)).toEqual(['http', 'http'])
    expect(running.simulator.countCalls('upgrade')).toBe(1)
  })

  test('`transport: websocket` asks every time, `sse` never', async () => {
    for (const [transport, asked] of [
      ['websocket', 2],
      ['sse', 0],
    ] as const) {
      const yaml = `backends: { openai_codex: { extra: { codex: { transport: ${transport} } } } }`
      const running = await startOnSocket({ yaml, simulator: { webSocket: 426 } })
      for (const _ of [1, 2]) await chatTurn(running.client, hello())
      expect(running.simulator.countCalls('upgrade')).toBe(asked)
    }
  })

  test('W-03: a usage limit is final', async () => {
    const running = await startOnSocket()
    running.simulator.play('upgrade-usage-limit')
    const error = await refusal(running)
    expect([error.status, error.code, error.headers?.get('x-should-retry')]).toEqual([
      429,
      'usage_limit_reached',
      'false',
    ])
    expect(running.simulator.requests).toEqual([])
  })

  test('401: another token, once; a second one is the client’s', async () => {
    const running = await startOnSocket()
    running.simulator.play('upgrade-unauthorized')
    expect(await chatTurn(running.client, hello())).toContain('Hello')
    expect([transports(running), running.simulator.countCalls('token')]).toEqual([['websocket'], 1])

    const other = await startOnSocket()
    other.simulator.play('upgrade-unauthorized', 'upgrade-unauthorized')
    expect((await refusal(other)).code).toBe('codex_auth_rejected')
    expect(other.simulator.countCalls('token')).toBe(1)
  })

  test.each([
    'upgrade-blocked-by-cdn',
    'upgrade-not-found',
    'upgrade-server-error',
    'upgrade-overloaded',
    'upgrade-cut',
  ])('%s: HTTP answers', async (scenario) => {
    const running = await startOnSocket()
    running.simulator.play(scenario)
    expect(await chatTurn(running.client, hello())).toContain('Hello')
    expect(transports(running)).toEqual(['http'])
  })

  test('no answer to the upgrade: HTTP answers', async () => {
    const yaml = 'backends: { openai_codex: { timeout: 1 } }'
    const running = await startOnSocket({ yaml, simulator: { webSocket: 'hang' } })
    expect(await chatTurn(running.client, hello())).toContain('Hello')
    expect(transports(running)).toEqual(['http'])
  })
})

describe('before any output: asked again with the whole conversation, unseen by the client', () => {
  const faults: Record<string, ScenarioInput> = {
    'cut at once': { stream: [], end: 'cut' },
    'closed at once': { stream: [], end: 'close_socket' },
    'cut behind the preamble': { stream: [{ created: true }, { pause_ms: 100 }], end: 'cut' },
    'W-05: connection limit': {
      status: 400,
      body: { error: { type: 'invalid_request_error', code: 'websocket_connection_limit_reached', message: 'Limit.' } },
    },
    'W-05: response not found': {
      status: 400,
      body: { error: { type: 'invalid_request_error', code: 'previous_response_not_found', message: 'Not found.' } },
    },
    'W-05: response not valid': { stream: [{ error: { message: 'Invalid `previous_response_id`.' } }] },
  }
  test.each(Object.entries(faults))('%s', async (_name, fault) => {
    const running = await startOnSocket()
    const { client, simulator, logs } = running
    const messages = hello()
    await chatTurn(client, messages)
    simulator.play(fault)
    messages.push(user('Once more.'))
    expect(await chatTurn(client, messages)).toContain('Once more.')
    expect(simulator.requests.map(brief)).toMatchObject([
      { connection: 1, sent: 1 },
      { connection: 1, sent: 1, of: 4 },
      { connection: 2, continues: false, sent: 4, of: 4 },
    ])
    expect(JSON.parse(logs.at(-1) ?? '').reconnects).toBe(1)
  })

  test('the client sees one preamble, and one id in all events', async () => {
    const running = await startOnSocket()
    const faults = [{ stream: [{ created: true }, { pause_ms: 200 }], end: 'cut' } as const]
    running.simulator.play(...faults, { stream: [{ say: 'Hello at last.' }] })
    const stream = await streamed(running, '/v1/responses')
    expect(types(stream).filter((type) => type === 'response.created')).toHaveLength(1)
    expect(new Set(stream.match(/resp_[0-9a-f]+/g)).size).toBe(1)
    const numbers = [...stream.matchAll(/"sequence_number":(\d+)/g)].map(([, number]) => Number(number))
    expect(numbers).toEqual(numbers.map((_, index) => index))
    expect(types(stream).at(-1)).toBe('response.completed')
  })

  test('a warm-up that fails is nobody’s business', async () => {
    for (const fault of ['warm-up-fails', 'warm-up-cut']) {
      const running = await startOnSocket()
      const scenario: ScenarioInput = fault === 'warm-up-cut' ? { stream: [], end: 'cut' } : { status: 500, body: {} }
      running.simulator.play({ answers: 'warm_up', ...scenario })
      expect(await chatTurn(running.client, hello())).toContain('Hello')
      expect(running.simulator.requests.map(brief)).toMatchObject([{ connection: 2, continues: false, sent: 1 }])
    }
  })

  test('three lost connections: HTTP answers', async () => {
    const running = await startOnSocket()
    running.simulator.play(...Array(3).fill({ stream: [], end: 'cut' }))
    expect(await chatTurn(running.client, hello())).toContain('Hello')
    expect(transports(running)).toEqual(['websocket', 'websocket', 'websocket', 'http'])
  })

  test('an idle connection the backend closed is replaced', async () => {
    const running = await startOnSocket()
    const messages = hello()
    running.simulator.play({ stream: [{ say: 'One' }], end: 'reset_next' })
    await chatTurn(running.client, messages)
    messages.push(user('Again'))
    expect(await chatTurn(running.client, messages)).toContain('Again')
  })
})

describe('errors that are final', () => {
  test('W-08: an error frame with a status is that status', async () => {
    const running = await startOnSocket()
    running.simulator.play('invalid-schema')
    const error = await refusal(running)
    expect([error.status, error.code]).toEqual([400, 'invalid_function_parameters'])
    expect(error.message).toContain('required to be supplied')
    expect(running.simulator.requests).toHaveLength(1)
  })

  test.each([
    ['usage-limit', 429, 'usage_limit_reached'],
    ['rate-limit', 429, 'rate_limit_exceeded'],
    ['server-error', 502, 'server_error'],
    ['overloaded', 503, 'server_is_overloaded'],
    ['failed-overloaded', 503, 'server_is_overloaded'],
    ['context-length-exceeded', 400, 'context_length_exceeded'],
    ['deactivated-workspace', 402, 'deactivated_workspace'],
  ])('%s', async (scenario, status, code) => {
    const running = await startOnSocket()
    running.simulator.play(scenario)
    const error = await refusal(running)
    expect([error.status, error.code, running.simulator.requests.length]).toEqual([status, code, 1])
  })

  test('a passing failure is repeated once, over HTTP', async () => {
    const running = await startOnSocket()
    running.simulator.play({ status: 503, body: { error: { message: 'Not now.' } } })
    expect(await chatTurn(running.client, hello())).toContain('Hello')
    expect(transports(running)).toEqual(['websocket', 'http'])

    running.simulator.play(...Array(2).fill({ status: 503, body: { error: { message: 'Not now.' } } }))
    expect((await refusal(running)).status).toBe(503)
    expect(running.simulator.requests).toHaveLength(4)
  })

  test.each(['cut', 'close_socket'] as const)('W-04: after output a %s is an honest end', async (end) => {
    const running = await startOnSocket()
    const { simulator } = running
    const scenario: ScenarioInput = { after_events: 6, stream: [{ say: 'This text is not going to end.' }], end }
    simulator.play(scenario, scenario, scenario)
    const chat = await streamed(running, '/v1/chat/completions')
    expect(chat).toContain('upstream_stream_ended')
    expect(chat).not.toContain('[DONE]')
    expect(types(await streamed(running, '/v1/responses')).at(-1)).toBe('response.failed')
    const error = await refusal(running)
    expect([error.status, error.code]).toEqual([502, 'upstream_stream_ended'])
    expect(simulator.requests).toHaveLength(3)
  })

  test('C-12: silence is a timeout', async () => {
    const running = await startOnSocket({ yaml: 'backends: { openai_codex: { timeout: 1 } }' })
    running.simulator.play('stalls-after-created')
    const error = await refusal(running)
    expect([error.status, error.code]).toEqual([504, 'upstream_timeout'])
    await expect.poll(() => running.simulator.connections[0]?.closedAtMs).toBeTypeOf('number')
  })
})

test('W-07: a request too large for a frame goes over HTTP', async () => {
  const running = await startOnSocket()
  expect(await chatTurn(running.client, [user(`Hello ${'x'.repeat(20_000_000)}`)])).toContain('Hello')
  expect(transports(running)).toEqual(['http'])
})

test('I-06: encrypted reasoning that cannot be read is left out, over WebSocket too', async () => {
  const running = await startOnSocket()
  const messages = hello()
  running.simulator.play('reasoning', 'invalid-encrypted-content')
  await chatTurn(running.client, messages)
  messages.push(user('Go on.'))
  expect(await chatTurn(running.client, messages)).toContain('Go on.')
  expect(running.simulator.requests.at(-1)?.context.filter(({ type }) => type === 'reasoning')).toEqual([])
})

test('the stop closes idle connections', async () => {
  const running = await startOnSocket()
  await chatTurn(running.client, hello())
  await running.stop()
  await expect.poll(() => running.simulator.connections[0]?.closeCode).toBe(1000)
})
