import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GatewayError } from '../turn/errors.ts'
import type { ModelEntry, ModelSettings, ModelWishes } from '../turn/model.ts'
import { toModelEntry } from './entry.ts'
import { EFFORTS } from './setting-words.ts'
import { type SettingsInput, settleModelSettings } from './settings.ts'

function entry(slug: string, efforts: readonly string[], more = {}): ModelEntry {
  const levels = efforts.map((effort) => ({ effort }))
  const found = toModelEntry({ slug, supported_reasoning_levels: levels, default_verbosity: 'low', ...more })
  if (found === undefined) throw new Error('no entry')
  return found
}

const LEVELS = ['low', 'medium', 'high', 'xhigh', 'max', 'ultra']
const GPT_5_5 = entry('gpt-5.5', LEVELS.slice(0, 4), {
  default_reasoning_level: 'medium',
  service_tiers: [{ id: 'ultrafast' }],
})
const SOL = entry('gpt-5.6-sol', LEVELS)
const LUNA = entry('gpt-5.6-luna', LEVELS.slice(0, 5))
const PLAIN = entry('gpt-plain', LEVELS.slice(0, 3), { support_verbosity: false, supports_reasoning_summaries: false })

interface Asked extends Partial<Omit<SettingsInput, 'resolved'>> {
  entry?: ModelEntry | undefined
  query?: ModelWishes
  aliasQuery?: ModelWishes
}

function settle({ query = {}, aliasQuery = {}, ...asked }: Asked): ModelSettings {
  const model = 'entry' in asked ? asked.entry : GPT_5_5
  const { entry: _entry, ...rest } = asked
  return settleModelSettings({
    resolved: { instance: 'a', slug: model?.slug ?? 'gpt-9', entry: model, query, aliasQuery },
    endpoint: 'responses',
    body: {},
    reasoningOutput: 'reasoning_content',
    ...rest,
  })
}

function effortOf(asked: Asked): unknown[] {
  const { effort, adjusted } = settle(asked)
  return [effort, ...adjusted]
}

describe('effort', () => {
  test('M-11: ultra becomes the highest level of the model, max on the wire, and is reported', () => {
    expect([GPT_5_5, LUNA, SOL].map((model) => effortOf({ entry: model, query: { effort: 'ultra' } }))).toEqual([
      ['xhigh', 'reasoning.effort=xhigh'],
      ['max', 'reasoning.effort=max'],
      ['max', 'reasoning.effort=max'],
    ])
  })

  test('M-12: none and minimal become the lowest level, and are reported', () => {
    expect(['none', 'minimal'].map((effort) => effortOf({ body: { effort } }))).toEqual([
      ['low', 'reasoning.effort=low'],
      ['low', 'reasoning.effort=low'],
    ])
  })

  test('M-10: a supported level goes as asked, in lower case, without a report', () => {
    expect([effortOf({ query: { effort: 'high' } }), effortOf({ body: { effort: 'XHigh' } })]).toEqual([
      ['high'],
      ['xhigh'],
    ])
  })

  test('for a slug outside the catalogue none and minimal become low, ultra max, the rest stays', () => {
    const asked = ['none', 'minimal', 'medium', 'max', 'ultra']
    expect(asked.map((effort) => effortOf({ entry: undefined, body: { effort } })[0])).toEqual([
      'low',
      'low',
      'medium',
      'max',
      'max',
    ])
  })

  test("not asked: chat takes the catalogue's level, Responses none, an unlisted slug none", () => {
    expect([
      effortOf({ endpoint: 'chat' }),
      effortOf({ endpoint: 'responses' }),
      effortOf({ endpoint: 'chat', entry: undefined }),
      effortOf({ endpoint: 'chat', entry: entry('m', LEVELS, { default_reasoning_level: 'ultra' }) }),
    ]).toEqual([['medium'], [undefined], [undefined], ['max']])
  })

  test('the result is always a level of the model, the highest that is not above what was asked', () => {
    const levels = fc.subarray([...EFFORTS], { minLength: 1 })
    fc.assert(
      fc.property(
        levels,
        fc.constantFrom(...EFFORTS),
        fc.constantFrom('chat', 'responses'),
        (efforts, effort, endpoint) => {
          const settled = settle({ entry: entry('m', efforts), body: { effort }, endpoint })
          const below = efforts.filter((word) => EFFORTS.indexOf(word) <= EFFORTS.indexOf(effort))
          const expected = below.at(-1) ?? efforts[0]
          expect(settled.effort).toBe(expected === 'ultra' ? 'max' : expected)
          expect(settled.adjusted).toEqual(settled.effort === effort ? [] : [`reasoning.effort=${settled.effort}`])
        },
      ),
    )
  })
})

describe('ranks', () => {
  test('query beats body, body beats the alias, word by word', () => {
    const query = { effort: 'high' }
    const body = { effort: 'low', verbosity: 'high' }
    const aliasQuery = { effort: 'medium', verbosity: 'low', summary: 'concise', serviceTier: 'flex' }
    expect(settle({ query, body, aliasQuery })).toEqual({
      effort: 'high',
      verbosity: 'high',
      summary: 'concise',
      serviceTier: 'flex',
      adjusted: [],
      dropped: [],
    })
  })

  test("M-21: an alias's effort holds unless the body has its own", () => {
    const aliasQuery = { effort: 'low' }
    expect([settle({ aliasQuery }).effort, settle({ aliasQuery, body: { effort: 'high' } }).effort]).toEqual([
      'low',
      'high',
    ])
  })
})

describe('words on no list', () => {
  test.each([
    ['chat', { effort: 'banana' }, 'reasoning_effort'],
    ['responses', { effort: 'banana' }, 'reasoning.effort'],
    ['chat', { verbosity: 'loud' }, 'verbosity'],
    ['responses', { verbosity: 'loud' }, 'text.verbosity'],
    ['responses', { summary: 'long' }, 'reasoning.summary'],
  ] as const)('M-13: %s %o is a 400 on %s', (endpoint, body, param) => {
    expect(thrownBy({ endpoint, body })).toEqual([400, param])
  })

  test("M-13: the path is the caller's where it names one", () => {
    expect(thrownBy({ body: { effort: 'banana' }, paths: { effort: 'extra_body.reasoning_effort' } })).toEqual([
      400,
      'extra_body.reasoning_effort',
    ])
  })

  function thrownBy(asked: Asked): unknown[] {
    try {
      return ['none', settle(asked)]
    } catch (error) {
      const { status, param } = error as GatewayError
      return [status, param]
    }
  }
})

describe('verbosity', () => {
  test('M-14: sent where the model takes it, dropped and reported where not', () => {
    const query = { verbosity: 'low' }
    const read = [GPT_5_5, PLAIN].map((model) => {
      const { verbosity, dropped } = settle({ entry: model, query })
      return { verbosity, dropped }
    })
    expect(read).toEqual([
      { verbosity: 'low', dropped: [] },
      { verbosity: undefined, dropped: ['verbosity'] },
    ])
  })

  test("not asked: chat takes the catalogue's word, Responses and a model without it none", () => {
    expect([
      settle({ endpoint: 'chat' }).verbosity,
      settle({ endpoint: 'responses' }).verbosity,
      settle({ endpoint: 'chat', entry: PLAIN }),
    ]).toEqual(['low', undefined, { adjusted: [], dropped: [] }])
  })
})

describe('summary', () => {
  test('chat asks for auto unless told otherwise or nobody reads it', () => {
    expect([
      settle({ endpoint: 'chat' }).summary,
      settle({ endpoint: 'chat', reasoningOutput: 'none' }).summary,
      settle({ endpoint: 'chat', query: { summary: 'none' } }).summary,
      settle({ endpoint: 'chat', body: { summary: 'detailed' } }).summary,
      settle({ endpoint: 'chat', entry: undefined }).summary,
      settle({ endpoint: 'responses' }).summary,
      settle({ endpoint: 'responses', body: { summary: 'concise' } }).summary,
    ]).toEqual(['auto', undefined, undefined, 'detailed', 'auto', undefined, 'concise'])
  })

  test('M-27: a model without summaries is asked for none; a wish for one is reported', () => {
    expect([
      settle({ endpoint: 'chat', entry: PLAIN }),
      settle({ endpoint: 'chat', entry: PLAIN, body: { summary: 'auto' } }),
      settle({ endpoint: 'chat', entry: PLAIN, body: { summary: 'none' } }),
    ]).toEqual([
      { adjusted: [], dropped: [] },
      { adjusted: [], dropped: ['reasoning.summary'] },
      { adjusted: [], dropped: [] },
    ])
  })
})

describe('M-26: service_tier', () => {
  test.each([
    ['fast', 'priority', []],
    ['priority', 'priority', []],
    ['flex', 'flex', []],
    ['auto', undefined, []],
    ['default', undefined, []],
    ['bogus', undefined, ['service_tier']],
    ['ultrafast', 'ultrafast', []],
  ])('%s → %s', (asked, sent, reported) => {
    const { serviceTier, dropped, adjusted } = settle({ endpoint: 'chat', body: { serviceTier: asked } })
    expect({ serviceTier, dropped, adjusted }).toEqual({ serviceTier: sent, dropped: reported, adjusted: [] })
  })

  test('a tier of another model is bogus', () => {
    expect(settle({ entry: SOL, body: { serviceTier: 'ultrafast' } }).dropped).toEqual(['service_tier'])
  })
})
