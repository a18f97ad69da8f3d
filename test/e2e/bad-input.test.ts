import { randomBytes } from 'node:crypto'
import { Agent, type RequestOptions, request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev } from '../../src/simulator/events.ts'
import { CHAT, RESPONSES, readError } from '../support/doors.ts'
import { startGateway } from '../support/gateway.ts'
import { type RawAnswer, sendRaw, toRequest } from '../support/raw-http.ts'

const user = { role: 'user', content: 'Hello' }
const DOORS = [
  [CHAT, { model: 'gpt-5.5', messages: [user] }],
  [RESPONSES, { model: 'gpt-5.5', input: 'Hello' }],
] as const

const deep = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`

const NOT_JSON: readonly (readonly [string, string | Buffer])[] = [
  ['nothing', ''],
  ['a blank', ' '],
  ['a cut object', '{"model":"gpt-5.5","messages":['],
  ['two objects', '{}{}'],
  ['a trailing comma', '{"model":"gpt-5.5",}'],
  ['single quotes', "{'model':'gpt-5.5'}"],
  ['a bare word', 'nonsense'],
  ['an array', '[]'],
  ['a string', '"text"'],
  ['a number', '5'],
  ['null', 'null'],
  ['a NUL byte', '{"model":"a\0b"}'],
  ['10,000 brackets', deep(10_000)],
  ['brackets never closed', '['.repeat(100_000)],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0x6d, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['a cut UTF-8 sequence', Buffer.from('{"model":"\u00e9"}').subarray(0, 11)],
  ['UTF-16', Buffer.from('{"model":"gpt-5.5"}', 'utf16le')],
]

test.each(DOORS)('X-10: at %s what is no JSON object is invalid_json, and quotes nothing of it', async (path) => {
  const { url, simulator } = await startGateway()
  for (const [what, body] of NOT_JSON) {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    })
    const error = await readError(response)
    expect([what, response.status, error.code, error.type]).toEqual([
      what,
      400,
      'invalid_json',
      'invalid_request_error',
    ])
    expect(error.message).not.toMatch(/nonsense|'model'/)
  }
  expect(simulator.requests).toHaveLength(0)
})

/** A field of a wrong type, and the path the error must name. */
const WRONG: Readonly<Record<string, readonly (readonly [string, JsonObject])[]>> = {
  [CHAT]: [
    ['model', { model: 5 }],
    ['model', { model: null }],
    ['model', { model: ['gpt-5.5'] }],
    ['messages', { messages: undefined }],
    ['messages', { messages: null }],
    ['messages', { messages: 'Hello' }],
    ['messages', { messages: {} }],
    ['messages', { messages: [] }],
    ['messages[0]', { messages: ['Hello'] }],
    ['messages[0]', { messages: [null] }],
    ['messages[0]', { messages: [[user]] }],
    ['messages[1].role', { messages: [user, { content: 'x' }] }],
    ['messages[0].role', { messages: [{ role: 7, content: 'x' }] }],
    ['messages[0].role', { messages: [{ role: 'robot', content: 'x' }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 5 }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: { text: 'x' } }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [5] }] }],
    ['messages[0].content[0].type', { messages: [{ role: 'user', content: [{ text: 'x' }] }] }],
    ['messages[0].content[0].type', { messages: [{ role: 'user', content: [{ type: 'hologram' }] }] }],
    ['messages[0].content[0].text', { messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] }],
    ['messages[0].content[0].image_url', { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }],
    ['messages[1].tool_calls', { messages: [user, { role: 'assistant', tool_calls: 'x' }] }],
    ['messages[1].tool_calls[0]', { messages: [user, { role: 'assistant', tool_calls: [1] }] }],
    ['messages[1].tool_call_id', { messages: [user, { role: 'tool', content: 'x' }] }],
    ['messages[1].tool_call_id', { messages: [user, { role: 'tool', content: 'x', tool_call_id: 3 }] }],
    ['stream', { stream: 'yes' }],
    ['tools', { tools: {} }],
    ['tools[0]', { tools: ['x'] }],
    ['tools[0]', { tools: [{ type: 'function' }] }],
    ['parallel_tool_calls', { parallel_tool_calls: 'no' }],
    ['response_format', { response_format: 'json' }],
    ['response_format.type', { response_format: { type: 'xml' } }],
    ['reasoning_effort', { reasoning_effort: 3 }],
    ['stop', { stop: 5 }],
    ['stop', { stop: [''] }],
    ['max_tokens', { max_tokens: 'many' }],
    ['max_completion_tokens', { max_completion_tokens: 1.5 }],
    ['extra_body', { extra_body: 'x' }],
    ['codex_capabilities', { codex_capabilities: [] }],
    ['codex_capabilities.prompt_mode', { codex_capabilities: { prompt_mode: 5 } }],
    ['extra_body.codex_capabilities.nope', { extra_body: { codex_capabilities: { nope: 1 } } }],
    ['agent', { agent: 5 }],
    ['prompt_cache_key', { prompt_cache_key: {} }],
    ['stream_options', { stream: true, stream_options: 'usage' }],
  ],
  [RESPONSES]: [
    ['model', { model: 5 }],
    ['input', { input: undefined }],
    ['input', { input: null }],
    ['input', { input: 5 }],
    ['input', { input: {} }],
    ['input', { input: [] }],
    ['input', { input: '' }],
    ['input[0]', { input: ['Hello'] }],
    ['input[1]', { input: [user, null] }],
    ['stream', { stream: 1 }],
    ['store', { store: 'no' }],
    ['instructions', { instructions: ['x'] }],
    ['tools', { tools: 'x' }],
    ['tools[0]', { tools: [5] }],
    ['parallel_tool_calls', { parallel_tool_calls: 1 }],
    ['reasoning', { reasoning: 'high' }],
    ['reasoning.effort', { reasoning: { effort: 3 } }],
    ['text', { text: [] }],
    ['include', { include: 'x' }],
    ['service_tier', { service_tier: 1 }],
    ['previous_response_id', { previous_response_id: 1 }],
    ['max_output_tokens', { max_output_tokens: 0 }],
    ['max_output_tokens', { max_output_tokens: '5' }],
    ['extra_body', { extra_body: [] }],
    ['codex_capabilities', { codex_capabilities: 'x' }],
  ],
}

test.each(DOORS)('X-10: at %s a wrong type at any level is 400 and names its path', async (path, good) => {
  const { post, simulator } = await startGateway()
  const wrong = WRONG[path] ?? []
  const answers = []
  for (const [, fields] of wrong) {
    const response = await post(path, { ...good, ...fields })
    answers.push([response.status, response.ok ? await response.text() : (await readError(response)).param, fields])
  }
  expect(answers).toEqual(wrong.map(([param, fields]) => [400, param, fields]))
  expect(simulator.requests).toHaveLength(0)
})

test.each(DOORS)('H-08: at %s deep, odd and hostile JSON is refused or handled, never a crash', async (path, good) => {
  const { post, simulator } = await startGateway()
  const text = JSON.stringify(good).slice(0, -1)
  for (const [what, more, statuses] of [
    ['an unknown field nested deep', `"x":${deep(10_000)}`, [200, 400]],
    ['metadata nested deep', `"metadata":{"a":${deep(10_000)}}`, [200, 400]],
    [
      'a tool schema nested deep',
      `"tools":[{"type":"function","name":"f","function":{"name":"f","parameters":{"x":${deep(10_000)}}},"parameters":{"x":${deep(10_000)}}}]`,
      [200, 400],
    ],
    ['extra_body nested deep', `"extra_body":{"x":${deep(10_000)}}`, [200, 400]],
    ['capabilities nested deep', `"codex_capabilities":{"prompt_mode":${deep(10_000)}}`, [400]],
    [
      'a strict schema nested deep',
      `"text":{"format":{"type":"json_schema","name":"s","strict":true,"schema":${'{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":'.repeat(3000)}{"type":"string"}${'}}'.repeat(3000)}}},"response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,"schema":${'{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":'.repeat(3000)}{"type":"string"}${'}}'.repeat(3000)}}}`,
      [200, 400],
    ],
    ['__proto__', '"__proto__":{"stream":true,"polluted":1}', [200]],
    ['constructor', '"constructor":{"prototype":{"polluted":1}}', [200]],
    ['a lone surrogate', '"user":"a\\ud800b"', [200]],
    ['a duplicate key', '"model":"gpt-5.5"', [200]],
    ['a huge number', '"temperature":1e999', [200]],
    ['a long field name', `"${'x'.repeat(100_000)}":1`, [200]],
    ['a field name that is no header', '"a\\r\\nx-evil: 1\\u4e2d":1', [200]],
  ] as const) {
    const response = await post(path, `${text},${more}}`)
    const answer = await response.text()
    expect([what, response.status]).toEqual([what, expect.toBeOneOf([...statuses])])
    expect([what, answer]).toEqual([
      what,
      response.ok ? expect.stringContaining('Simulated answer') : expect.stringMatching(/^{"error":{"message":"/),
    ])
    expect(response.headers.get('x-evil')).toBeNull()
  }
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
  expect(JSON.stringify(simulator.requests.map(({ body }) => body))).not.toContain('polluted')
  expect((await post(path, good)).status).toBe(200)
})

test('H-08: a message with lone surrogates arrives as valid UTF-8', async () => {
  const { post, simulator } = await startGateway()
  for (const [path, good] of DOORS) {
    const body = JSON.stringify(good).replace('Hello', 'a\\ud800b\\udc00c\\u0000d')
    expect((await post(path, body)).status).toBe(200)
    expect(simulator.requests.at(-1)?.bodyBytes).not.toContain('\ufffd')
  }
})

const METHODS = ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

test('X-10: a wrong method is 405 and says which ones there are', async () => {
  const { url, post } = await startGateway()
  for (const method of METHODS) {
    const response = await fetch(url + CHAT, { method })
    const error = await readError(response)
    expect([method, response.status, error.code, response.headers.get('allow')]).toEqual([
      method,
      405,
      'method_not_allowed',
      'POST',
    ])
  }
  const models = await post('/v1/models', {})
  expect([models.status, models.headers.get('allow')]).toEqual([405, 'GET'])
  const responses = await fetch(url + RESPONSES, { method: 'DELETE' })
  expect([responses.status, responses.headers.get('allow')?.split(', ').toSorted()]).toEqual([405, ['GET', 'POST']])
})

test('X-10: text/plain, a form, no type and an unknown coding are 415', async () => {
  const { url } = await startGateway()
  const good = JSON.stringify(DOORS[0][1])
  for (const headers of [
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/jsonp' },
    { 'content-type': 'application/json', 'content-encoding': 'lzma' },
  ]) {
    const response = await fetch(url + CHAT, { method: 'POST', headers, body: good })
    expect([headers, response.status, (await readError(response)).code]).toEqual([
      headers,
      415,
      'unsupported_media_type',
    ])
  }
  const untyped = await sendRaw(url, toRequest(url, CHAT, good).replace('content-type: application/json\r\n', ''))
  expect(untyped.status).toBe(415)
  for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.x+json']) {
    const response = await fetch(url + CHAT, { method: 'POST', headers: { 'content-type': type }, body: good })
    expect([type, response.status]).toEqual([type, 200])
  }
})

test('X-10: a body over the limit is 413, also one of no stated length, and what follows on the connection is heard', async () => {
  const { url, post } = await startGateway({ yaml: 'server: {max_body_bytes: 100000}' })
  const big = JSON.stringify({ ...DOORS[0][1], user: 'x'.repeat(200_000) })
  const response = await post(CHAT, big)
  expect([response.status, (await readError(response)).code]).toEqual([413, 'request_too_large'])
  const head = `POST ${CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`
  const chunk = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`
  const chunked = await sendRaw(url, [head, chunk, chunk, chunk, chunk])
  expect([chunked.status, codeOf(chunked)]).toEqual([413, 'request_too_large'])
  const packed = gzipSync('x'.repeat(10_000_000) + randomBytes(200_000).toString('hex'))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' }
  expect(await statusOf(`${url}${CHAT}`, { method: 'POST', headers, agent }, packed)).toBe(413)
  expect(await statusOf(`${url}/health`, { agent })).toBe(200)
  expect((await post(CHAT, DOORS[0][1])).status).toBe(200)
})

test('X-10: a body that is not what its coding says is invalid_json', async () => {
  const { url } = await startGateway()
  for (const encoding of ['gzip', 'deflate', 'zstd', 'br']) {
    const response = await fetch(url + CHAT, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      body: 'this is not packed at all',
    })
    expect([encoding, response.status, (await readError(response)).code]).toEqual([encoding, 400, 'invalid_json'])
  }
})

const PATHS = [
  '//',
  '///x',
  '/v1/models/%E0%A4%A',
  '/v1/models/',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/v1//chat/completions',
  '/?%zz',
  '*',
  'http://[',
  `/${'x'.repeat(5000)}`,
]

test('X-10: a path that is none gets an OpenAI error and leaves the gateway alive', async () => {
  const { url } = await startGateway()
  for (const path of PATHS) {
    const answer = await sendRaw(url, `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    expect([path.slice(0, 40), answer.status]).toEqual([
      path.slice(0, 40),
      expect.toSatisfy((status) => status === 404 || status === 400),
    ])
    expect([path.slice(0, 40), typeOf(answer)]).toEqual([path.slice(0, 40), 'invalid_request_error'])
  }
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test('H-10: headers that are too large, too many or broken are 4xx with an OpenAI body, and nothing reaches the backend', async () => {
  const { url, simulator } = await startGateway()
  const good = JSON.stringify(DOORS[0][1])
  const many = Array.from({ length: 20_000 }, (_, index) => `x-h${index}: v`)
  for (const [what, text] of [
    ['1 MB in one value', toRequest(url, CHAT, good, [`x-session-id: ${'a'.repeat(1_000_000)}`])],
    ['a header flood', toRequest(url, CHAT, good, many)],
    ['a bare CR in a value', toRequest(url, CHAT, good, ['x-session-id: a\rb'])],
    ['a bare LF line', toRequest(url, CHAT, good, ['x-session-id: a\nx evil: 1'])],
    ['a NUL in a value', toRequest(url, CHAT, good, ['x-session-id: a\0b'])],
    ['a name with a blank', toRequest(url, CHAT, good, ['x session: a'])],
    ['two lengths', toRequest(url, CHAT, good, ['content-length: 3'])],
    ['length and chunks', toRequest(url, CHAT, good, ['transfer-encoding: chunked'])],
    ['no host', toRequest(url, CHAT, good).replace(/host: .*\r\n/, '')],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['an unknown method', `BREW ${CHAT} HTTP/1.1\r\nhost: localhost\r\n\r\n`],
    ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n'],
  ] as const) {
    const answer = await sendRaw(url, text)
    expect([what, answer.status]).toEqual([what, expect.toSatisfy((status) => status >= 400 && status < 500)])
    expect([what, typeOf(answer)]).toEqual([what, expect.stringMatching(/^(invalid_request|permission)_error$/)])
    expect([what, answer.headers['x-codexway-request-id']]).toEqual([what, expect.stringMatching(/^req_/)])
  }
  expect(simulator.requests).toHaveLength(0)
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test('H-10: a header value beyond ASCII reaches neither the backend nor a crash', async () => {
  const { url, simulator } = await startGateway()
  const good = JSON.stringify(DOORS[0][1])
  const headers = ['x-session-id: sitzung-\u00fc', 'originator: codex_cli_rs', 'x-codex-window-id: a\u00fcb\tc']
  const answer = await sendRaw(url, toRequest(url, CHAT, good, headers))
  expect(answer.status).toBe(200)
  const sent = simulator.onlyRequest().headersRaw
  expect(sent.find(([, value]) => /[^\x20-\x7e\xa0-\xff\t]/.test(value))).toBeUndefined()
})

function statusOf(url: string, options: RequestOptions, body?: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0))
    })
    sent.once('error', reject).setTimeout(5000, () => sent.destroy(new Error('no answer')))
    sent.end(body)
  })
}

function codeOf({ body }: RawAnswer): unknown {
  return JSON.parse(body).error.code
}

function typeOf({ body }: RawAnswer): unknown {
  return JSON.parse(body).error.type
}

test('H-10: rubbish behind a request does not land in the middle of its answer', async () => {
  const { url, simulator } = await startGateway()
  simulator.play({ stream: [ev.created(), ev.text('One'), { pauseMs: 1000 }, ev.completed()] })
  const first = toRequest(url, CHAT, JSON.stringify({ ...DOORS[0][1], stream: true }))
  const answer = await sendRaw(url, [first, 'rubbish\0\r\n\r\n'], 300)
  expect([answer.status, answer.body.includes('One')]).toEqual([200, true])
  expect(answer.body).not.toMatch(/HTTP\/1\.1|"error"/)
  await expect.poll(() => simulator.requests.every(({ closedAtMs, finished }) => finished || closedAtMs)).toBe(true)
  expect((await fetch(`${url}/health`)).status).toBe(200)
})
