import { GatewayError } from '../turn/errors.ts'
import { parseSelector, type Selector } from './selector.ts'

export interface Aliases {
  /** The target of an entry without `*` that equals the client's string or the part behind its backend. */
  findExact(selector: Selector): Selector | undefined
  /** The target of the first entry with `*`, in file order, that fits either. */
  findGlob(selector: Selector): Selector | undefined
  /** Names of the exact entries, as configured. */
  readonly names: readonly string[]
}

interface Alias {
  readonly target: Selector
  fits(name: string): boolean
}

/**
 * Connector.md §4.3. Targets are read here, once.
 * @throws Error naming the entries whose target is no selector or names an unknown backend
 */
export function createAliases(aliases: Readonly<Record<string, string>>, instances: readonly string[]): Aliases {
  const problems = findAliasProblems(aliases, instances)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const exact = new Map<string, Selector>()
  const globs: Alias[] = []
  for (const [name, text] of Object.entries(aliases)) {
    const target = parseSelector(text, instances)
    if (name.includes('*')) globs.push({ target, fits: toMatcher(name) })
    else exact.set(name.toLowerCase(), target)
  }
  return {
    findExact: (selector) => first(namesOf(selector), (name) => exact.get(name.toLowerCase())),
    findGlob: (selector) => globs.find(({ fits }) => namesOf(selector).some(fits))?.target,
    names: Object.keys(aliases).filter((name) => !name.includes('*')),
  }
}

/** One line for each entry that cannot be used: key path and reason. */
export function findAliasProblems(
  aliases: Readonly<Record<string, string>>,
  instances: readonly string[],
): readonly string[] {
  return Object.entries(aliases).flatMap(([name, target]) => {
    const reason = findProblem(target, instances)
    return reason === undefined ? [] : [`model_aliases.${name}: ${reason}`]
  })
}

function findProblem(target: string, instances: readonly string[]): string | undefined {
  try {
    const { backend, instance } = parseSelector(target, instances)
    if (backend === undefined || instance !== undefined) return undefined
    return `"${target}" names the unknown backend "${backend}". Known ones: ${instances.join(', ')}.`
  } catch (error) {
    return `"${target}": ${GatewayError.from(error).message}`
  }
}

function namesOf({ address, rest, model }: Selector): readonly string[] {
  return [address, rest, model]
}

/** Walks the literal pieces between the stars: linear, where a regular expression with many stars is not. */
function toMatcher(glob: string): (name: string) => boolean {
  const [head = '', ...pieces] = glob.toLowerCase().split('*')
  const tail = pieces.pop() ?? ''
  return (text) => {
    const name = text.toLowerCase()
    if (name.length < head.length + tail.length || !name.startsWith(head) || !name.endsWith(tail)) return false
    let at = head.length
    for (const piece of pieces) {
      const found = name.indexOf(piece, at)
      if (found === -1) return false
      at = found + piece.length
    }
    return at <= name.length - tail.length
  }
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
