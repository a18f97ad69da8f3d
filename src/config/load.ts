import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { parse as parseYaml, YAMLParseError } from 'yaml'
import { isObject, type JsonObject } from '../lib/json.ts'
import { type Environment, type Paths, toPaths, variable } from './paths.ts'
import { toProblems } from './problems.ts'
import { type BackendConfig, type Config, configSchema } from './schema.ts'
import { checkTogether } from './semantics.ts'

/** What the command line may say; `set` holds `key.path=YAML`. */
export interface Flags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
  readonly baseUrl?: string
  readonly codexPath?: string
  readonly defaultBackend?: string
  readonly logLevel?: string
  readonly set?: readonly string[]
}

export interface Instance extends BackendConfig {
  readonly name: string
  readonly baseUrl: string
  readonly responsesUrl: string
}

export interface LoadedConfig {
  readonly config: Config
  readonly instances: readonly Instance[]
  /** Key path → where its value comes from; absent = default. */
  readonly sources: ReadonlyMap<string, string>
  readonly warnings: readonly string[]
  readonly paths: Paths
  readonly home: string
  readonly env: Environment
}

export type LoadResult =
  | { readonly ok: true; readonly loaded: LoadedConfig }
  | { readonly ok: false; readonly problems: readonly string[] }

const DEFAULT_INSTANCE = 'openai_codex'

/** Command line over environment over YAML over defaults (connector.md §2.2). All faults are reported at once. */
export function loadConfig(flags: Flags, env: Environment = process.env, cwd = process.cwd()): LoadResult {
  const home = variable(env, 'HOME') ?? variable(env, 'USERPROFILE') ?? homedir()
  const paths = toPaths(env, home, process.platform)
  const problems: string[] = []
  const sources = new Map<string, string>()
  const file = findFile(flags, env, cwd, paths, problems)
  const tree = file === undefined ? {} : readYaml(file, problems)
  noteSources(tree, file ?? '', sources)
  const backends = ensureBackends(tree)
  const put = (path: string, value: unknown, source: string) => setAt(tree, path, value, source, sources)
  applyEnvironment(env, backends, put, problems)
  applyFlags(flags, backends, put, problems)

  const parsed = configSchema.safeParse(tree)
  if (!parsed.success) return { ok: false, problems: [...problems, ...toProblems(parsed.error, tree)] }
  const config = parsed.data
  const together = checkTogether(config, env)
  problems.push(...together.problems)
  if (problems.length > 0) return { ok: false, problems }
  const base = file === undefined ? cwd : dirname(file)
  const instances = Object.entries(config.backends).map(([name, settings]) =>
    toInstance(name, withTemplate(settings, base, problems)),
  )
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, loaded: { config, instances, sources, warnings: together.warnings, paths, home, env } }
}

function findFile(flags: Flags, env: Environment, cwd: string, paths: Paths, problems: string[]): string | undefined {
  const named = flags.config ?? variable(env, 'CODEXWAY_CONFIG')
  if (named !== undefined) {
    const path = resolve(cwd, named)
    if (existsSync(path)) return path
    problems.push(`${flags.config === undefined ? 'CODEXWAY_CONFIG' : '--config'}: there is no file ${path}`)
    return undefined
  }
  return [resolve(cwd, 'config.yaml'), paths.configFile].find((path) => existsSync(path))
}

function readYaml(file: string, problems: string[]): JsonObject {
  try {
    const value: unknown = parseYaml(readFileSync(file, 'utf8')) ?? {}
    if (isObject(value)) return value
    problems.push(`${file}: the file must hold a map of settings`)
  } catch (error) {
    const place = error instanceof YAMLParseError ? error.linePos?.[0] : undefined
    const at = place === undefined ? '' : `:${place.line}:${place.col}`
    const reason =
      error instanceof Error ? error.message.split('\n', 1)[0]?.replace(/ at line \d+, column \d+:?$/, '') : ''
    problems.push(`${file}${at}: ${reason}`)
  }
  return {}
}

/** Without any instance there is one with the defaults. */
function ensureBackends(tree: JsonObject): JsonObject {
  const backends =
    isObject(tree.backends) && Object.keys(tree.backends).length > 0 ? tree.backends : (tree.backends ?? {})
  if (!isObject(backends)) return {}
  if (Object.keys(backends).length === 0) backends[DEFAULT_INSTANCE] = {}
  tree.backends = backends
  return backends
}

type Put = (path: string, value: unknown, source: string) => void

function applyEnvironment(env: Environment, backends: JsonObject, put: Put, problems: string[]): void {
  const server: readonly (readonly [string, string])[] = [
    ['CODEXWAY_HOST', 'server.host'],
    ['CODEXWAY_LOG_LEVEL', 'log_level'],
  ]
  for (const [name, path] of server) {
    const value = variable(env, name)
    if (value !== undefined) put(path, value, name)
  }
  const port = variable(env, 'CODEXWAY_PORT')
  if (port !== undefined) put('server.port', toNumber(port), 'CODEXWAY_PORT')
  const keys = variable(env, 'CODEXWAY_API_KEYS')
  if (keys !== undefined)
    put(
      'server.api_keys',
      keys.split(',').map((key) => key.trim()),
      'CODEXWAY_API_KEYS',
    )
  const base = variable(env, 'OPENAI_API_BASE_URL')
  for (const name of Object.keys(backends)) {
    if (base !== undefined) put(`backends.${name}.base_url`, base, 'OPENAI_API_BASE_URL')
    for (const [variableName, key] of [
      ['OPENAI_CODEX_DEFAULT_CAPABILITIES', 'default_capabilities'],
      ['OPENAI_CODEX_AGENT_CAPABILITIES', 'agent_capabilities'],
    ] as const) {
      for (const [inner, value] of Object.entries(readJson(env, variableName, problems))) {
        put(`backends.${name}.extra.codex.${key}.${inner}`, value, variableName)
      }
    }
  }
}

function readJson(env: Environment, name: string, problems: string[]): JsonObject {
  const text = variable(env, name)
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Reported below, like every other value that is no object.
  }
  const line = `${name}: must be a JSON object`
  if (!problems.includes(line)) problems.push(line)
  return {}
}

function applyFlags(flags: Flags, backends: JsonObject, put: Put, problems: string[]): void {
  const source = 'command line'
  if (flags.host !== undefined) put('server.host', flags.host, source)
  if (flags.port !== undefined) put('server.port', toNumber(flags.port), source)
  if (flags.logLevel !== undefined) put('log_level', flags.logLevel, source)
  if (flags.defaultBackend !== undefined) put('default_backend', flags.defaultBackend, source)
  for (const name of Object.keys(backends)) {
    if (flags.baseUrl !== undefined) put(`backends.${name}.base_url`, flags.baseUrl, source)
    if (flags.codexPath !== undefined) put(`backends.${name}.codex_path`, flags.codexPath, source)
  }
  for (const assignment of flags.set ?? []) {
    const at = assignment.indexOf('=')
    if (at < 1) {
      problems.push(`--set ${assignment}: write it as key.path=value`)
      continue
    }
    try {
      put(assignment.slice(0, at), parseYaml(assignment.slice(at + 1)), source)
    } catch {
      problems.push(`--set ${assignment.slice(0, at)}: the value is not valid YAML`)
    }
  }
}

function setAt(tree: JsonObject, path: string, value: unknown, source: string, sources: Map<string, string>): void {
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  let target = tree
  for (const key of keys) {
    const inner = target[key]
    const next: JsonObject = isObject(inner) ? inner : {}
    target[key] = next
    target = next
  }
  target[last] = value
  sources.set(path, source)
}

function noteSources(tree: JsonObject, file: string, sources: Map<string, string>, prefix = ''): void {
  for (const [key, value] of Object.entries(tree)) {
    if (isObject(value)) noteSources(value, file, sources, `${prefix}${key}.`)
    else sources.set(prefix + key, file)
  }
}

/** Numbers stay what they are not, so that the schema can name the value. */
function toNumber(text: string): number | string {
  return /^-?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text
}

function withTemplate(settings: BackendConfig, base: string, problems: string[]): BackendConfig {
  const { template } = settings.extra.codex.prompt
  if (template === null || !template.startsWith('file:')) return settings
  const path = resolve(base, template.slice('file:'.length))
  try {
    settings.extra.codex.prompt.template = readFileSync(path, 'utf8')
  } catch {
    problems.push(`prompt.template: cannot read ${path}`)
  }
  return settings
}

function toInstance(name: string, settings: BackendConfig): Instance {
  const trimmed = settings.base_url.replace(/\/+$/, '')
  const baseUrl = trimmed.replace(/\/responses$/, '')
  return { ...settings, name, baseUrl, responsesUrl: `${baseUrl}/responses` }
}
