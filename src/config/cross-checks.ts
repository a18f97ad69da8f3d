import { isObject } from '../lib/json.ts'
import { BACKEND_KIND, DEFAULT_BASE_URL } from './backend-schema.ts'
import { isKnownBackend, normalizeAgent, normalizeName } from './instance-names.ts'
import { toKeyText } from './key-path.ts'
import { type Environment, variable } from './paths.ts'
import { toPlace } from './problems.ts'
import type { SettingsTree } from './settings-tree.ts'
import { findUrlProblem, isLoopbackHost } from './url-schema.ts'

const OPENAI_HOST = /(?:^|\.)(?:chatgpt\.com|openai\.com)$/
const OVERRIDE = 'CODEX_REFRESH_TOKEN_URL_OVERRIDE'

/**
 * Rules that no single key can check (connector.md §2.3, §14). They read the tree as it was written, so that they speak
 * up even if other values in it are wrong.
 */
export function findCrossProblems(tree: SettingsTree, env: Environment): string[] {
  const backends = tree.at(['backends'])
  const instances = isObject(backends) ? Object.entries(backends) : []
  return [
    ...findTwins(
      instances.map(([name]) => ['backends', name]),
      normalizeName,
      'names compare without case, and - equals _',
    ),
    ...instances.flatMap(([name, settings]) => [
      ...findMissingType(name, settings),
      ...findAgentTwins(name, tree),
      ...findAccountClash(name, tree),
    ]),
    ...findUnknownDefault(
      instances.map(([name]) => name),
      tree,
    ),
    ...findOpenHost(tree),
    ...findBadOverride(env),
  ]
}

/** Hosts that are given the token though they are not OpenAI's. */
export function findHostWarnings(
  tree: SettingsTree,
  instances: Readonly<Record<string, { base_url: string }>>,
): string[] {
  const warned = new Set<string>()
  return Object.entries(instances).flatMap(([name, { base_url: url }]) => {
    const host = new URL(url).hostname
    if (url === DEFAULT_BASE_URL || isLoopbackHost(host) || OPENAI_HOST.test(host) || warned.has(host)) return []
    warned.add(host)
    const place = toPlace(['backends', name, 'base_url'], tree)
    return [`${place}: the access token is sent to ${host}, which is neither chatgpt.com, openai.com nor loopback`]
  })
}

function findTwins(
  paths: readonly (readonly string[])[],
  normalize: (name: string) => string,
  reason: string,
): string[] {
  const seen = new Map<string, string>()
  return paths.flatMap((path) => {
    const text = toKeyText(path)
    const name = normalize(path.at(-1) ?? '')
    const twin = seen.get(name)
    seen.set(name, twin ?? text)
    return twin === undefined ? [] : [`${text}: the same name as ${twin}: ${reason}`]
  })
}

function findAgentTwins(name: string, tree: SettingsTree): string[] {
  const path = ['backends', name, 'extra', 'codex', 'agent_capabilities']
  const agents = tree.at(path)
  if (!isObject(agents)) return []
  const paths = Object.keys(agents).map((agent) => [...path, agent])
  return findTwins(paths, normalizeAgent, 'agents compare without case, up to the first /')
}

function findMissingType(name: string, settings: unknown): string[] {
  const type = isObject(settings) ? settings.type : undefined
  const isWrong = !isObject(settings) && settings !== null && settings !== undefined
  if (isWrong || (type !== undefined && type !== null) || normalizeName(name) === BACKEND_KIND) return []
  return [
    `${toKeyText(['backends', name, 'type'])}: missing, and "${name}" is no kind itself; known kinds: ${BACKEND_KIND}`,
  ]
}

/** Each says whose sign-in is used, so only one of them can be meant. */
function findAccountClash(name: string, tree: SettingsTree): string[] {
  const isSet = (key: string) => {
    const value = tree.at(['backends', name, key])
    return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)
  }
  if (!isSet('accounts')) return []
  const clashing = ['account', 'codex_path'].filter(isSet)
  return clashing.map((key) => `${toPlace(['backends', name, 'accounts'], tree)}: excludes ${key}; set one of them`)
}

function findUnknownDefault(names: readonly string[], tree: SettingsTree): string[] {
  const wanted = tree.at(['default_backend'])
  if (typeof wanted !== 'string' || isKnownBackend(wanted, names)) return []
  return [`${toPlace(['default_backend'], tree)}: "${wanted}" is not defined; known instances: ${names.join(', ')}`]
}

function findOpenHost(tree: SettingsTree): string[] {
  const host = tree.at(['server', 'host'])
  const keys = tree.at(['server', 'api_keys'])
  const hasKeys = keys !== undefined && keys !== null && (!Array.isArray(keys) || keys.length > 0)
  if (typeof host !== 'string' || host === '' || isLoopbackHost(host) || hasKeys) return []
  return [
    `${toPlace(['server', 'host'], tree)}: "${host}" lets other machines use your account; set server.api_keys (or CODEXWAY_API_KEYS), or listen on 127.0.0.1`,
  ]
}

function findBadOverride(env: Environment): string[] {
  const value = variable(env, OVERRIDE)
  const problem = value === undefined ? undefined : findUrlProblem(value)
  return problem === undefined ? [] : [`${OVERRIDE}: ${problem}`]
}
