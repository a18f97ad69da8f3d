import { type Content, FunctionCallingConfigMode, GoogleGenAI, type Part, ThinkingLevel, Type } from '@google/genai'
import { expect, test } from 'vitest'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { ev, item } from '../../src/simulator/events.ts'
import { type Running, type StartOptions, startGateway } from '../support/gateway.ts'

const MODEL = 'gpt-5.5'
const CONTENTS = [{ role: 'user', parts: [{ text: 'Hello' }] }]
const GENERATE = `/v1beta/models/${MODEL}:generateContent`
const STREAM = `/v1beta/models/${MODEL}:streamGenerateContent`
const BASH = {
  functionDeclarations: [
    {
      name: 'Bash',
      description: 'Runs a command.',
      parameters: { type: Type.OBJECT, properties: { command: { type: Type.STRING } }, required: ['command'] },
    },
  ],
}

function clientOf({ url }: Running, apiVersion = 'v1beta'): GoogleGenAI {
  return new GoogleGenAI({ apiKey: 'secret', httpOptions: { baseUrl: url, apiVersion } })
}

async function start(options: StartOptions = {}): Promise<{ gateway: Running; client: GoogleGenAI }> {
  const gateway = await startGateway(options)
  return { gateway, client: clientOf(gateway) }
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

function inputOf(gateway: Running, index: number): Record<string, unknown>[] {
  return gateway.simulator.requests[index]?.body.input as Record<string, unknown>[]
}

test.each(['v1beta', 'v1'])('generateContent answers whole and streamed, under %s', async (version) => {
  const gateway = await startGateway()
  const { models } = clientOf(gateway, version)
  const stream = turnOf([item.message('Hello there.')])
  gateway.simulator.play({ stream }, { stream })
  const asked = { model: MODEL, contents: 'Hello', config: { systemInstruction: 'Be brief.' } }
  const whole = await models.generateContent(asked)
  expect(whole.text).toBe('Hello there.')
  expect(whole.candidates?.[0]).toMatchObject({ finishReason: 'STOP', index: 0, content: { role: 'model' } })
  expect(whole.modelVersion).toBe(MODEL)
  const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = whole.usageMetadata ?? {}
  expect(whole.usageMetadata?.totalTokenCount).toBe(promptTokenCount + candidatesTokenCount + thoughtsTokenCount)
  expect(inputOf(gateway, 0)).toEqual([
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Be brief.' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
  ])
  const chunks = await all(await models.generateContentStream(asked))
  expect(chunks.length).toBeGreaterThan(2)
  expect(chunks.map(({ text }) => text ?? '').join('')).toBe('Hello there.')
  expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP')
  expect(chunks.at(-1)?.usageMetadata).toEqual(whole.usageMetadata)
})

test('without alt=sse a stream is one JSON array', async () => {
  const { gateway } = await start()
  gateway.simulator.play({ stream: turnOf([item.message('Hello there.')]) })
  const response = await gateway.post(STREAM, { contents: CONTENTS })
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const chunks = (await response.json()) as { candidates: { content: Content }[] }[]
  const texts = chunks.flatMap(({ candidates }) => candidates[0]?.content.parts?.map(({ text }) => text ?? '') ?? [])
  expect([chunks.length > 2, texts.join('')]).toEqual([true, 'Hello there.'])
})

test('a chat runs a tool and comes back with its result, streamed', async () => {
  const { gateway, client } = await start()
  const chat = client.chats.create({ model: MODEL, config: { tools: [BASH] } })
  const first = await all(await chat.sendMessageStream({ message: 'Please run `ls -l`.' }))
  const calls = first.flatMap(({ functionCalls }) => functionCalls ?? [])
  expect(calls).toEqual([{ id: expect.any(String), name: 'Bash', args: { command: 'ls -l' } }])
  const response = { id: calls[0]?.id ?? '', name: 'Bash', response: { output: 'total 0' } }
  const second = await chat.sendMessage({ message: [{ functionResponse: response }] })
  expect(second.text).toContain('total 0')
  expect(inputOf(gateway, 1).slice(-2)).toMatchObject([
    { type: 'function_call', call_id: calls[0]?.id, name: 'Bash' },
    { type: 'function_call_output', call_id: calls[0]?.id, output: '{"output":"total 0"}' },
  ])
  expect(gateway.simulator.requests[0]?.body.tools).toMatchObject([
    {
      name: 'Bash',
      strict: false,
      parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
    },
  ])
})

test('calls without ids, parallel ones too, find their results by name and order', async () => {
  const { gateway, client } = await start()
  const call = (command: string): Part => ({ functionCall: { name: 'Bash', args: { command } } })
  const result = (output: string): Part => ({ functionResponse: { name: 'Bash', response: { output } } })
  const contents = [
    ...CONTENTS,
    { role: 'model', parts: [call('a'), call('b')] },
    { role: 'user', parts: [result('1'), result('2')] },
  ]
  await client.models.generateContent({ model: MODEL, contents, config: { tools: [BASH] } })
  const [first, second, one, two] = inputOf(gateway, 0).slice(1)
  expect([one?.call_id, two?.call_id]).toEqual([first?.call_id, second?.call_id])
  expect([one?.output, two?.output]).toEqual(['{"output":"1"}', '{"output":"2"}'])
})

test('modes of function calling, and the hosted search with what it found', async () => {
  const { gateway, client } = await start()
  const other = { functionDeclarations: [{ name: 'other', parametersJsonSchema: { type: 'object' } }] }
  const functionCallingConfig = { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ['Bash'] }
  const forced = await client.models.generateContent({
    model: MODEL,
    contents: 'Hello',
    config: { tools: [BASH, other], toolConfig: { functionCallingConfig } },
  })
  expect(forced.functionCalls?.[0]?.name).toBe('Bash')
  expect(gateway.simulator.requests[0]?.body).toMatchObject({ tool_choice: 'required', tools: [{ name: 'Bash' }] })
  const citation = { type: 'url_citation', url: 'https://a.example/', title: 'A', start_index: 0, end_index: 1 }
  const message = item.message('', { content: [{ type: 'output_text', text: 'Found.', annotations: [citation] }] })
  gateway.simulator.play({ stream: turnOf([item.webSearch('codexway'), message]) })
  const config = { tools: [{ googleSearch: {} }] }
  const chunks = await all(await client.models.generateContentStream({ model: MODEL, contents: 'Look', config }))
  expect(chunks.at(-1)?.candidates?.[0]?.groundingMetadata).toEqual({
    webSearchQueries: ['codexway'],
    groundingChunks: [{ web: { uri: 'https://a.example/', title: 'A' } }],
  })
  expect(gateway.simulator.requests[1]?.body.tools).toMatchObject([{ type: 'web_search' }])
  const refused = client.models.generateContent({
    model: MODEL,
    contents: 'Hello',
    config: { tools: [{ codeExecution: {} }] },
  })
  await expect(refused).rejects.toMatchObject({ status: 400, message: expect.stringContaining('codeExecution') })
})

test('images go as data, files elsewhere are refused', async () => {
  const { gateway, client } = await start()
  const image = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }
  await client.models.generateContent({ model: MODEL, contents: ['See', image] })
  expect(JSON.stringify(inputOf(gateway, 0))).toContain('data:image/png;base64,iVBORw0KGgo=')
  const file = { fileData: { fileUri: 'http://169.254.169.254/a', mimeType: 'image/png' } }
  await expect(client.models.generateContent({ model: MODEL, contents: [file] })).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining('contents[0].parts[0].fileData'),
  })
  expect(gateway.simulator.requests).toHaveLength(1)
})

const SEALED = item.reasoning(['**Weighing it**'], { encrypted_content: 'gAAA-sealed' })
const NO_REPLAY = 'backends: {openai_codex: {extra: {codex: {reasoning_replay: false}}}}'

test.each([true, false])('sealed reasoning survives a chat without a store, thoughts shown: %s', async (isShown) => {
  const { gateway, client } = await start({ yaml: NO_REPLAY })
  const config = { thinkingConfig: { includeThoughts: isShown, thinkingLevel: ThinkingLevel.HIGH } }
  const chat = client.chats.create({ model: MODEL, config })
  gateway.simulator.play({ stream: turnOf([SEALED, item.message('Four it is.')]) })
  const chunks = await all(await chat.sendMessageStream({ message: 'Two and two?' }))
  const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? [])
  const thoughts = parts.filter(({ thought }) => thought === true).map(({ text }) => text)
  expect(thoughts.join('')).toBe(isShown ? '**Weighing it**' : '')
  expect(parts.filter(({ thoughtSignature }) => thoughtSignature !== undefined)).toHaveLength(1)
  await chat.sendMessage({ message: 'Sure?' })
  expect(gateway.simulator.requests[0]?.body.reasoning).toMatchObject({ effort: 'high' })
  expect(inputOf(gateway, 1).slice(1, 3)).toEqual([
    {
      type: 'reasoning',
      summary: isShown ? [{ type: 'summary_text', text: '**Weighing it**' }] : [],
      encrypted_content: 'gAAA-sealed',
    },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Four it is.' }] },
  ])
})

test('so does that of a call, whole, and where a client leaves thoughts out', async () => {
  const { gateway, client } = await start({ yaml: NO_REPLAY })
  const call = item.functionCall('Bash', '{"command":"ls"}', { call_id: 'call_1' })
  gateway.simulator.play({ stream: turnOf([SEALED, call]) })
  const config = { tools: [BASH], thinkingConfig: { includeThoughts: true, thinkingBudget: 100 } }
  const answer = await client.models.generateContent({ model: MODEL, contents: CONTENTS, config })
  const parts = answer.candidates?.[0]?.content?.parts ?? []
  expect(parts.map(({ thought, functionCall }) => thought ?? functionCall?.name)).toEqual([true, 'Bash'])
  const contents = [
    ...CONTENTS,
    { role: 'model', parts: parts.filter(({ thought }) => thought !== true) },
    { role: 'user', parts: [{ functionResponse: { id: 'call_1', name: 'Bash', response: {} } }] },
  ]
  await client.models.generateContent({ model: MODEL, contents, config })
  expect(inputOf(gateway, 1).map(({ type }) => type)).toEqual([
    'message',
    'reasoning',
    'function_call',
    'function_call_output',
  ])
  expect(gateway.simulator.requests[0]?.body.reasoning).toMatchObject({ effort: 'low' })
})

test('structured output by both kinds of schema', async () => {
  const { gateway, client } = await start()
  const properties = { answer: { type: Type.STRING, nullable: true } }
  const responseSchema = { type: Type.OBJECT, properties, required: ['answer'] }
  const own = await client.models.generateContent({
    model: MODEL,
    contents: 'Hello',
    config: { responseMimeType: 'application/json', responseSchema },
  })
  expect(Object.keys(JSON.parse(own.text ?? ''))).toEqual(['answer'])
  const strict = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
  await client.models.generateContent({ model: MODEL, contents: 'Hello', config: { responseJsonSchema: strict } })
  expect(gateway.simulator.requests.map(({ body }) => (body.text as { format: object }).format)).toMatchObject([
    { type: 'json_schema', strict: false, schema: { properties: { answer: { type: ['string', 'null'] } } } },
    { type: 'json_schema', strict: true, schema: strict },
  ])
})

test('stop sequences and a token limit end the answer, the rest is reported', async () => {
  const { gateway, client } = await start()
  const stream = turnOf([item.message('one two END three four')])
  gateway.simulator.play({ stream }, { stream })
  const ask = (config: object) => client.models.generateContent({ model: MODEL, contents: 'Hello', config })
  const stopped = await ask({ stopSequences: ['END'] })
  expect([stopped.text, stopped.candidates?.[0]?.finishReason]).toEqual(['one two ', 'STOP'])
  const cut = await ask({ maxOutputTokens: 2 })
  expect([cut.text, cut.candidates?.[0]?.finishReason]).toEqual(['one two', 'MAX_TOKENS'])
  const body = { contents: CONTENTS, generation_config: { temperature: 1, top_p: 1 }, safetySettings: [] }
  const response = await gateway.post(GENERATE, body)
  expect(response.headers.get('x-codexway-dropped-params')).toContain('generationConfig.temperature')
  const strict = await gateway.post(GENERATE, body, { 'x-codexway-strict-params': 'true' })
  expect([strict.status, await strict.json()]).toMatchObject([400, { error: { status: 'INVALID_ARGUMENT' } }])
})

test('models, pages of them, and countTokens', async () => {
  const { gateway, client } = await start()
  await client.models.generateContent({ model: MODEL, contents: 'Hello' })
  const listed = await all(await client.models.list({ config: { pageSize: 3 } }))
  const whole = (await gateway.client.models.list()).data
  expect(listed.map(({ name }) => name)).toEqual(whole.map(({ id }) => `models/${id}`))
  for (const version of ['v1beta', 'v1']) {
    const model = await clientOf(gateway, version).models.get({ model: MODEL })
    expect(model).toMatchObject({ name: `models/${MODEL}`, inputTokenLimit: 272_000 })
  }
  const short = await client.models.countTokens({ model: MODEL, contents: 'Hello' })
  const long = await client.models.countTokens({ model: MODEL, contents: 'Hello '.repeat(1000) })
  expect((long.totalTokens ?? 0) - (short.totalTokens ?? 0)).toBeGreaterThan(900)
  const framed = await gateway.post(`/v1beta/models/${MODEL}:countTokens`, {
    generateContentRequest: { model: `models/${MODEL}`, contents: CONTENTS },
  })
  expect(await framed.json()).toEqual({ totalTokens: short.totalTokens })
  expect(gateway.simulator.requests).toHaveLength(1)
})

test('names of Google’s go through model_aliases', async () => {
  const { gateway, client } = await start({ yaml: 'model_aliases: {"gemini-*": gpt-5.5}' })
  const answer = await client.models.generateContent({ model: 'gemini-2.5-pro', contents: 'Hello' })
  expect(answer.modelVersion).toBe('gemini-2.5-pro')
  expect(gateway.simulator.requests[0]?.body.model).toBe('gpt-5.5')
})

test('gateway keys come as header or in the address, and are never logged', async () => {
  const { gateway, client } = await start({ env: { CODEXWAY_API_KEYS: 'secret' } })
  expect((await client.models.generateContent({ model: MODEL, contents: 'Hello' })).text).not.toBe('')
  expect((await gateway.post(`${GENERATE}?key=secret`, { contents: CONTENTS })).status).toBe(200)
  expect((await gateway.post(`/v1/chat/completions?key=secret`, {})).status).toBe(401)
  const wrong = await gateway.post(`${GENERATE}?key=other`, { contents: CONTENTS })
  expect([wrong.status, await wrong.json()]).toMatchObject([401, { error: { code: 401, status: 'UNAUTHENTICATED' } }])
  expect(gateway.logs.join('\n')).not.toMatch(/secret|key=/)
  const sent = JSON.stringify(gateway.simulator.requests.map(({ headers }) => headers))
  expect(sent).not.toContain('goog')
})

test('errors have this API’s envelope: code, status, path, when to retry', async () => {
  const { gateway, client } = await start()
  const bad = await gateway.post(GENERATE, { contents: [{ role: 'robot', parts: [{ text: 'x' }] }] })
  expect([bad.status, await bad.json()]).toEqual([
    400,
    {
      error: {
        code: 400,
        message: expect.stringContaining('contents[0].role'),
        status: 'INVALID_ARGUMENT',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'INVALID_REQUEST',
            domain: 'codexway',
            metadata: { param: 'contents[0].role' },
          },
        ],
      },
    },
  ])
  await expect(client.models.generateContent({ model: 'llama', contents: 'Hello' })).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining('MODEL_NOT_FOUND'),
  })
  const path = await gateway.post(`/v1beta/models/${MODEL}:embedContent`, {})
  expect([path.status, await path.json()]).toMatchObject([404, { error: { status: 'NOT_FOUND' } }])
  const failed = ev.failed({ code: 'rate_limit_exceeded', message: 'Slow down. Please try again in 7s.' })
  gateway.simulator.play({ stream: [ev.created(), failed] })
  const limited = await gateway.post(`${STREAM}?alt=sse`, { contents: CONTENTS })
  expect([limited.status, await limited.json()]).toMatchObject([
    429,
    { error: { status: 'RESOURCE_EXHAUSTED', details: [{}, { retryDelay: '7s' }] } },
  ])
})

test('a late failure is an error in the stream’s own form, and a silence is broken', async () => {
  const { gateway, client } = await start({ keepaliveMs: 50 })
  const begun = [ev.created(), ev.added(item.message('', { content: [], status: 'in_progress' })), ev.text('Hel')]
  const scenario = { stream: [...begun, { pauseMs: 400 }, ev.failed({ code: 'server_error', message: 'It broke' })] }
  gateway.simulator.play(scenario, scenario, scenario)
  const events = await (await gateway.post(`${STREAM}?alt=sse`, { contents: CONTENTS })).text()
  expect(events).toContain(': keepalive\n\n')
  expect(events.trimEnd().split('\n\n').at(-1)).toContain('data: {"error":{"code":502,"message":"It broke"')
  const array = await (await gateway.post(STREAM, { contents: CONTENTS })).text()
  expect(array).toMatch(/} +,/)
  expect((JSON.parse(array) as object[]).at(-1)).toMatchObject({ error: { code: 502, status: 'INTERNAL' } })
  const stream = await client.models.generateContentStream({ model: MODEL, contents: 'Hello' })
  await expect(all(stream)).rejects.toThrow('It broke')
})
