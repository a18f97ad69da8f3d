import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JsonObject } from '../lib/json.ts'
import { createLogger } from '../lib/logger.ts'
import { BUILTIN_RAW_MODELS } from './builtin-models.ts'
import { Catalogue, type FetchedModels } from './catalogue.ts'
import { toModelCacheName } from './model-cache.ts'

const NEVER = new AbortController().signal
let directory: string
let catalogue: Catalogue | undefined
let calls = 0
let nowMs: number
let logged: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'codexway-models-'))
  calls = 0
  nowMs = Date.UTC(2026, 10, 22)
  logged = []
})

afterEach(async () => {
  await catalogue?.close()
  await rm(directory, { recursive: true, force: true })
})

type Answer = FetchedModels | Error | Promise<FetchedModels>

/** Answers one after the other, the last one again and again. */
function create(...answers: Answer[]): Catalogue {
  catalogue = new Catalogue({
    instance: 'openai_codex',
    clientVersion: '0.169.0',
    fetchModels: async () => {
      const answer = answers[Math.min(calls++, answers.length - 1)]
      if (answer instanceof Error || answer === undefined) throw answer
      return answer
    },
    cachePath: cachePath(),
    cliCachePath: cliCachePath(),
    log: createLogger('info', { write: (line) => void logged.push(JSON.parse(line).msg) }),
    now: () => nowMs,
  })
  return catalogue
}

const cachePath = () => join(directory, 'cache', 'models.json')
const cliCachePath = () => join(directory, 'models_cache.json')
const reply = (etag: string | undefined, ...slugs: string[]) => ({ models: slugs.map((slug) => ({ slug })), etag })
const slugsOf = (of: Catalogue) => [of.source, ...of.entries().map(({ slug }) => slug)]

test('live entries replace the built-in ones and are found in any case, hidden ones too', async () => {
  const models = [{ slug: 'gpt-5.5' }, { slug: 'gpt-secret', visibility: 'hide' }]
  const live = create({ models, etag: 'e1' })
  await live.refresh(NEVER)
  expect({
    source: live.source,
    fetchedAtMs: live.fetchedAtMs,
    listed: live.listed().map(({ slug }) => slug),
    found: ['GPT-5.5', 'Gpt-Secret', 'gpt-6.1-sol'].map((name) => live.find(name)?.slug),
    raw: live.rawModels(),
  }).toEqual({
    source: 'live',
    fetchedAtMs: nowMs,
    listed: ['gpt-5.5'],
    found: ['gpt-5.5', 'gpt-secret', undefined],
    raw: models,
  })
})

test('a good fetch is kept on disk and is there after the next start', async () => {
  await create(reply('e1', 'gpt-9')).refresh(NEVER)
  expect(JSON.parse(await readFile(cachePath(), 'utf8'))).toEqual({
    fetched_at: '2026-11-22T00:00:00.000Z',
    etag: 'e1',
    client_version: '0.169.0',
    models: [{ slug: 'gpt-9' }],
  })

  const next = create(new Error('no network'))
  await next.start()
  await next.refresh(NEVER)
  expect([slugsOf(next), next.fetchedAtMs]).toEqual([['cache', 'gpt-9'], nowMs])
})

test("without a file of ours the CLI's is used, and never written", async () => {
  const text = JSON.stringify({
    fetched_at: '2026-11-01T00:00:00Z',
    etag: null,
    identity: 'x',
    models: [{ slug: 'gpt-8' }],
  })
  await writeFile(cliCachePath(), text)
  const cached = create(new Error('no network'))
  await cached.start()
  expect([slugsOf(cached), cached.fetchedAtMs]).toEqual([['cli-cache', 'gpt-8'], Date.UTC(2026, 10, 1)])
  await cached.refresh(NEVER)
  expect(await readFile(cliCachePath(), 'utf8')).toBe(text)
})

test.each(['', 'not json', '[]', '{"models":5}', '{"models":[]}', '{"models":[{"name":"x"}]}'])(
  'M-24: a cache file holding %o is as good as none',
  async (text) => {
    await writeFile(cliCachePath(), text)
    const builtIn = create(new Error('500'))
    await builtIn.start()
    await builtIn.refresh(NEVER)
    expect([builtIn.source, builtIn.find('GPT-5.5')?.slug, builtIn.rawModels(), builtIn.fetchedAtMs]).toEqual([
      'built-in',
      'gpt-5.5',
      BUILTIN_RAW_MODELS,
      undefined,
    ])
  },
)

test.each([
  ['an error', new Error('500')],
  ['an empty list', { models: [], etag: 'e2' }],
  ['entries without slugs', { models: [{ id: 'x' }], etag: 'e2' }],
  ['no objects', { models: ['x', null] as unknown as JsonObject[], etag: 'e2' }],
  ['no list', { models: 'x' as unknown as JsonObject[], etag: 'e2' }],
])('M-24: %s keeps the previous list', async (_, answer) => {
  const live = create(reply('e1', 'gpt-9'), answer)
  await live.refresh(NEVER)
  await live.refresh(NEVER)
  expect([calls, ...slugsOf(live)]).toEqual([2, 'live', 'gpt-9'])
})

test('an entry without a slug is left out, for us and for the CLI', async () => {
  const live = create({ models: [{ slug: 'gpt-9' }, { name: 'x' }, null as unknown as JsonObject], etag: undefined })
  await live.refresh(NEVER)
  expect([slugsOf(live), live.rawModels()]).toEqual([['live', 'gpt-9'], [{ slug: 'gpt-9' }]])
})

test('one fetch is in flight, whoever asks', async () => {
  const late = Promise.withResolvers<FetchedModels>()
  const live = create(late.promise)
  const waits = [live.refresh(NEVER), live.refresh(NEVER)]
  live.etagSeen('e9')
  late.resolve(reply('e1', 'gpt-9'))
  await Promise.all(waits)
  expect(calls).toBe(1)
})

test('an abort ends the wait, not the fetch', async () => {
  const late = Promise.withResolvers<FetchedModels>()
  const live = create(late.promise)
  await live.refresh(AbortSignal.abort())
  expect(live.source).toBe('built-in')
  late.resolve(reply('e1', 'gpt-9'))
  await live.refresh(NEVER)
  expect([calls, ...slugsOf(live)]).toEqual([1, 'live', 'gpt-9'])
})

test('ready waits for the first fetch only', async () => {
  const late = Promise.withResolvers<FetchedModels>()
  const live = create(late.promise, new Promise<FetchedModels>(() => undefined))
  await live.ready(NEVER)
  await live.start()
  const ready = live.ready(NEVER)
  late.resolve(reply('e1', 'gpt-9'))
  await ready
  expect(live.source).toBe('live')
  void live.refresh(NEVER)
  await live.ready(NEVER)
  expect(calls).toBe(2)
})

test('M-23: a new etag is answered with one fetch, a known one with none', async () => {
  const live = create(reply('e1', 'gpt-9'), reply('e2', 'gpt-9', 'gpt-10'))
  await live.refresh(NEVER)
  live.etagSeen('e1')
  live.etagSeen(undefined)
  expect(calls).toBe(1)

  for (let i = 0; i < 3; i++) live.etagSeen('e2')
  await settle()
  for (let i = 0; i < 3; i++) live.etagSeen('e2')
  expect([calls, ...slugsOf(live)]).toEqual([2, 'live', 'gpt-9', 'gpt-10'])
})

test('an etag the list itself never carries is fetched for once', async () => {
  const live = create(reply(undefined, 'gpt-9'))
  await live.refresh(NEVER)
  for (let i = 0; i < 3; i++) {
    live.etagSeen('e1')
    await settle()
  }
  expect(calls).toBe(2)
})

test('a catalogue that never came is asked for again by answers, a minute after the failure', async () => {
  const live = create(new Error('no sign-in'), reply('e1', 'gpt-9'))
  await live.refresh(NEVER)
  live.etagSeen(undefined)
  expect(calls).toBe(1)
  nowMs += 60_000
  live.etagSeen(undefined)
  await settle()
  expect([calls, ...slugsOf(live)]).toEqual([2, 'live', 'gpt-9'])
})

test('a failure is told loudly once, until a fetch succeeds', async () => {
  const live = create(new Error('1'), new Error('2'), reply('e1', 'gpt-9'), new Error('3'))
  for (let i = 0; i < 4; i++) await live.refresh(NEVER)
  expect(logged).toEqual(['model catalogue not fetched', 'model catalogue not fetched'])
})

test('closing ends a fetch that hangs, quietly', async () => {
  const live = create(new Promise<FetchedModels>(() => undefined))
  await live.start()
  await live.close()
  await live.refresh(NEVER)
  live.etagSeen('e2')
  expect([live.source, logged]).toEqual(['built-in', []])
})

test('closing waits for a list that is being kept on disk', async () => {
  const live = create(reply('e1', 'gpt-9'))
  void live.refresh(NEVER)
  while (live.source !== 'live') await Promise.resolve()
  await live.close()
  expect(await readFile(cachePath(), 'utf8')).toContain('gpt-9')
})

test('the cache file is named for instance and host', () => {
  expect([
    toModelCacheName('openai_codex', 'https://chatgpt.com/backend-api/codex'),
    toModelCacheName('../B', 'http://127.0.0.1:2633/x'),
  ]).toEqual(['models-openai_codex-chatgpt.com.json', 'models-.._b-127.0.0.1_2633.json'])
})

/** Long enough for a fetch begun in the background, and its file, to be done. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50))
}
