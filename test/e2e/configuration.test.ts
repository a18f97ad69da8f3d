import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chat, chatBody, errorOf, itemsOf, respond, sentBy, sentFor, warningsOf } from '../support/ask.ts'
import { startGateway } from '../support/gateway.ts'
import { listenRaw } from '../support/loopback.ts'
import { useSimulator } from '../support/simulator.ts'

const PROFILE_B = `backends:
  openai_codex:
    timeout: 120
    extra:
      codex:
        default_capabilities:
          protocol: openai-responses
          codex_passthrough: true
          prompt_mode: codex_default
          tool_schema_mode: custom_only
          tool_text_format: none
          bypass_tool_call_reactor: true
          include_environment_context: false
`
const tool = { type: 'function', function: { name: 'x', parameters: { type: 'object', properties: {} } } }

function namesOf(tools: unknown): unknown[] {
  return Array.isArray(tools) ? tools.map(({ name }: { name: unknown }) => name) : []
}

test('C-01: three lines of YAML are enough', async () => {
  const gateway = await startGateway({ yaml: 'backends:\n  openai_codex:\n    type: openai-codex\n' })
  const { answer, sent } = await sentFor(gateway)
  expect([answer.model, sent.model]).toEqual(['openai-codex:gpt-5.5', 'gpt-5.5'])
})

test('C-03: profile B as printed lets unknown items through, without a warning', async () => {
  // The simulator knows no such items; the backend may.
  const gateway = await startGateway({ yaml: PROFILE_B, simulator: { strict: false } })
  const strange = { type: 'hologram_call', hologram: { depth: [1, 2] }, call_id: 'h1' }
  const user = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi', shade: 'blue' }] }
  const { sent } = await sentBy(gateway, respond(gateway, { instructions: 'Be.', input: [user, strange] }))
  expect([sent.instructions, itemsOf(sent)]).toEqual(['Be.', [user, strange]])
  expect(warningsOf(gateway)).toEqual([])
})

test('C-07: capabilities of the environment are merged over those of the file', async () => {
  const gateway = await startGateway({
    yaml: 'backends: {openai_codex: {extra: {codex: {default_capabilities: {tool_schema_mode: custom_only}}}}}',
    env: { OPENAI_CODEX_DEFAULT_CAPABILITIES: '{"tool_schema_mode":"merge_custom"}' },
  })
  const { sent } = await sentFor(gateway, { tools: [tool] })
  expect(namesOf(sent.tools)).toEqual(['exec_command', 'write_stdin', 'apply_patch', 'view_image', 'x'])
})

for (const ending of ['/x/', '/x', '/x/responses']) {
  test(`C-08: a base ending in ${ending} leads to /x/responses, with one slash`, async () => {
    const gateway = await startGateway({
      env: ({ simulator }) => ({ OPENAI_API_BASE_URL: simulator.url + ending }),
    })
    await sentFor(gateway)
    expect(gateway.simulator.onlyRequest().path).toBe('/x/responses')
    expect(gateway.simulator.otherCalls.find(({ name }) => name === 'models')?.path).toMatch(/^\/x\/models\?/)
  })
}

test('C-10: the command line’s base wins over the environment’s, which wins over the file’s', async () => {
  const [file, environment, flag] = [await useSimulator({ webSocket: 426 }), await useSimulator(), await useSimulator()]
  for (const [isFlagged, winner] of [
    [true, flag],
    [false, environment],
  ] as const) {
    const gateway = await startGateway({
      yaml: `backends: {openai_codex: {base_url: "${file.baseUrl}"}}`,
      env: { OPENAI_API_BASE_URL: environment.baseUrl },
      flags: isFlagged ? { baseUrl: flag.baseUrl } : {},
      prepare: ({ authPath }) => writeFileSync(authPath, JSON.stringify(winner.issuer.authFile())),
    })
    expect((await chat(gateway)).status).toBe(200)
    expect([winner.requests.length, gateway.simulator.requests.length]).toEqual([1, 0])
  }
  expect([file.requests.length, environment.requests.length, flag.requests.length]).toEqual([0, 1, 1])
})

test('C-10: without flag and variable the file’s base is called', async () => {
  const gateway = await startGateway({
    yaml: ({ simulator }) => `backends: {openai_codex: {base_url: "${simulator.url}/from-file"}}`,
    env: { OPENAI_API_BASE_URL: undefined },
  })
  await sentFor(gateway)
  expect(gateway.simulator.onlyRequest().path).toBe('/from-file/responses')
})

test('C-11: without a configuration file the defaults work', async () => {
  const gateway = await startGateway()
  const { sent } = await sentFor(gateway)
  expect(sent).toMatchObject({ model: 'gpt-5.5', store: false, stream: true })
})

test('C-12: a backend that accepts and stays silent is given up after the timeout, 504', async () => {
  await using silent = await listenRaw(() => {})
  const gateway = await startGateway({
    yaml: 'backends: {openai_codex: {timeout: 1}}',
    env: { OPENAI_API_BASE_URL: `${silent.url}/v1` },
  })
  for (const stream of [false, true]) {
    const startedAt = performance.now()
    const error = await errorOf(await gateway.post('/v1/chat/completions', chatBody({ stream })))
    const seconds = (performance.now() - startedAt) / 1000
    expect(error).toMatchObject({ status: 504, code: 'upstream_timeout', type: 'server_error' })
    // Not before the limit; what comes above it is the machine's.
    expect([seconds > 0.9, seconds < 10]).toEqual([true, true])
  }
  expect(gateway.simulator.requests).toEqual([])
})

test('C-02, C-03: both profiles serve both endpoints', async () => {
  const profileA = PROFILE_B.replace('openai-responses', 'openai-chat').replace(
    'passthrough: true',
    'passthrough: false',
  )
  for (const yaml of [profileA, PROFILE_B]) {
    const gateway = await startGateway({ yaml })
    expect((await chat(gateway)).status).toBe(200)
    expect((await respond(gateway)).status).toBe(200)
  }
})

test('C-03: a configuration file beside the sign-in is read wherever it is named', async () => {
  const gateway = await startGateway({
    flags: ({ home }) => ({ config: join(home, 'elsewhere.yaml') }),
    prepare: ({ home }) => writeFileSync(join(home, 'elsewhere.yaml'), PROFILE_B),
  })
  expect((await respond(gateway)).status).toBe(200)
})
