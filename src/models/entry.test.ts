import { expect, test } from 'vitest'
import { BUILTIN_ENTRIES, BUILTIN_RAW_MODELS } from './builtin-models.ts'
import { toModelEntry } from './entry.ts'

test('an entry in the captured form is read into what the gateway asks of it', () => {
  const words = ['low', 'medium', 'high', 'xhigh', 'max', 'ultra']
  const raw = {
    slug: 'gpt-6-astra',
    display_name: 'GPT-6-Astra',
    default_reasoning_level: 'low',
    supported_reasoning_levels: words.map((effort) => ({ effort, description: effort })),
    visibility: 'list',
    additional_speed_tiers: ['fast'],
    service_tiers: [{ id: 'priority', name: 'Fast', description: '2x speed' }],
    model_messages: { instructions_template: 'The template.', persistent_instructions: 'Something else.' },
    default_reasoning_summary: 'none',
    support_verbosity: true,
    default_verbosity: 'low',
    use_responses_lite: true,
    base_instructions: 'The older text.',
  }
  expect(toModelEntry(raw)).toEqual({
    slug: 'gpt-6-astra',
    raw,
    isListed: true,
    isLite: true,
    efforts: words,
    defaultEffort: 'low',
    supportsVerbosity: true,
    defaultVerbosity: 'low',
    supportsSummaries: true,
    serviceTiers: ['priority', 'fast'],
    baseInstructions: 'The template.',
  })
})

test('efforts are sorted, lower-cased and free of words nobody knows', () => {
  const levels = [{ effort: 'HIGH' }, { effort: 'low' }, { effort: 'warp' }, {}, null, 'medium']
  expect(toModelEntry({ slug: 'm', supported_reasoning_levels: levels })?.efforts).toEqual(['low', 'medium', 'high'])
})

test('an entry without a slug is none', () => {
  expect([toModelEntry({}), toModelEntry({ slug: 5 }), toModelEntry({ slug: '' })]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('what an entry does not say restricts nothing', () => {
  const raw = { slug: 'm' }
  expect(toModelEntry(raw)).toEqual({
    slug: 'm',
    raw,
    isListed: true,
    isLite: false,
    efforts: [],
    defaultEffort: undefined,
    supportsVerbosity: true,
    defaultVerbosity: undefined,
    supportsSummaries: true,
    serviceTiers: [],
    baseInstructions: undefined,
  })
})

test('a blank template gives way to base_instructions, which stays as it is', () => {
  const raw = { slug: 'm', model_messages: { instructions_template: ' \n' }, base_instructions: ' Base\n' }
  expect(toModelEntry(raw)?.baseInstructions).toBe(' Base\n')
})

test('a hidden model, and one that takes neither verbosity nor summaries, say so', () => {
  const entry = toModelEntry({
    slug: 'm',
    visibility: 'hide',
    support_verbosity: false,
    default_verbosity: 'low',
    supports_reasoning_summaries: false,
  })
  expect([entry?.isListed, entry?.supportsVerbosity, entry?.defaultVerbosity, entry?.supportsSummaries]).toEqual([
    false,
    false,
    undefined,
    false,
  ])
})

test('the built-in table has the slugs of codex-cli 0.169.0, its default first, and no prompt text', () => {
  const listed = BUILTIN_ENTRIES.filter(({ isListed }) => isListed).map(({ slug }) => slug)
  const hidden = BUILTIN_ENTRIES.filter(({ isListed }) => !isListed).map(({ slug }) => slug)
  const classic = BUILTIN_ENTRIES.filter(({ isLite }) => !isLite).map(({ slug }) => slug)
  expect({
    listed,
    hidden,
    classic,
    texts: BUILTIN_ENTRIES.filter((entry) => entry.baseInstructions ?? entry.raw),
  }).toEqual({
    listed: [
      'gpt-6.1-sol',
      'gpt-6-astra',
      'gpt-6.1-terra',
      'gpt-6-sol',
      'gpt-6-luna',
      'gpt-5.6-sol',
      'gpt-5.6-terra',
      'gpt-5.6-luna',
      'gpt-5.5',
    ],
    hidden: ['gpt-daybreak-blue-latest', 'gpt-daybreak-red-latest', 'codex-auto-review'],
    classic: ['gpt-5.5'],
    texts: [],
  })
})

test('M-28: built-in entries hold every field without which the Codex CLI refuses the whole list', () => {
  const wrong = BUILTIN_RAW_MODELS.filter(
    (raw) =>
      typeof raw.slug !== 'string' ||
      typeof raw.display_name !== 'string' ||
      !Array.isArray(raw.supported_reasoning_levels) ||
      raw.supported_reasoning_levels.some(({ effort, description }) => !effort || !description) ||
      !['unified_exec', 'shell_command', 'default', 'local', 'disabled'].includes(String(raw.shell_type)) ||
      !['list', 'hide', 'none'].includes(String(raw.visibility)) ||
      typeof raw.supported_in_api !== 'boolean' ||
      typeof raw.priority !== 'number' ||
      typeof raw.support_verbosity !== 'boolean' ||
      typeof raw.truncation_policy !== 'object' ||
      !Array.isArray(raw.experimental_supported_tools) ||
      typeof raw.base_instructions !== 'string',
  )
  expect(wrong).toEqual([])
})
