import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { SIMULATOR_MODELS } from '../../src/simulator/models.ts'
import { bearersOf, chat, chatBody, refusalOf, sentFor, warningsOf } from '../support/ask.ts'
import { type Open, openGateway, type Running, startGateway } from '../support/gateway.ts'
import { listen } from '../support/loopback.ts'
import { useSimulator } from '../support/simulator.ts'

interface Listed {
  readonly data: { id: string; object: string; created: number; owned_by: string }[]
}

async function listed({ url }: Running): Promise<string[]> {
  const body = (await (await fetch(`${url}/v1/models`)).json()) as Listed
  return body.data.map(({ id }) => id)
}

/** What differs from request to request by its nature. */
function withoutIdentity({ client_metadata: _ids, ...body }: JsonObject): JsonObject {
  return body
}

describe('with the common ground', () => {
  let gateway: Open
  beforeAll(async () => {
    gateway = await openGateway({
      yaml: `model_aliases:
  my-model: gpt-5.5
  quick: "gpt-5.5?reasoning_effort=low"
  "gpt-4o*": "openai-codex:gpt-5.5?reasoning_effort=low"
`,
    })
    return () => gateway.close()
  })

  test('M-01: a name of a family that no catalogue lists is sent as written, and answered with the client’s string', async () => {
    const { sent, answer } = await sentFor(gateway, { model: 'openai-codex:gpt-5.1-codex' })
    expect([sent.model, answer.model]).toEqual(['gpt-5.1-codex', 'openai-codex:gpt-5.1-codex'])
  })

  test('M-02: however the backend is spelled, or not at all, it is the same upstream body', async () => {
    const bodies: JsonObject[] = []
    for (const model of [
      'openai-codex:gpt-5.5',
      'openai_codex:gpt-5.5',
      'OPENAI-CODEX:gpt-5.5',
      'openai-codex/gpt-5.5',
      'openai-codex:openai/gpt-5.5',
      'openai-codex:GPT-5.5',
      'gpt-5.5',
    ]) {
      const { sent, answer } = await sentFor(gateway, { model })
      expect(answer.model).toBe(model)
      bodies.push(withoutIdentity(sent))
    }
    for (const body of bodies) expect(body).toEqual(bodies[0])
  })

  test.each([
    ['M-05', 'nope', []],
    ['M-06', 'openai-codex:gpd-5.5', ['"gpt-5.5"']],
    ['M-06', 'openai-codex:nope', []],
    ['M-07', 'openai-codex:gpt5.5', ['"gpt-5.5"']],
    ['M-08', 'ghost:gpt-5.5', ['ghost', 'openai_codex']],
    ['§4.1', 'vendor/model:variant', []],
  ] as const)('%s: %s is no model, and the backend is not asked', async (_id, model, words) => {
    const before = gateway.simulator.requests.length
    const error = await refusalOf(gateway, { model })
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model', type: 'invalid_request_error' })
    for (const word of words) expect(error.message).toContain(word)
    expect(gateway.simulator.requests).toHaveLength(before)
  })

  test.each([
    ['M-09', { model: 'openai-codex:' }, 'model', 'empty'],
    ['M-09', { model: undefined }, 'model', 'string'],
    ['M-09', { model: 5 }, 'model', 'string'],
    ['M-13', { model: 'gpt-5.5?reasoning_effort=banana' }, 'model', 'banana'],
    ['M-13', { reasoning_effort: 'banana' }, 'reasoning_effort', 'banana'],
    ['M-14', { model: 'gpt-5.5?verbosity=loud' }, 'model', 'loud'],
    ['M-15', { model: 'gpt-5.5?foo=1' }, 'model', 'foo'],
  ])('%s: %j is a 400 that names the fault', async (_id, fields, param, word) => {
    const before = gateway.simulator.requests.length
    const error = await refusalOf(gateway, fields)
    expect(error).toMatchObject({ status: 400, param, type: 'invalid_request_error' })
    expect(error.message).toContain(word)
    expect(gateway.simulator.requests).toHaveLength(before)
  })

  test.each([
    ['M-10', { model: 'gpt-5.5?reasoning_effort=high' }, 'high', null],
    ['M-10', { model: 'gpt-5.5?reasoning_effort=high', reasoning_effort: 'low' }, 'high', null],
    ['M-11', { model: 'gpt-5.5?reasoning_effort=ultra' }, 'xhigh', 'reasoning.effort=xhigh'],
    ['M-11', { model: 'gpt-5.6-luna?reasoning_effort=ultra' }, 'max', 'reasoning.effort=max'],
    ['M-11', { model: 'gpt-5.6-sol?reasoning_effort=ultra' }, 'max', 'reasoning.effort=max'],
    ['M-12', { reasoning_effort: 'none' }, 'low', 'reasoning.effort=low'],
    ['M-12', { reasoning_effort: 'minimal' }, 'low', 'reasoning.effort=low'],
    ['§4.5', {}, 'medium', null],
    ['M-21', { model: 'gpt-4o-mini' }, 'low', null],
    ['M-21', { model: 'gpt-4o-mini', reasoning_effort: 'high' }, 'high', null],
    ['M-21', { model: 'quick', extra_body: { reasoning_effort: 'high' } }, 'high', null],
    ['M-25', { model: 'gpt-5.5-high' }, 'high', null],
  ])('%s: %j asks for effort %s, reported as %s', async (_id, fields, effort, reported) => {
    const { sent, headers } = await sentFor(gateway, fields)
    expect(sent.reasoning).toMatchObject({ effort })
    expect(headers.get('x-codexway-adjusted-params')).toBe(reported)
    expect(headers.get('x-codexway-dropped-params')).toBeNull()
  })

  test.each([
    ['gpt-5.5', { verbosity: 'low' }, null],
    ['gpt-plain', undefined, 'verbosity'],
  ])('M-14: verbosity on %s is %j, dropped: %s', async (slug, text, dropped) => {
    for (const fields of [{ model: `${slug}?verbosity=low` }, { model: slug, verbosity: 'low' }]) {
      const { sent, headers } = await sentFor(gateway, fields)
      expect([sent.text, headers.get('x-codexway-dropped-params')]).toEqual([text, dropped])
    }
  })

  test.each([
    ['M-26', { service_tier: 'fast' }, 'priority', null],
    ['M-26', { service_tier: 'priority' }, 'priority', null],
    ['M-26', { service_tier: 'flex' }, 'flex', null],
    ['M-26', { service_tier: 'auto' }, undefined, null],
    ['M-26', { service_tier: 'default' }, undefined, null],
    ['M-26', { service_tier: 'bogus' }, undefined, 'service_tier'],
    ['M-25', { model: 'gpt-5.5-fast' }, 'priority', null],
    ['§4.5', { model: 'gpt-5.5?service_tier=fast' }, 'priority', null],
  ])('%s: %j is sent as tier %s, dropped: %s', async (_id, fields, tier, dropped) => {
    const { sent, headers } = await sentFor(gateway, fields)
    expect([sent.model, sent.service_tier, headers.get('x-codexway-dropped-params')]).toEqual([
      'gpt-5.5',
      tier,
      dropped,
    ])
  })

  test('M-27: a model without summaries is asked for none, others for auto', async () => {
    expect((await sentFor(gateway, { model: 'gpt-plain' })).sent.reasoning).not.toHaveProperty('summary')
    expect((await sentFor(gateway)).sent.reasoning).toMatchObject({ summary: 'auto' })
  })

  test('M-20: an alias is found without case, answered as the client wrote it, and listed', async () => {
    const { sent, answer } = await sentFor(gateway, { model: 'My-Model' })
    expect([sent.model, answer.model]).toEqual(['gpt-5.5', 'My-Model'])
    expect(await listed(gateway)).toContain('my-model')
    const streamed = await (await chat(gateway, { model: 'My-Model', stream: true })).text()
    expect(new Set([...streamed.matchAll(/"model":"([^"]*)"/g)].map(([, model]) => model))).toEqual(
      new Set(['My-Model']),
    )
  })

  test('M-21: a pattern leads to its target, as the client wrote it', async () => {
    const { sent, answer } = await sentFor(gateway, { model: 'openai-codex:gpt-4o-mini' })
    expect([sent.model, answer.model]).toEqual(['gpt-5.5', 'openai-codex:gpt-4o-mini'])
  })

  test('M-16: what is listed is every visible model, bare and with the backend, and the aliases', async () => {
    await sentFor(gateway)
    const slugs = ['gpt-5.5', 'gpt-5.6-sol', 'gpt-5.6-luna', 'gpt-plain']
    const expected = [...slugs, ...slugs.map((slug) => `openai-codex:${slug}`), 'my-model', 'quick']
    expect((await listed(gateway)).toSorted()).toEqual(expected.toSorted())
  })

  test('M-17: one model by its id, also percent-encoded; an unknown one is a 404', async () => {
    const get = async (id: string) => {
      const response = await fetch(`${gateway.url}/v1/models/${id}`)
      return { status: response.status, body: (await response.json()) as JsonObject }
    }
    for (const id of ['openai-codex%3Agpt-5.5', 'openai-codex:gpt-5.5']) {
      expect(await get(id)).toMatchObject({ status: 200, body: { id: 'openai-codex:gpt-5.5', object: 'model' } })
    }
    expect(await get('nope')).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', param: 'model' } },
    })
    const { id } = await gateway.client.models.retrieve('gpt-5.5')
    expect(id).toBe('gpt-5.5')
  })

  test.each([
    // The simulator refuses a model it does not know by itself.
    ['M-18', 'gpt-4.1', undefined, 'not supported when using Codex with a ChatGPT account'],
    ['M-19', 'gpt-5.6-sol', 'newer-version-required', 'requires a newer version of Codex'],
  ])('%s: the backend’s refusal of %s is a 404 with its words', async (_id, model, scenario, words) => {
    if (scenario !== undefined) gateway.simulator.play(scenario, scenario)
    const error = await refusalOf(gateway, { model })
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    expect(error.message).toContain(words)
  })
})

describe('several backends', () => {
  async function startTwo(head: string) {
    const [a, b] = [await useSimulator({ webSocket: 426 }), await useSimulator()]
    const gateway = await startGateway({
      auth: null,
      env: { OPENAI_API_BASE_URL: undefined },
      yaml: ({ home }) => `${head}
backends:
  a: {type: openai-codex, base_url: "${a.baseUrl}", codex_path: "${home}/a"}
  b: {type: openai-codex, base_url: "${b.baseUrl}", codex_path: "${home}/b"}
`,
      prepare: ({ home }) => {
        for (const [name, simulator] of [
          ['a', a],
          ['b', b],
        ] as const) {
          mkdirSync(join(home, name))
          writeFileSync(join(home, name, 'auth.json'), JSON.stringify(simulator.issuer.authFile({ accountId: name })))
        }
      },
    })
    return { gateway, a, b }
  }

  test('M-03: a named instance uses its own base and token only', async () => {
    const { gateway, a, b } = await startTwo('default_backend: a')
    expect((await chat(gateway, { model: 'b:gpt-5.5' })).status).toBe(200)
    expect([a.requests.length, b.requests.length]).toEqual([0, 1])
    expect(b.onlyRequest().headers['chatgpt-account-id']).toBe('b')
    expect((await chat(gateway, { model: 'A:gpt-5.5' })).status).toBe(200)
    expect(a.onlyRequest().headers['chatgpt-account-id']).toBe('a')
    expect(bearersOf(a)[0]).not.toBe(bearersOf(b)[0])
  })

  test('M-04: a bare name goes to the default backend', async () => {
    const { gateway, a, b } = await startTwo('default_backend: b')
    expect((await chat(gateway, { model: 'gpt-5.5' })).status).toBe(200)
    expect([a.requests.length, b.requests.length]).toEqual([0, 1])
    expect(await listed(gateway)).toEqual(expect.arrayContaining(['gpt-5.5', 'a:gpt-5.5', 'b:gpt-5.5']))
  })

  test('M-08: a ghost is told all backends; without a default a bare name is, too', async () => {
    const { gateway } = await startTwo('')
    for (const model of ['ghost:gpt-5.5', 'gpt-5.5']) {
      const error = await refusalOf(gateway, { model })
      expect(error).toMatchObject({ status: 404, code: 'model_not_found' })
      expect(error.message).toContain('a, b')
    }
  })
})

test('M-06: a model nobody knows is taken to no other host', async () => {
  await using proxy = await listen((_, response) => void response.writeHead(502).end())
  const gateway = await startGateway({ env: { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url } })
  await sentFor(gateway)
  expect((await chat(gateway, { model: 'openai-codex:nope' })).status).toBe(404)
  // Whatever leaves this machine would come by here.
  expect([proxy.connections(), gateway.simulator.requests.length]).toEqual([0, 1])
})

test('M-16: without a sign-in the list is not empty, and each of it is accepted once there is one', async () => {
  const gateway = await startGateway({ auth: null, simulator: { strict: false } })
  const ids = await listed(gateway)
  expect(ids.length).toBeGreaterThan(2)
  gateway.simulator.writeAuthFile(join(gateway.home, '.codex'))
  for (const model of ids) expect([model, (await chat(gateway, { model })).status]).toEqual([model, 200])
})

test('M-22: a wildcard takes all names but the known ones', async () => {
  const gateway = await startGateway({ yaml: 'model_aliases: {"*": gpt-5.5}\n' })
  for (const [model, slug] of [
    ['claude-3-haiku', 'gpt-5.5'],
    ['gpt-5.6-sol', 'gpt-5.6-sol'],
    ['gpt-5.6-luna-high', 'gpt-5.6-luna'],
  ]) {
    const { sent, answer } = await sentFor(gateway, { model })
    expect([sent.model, answer.model]).toEqual([slug, model])
  }
})

test('M-23: a new etag brings the new list, with one fetch', async () => {
  const gateway = await startGateway()
  const { simulator } = gateway
  await sentFor(gateway)
  expect(simulator.countCalls('models')).toBe(1)
  simulator.models = [...SIMULATOR_MODELS, { ...SIMULATOR_MODELS[0], slug: 'gpt-7' }]
  simulator.modelsEtag = '"sim-2"'
  await Promise.all(Array.from({ length: 5 }, () => sentForAnyway(gateway)))
  await expect.poll(() => listed(gateway)).toContain('openai-codex:gpt-7')
  await sentFor(gateway)
  await delay(50)
  expect(simulator.countCalls('models')).toBe(2)
})

async function sentForAnyway(gateway: Running): Promise<void> {
  expect((await chat(gateway)).status).toBe(200)
}

test.each([
  ['500', { status: 500 }],
  ['garbage', { status: 200, body: '<html>no' }],
  ['a list of something else', { status: 200, body: { models: [{ name: 1 }] } }],
])('M-24: with %s for a catalogue the built-in models serve', async (_name, answer) => {
  const gateway = await startGateway({ prepare: ({ simulator }) => simulator.answerCall('models', answer) })
  expect(await listed(gateway)).toContain('openai-codex:gpt-5.5')
  const { sent } = await sentFor(gateway)
  expect([sent.model, typeof sent.instructions]).toEqual(['gpt-5.5', 'string'])
  expect(sent.instructions).not.toBe('')
  expect(warningsOf(gateway)).toHaveLength(1)
})

test('M-24: a list kept from the last run serves when the backend has none', async () => {
  const cache = { XDG_CACHE_HOME: undefined as string | undefined }
  const first = await startGateway({
    env: ({ home }) => {
      cache.XDG_CACHE_HOME = join(home, 'cache')
      return cache
    },
    simulator: { models: [{ ...SIMULATOR_MODELS[0], slug: 'gpt-kept' }] },
  })
  await sentFor(first, { model: 'gpt-kept' })
  const second = await startGateway({
    env: { ...cache, OPENAI_API_BASE_URL: first.simulator.baseUrl },
    prepare: ({ authPath }) => {
      first.simulator.answerCall('models', { status: 500 })
      writeFileSync(authPath, JSON.stringify(first.simulator.issuer.authFile()))
    },
  })
  await expect.poll(() => listed(second)).toEqual(['gpt-kept', 'openai-codex:gpt-kept'])
  expect((await second.post('/v1/chat/completions', chatBody({ model: 'gpt-kept' }))).status).toBe(200)
})

test('M-28: with client_version the backend’s own entries come along', async () => {
  const gateway = await startGateway()
  await sentFor(gateway)
  const body = (await (await fetch(`${gateway.url}/v1/models?client_version=0.169.0`)).json()) as JsonObject
  expect(body.models).toEqual(SIMULATOR_MODELS)
  expect(body).toHaveProperty('data')
})
