import { isObject, type JsonObject, objectAt } from '../lib/json.ts'
import { BACKEND_KIND } from './backend-schema.ts'
import type { KeyPath } from './key-path.ts'

/** Instances and kinds compare without case and with `_` = `-` (connector.md §4.1). */
export function normalizeName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** Agents compare without case, up to the first `/` (connector.md §5.2). */
export function normalizeAgent(name: string): string {
  return name.toLowerCase().split('/', 1)[0] ?? ''
}

export function isKnownBackend(name: string, instances: readonly string[]): boolean {
  const wanted = normalizeName(name)
  return wanted === BACKEND_KIND || instances.some((instance) => normalizeName(instance) === wanted)
}

/** The path with instance and agent spelled as they stand in the tree already. */
export function toSpelledPath(path: KeyPath, root: JsonObject): KeyPath {
  const [top, name, ...rest] = path
  if (top !== 'backends' || name === undefined) return path
  const backends = objectAt(root, 'backends') ?? {}
  const instance = findSpelling(name, backends, normalizeName)
  const [extra, codex, kind, agent, ...below] = rest
  if (kind !== 'agent_capabilities' || extra !== 'extra' || codex !== 'codex' || agent === undefined) {
    return [top, instance, ...rest]
  }
  const agents = [extra, codex, kind].reduce<unknown>(
    (value, key) => (isObject(value) ? value[key] : undefined),
    backends[instance],
  )
  return [
    top,
    instance,
    extra,
    codex,
    kind,
    isObject(agents) ? findSpelling(agent, agents, normalizeAgent) : agent,
    ...below,
  ]
}

function findSpelling(name: string, known: JsonObject, normalize: (name: string) => string): string {
  const names = Object.keys(known)
  return names.includes(name) ? name : (names.find((other) => normalize(other) === normalize(name)) ?? name)
}
