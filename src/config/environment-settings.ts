import { isObject, type JsonObject } from '../lib/json.ts'
import { type Environment, variable } from './paths.ts'
import type { Assignment } from './settings-tree.ts'

/** What the environment sets in the tree (connector.md §2.2); the other variables are read where they are used. */
export function readEnvironmentSettings(
  env: Environment,
  instances: readonly string[],
  problems: string[],
): Assignment[] {
  const assignments: Assignment[] = []
  const set = (name: string, path: readonly string[], value: unknown): void => {
    if (value !== undefined) assignments.push({ path, value, origin: { kind: 'environment', name } })
  }
  const setForAll = (name: string, path: readonly string[], value: unknown): void => {
    if (value === undefined) return
    const origin = { kind: 'environment', name, isForAllInstances: true } as const
    for (const instance of instances) assignments.push({ path: ['backends', instance, ...path], value, origin })
  }

  set('CODEXWAY_HOST', ['server', 'host'], variable(env, 'CODEXWAY_HOST'))
  set('CODEXWAY_PORT', ['server', 'port'], toNumber(variable(env, 'CODEXWAY_PORT')))
  set('CODEXWAY_API_KEYS', ['server', 'api_keys'], toList(variable(env, 'CODEXWAY_API_KEYS')))
  set('CODEXWAY_LOG_LEVEL', ['log_level'], variable(env, 'CODEXWAY_LOG_LEVEL'))
  setForAll('OPENAI_API_BASE_URL', ['base_url'], variable(env, 'OPENAI_API_BASE_URL'))
  setForAll('OPENAI_CODEX_PATH', ['codex_path'], variable(env, 'OPENAI_CODEX_PATH'))

  const defaults = readJson(env, 'OPENAI_CODEX_DEFAULT_CAPABILITIES', problems)
  for (const [key, value] of setEntries(defaults)) {
    setForAll('OPENAI_CODEX_DEFAULT_CAPABILITIES', ['extra', 'codex', 'default_capabilities', key], value)
  }
  const agents = readJson(env, 'OPENAI_CODEX_AGENT_CAPABILITIES', problems)
  for (const [agent, layer] of setEntries(agents)) {
    const value = isObject(layer) ? Object.fromEntries(setEntries(layer)) : layer
    setForAll('OPENAI_CODEX_AGENT_CAPABILITIES', ['extra', 'codex', 'agent_capabilities', agent], value)
  }
  return assignments
}

/** Numbers stay text where they are none, so that the schema can name the value. */
export function toNumber(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\s*-?\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : text
}

function toList(text: string | undefined): string[] | undefined {
  return text?.split(',').flatMap((entry) => entry.trim() || [])
}

/** In a capability layer `null` says nothing, so what lies below shows through. */
function setEntries(layer: JsonObject): [string, unknown][] {
  return Object.entries(layer).filter(([, value]) => value !== null)
}

function readJson(env: Environment, name: string, problems: string[]): JsonObject {
  const text = variable(env, name)
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
    problems.push(`${name}: expected a JSON object such as {"prompt_mode":"merge_custom"}`)
  } catch {
    problems.push(`${name}: not valid JSON; expected an object such as {"prompt_mode":"merge_custom"}`)
  }
  return {}
}
