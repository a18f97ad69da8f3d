import { type Message, Ollama } from 'ollama'
import { expect, test } from 'vitest'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { ev, item } from '../../src/simulator/events.ts'
import { type Running, type StartOptions, startGateway } from '../support/gateway.ts'

const MODEL = 'gpt-5.5:latest'
const HELLO: Message[] = [{ role: 'user', content: 'Hello' }]
const BASH = {
  type: 'function',
  function: {
    name: 'Bash',
    description: 'Runs a command.',
    parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
  },
}
const PNG = 'iVBORw0KGgo='

async function start(options: StartOptions = {}): Promise<{ gateway: Running; client: Ollama }> {
  const gateway = await startGateway({ yaml: 'ollama: true', ...options })
  return { gateway, client: new Ollama({ host: gateway.url }) }
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

async function linesOf(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text()
  expect(text.endsWith('\n')).toBe(true)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

test('chat answers whole and streamed, with counts, durations and the model as sent', async () => {
  const { gateway, client } = await start()
  const stream = turnOf([item.message('Hello there.')])
  gateway.simulator.play({ stream }, { stream })
  const whole = await client.chat({ model: MODEL, messages: [{ role: 'system', content: 'Be brief.' }, ...HELLO] })
  expect(whole).toMatchObject({
    model: MODEL,
    message: { role: 'assistant', content: 'Hello there.' },
    done: true,
    done_reason: 'stop',
    load_duration: 0,
  })
  expect(whole.eval_count).toBeGreaterThan(0)
  expect(whole.prompt_eval_count).toBeGreaterThan(0)
  expect(whole.total_duration).toBeGreaterThan(0)
  const { input, stream: isStream } = gateway.simulator.requests[0]?.body ?? {}
  expect([isStream, input]).toEqual([
    true,
    [
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Be brief.' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
    ],
  ])

  const parts = await all(await client.chat({ model: MODEL, messages: HELLO, stream: true }))
  expect(parts.map(({ message }) => message.content).join('')).toBe('Hello there.')
  expect(parts.filter(({ done }) => done)).toEqual([parts.at(-1)])
  expect(parts.at(-1)).toMatchObject({ model: MODEL, done_reason: 'stop', eval_count: whole.eval_count })
})

test('a stream is the default, and lines of JSON', async () => {
  const { gateway } = await start()
  const response = await gateway.post('/api/chat', { model: 'gpt-5.5', messages: HELLO })
  expect(response.headers.get('content-type')).toBe('application/x-ndjson')
  const lines = await linesOf(response)
  expect(lines.length).toBeGreaterThan(1)
  expect(lines.map(({ done }) => done)).toEqual([...lines.slice(1).map(() => false), true])
})

test('generate takes prompt, system and images, whole and streamed', async () => {
  const { gateway, client } = await start()
  const stream = turnOf([item.reasoning(['Weighing']), item.message('A dot.')])
  gateway.simulator.play({ stream }, { stream })
  const asked = { model: MODEL, prompt: 'What is it?', system: 'Be brief.', images: [PNG] }
  const whole = await client.generate(asked)
  expect(whole).toMatchObject({ response: 'A dot.', thinking: 'Weighing', done: true, done_reason: 'stop' })
  const { input } = gateway.simulator.requests[0]?.body ?? {}
  expect((input as object[])[1]).toEqual({
    type: 'message',
    role: 'user',
    content: [
      { type: 'input_text', text: 'What is it?' },
      { type: 'input_image', image_url: `data:image/png;base64,${PNG}` },
    ],
  })
  const parts = await all(await client.generate({ ...asked, stream: true }))
  expect(parts.map(({ response }) => response).join('')).toBe('A dot.')
  expect(parts.map(({ thinking }) => thinking ?? '').join('')).toBe('Weighing')
})

test.each([true, false])('a tool runs and its result comes back, stream %s, with and without ids', async (hasIds) => {
  const { gateway, client } = await start()
  const messages: Message[] = [{ role: 'user', content: 'Please run `ls -l`.' }]
  const first = await all(await client.chat({ model: MODEL, messages, tools: [BASH], stream: true }))
  const calls = first.flatMap(({ message }) => message.tool_calls ?? [])
  expect(calls).toMatchObject([{ id: expect.any(String), function: { name: 'Bash', arguments: { command: 'ls -l' } } }])
  const sent = calls.map((call) => (hasIds ? call : { function: call.function }))
  messages.push({ role: 'assistant', content: '', tool_calls: sent })
  messages.push({ role: 'tool', tool_name: 'Bash', content: 'total 0' })
  const second = await client.chat({ model: MODEL, messages, tools: [BASH] })
  expect(second.message.content).toContain('total 0')
  expect(second.message.tool_calls).toBeUndefined()
  const { input } = gateway.simulator.requests[1]?.body ?? {}
  const [call, output] = (input as { type: string; call_id: string }[]).slice(-2)
  expect([call?.type, output?.type, call?.call_id]).toEqual(['function_call', 'function_call_output', output?.call_id])
})

test('images of a message, and what is none', async () => {
  const { gateway, client } = await start()
  await client.chat({ model: MODEL, messages: [{ role: 'user', content: 'See', images: [PNG] }] })
  expect(JSON.stringify(gateway.simulator.requests[0]?.body)).toContain(`data:image/png;base64,${PNG}`)
  const url = [{ role: 'user', content: 'See', images: ['http://169.254.169.254/a.png'] }]
  await expect(client.chat({ model: MODEL, messages: url })).rejects.toMatchObject({
    status_code: 400,
    error: expect.stringContaining('messages[0].images[0]'),
  })
  expect(gateway.simulator.requests).toHaveLength(1)
})

test('thinking is shown unless it is off, and sealed reasoning is given back', async () => {
  const { gateway, client } = await start()
  const stream = turnOf([
    item.reasoning(['**Weighing it**'], { encrypted_content: 'gAAA-sealed' }),
    item.message('Four.'),
  ])
  gateway.simulator.play({ stream }, { stream }, { stream })
  const parts = await all(await client.chat({ model: MODEL, messages: HELLO, think: 'low', stream: true }))
  expect(parts.map(({ message }) => message.thinking ?? '').join('')).toBe('**Weighing it**')
  expect(gateway.simulator.requests[0]?.body.reasoning).toEqual({ effort: 'low', summary: 'auto' })
  const silent = await client.chat({ model: MODEL, messages: HELLO, think: false })
  expect(silent.message).toEqual({ role: 'assistant', content: 'Four.' })
  expect(gateway.simulator.requests[1]?.body.reasoning).toEqual({ effort: 'low' })

  const thought: Message = { role: 'assistant', content: 'Four.', thinking: '**Weighing it**' }
  await client.chat({ model: MODEL, messages: [...HELLO, thought, ...HELLO] })
  const { input } = gateway.simulator.requests[2]?.body ?? {}
  expect((input as object[])[1]).toMatchObject({ type: 'reasoning', encrypted_content: 'gAAA-sealed' })
})

test('structured output by schema and as plain JSON', async () => {
  const { gateway, client } = await start()
  const schema = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] }
  const answer = await client.chat({ model: MODEL, messages: HELLO, format: schema })
  expect(Object.keys(JSON.parse(answer.message.content))).toEqual(['answer'])
  expect(gateway.simulator.requests[0]?.body.text).toMatchObject({
    format: { type: 'json_schema', schema, strict: false },
  })
  await client.chat({ model: MODEL, messages: [{ role: 'user', content: 'JSON please' }], format: 'json' })
  expect(gateway.simulator.requests[1]?.body.text).toMatchObject({ format: { type: 'json_object' } })
})

test('num_predict and stop end the answer, other options are reported', async () => {
  const { gateway, client } = await start()
  const stream = turnOf([item.message('one two END three four')])
  gateway.simulator.play({ stream }, { stream })
  const stopped = await client.chat({ model: MODEL, messages: HELLO, options: { stop: ['END'] } })
  expect(stopped).toMatchObject({ message: { content: 'one two ' }, done_reason: 'stop' })
  const cut = await client.chat({ model: MODEL, messages: HELLO, options: { num_predict: 2 } })
  expect(cut).toMatchObject({ message: { content: 'one two' }, done_reason: 'length' })
  const body = {
    model: MODEL,
    messages: HELLO,
    options: { temperature: 1, num_predict: -1 },
    template: 't',
    raw: false,
  }
  const response = await gateway.post('/api/chat', body)
  expect(response.headers.get('x-codexway-dropped-params')).toBe('options.temperature, template')
  const strict = await gateway.post('/api/chat', body, { 'x-codexway-strict-params': 'true' })
  expect([strict.status, Object.keys((await strict.json()) as object)]).toEqual([400, ['error']])
})

test('a request that asks for nothing loads the model, without the backend', async () => {
  const { gateway } = await start()
  const ask = async (path: string, body: object) => (await gateway.post(path, { model: MODEL, ...body })).json()
  expect(await ask('/api/generate', {})).toMatchObject({ response: '', done: true, done_reason: 'load' })
  expect(await ask('/api/chat', { messages: [], keep_alive: 0 })).toMatchObject({ done_reason: 'unload' })
  expect((await gateway.post('/api/generate', { model: 'llama' })).status).toBe(404)
  expect(gateway.simulator.requests).toEqual([])
})

test('tags, show, ps and version; every name listed is accepted', async () => {
  const { gateway, client } = await start()
  // Behind the first turn the catalogue is the live one.
  await client.chat({ model: MODEL, messages: HELLO })
  const { models } = await client.list()
  expect(models.map(({ name }) => name)).toContain(MODEL)
  for (const { name } of models) {
    const shown = await client.show({ model: name })
    expect(shown.capabilities).toContain('tools')
  }
  const shown = await client.show({ model: MODEL })
  expect(shown).toMatchObject({
    capabilities: ['completion', 'tools', 'thinking', 'vision'],
    model_info: { 'general.architecture': 'codex', 'codex.context_length': 272_000 },
  })
  expect(await client.ps()).toEqual({ models: [] })
  expect((await client.version()).version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(await (await fetch(gateway.url)).text()).toBe('Ollama is running')
  expect((await client.chat({ model: models.at(-1)?.name ?? '', messages: HELLO })).done).toBe(true)
})

test('errors have this API’s form and the true status', async () => {
  const { gateway, client } = await start()
  await expect(client.chat({ model: 'llama', messages: HELLO })).rejects.toMatchObject({
    status_code: 404,
    error: expect.stringContaining('"llama" does not exist'),
  })
  for (const [body, status] of [
    ['{', 400],
    [{ model: MODEL, messages: [{ role: 'robot' }] }, 400],
    [{ model: MODEL, messages: [{ role: 'assistant', content: 'Four' }] }, 400],
    [{ messages: HELLO }, 400],
  ] as const) {
    const response = await gateway.post('/api/chat', body)
    expect([response.status, await response.json()]).toEqual([status, { error: expect.any(String) }])
  }
  const pull = await gateway.post('/api/pull', { model: MODEL })
  expect([pull.status, await pull.json()]).toEqual([404, { error: expect.stringContaining('/api/pull') }])
  gateway.simulator.play({ stream: [ev.created(), ev.failed({ code: 'rate_limit_exceeded', message: 'Slow' })] })
  await expect(client.chat({ model: MODEL, messages: HELLO, stream: true })).rejects.toMatchObject({
    status_code: 429,
    error: 'Slow',
  })
})

test('a late failure is a last line with the error, and no done', async () => {
  const { gateway, client } = await start()
  const begun = [ev.created(), ev.added(item.message('', { content: [], status: 'in_progress' })), ev.text('Hel')]
  const scenario = { stream: [...begun, { pauseMs: 200 }, ev.failed({ code: 'server_error', message: 'It broke' })] }
  gateway.simulator.play(scenario, scenario)
  const lines = await linesOf(await gateway.post('/api/chat', { model: MODEL, messages: HELLO }))
  expect(lines.at(-1)).toEqual({ error: 'It broke' })
  expect(lines.some(({ done }) => done === true)).toBe(false)
  const stream = await client.chat({ model: MODEL, messages: HELLO, stream: true })
  await expect(all(stream)).rejects.toThrow('It broke')
})

test('a silence is broken by white space that no reader minds', async () => {
  const { gateway, client } = await start({ keepaliveMs: 50 })
  const begun = [ev.created(), ev.added(item.message('', { content: [], status: 'in_progress' })), ev.text('Hel')]
  const scenario = { stream: [...begun, { pauseMs: 400 }, ev.done(item.message('Hello')), ev.completed()] }
  gateway.simulator.play(scenario, scenario)
  const text = await (await gateway.post('/api/chat', { model: MODEL, messages: HELLO })).text()
  expect(text).toMatch(/\n +\{/)
  const parts = await all(await client.chat({ model: MODEL, messages: HELLO, stream: true }))
  expect(parts.map(({ message }) => message.content).join('')).toBe('Hello')
})

test('a port of its own serves this API, the main one then does not', async () => {
  const { gateway } = await start({ yaml: 'server: {ollama_port: 0}', env: { CODEXWAY_API_KEYS: 'secret' } })
  expect((await fetch(`${gateway.url}/api/tags`, { headers: { authorization: 'Bearer secret' } })).status).toBe(404)
  const line = gateway.logs.find((text) => text.includes('clients of Ollama')) ?? '{}'
  const { url } = JSON.parse(line) as { url: string }
  expect((await fetch(`${url}/api/tags`)).status).toBe(401)
  const client = new Ollama({ host: url, headers: { authorization: 'Bearer secret' } })
  expect((await client.chat({ model: MODEL, messages: HELLO })).done).toBe(true)
  const other = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer secret' } })
  expect(other.status).toBe(200)
})
