import { describe, expect, test } from 'vitest'
import type { GatewayError } from '../turn/errors.ts'
import { toModelEntry } from './entry.ts'
import { createModelListing } from './listing.ts'
import { createModelResolver, type ModelResolver } from './resolve.ts'

const RAW = [
  { slug: 'gpt-5.5' },
  { slug: 'gpt-5.6-sol' },
  { slug: 'gpt-plain' },
  { slug: 'gpt-secret', visibility: 'hide' },
  { slug: 'gpt-6-max' },
  { slug: 'gpt-6' },
]
const ENTRIES = RAW.flatMap((raw) => toModelEntry(raw) ?? [])
const CATALOGUE = {
  find: (name: string) => ENTRIES.find(({ slug }) => slug === name.toLowerCase()),
  listed: () => ENTRIES.filter(({ isListed }) => isListed),
  rawModels: () => RAW,
}

interface Setup {
  names?: readonly string[]
  models?: readonly string[]
  defaultBackend?: string
  aliases?: Record<string, string>
}

function setup({ names = ['openai_codex'], models = [], defaultBackend, aliases = {} }: Setup = {}) {
  const instances = names.map((name) => ({ name, catalogue: CATALOGUE, models }))
  const resolver = createModelResolver({ instances, defaultBackend, aliases })
  return { resolver, listing: createModelListing({ instances, resolver }) }
}

function resolved(given: Setup, model: string) {
  const { instance, slug, entry, query, aliasQuery } = setup(given).resolver.resolve(model)
  return { instance, slug, isKnown: entry !== undefined, query, aliasQuery }
}

function refusal(resolver: ModelResolver, model: string) {
  try {
    return { resolved: resolver.resolve(model) }
  } catch (error) {
    const { status, code, param, message } = error as GatewayError
    return { status, code, param, message }
  }
}

const PLAIN = { query: {}, aliasQuery: {} }
const TWO = { names: ['a', 'b'] }

describe('names', () => {
  test('M-01: a family name outside the catalogue goes as written', () => {
    const expected = { instance: 'openai_codex', isKnown: false, ...PLAIN }
    expect(
      ['openai-codex:gpt-5.1-codex', 'GPT-4.1', 'codex-mini-latest', 'O3-pro'].map((name) => resolved({}, name)),
    ).toEqual([
      { ...expected, slug: 'gpt-5.1-codex' },
      { ...expected, slug: 'GPT-4.1' },
      { ...expected, slug: 'codex-mini-latest' },
      { ...expected, slug: 'O3-pro' },
    ])
  })

  test.each([
    'openai_codex:gpt-5.5',
    'OPENAI-CODEX:gpt-5.5',
    'openai-codex/gpt-5.5',
    'gpt-5.5',
    'GPT-5.5',
    'openai/gpt-5.5',
  ])("M-02: %s is the catalogue's gpt-5.5", (name) => {
    expect(resolved({}, name)).toEqual({ instance: 'openai_codex', slug: 'gpt-5.5', isKnown: true, ...PLAIN })
  })

  test('M-03: the named instance is used, the kind means the first', () => {
    expect(['b:gpt-5.5', 'B/gpt-5.5', 'openai-codex:gpt-5.5'].map((name) => resolved(TWO, name).instance)).toEqual([
      'b',
      'b',
      'a',
    ])
  })

  test('M-04: a bare name goes to the default backend', () => {
    expect(resolved({ ...TWO, defaultBackend: 'B' }, 'gpt-5.5').instance).toBe('b')
  })

  test('without a default, several backends want to be named', () => {
    expect(refusal(setup(TWO).resolver, 'gpt-5.5')).toEqual({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      message:
        'The model "gpt-5.5" names no backend and there is no default one. Write "<backend>:gpt-5.5" with one of: a, b; or set default_backend.',
    })
  })

  test('M-05, M-06: any other name is not found, with the closest ones and where the rest is', () => {
    const expected = (name: string) => ({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      message: `The model "${name}" does not exist. Close names: "gpt-6", "gpt-5.5", "gpt-plain". GET /v1/models lists all of them.`,
    })
    const { resolver } = setup()
    expect(['nope', 'openai-codex:nope'].map((name) => refusal(resolver, name))).toEqual([
      expected('nope'),
      expected('openai-codex:nope'),
    ])
  })

  test('M-07: a near miss outside the families gets the right spelling first', () => {
    expect(refusal(setup().resolver, 'openai-codex:gpt5.5').message).toContain('Close names: "gpt-5.5", ')
  })

  test('a vendor path is a model name, unknown', () => {
    expect(refusal(setup().resolver, 'vendor/model:variant').code).toBe('model_not_found')
  })

  test('M-08: an unknown backend is not found, with the known ones', () => {
    expect(refusal(setup(TWO).resolver, 'ghost:gpt-5.5')).toEqual({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      message: 'There is no backend "ghost". Known ones: a, b. Write the model as "<backend>:<model>".',
    })
  })

  test('hidden models and configured slugs are accepted, the latter in the spelling of the configuration', () => {
    const models = ['my-Lab']
    expect(['gpt-secret', 'MY-lab'].map((name) => resolved({ models }, name))).toEqual([
      { instance: 'openai_codex', slug: 'gpt-secret', isKnown: true, ...PLAIN },
      { instance: 'openai_codex', slug: 'my-Lab', isKnown: false, ...PLAIN },
    ])
  })

  test('a refusal repeats no more than the beginning of a huge name', () => {
    expect(refusal(setup().resolver, 'x'.repeat(1_000_000)).message?.length).toBeLessThan(300)
  })
})

describe('M-25: suffixes', () => {
  test('an effort word or fast behind a known slug is a wish of the query', () => {
    expect(['gpt-5.5-HIGH', 'GPT-5.5-fast', 'mine-low'].map((name) => resolved({ models: ['mine'] }, name))).toEqual([
      { instance: 'openai_codex', slug: 'gpt-5.5', isKnown: true, query: { effort: 'high' }, aliasQuery: {} },
      { instance: 'openai_codex', slug: 'gpt-5.5', isKnown: true, query: { serviceTier: 'priority' }, aliasQuery: {} },
      { instance: 'openai_codex', slug: 'mine', isKnown: false, query: { effort: 'low' }, aliasQuery: {} },
    ])
  })

  test('the query wins over the suffix', () => {
    expect(resolved({}, 'gpt-5.5-high?reasoning_effort=low').query).toEqual({ effort: 'low' })
  })

  test('a slug that ends like a suffix is itself; behind an unknown slug it is part of the name', () => {
    expect(['gpt-6-max', 'gpt-9-high'].map((name) => resolved({}, name))).toEqual([
      { instance: 'openai_codex', slug: 'gpt-6-max', isKnown: true, ...PLAIN },
      { instance: 'openai_codex', slug: 'gpt-9-high', isKnown: false, ...PLAIN },
    ])
  })
})

describe('aliases', () => {
  test('M-20: an exact alias, any case, with or without the backend', () => {
    const aliases = { 'my-model': 'gpt-5.5' }
    expect(
      ['My-Model', 'openai_codex:MY-MODEL', 'openai/my-model'].map((name) => resolved({ aliases }, name).slug),
    ).toEqual(['gpt-5.5', 'gpt-5.5', 'gpt-5.5'])
  })

  test("M-21: a glob's target may carry a query, ranked below the client's own", () => {
    const aliases = { 'gpt-4o*': 'openai-codex:gpt-5.5?reasoning_effort=low' }
    expect(['gpt-4o-mini', 'gpt-4o?reasoning_effort=high'].map((name) => resolved({ aliases }, name))).toEqual([
      { instance: 'openai_codex', slug: 'gpt-5.5', isKnown: true, query: {}, aliasQuery: { effort: 'low' } },
      {
        instance: 'openai_codex',
        slug: 'gpt-5.5',
        isKnown: true,
        query: { effort: 'high' },
        aliasQuery: { effort: 'low' },
      },
    ])
  })

  test("a suffix in an alias's target has the alias's rank", () => {
    expect(resolved({ aliases: { deep: 'gpt-5.5-xhigh' } }, 'deep')).toMatchObject({
      slug: 'gpt-5.5',
      query: {},
      aliasQuery: { effort: 'xhigh' },
    })
  })

  test('M-22: the wildcard default takes every unknown name and no known one', () => {
    const given = { aliases: { '*': 'gpt-5.5' }, models: ['mine'] }
    const names = [
      'claude-3-haiku',
      'ollama:llama3',
      'gpt-4.1',
      'gpt-5.6-sol',
      'openai-codex:gpt-plain',
      'gpt-5.6-sol-high',
      'mine',
    ]
    expect(names.map((name) => resolved(given, name).slug)).toEqual([
      'gpt-5.5',
      'gpt-5.5',
      'gpt-5.5',
      'gpt-5.6-sol',
      'gpt-plain',
      'gpt-5.6-sol',
      'mine',
    ])
  })

  test('an exact alias goes before a known name, which goes before globs in file order', () => {
    const aliases = { '*': 'gpt-5.6-sol', 'gpt-*': 'gpt-plain', 'gpt-5.5': 'gpt-6' }
    expect(['gpt-5.5', 'gpt-plain', 'gpt-x'].map((name) => resolved({ aliases }, name).slug)).toEqual([
      'gpt-6',
      'gpt-plain',
      'gpt-5.6-sol',
    ])
  })

  test('aliases are applied once', () => {
    const aliases = { one: 'two', two: 'gpt-5.5' }
    expect(refusal(setup({ aliases }).resolver, 'one').message).toMatch(
      /^The model "one" \(an alias of "two"\) does not exist\./,
    )
  })

  test("the client's backend is kept unless the target names one", () => {
    const given = { ...TWO, aliases: { plain: 'gpt-5.5', fixed: 'a:gpt-5.5' } }
    expect(['b:plain', 'b:fixed'].map((name) => resolved(given, name).instance)).toEqual(['b', 'a'])
  })

  test('in a glob only the star is special', () => {
    const aliases = { 'a.b*': 'gpt-5.5', '*c*d*': 'gpt-6', 'x*x': 'gpt-plain' }
    const { resolver } = setup({ aliases })
    const slugOf = (name: string) => refusal(resolver, name).resolved?.slug
    expect(['A.B', 'a.b.z', 'axb', 'cd', '1c2d3', 'dc', 'xx', 'x'].map(slugOf)).toEqual([
      'gpt-5.5',
      'gpt-5.5',
      undefined,
      'gpt-6',
      'gpt-6',
      undefined,
      'gpt-plain',
      undefined,
    ])
  })

  test('a target that names an unknown backend or has a bad query is an error of the start, all at once', () => {
    const aliases = { one: 'ghost:gpt-5.5', two: 'gpt-5.5?foo=1', three: '' }
    expect(() => setup({ aliases })).toThrow(
      new Error(
        [
          'model_aliases.one: "ghost:gpt-5.5" names the unknown backend "ghost". Known ones: openai_codex.',
          'model_aliases.two: "gpt-5.5?foo=1": The model name has an unknown query key "foo". Known ones: reasoning_effort, verbosity, reasoning_summary, service_tier.',
          'model_aliases.three: "": The model name is empty. Name one, e.g. "gpt-5.5".',
        ].join('\n'),
      ),
    )
  })
})

describe('listing', () => {
  const idsOf = (given: Setup) =>
    setup(given)
      .listing.list()
      .data.map(({ id }) => id)

  test('one instance: bare and as openai-codex:<slug>, then configured slugs and exact aliases', () => {
    const aliases = { 'my-model': 'gpt-5.5', 'x*': 'gpt-5.5', broken: 'nowhere' }
    expect(idsOf({ models: ['mine', 'GPT-5.5'], aliases })).toEqual([
      'gpt-5.5',
      'gpt-5.6-sol',
      'gpt-plain',
      'gpt-6-max',
      'gpt-6',
      'mine',
      'openai-codex:gpt-5.5',
      'openai-codex:gpt-5.6-sol',
      'openai-codex:gpt-plain',
      'openai-codex:gpt-6-max',
      'openai-codex:gpt-6',
      'openai-codex:mine',
      'my-model',
    ])
  })

  test('several instances: by their names, bare for the default one', () => {
    const ids = idsOf({ ...TWO, defaultBackend: 'b' })
    expect(ids.filter((id) => id.endsWith('gpt-5.5'))).toEqual(['a:gpt-5.5', 'gpt-5.5', 'b:gpt-5.5'])
  })

  test('M-16, M-20: every listed id resolves', () => {
    const { resolver, listing } = setup({ ...TWO, models: ['mine'], aliases: { my: 'a:gpt-5.5', 'gpt-6': 'gpt-nine' } })
    const { data } = listing.list()
    expect(data.map(({ id }) => refusal(resolver, id)).filter((answer) => answer.resolved === undefined)).toEqual([])
  })

  test('entries have the four keys of the platform', () => {
    expect(setup().listing.list().data[0]).toEqual({
      id: 'gpt-5.5',
      object: 'model',
      created: 1_795_305_600,
      owned_by: 'openai',
    })
  })

  test("M-28: the CLI's form adds the backend's own entries and keeps data", () => {
    const { listing } = setup()
    expect(listing.codexList()).toEqual({ ...listing.list(), models: RAW })
  })

  test('M-17: one entry by any accepted spelling; others are not found', () => {
    const { listing } = setup({ aliases: { 'my-model': 'gpt-5.5' } })
    const idOf = (id: string): unknown => {
      try {
        return listing.get(id).id
      } catch (error) {
        const { status, code } = error as GatewayError
        return [status, code]
      }
    }
    const ids = ['openai-codex:gpt-5.5', 'GPT-5.5', 'openai_codex/gpt-5.5', 'My-Model', 'gpt-secret', 'gpt-4.1', 'nope']
    expect(ids.map(idOf)).toEqual([
      'openai-codex:gpt-5.5',
      'gpt-5.5',
      'openai_codex/gpt-5.5',
      'my-model',
      'gpt-secret',
      [404, 'model_not_found'],
      [404, 'model_not_found'],
    ])
  })
})
