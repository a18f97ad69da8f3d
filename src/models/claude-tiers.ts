import type { ModelEntry } from '../turn/model.ts'

/** Words of slugs by the size of what they name, smallest first; names without one stand in the middle. */
const SIZES: readonly (readonly string[])[] = [
  ['nano'],
  ['mini', 'luna', 'spark'],
  ['terra'],
  [],
  ['sol', 'max', 'pro'],
  ['astra'],
]
const MIDDLE = SIZES.findIndex((words) => words.length === 0)

/**
 * The model that stands in for one of Anthropic's: `haiku` → the smallest listed one, `opus` and `mythos` → the largest,
 * every other → the first, which is the catalogue's default. Of models of one size it is the first listed, the newest.
 * @returns a slug; undefined if the name is none of Anthropic's or nothing is listed
 */
export function findClaudeTier(name: string, listed: readonly ModelEntry[]): string | undefined {
  const words = name.toLowerCase().split('-')
  if (words[0] !== 'claude') return undefined
  const bySize = listed.toSorted((a, b) => sizeOf(a.slug) - sizeOf(b.slug))
  if (words.includes('haiku')) return bySize[0]?.slug
  if (!words.includes('opus') && !words.includes('mythos')) return listed[0]?.slug
  const largest = sizeOf(bySize.at(-1)?.slug ?? '')
  return bySize.find(({ slug }) => sizeOf(slug) === largest)?.slug
}

function sizeOf(slug: string): number {
  const words = slug.toLowerCase().split('-')
  const size = SIZES.findIndex((names) => names.some((name) => words.includes(name)))
  return size === -1 ? MIDDLE : size
}
